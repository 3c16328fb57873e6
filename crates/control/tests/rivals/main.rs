//! The rules that people pick, on snapshots made by hand: what each does, and what all of them promise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod behaviour;
mod promises;

use trimtab_control::{Autoscaler, RateSeries};
use trimtab_model::{
    Allocation, Application, Bytes, Decision, Latency, Millicores, PerSecond, PodGroup, PodPhase, PodUsage,
    Readiness, Replicas, Sample, Seconds, ServiceState, Snapshot, Time,
};

/// One service: a pod serves 20 calls/s at its limit of 200 m, a call costs 10 millicore-seconds.
const ONE: &str = r#"
name = "one"
slo = { p95_ms = 100 }
[[service]]
name = "only"
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
replicas = { min = 1, max = 10 }
cpu_per_call_ms = 10
[[endpoint]]
name = "GET /"
weight = 1
service = "only"
"#;

fn one() -> Application {
    Application::from_toml(ONE).unwrap()
}

fn sample<T>(value: T) -> Sample<T> {
    Sample { value, age: Seconds(0.0) }
}

/// The service with so many replicas, all ready.
struct Scene {
    time: f64,
    replicas: u32,
    rate: Option<f64>,
    p95_ms: Option<f64>,
    cpu: u32,
}

impl Default for Scene {
    fn default() -> Self {
        Self { time: 0.0, replicas: 2, rate: None, p95_ms: None, cpu: 50 }
    }
}

impl Scene {
    fn service(&self) -> ServiceState {
        let usage = PodUsage {
            cpu: Millicores(self.cpu),
            at: Time(self.time),
            window: Seconds(15.0),
            memory: Bytes(0),
        };
        ServiceState {
            replicas: Replicas { spec: self.replicas, ready: self.replicas, starting: 0 },
            pods: vec![PodGroup {
                count: self.replicas,
                phase: PodPhase::Running,
                deleting: false,
                started: Some(Time(-1e6)),
                readiness: Some(Readiness { ready: true, since: Time(-1e6) }),
                usage: Some(usage),
            }],
            cpu: Some(sample(Millicores(self.cpu))),
            rate: self.rate.map(|rate| sample(PerSecond(rate))),
            allocation: Allocation {
                cpu_request: Millicores(100),
                cpu_limit: Some(Millicores(200)),
                ..Allocation::default()
            },
            ..ServiceState::default()
        }
    }

    fn snapshot(&self) -> Snapshot {
        let p95 = |ms: f64| sample(Latency { p95: Seconds(ms / 1000.0), ..Latency::default() });
        Snapshot {
            time: Time(self.time),
            rate: self.rate.map(|rate| sample(PerSecond(rate))),
            latency: self.p95_ms.map(p95),
            services: vec![self.service()],
            flows: Vec::new(),
        }
    }
}

fn decide(autoscaler: &mut dyn Autoscaler, seen: &Snapshot) -> Vec<Option<u32>> {
    let mut proposal = Decision::default();
    proposal.clear(seen.services.len());
    autoscaler.decide(seen, &mut proposal);
    proposal.services.iter().map(|s| s.replicas).collect()
}

/// Replicas that are asked for in a scene.
fn asks(autoscaler: &mut dyn Autoscaler, scene: &Scene) -> Option<u32> {
    decide(autoscaler, &scene.snapshot())[0]
}

/// Whole days by minutes, from the epoch on.
fn days(count: usize, rate: impl Fn(f64) -> f64) -> Vec<RateSeries> {
    let day = |day: usize| RateSeries {
        start: Time(86_400.0 * day as f64),
        step: Seconds(60.0),
        rates: (0..1440).map(|minute| rate(f64::from(minute) / 60.0)).collect(),
    };
    (0..count).map(day).collect()
}
