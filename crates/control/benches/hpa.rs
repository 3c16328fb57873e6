//! Time of one exact HPA decision, by number of pods, each pod on its own, with CPU utilisation and with all five kinds
//! of metrics; and of the inner HPA of a simulated service, whose pods come in groups. Memory that is allocated once
//! the logs have their length is counted. Prints; asserts nothing.
//!
//! `cargo bench -p trimtab-control --bench hpa`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    unsafe_code,
    reason = "a benchmark looks at the clock, counts allocations and prints"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use trimtab_control::hpa::{
    Behavior, Constants, Controller, HpaSpec, Metric, MetricIdentifier, ObjectReference, Observation, Pod,
    PodSample, Reading, ReadyCondition, ReadyStatus, Requests, Resource, Scale, Target,
};
use trimtab_model::{
    Allocation, Bytes, Millicores, PodGroup, PodPhase, PodUsage, Readiness, ReplicaBounds, Replicas, Seconds,
    ServiceState, Time,
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 11;
const BOUNDS: ReplicaBounds = ReplicaBounds { min: 1, max: 10_000 };
const OLD: Time = Time(-100_000.0);

fn main() {
    for pods in [10, 100, 1_000] {
        let cpu = HpaSpec::cpu(BOUNDS, 50);
        exact(&format!("{pods:5} pods, CPU utilisation, no behaviour"), pods, cpu.clone());
        let behavior = Some(Behavior::default());
        exact(&format!("{pods:5} pods, CPU utilisation, behaviour"), pods, HpaSpec { behavior, ..cpu });
        exact(&format!("{pods:5} pods, five kinds of metrics"), pods, five());
    }
    for groups in [1, 4] {
        service(&format!("{groups:5} groups of a simulated service, CPU utilisation"), groups);
    }
}

fn five() -> HpaSpec {
    let metric = MetricIdentifier { name: "a".to_owned(), selector: None };
    let object =
        ObjectReference { api_version: "v1".to_owned(), kind: "Service".to_owned(), name: "a".to_owned() };
    let mut spec = HpaSpec::cpu(BOUNDS, 50);
    spec.metrics.push(Metric::ContainerResource {
        resource: Resource::Cpu,
        container: "app".to_owned(),
        target: Target::AverageValue(50),
    });
    spec.metrics.push(Metric::Pods { metric: metric.clone(), target: Target::AverageValue(50) });
    spec.metrics.push(Metric::Object {
        metric: metric.clone(),
        described_object: object,
        target: Target::Value(50),
    });
    spec.metrics.push(Metric::External { metric, target: Target::AverageValue(50) });
    spec
}

fn exact(name: &str, count: usize, spec: HpaSpec) {
    let ready = Some(ReadyCondition { status: ReadyStatus::True, since: OLD });
    let pod = Pod { count: 1, phase: Some(PodPhase::Running), deleting: false, started: Some(OLD), ready };
    let pods = vec![pod; count];
    let scale = Scale { spec_replicas: count as i32, status_replicas: count as i32 };
    let mut controller = Controller::new(spec, Constants::default()).expect("the spec is valid");
    let mut samples: Vec<Option<PodSample>> = vec![None; count];
    measure(name, |now| {
        // Around the target, never twice the same.
        let value = 47 + (now.0 as i64 / 15) % 7;
        for sample in samples.iter_mut().step_by(7) {
            *sample = Some(PodSample { value, at: now, window: Seconds(15.0) });
        }
        samples[0] = Some(PodSample { value, at: now, window: Seconds(15.0) });
        let of_pods = Reading::Pods { samples: &samples, requests: Requests::Each(100), strays: &[] };
        let series = [50 * count as i64];
        let readings = [of_pods, of_pods, of_pods, Reading::Value(value), Reading::Series(&series)];
        let seen = Observation { scale: Some(scale), selector: Ok(()), pods: &pods, readings: &readings };
        let mut outcome = controller.decide(now, black_box(&seen));
        controller.commit(now, &mut outcome, true);
        black_box(outcome.desired());
    });
}

fn service(name: &str, groups: usize) {
    let mut controller = Controller::new(HpaSpec::cpu(BOUNDS, 50), Constants::default()).expect("valid");
    let group = PodGroup {
        count: 3,
        phase: PodPhase::Running,
        started: Some(OLD),
        readiness: Some(Readiness { ready: true, since: OLD }),
        ..PodGroup::default()
    };
    let mut state = ServiceState {
        pods: vec![group; groups],
        allocation: Allocation { cpu_request: Millicores(100), ..Allocation::default() },
        ..ServiceState::default()
    };
    let replicas = 3 * groups as u32;
    state.replicas = Replicas { spec: replicas, ready: replicas, starting: 0 };
    measure(name, |now| {
        let cpu = Millicores(47 + (now.0 as u32 / 15) % 7);
        let usage = PodUsage { cpu, memory: Bytes(0), at: now, window: Seconds(15.0) };
        for group in &mut state.pods {
            group.usage = Some(usage);
        }
        black_box(controller.sync(now, black_box(&state), replicas, 1.0));
    });
}

/// Times syncs, one every 15 s, after as many as fill the longest window.
fn measure(name: &str, mut sync: impl FnMut(Time)) {
    let mut now = Time(0.0);
    let mut run = |count: u32| {
        for _ in 0..count {
            now = now + Seconds(15.0);
            sync(now);
        }
    };
    run(500);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run(1_000);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let mut nanos: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run(10_000);
            start.elapsed().as_secs_f64() * 1e9 / 10_000.0
        })
        .collect();
    nanos.sort_by(f64::total_cmp);
    println!(
        "{name}: median {:.0} ns ({:.0} to {:.0}), {allocations} allocations in 1,000 syncs",
        nanos[ROUNDS / 2],
        nanos[0],
        nanos[ROUNDS - 1],
    );
}
