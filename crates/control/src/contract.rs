//! What every autoscaler promises, as a check that anyone can run on theirs.
//!
//! [`check_autoscaler`] shows an autoscaler a series of snapshots and fails at the first promise that is broken. It is
//! to an [`Autoscaler`] what `check_env` is to an environment. [`ordeal`] makes snapshots that ask for trouble.
//!
//! Left out: whether it scales well.

use crate::Autoscaler;
use std::fmt;
use trimtab_model::{
    Application, Decision, Latency, PerSecond, PodGroup, PodPhase, PodUsage, Readiness, ReplicaBounds,
    Replicas, Sample, Seconds, ServiceState, Snapshot, Time,
};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Proposed replicas are within the service's bounds.
    Bounds,
    /// Two that were built alike propose alike.
    Determinism,
    /// After a reset it proposes what a fresh one would.
    Reset,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub promise: Promise,
    /// Number of the snapshot.
    pub step: usize,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at step {}: {}", self.promise, self.step, self.found)
    }
}

/// Checks autoscalers of an application that `make` builds.
///
/// # Errors
/// The first promise that is broken.
pub fn check_autoscaler(
    make: &dyn Fn() -> Box<dyn Autoscaler>,
    application: &Application,
    snapshots: &[Snapshot],
) -> Result<(), Breach> {
    let mut autoscaler = make();
    let first = proposals(autoscaler.as_mut(), snapshots);
    for (step, proposal) in first.iter().enumerate() {
        for (service, wish) in application.services.iter().zip(&proposal.services) {
            let ReplicaBounds { min, max } = service.replicas;
            if let Some(replicas) = wish.replicas.filter(|replicas| !(min..=max).contains(replicas)) {
                let found = format!("{replicas} replicas of {}, which has {min} to {max}", service.name);
                return Err(Breach { promise: Promise::Bounds, step, found });
            }
        }
    }
    same(Promise::Determinism, &first, &proposals(make().as_mut(), snapshots))?;
    autoscaler.reset();
    same(Promise::Reset, &first, &proposals(autoscaler.as_mut(), snapshots))
}

fn proposals(autoscaler: &mut dyn Autoscaler, snapshots: &[Snapshot]) -> Vec<Decision> {
    let decide = |seen: &Snapshot| {
        let mut proposal = Decision::default();
        proposal.clear(seen.services.len());
        autoscaler.decide(seen, &mut proposal);
        proposal
    };
    snapshots.iter().map(decide).collect()
}

fn same(promise: Promise, first: &[Decision], second: &[Decision]) -> Result<(), Breach> {
    match first.iter().zip(second).position(|(first, second)| first != second) {
        None => Ok(()),
        Some(step) => {
            let found = format!("{:?} and then {:?}", first[step], second[step]);
            Err(Breach { promise, step, found })
        }
    }
}

/// `steps` snapshots, 15 s apart from `start` on, of an application whose load wanders between none and twice what it
/// can serve, whose metrics are missing or not finite at times, and whose replicas somebody changes at random.
pub fn ordeal(application: &Application, start: Time, steps: usize, seed: u64) -> Vec<Snapshot> {
    let mut random = Random(seed);
    let visits = application.visits();
    let capacity = application.largest_capacity().min(1e6);
    let mut load = 0.5;
    let snapshot = |step: usize| {
        load = (load + 0.2 * (random.share() - 0.5) + if random.once_in(50) { 0.5 } else { 0.0 }) % 2.0;
        load = f64::abs(load);
        let rate = load * capacity;
        let time = start + Seconds(15.0 * step as f64);
        let services = application.services.iter().zip(&visits);
        let services = services.map(|(service, visits)| {
            let ReplicaBounds { min, max } = service.replicas;
            let ready = min + (random.share() * f64::from(max - min + 1)) as u32;
            let spec = if random.once_in(4) { (ready + 1).min(max) } else { ready };
            let each = (1000.0 * rate * visits * service.cpu_per_call.0 / f64::from(ready.max(1))).min(4e9);
            let cpu = trimtab_model::Millicores(each as u32 + service.idle_cpu.0);
            let group = |count: u32, ready: bool| PodGroup {
                count,
                phase: if ready { PodPhase::Running } else { PodPhase::Pending },
                deleting: false,
                started: ready.then_some(start - Seconds(3600.0)),
                readiness: ready.then_some(Readiness { ready, since: start - Seconds(3500.0) }),
                usage: ready.then_some(PodUsage {
                    cpu,
                    memory: service.idle_memory,
                    at: time - Seconds(5.0),
                    window: Seconds(15.0),
                }),
            };
            ServiceState {
                replicas: Replicas { spec, ready, starting: spec - ready },
                pods: vec![group(ready, true), group(spec - ready, false)],
                cpu: random.sometimes_missing(cpu),
                memory: random.sometimes_missing(service.idle_memory),
                rate: random.sometimes_missing(PerSecond(rate * visits)),
                latency: None,
                allocation: service.allocation,
                resizing: None,
            }
        });
        let services = services.collect();
        let odd = if random.once_in(30) { f64::NAN } else { 1.0 };
        let p95 = Seconds(application.slo.p95.0 * 2.0 * load * odd);
        let latency = Latency { mean: Seconds(0.4 * p95.0), p95, p99: Seconds(1.5 * p95.0) };
        Snapshot {
            time,
            rate: random.sometimes_missing(PerSecond(rate * odd)),
            latency: random.sometimes_missing(latency),
            services,
            flows: Vec::new(),
        }
    };
    (0..steps).map(snapshot).collect()
}

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014): enough for made-up snapshots.
struct Random(u64);

impl Random {
    /// A number from 0 to 1, 1 excluded.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn once_in(&mut self, times: u32) -> bool {
        self.share() * f64::from(times) < 1.0
    }

    fn sometimes_missing<T>(&mut self, value: T) -> Option<Sample<T>> {
        let missing = self.once_in(8);
        (!missing).then_some(Sample { value, age: Seconds(5.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
name = "one"
slo = { p95_ms = 100 }
[[service]]
name = "only"
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
replicas = { min = 1, max = 4 }
cpu_per_call_ms = 10
[[endpoint]]
name = "GET /"
weight = 1
service = "only"
"#;

    /// Breaks a promise.
    struct Bad(Promise, u32);

    impl Autoscaler for Bad {
        fn decide(&mut self, _: &Snapshot, proposal: &mut Decision) {
            let bad = if self.0 == Promise::Bounds { 5 } else { 1 + self.1 % 4 };
            self.1 += 1;
            proposal.services[0].replicas = Some(bad);
        }
        fn reset(&mut self) {}
    }

    #[test]
    fn each_broken_promise_is_named() {
        let application = Application::from_toml(ONE).unwrap();
        let snapshots = ordeal(&application, Time(0.0), 3, 1);
        let made = std::cell::Cell::new(0);
        for promise in [Promise::Bounds, Promise::Determinism, Promise::Reset] {
            let make = || -> Box<dyn Autoscaler> {
                made.set(made.get() + 1);
                let differs = if promise == Promise::Determinism { made.get() } else { 0 };
                Box::new(Bad(promise, differs))
            };
            let breach = check_autoscaler(&make, &application, &snapshots).unwrap_err();
            assert_eq!(breach.promise, promise, "{breach}");
        }
    }
}
