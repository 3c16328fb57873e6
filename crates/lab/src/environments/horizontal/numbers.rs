//! The numbers that may be seen of a deployment: the six of gym-hpa, and others that say the same of any deployment of any application.
//!
//! A policy that acts on deployments it never saw can use a number only if it means the same there. The absolute traffic of the
//! published six does not: in one application it tells deployments apart, and in another it misleads. The others are in units of
//! replicas: what CPU and memory ask for, how far that is from the next whole one, and what changed in the last step, without which
//! nothing says whether traffic rises.
//!
//! Left out: the latency, which no deployment has of its own.

use super::rules::{Deployment, Reading, Scale};
use crate::environments::description::Entry;
use serde::{Deserialize, Serialize};

/// Unit of replicas in relative numbers: the most that gym-hpa allows, whatever a deployment's own bounds, so that a difference
/// of one replica is the same number everywhere.
const REPLICA_UNIT: f32 = 8.0;
/// Largest CPU (millicores), memory (MiB) and traffic (kB/s) of the published observation space.
const PUBLISHED_MOST: [u32; 3] = [10_000, 10_000, 20_000];

/// A number of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    /// Replicas asked for.
    NumPods,
    /// Replicas that the formula asks for.
    DesiredReplicas,
    /// CPU; relative: over replicas × target.
    CpuUsage,
    /// Memory; relative: over replicas × target.
    MemUsage,
    /// Traffic received; relative: its logarithm.
    TrafficIn,
    /// Traffic sent; relative: its logarithm.
    TrafficOut,
    /// Replicas that CPU alone asks for, before it is rounded.
    CpuDemand,
    /// Replicas that memory alone asks for, before it is rounded.
    MemDemand,
    /// How far CPU is from asking for one replica more.
    CpuSlack,
    /// How far memory is from asking for one replica more.
    MemSlack,
    /// What changed of the CPU demand in the last step.
    CpuDemandChange,
    /// What changed of the logarithm of traffic received in the last step.
    TrafficInChange,
    /// What changed of the replicas in the last step.
    NumPodsChange,
}

/// The numbers of gym-hpa.
pub const PUBLISHED: [Number; super::FEATURES] = [
    Number::NumPods,
    Number::DesiredReplicas,
    Number::CpuUsage,
    Number::MemUsage,
    Number::TrafficIn,
    Number::TrafficOut,
];

/// Those that mean the same for any deployment of any application: what the nodes of a graph show unless told otherwise.
pub const LOCAL: [Number; 11] = [
    Number::NumPods,
    Number::DesiredReplicas,
    Number::CpuUsage,
    Number::MemUsage,
    Number::CpuDemand,
    Number::MemDemand,
    Number::CpuSlack,
    Number::MemSlack,
    Number::CpuDemandChange,
    Number::TrafficInChange,
    Number::NumPodsChange,
];

impl Number {
    /// The number; `before` is what was read a step ago.
    pub(super) fn of(
        self,
        deployment: &Deployment,
        (reading, before): (&Reading, &Reading),
        scale: Scale,
    ) -> f32 {
        let Reading { pods, cpu, memory, received, transmitted } = *reading;
        let relative = scale == Scale::Relative;
        let share = |sum: u32, target: u32| sum as f32 / (pods.max(1) * target) as f32;
        let asked = |sum: u32, target: u32| sum as f32 / target as f32;
        let slack = |demand: f32| demand.ceil() - demand;
        let calls = |reading: &Reading| (1.0 + reading.received as f32).ln();
        let [most_cpu, most_memory, most_traffic] = PUBLISHED_MOST;
        let by_cpu = asked(cpu, deployment.cpu_target);
        let by_memory = asked(memory, deployment.memory_target);
        match self {
            Self::NumPods if relative => pods as f32 / REPLICA_UNIT,
            Self::NumPods => pods as f32,
            Self::DesiredReplicas if relative => deployment.desired(reading) as f32 / REPLICA_UNIT,
            Self::DesiredReplicas => deployment.desired(reading) as f32,
            Self::CpuUsage if relative => share(cpu, deployment.cpu_target),
            Self::CpuUsage => cpu.min(most_cpu) as f32,
            Self::MemUsage if relative => share(memory, deployment.memory_target),
            Self::MemUsage => memory.min(most_memory) as f32,
            Self::TrafficIn if relative => calls(reading) / 10.0,
            Self::TrafficIn => received.min(most_traffic) as f32,
            Self::TrafficOut if relative => (1.0 + transmitted as f32).ln() / 10.0,
            Self::TrafficOut => transmitted.min(most_traffic) as f32,
            Self::CpuDemand => by_cpu / REPLICA_UNIT,
            Self::MemDemand => by_memory / REPLICA_UNIT,
            Self::CpuSlack => slack(by_cpu),
            Self::MemSlack => slack(by_memory),
            Self::CpuDemandChange => by_cpu - asked(before.cpu, deployment.cpu_target),
            Self::TrafficInChange => calls(reading) - calls(before),
            Self::NumPodsChange => (pods as f32 - before.pods as f32) / REPLICA_UNIT,
        }
    }

