//! Applications as environments that a run can be made of.
//!
//! Their traces are in gym-hpa's observation format: a date, then of every service replicas, replicas by gym-hpa's own formula, CPU
//! (m), memory (MiB), traffic in and out (a call counts as a kilobyte), and the mean response time (ms) of the application.
//!
//! Left out: what they simulate, see [`crate::environment`].

use super::{Env, Episode, EpisodeColumns};
use crate::environment::Environment;
use trimtab_model::{Service, ServiceState};
use trimtab_rl::{ConstraintConfig, on_policy::Log};

/// What a trace has of every service.
const PARTS: [&str; 7] =
    ["num_pods", "desired_replicas", "cpu_usage", "mem_usage", "traffic_in", "traffic_out", "latency"];
/// Use that gym-hpa's formula aims at, as a share of the request.
const TARGET: f64 = 0.75;

impl Env for Environment {
    fn episode_columns(&self) -> EpisodeColumns {
        let figures = vec!["core_hours", "pod_hours", "violation_share", "bad_request_share"];
        EpisodeColumns { start: "day", figures }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        let episodes = Environment::take_episodes(self).into_iter();
        episodes
            .map(|episode| {
                let tally = episode.tally;
                Episode {
                    env: episode.env,
                    start: episode.day,
                    length: episode.length,
                    episode_return: episode.episode_return,
                    figures: vec![
                        tally.core_hours(),
                        tally.pod_hours(),
                        tally.violation_share(),
                        tally.bad_request_share(),
                    ],
                }
            })
            .collect()
    }

    /// `cost`, requested cores over those of one replica of every service, and `violation_share`, that of SLO windows.
    fn take_means(&mut self) -> Log {
        let tally = self.take_tally();
        let cost = tally.requested_core_seconds / tally.seconds.max(1.0) / self.one_replica_cores();
        vec![("cost".into(), cost), ("violation_share".into(), tally.violation_share())]
    }

    /// Under `trim` the exact inner autoscaler.
    fn neutral(&self) -> Option<Vec<u32>> {
        Some(self.steering().neutral())
    }

    fn constraints(&self) -> Vec<ConstraintConfig> {
        self.constraints.clone()
    }

    fn trace_columns(&self) -> Vec<String> {
        let of = |service: &Service| PARTS.map(|part| format!("{}_{part}", service.name));
        let services = self.application().services.iter().flat_map(of);
        std::iter::once("date".to_owned()).chain(services).collect()
    }

    fn trace_row(&self) -> Vec<String> {
        let (seen, application) = (self.reached(), self.application());
        let latency = seen.latency.map_or_else(String::new, |l| format!("{:.3}", l.value.mean.millis()));
        let mut fields = vec![date(seen.time.0)];
        for (at, (service, state)) in application.services.iter().zip(&seen.services).enumerate() {
            let calls = |ends: &dyn Fn(&trimtab_model::Flow) -> bool| {
                seen.flows.iter().filter(|flow| ends(flow)).map(|flow| flow.rate.value.0).sum::<f64>()
            };
            let (received, sent) =
                (state.rate.map_or(0.0, |rate| rate.value.0), calls(&|flow| flow.caller == Some(at)));
            let (cpu, memory) = used(state);
            let desired = desired_replicas(service, cpu, memory);
            let numbers = [f64::from(state.replicas.spec), f64::from(desired), cpu, memory, received, sent];
            fields.extend(numbers.map(|number| format!("{}", number.floor())));
            fields.push(latency.clone());
        }
        fields
    }
}

/// CPU (m) and memory (MiB) that all ready pods use.
fn used(state: &ServiceState) -> (f64, f64) {
    let pods = f64::from(state.replicas.ready);
    let cpu = state.cpu.map_or(0.0, |cpu| f64::from(cpu.value.0));
    let memory = state.memory.map_or(0.0, |memory| memory.value.gibibytes() * 1024.0);
    (pods * cpu, pods * memory)
}

/// gym-hpa's formula (`get_desired_replicas`): 0.7 of what CPU asks for and 0.3 of what memory does, in whole tenths.
fn desired_replicas(service: &Service, cpu: f64, memory: f64) -> u32 {
    let target = |request: f64| (TARGET * request).floor().max(1.0);
    let allocation = &service.allocation;
    let by_cpu = (cpu / target(f64::from(allocation.cpu_request.0))).ceil() as u32;
    let by_memory = (memory / target(allocation.memory_request.gibibytes() * 1024.0)).ceil() as u32;
    (7 * by_cpu + 3 * by_memory).div_ceil(10).clamp(1, service.replicas.max)
}

/// `YYYY-MM-DD HH:MM:SS` so many seconds into the year 2000: simulated time has no calendar of its own.
fn date(secs: f64) -> String {
    let whole = secs.max(0.0) as u64;
    let (day, second) = (whole / 86_400 % 31 + 1, whole % 86_400);
    format!("2000-01-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}