    /// For `trimtab env describe`.
    pub(super) fn entry(self, deployment: &Deployment, scale: Scale) -> Entry {
        let (min, max) = (f64::from(deployment.min), f64::from(deployment.max));
        let (cpu, memory) = (deployment.cpu_target, deployment.memory_target);
        let [most_cpu, most_memory, most_traffic] = PUBLISHED_MOST.map(f64::from);
        let (relative, any) = (scale == Scale::Relative, f64::INFINITY);
        let entry = |part: &str, meaning: &str, unit: &str, low: f64, high: f64| {
            Entry::number(&format!("{}_{part}", deployment.name), meaning, unit, low, high)
        };
        let share = |what: &str, target: u32, unit: &str| {
            format!("{what} of all pods, over replicas × target ({target} {unit})")
        };
        let asked = |what: &str, target: u32, unit: &str| {
            format!("{what} of all pods over the target ({target} {unit}), over 8")
        };
        match self {
            Self::NumPods if relative => {
                entry("num_pods", "replicas asked for, over 8", "1", min / 8.0, max / 8.0)
            }
            Self::NumPods => entry("num_pods", "replicas asked for", "1", min, max),
            Self::DesiredReplicas if relative => {
                entry("desired_replicas", "replicas that the formula asks for, over 8", "1", 0.125, max / 8.0)
            }
            Self::DesiredReplicas => {
                entry("desired_replicas", "replicas that the formula asks for", "1", 1.0, max)
            }
            Self::CpuUsage if relative => entry("cpu_usage", &share("CPU", cpu, "m"), "1", 0.0, any),
            Self::CpuUsage => entry("cpu_usage", "CPU of all pods", "millicores", 0.0, most_cpu),
            Self::MemUsage if relative => entry("mem_usage", &share("memory", memory, "MiB"), "1", 0.0, any),
            Self::MemUsage => entry("mem_usage", "memory of all pods", "MiB", 0.0, most_memory),
            Self::TrafficIn if relative => {
                entry("traffic_in", "ln(1 + kB/s of calls received) / 10", "1", 0.0, any)
            }
            Self::TrafficIn => entry("traffic_in", "calls received", "kB/s", 0.0, most_traffic),
            Self::TrafficOut if relative => {
                entry("traffic_out", "ln(1 + kB/s of calls made) / 10", "1", 0.0, any)
            }
            Self::TrafficOut => entry("traffic_out", "calls made", "kB/s", 0.0, most_traffic),
            Self::CpuDemand => entry("cpu_demand", &asked("CPU", cpu, "m"), "1", 0.0, any),
            Self::MemDemand => entry("mem_demand", &asked("memory", memory, "MiB"), "1", 0.0, any),
            Self::CpuSlack => {
                entry("cpu_slack", "8 × cpu_demand rounded up, less that unrounded", "replicas", 0.0, 1.0)
            }
            Self::MemSlack => {
                entry("mem_slack", "8 × mem_demand rounded up, less that unrounded", "replicas", 0.0, 1.0)
            }
            Self::CpuDemandChange => {
                entry("cpu_demand_change", "change of 8 × cpu_demand in the last step", "replicas", -any, any)
            }
            Self::TrafficInChange => entry(
                "traffic_in_change",
                "change of ln(1 + kB/s of calls received) in the last step",
                "1",
                -any,
                any,
            ),
            Self::NumPodsChange => {
                let most = (max - min) / 8.0;
                entry("num_pods_change", "change of replicas in the last step, over 8", "1", -most, most)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        Deployment { name: "a".to_owned(), min: 1, max: 8, cpu_target: 100, memory_target: 50 }
    }

    #[test]
    fn demands_slacks_and_changes_are_in_replicas() {
        let before = Reading { pods: 4, cpu: 150, memory: 80, received: 9, transmitted: 0 };
        let now = Reading { pods: 2, cpu: 225, memory: 60, received: 19, transmitted: 0 };
        let of = |number: Number| number.of(&deployment(), (&now, &before), Scale::Relative);
        assert_eq!((of(Number::CpuDemand), of(Number::MemDemand)), (2.25 / 8.0, 1.2 / 8.0));
        assert_eq!((of(Number::CpuSlack), of(Number::CpuDemandChange)), (0.75, 0.75));
        assert!((of(Number::MemSlack) - 0.8).abs() < 1e-6);
        assert!((of(Number::TrafficInChange) - 2f32.ln()).abs() < 1e-6);
        assert_eq!(of(Number::NumPodsChange), -0.25);
    }

    #[test]
    fn local_numbers_are_the_same_for_a_deployment_of_twice_the_size_and_any_traffic() {
        let small = Reading { pods: 3, cpu: 250, memory: 70, received: 40, transmitted: 8 };
        let before = Reading { cpu: 210, received: 20, ..small };
        let large =
            |reading: &Reading| Reading { cpu: 2 * reading.cpu, memory: 2 * reading.memory, ..*reading };
        let twice = Deployment { cpu_target: 200, memory_target: 100, ..deployment() };
        for number in LOCAL {
            let of = |deployment: &Deployment, pair: (&Reading, &Reading)| {
                number.of(deployment, pair, Scale::Relative)
            };
            let one = of(&deployment(), (&small, &before));
            assert_eq!(one, of(&twice, (&large(&small), &large(&before))), "{number:?}");
            // Ten times the calls, each a tenth of the work.
            let more = |reading: &Reading| Reading { received: 10 * reading.received + 9, ..*reading };
            let two = of(&deployment(), (&more(&small), &more(&before)));
            assert!((one - two).abs() < 1e-6, "{number:?}: {one} {two}");
        }
    }
}
