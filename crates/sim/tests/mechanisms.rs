//! The mechanisms that are off by default, on the whole cluster.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use proptest::prelude::*;
use trimtab_model::{Application, Bytes, Decision, Millicores, Refusal, ServiceDecision, Snapshot, Time};
use trimtab_sim::{
    Arrivals, Cluster, FaultsConfig, LoadConfig, LoadKind, MemoryConfig, NodesConfig, ResizeConfig,
    ResizeMethod, SimConfig, Tally,
};

const SHOP: &str = r#"
name = "shop"
slo = { p95_ms = 300 }
timeout_secs = 10
[defaults]
cpu_request_m = 300
cpu_limit_m = 600
memory_request_mib = 256
memory_limit_mib = 600
idle_cpu_m = 10
start = { schedule_secs = 2, pull_secs = 5, readiness_secs = 10, cpu_work_secs = 1 }
replicas = { min = 1, max = 8 }
[[service]]
name = "front"
cpu_per_call_ms = 9
idle_memory_mib = 480
memory_per_call_kib = 512
heap_mib = 400
jvm = { off_heap_mib = 256, fill_mib = 307, fill_scale_mib = 300, live_mib = 70, gc_cost = 0.05 }
[[service]]
name = "back"
cpu_per_call_ms = 4
idle_memory_mib = 100
memory_per_call_kib = 2048
faults = { error = 0.002, degraded = 0.01, failure = 0.005 }
[[endpoint]]
name = "read"
weight = 1
service = "front"
steps = [{ call = "back", times = 2 }]
"#;

fn cluster(config: SimConfig, replicas: [u32; 2], seed: u64) -> Cluster {
    let mut cluster = Cluster::new(&Application::from_toml(SHOP).unwrap(), config, 1).unwrap();
    cluster.reset(0, Time(0.0), &replicas, seed);
    cluster
}

fn calm() -> SimConfig {
    SimConfig { arrivals: Arrivals::Fluid, start_jitter: 0.0, ..SimConfig::default() }
}

fn everything(method: ResizeMethod, kind: LoadKind) -> SimConfig {
    SimConfig {
        load: LoadConfig { kind, requests: 3.0, ..LoadConfig::default() },
        resize: ResizeConfig { method, ..ResizeConfig::default() },
        memory: MemoryConfig { oom_kill: true, heap: true, ..MemoryConfig::default() },
        nodes: NodesConfig {
            count: 1,
            max_count: 3,
            cpu_m: 2000,
            memory_mib: 4096,
            ..NodesConfig::default()
        },
        faults: FaultsConfig { enabled: true, ..FaultsConfig::default() },
        ..SimConfig::default()
    }
}

fn wish(replicas: u32, change: impl FnOnce(&mut ServiceDecision)) -> ServiceDecision {
    let mut wish = ServiceDecision { replicas: Some(replicas), ..ServiceDecision::default() };
    change(&mut wish);
    wish
}

fn methods() -> impl Strategy<Value = ResizeMethod> {
    use ResizeMethod::{InPlace, Instant, Recreate, Rolling};
    prop::sample::select(vec![Instant, InPlace, Rolling, Recreate])
}

fn kinds() -> impl Strategy<Value = LoadKind> {
    prop::sample::select(vec![LoadKind::Open, LoadKind::Closed, LoadKind::SemiOpen])
}

/// Replicas, CPU request and limit, memory request and limit, heap: some of them.
fn wishes() -> impl Strategy<Value = ServiceDecision> {
    let cpu = prop::option::of((50u32..1500, 0u32..1000));
    let memory = prop::option::of((64u64..1500, 0u64..1000));
    (1u32..9, cpu, memory, prop::option::of(80u64..600)).prop_map(|(replicas, cpu, memory, heap)| {
        wish(replicas, |wish| {
            if let Some((request, more)) = cpu {
                wish.cpu_request = Some(Millicores(request));
                wish.cpu_limit = Some(Millicores(request + more));
            }
            if let Some((request, more)) = memory {
                wish.memory_request = Some(Bytes::mebibytes(request));
                wish.memory_limit = Some(Bytes::mebibytes(request + more));
            }
            wish.heap = heap.map(Bytes::mebibytes);
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn with_everything_on_calls_are_conserved_and_no_pod_runs_without_room(
        seed in 0u64..1000,
        method in methods(),
        kind in kinds(),
        steps in prop::collection::vec((0.0f64..150.0, wishes(), wishes()), 1..40),
    ) {
        let mut cluster = cluster(everything(method, kind), [2, 2], seed);
        let mut seen = Snapshot::default();
        for (rate, front, back) in steps {
            cluster.apply(0, &Decision { services: vec![front, back] });
            cluster.advance(3, &mut |_, _| rate);
            let (mut pods, mut placed) = (0, 0);
            for (cpu, memory, count) in cluster.nodes(0) {
                prop_assert!(cpu <= 2000 && memory <= 4096 << 20, "{cpu} m, {memory} bytes");
                pods += count;
            }
            cluster.observe(0, &mut seen);
            for service in 0..2 {
                let l = cluster.ledger(0, service);
                let error = l.arrived - l.served - l.dropped - l.waiting;
                prop_assert!(error.abs() < 1e-3 * l.arrived.max(1.0), "{service}: {l:?}");
                prop_assert!(l.errors <= l.served && l.dropped >= 0.0);
                let (has, waits) = cluster.placed(0, service);
                placed += has;
                let view = &seen.services[service];
                prop_assert_eq!(view.replicas.ready + view.replicas.starting, has + waits);
                prop_assert!(view.replicas.ready <= has);
                prop_assert_eq!(view.pods.iter().map(|group| group.count).sum::<u32>(), has + waits);
            }
            prop_assert_eq!(pods, placed);
            prop_assert!(cluster.interval(0).used_core_seconds.is_finite());
        }
    }

    #[test]
    fn a_restored_cluster_goes_on_as_the_saved_one(
        seed in 0u64..1000, method in methods(), kind in kinds(), first in wishes(), second in wishes(),
    ) {
        let config = everything(method, kind);
        let mut saved = cluster(config.clone(), [2, 2], seed);
        saved.apply(0, &Decision { services: vec![first, second] });
        saved.advance(20, &mut |_, _| 70.0);
        let mut restored = cluster(config, [1, 1], seed + 1);
        restored.restore(saved.state().clone()).unwrap();
        for cluster in [&mut saved, &mut restored] {
            cluster.apply(0, &Decision { services: vec![second, first] });
            cluster.advance(60, &mut |_, _| 90.0);
        }
        prop_assert_eq!(saved.interval(0), restored.interval(0));
    }

    #[test]
    fn pods_told_apart_come_to_what_cohorts_do_when_nothing_tells_them_apart(
        seed in 0u64..1000, steps in prop::collection::vec((0.0f64..150.0, 1u32..8, 1u32..8), 1..30),
    ) {
        let apart = SimConfig {
            resize: ResizeConfig { method: ResizeMethod::Rolling, ..ResizeConfig::default() },
            start_jitter: 0.0,
            ..SimConfig::default()
        };
        let together = SimConfig { start_jitter: 0.0, ..SimConfig::default() };
        let run = |config: SimConfig| {
            // Nothing else is drawn once starts have no jitter, but drawing the jitter itself moves the generator.
            let config = SimConfig { arrivals: Arrivals::Fluid, ..config };
            let mut cluster = cluster(config, [2, 2], seed);
            let mut total = Tally::default();
            for (rate, front, back) in &steps {
                let services = [front, back].map(|&n| wish(n, |_| ())).to_vec();
                cluster.apply(0, &Decision { services });
                cluster.advance(3, &mut |_, _| *rate);
                total += *cluster.interval(0);
            }
            (total.offered, total.failed, total.slow, total.latency_sum, total.churn, cluster.last_window(0))
        };
        prop_assert_eq!(run(apart), run(together));
    }
}

#[test]
fn settings_of_mechanisms_that_are_off_change_not_a_bit() {
    let run = |config: SimConfig| {
        let mut cluster = cluster(config, [2, 2], 7);
        let mut seen = Snapshot::default();
        let mut total = Tally::default();
        for step in 0..60 {
            let services = vec![wish(1 + step % 4, |_| ()), wish(2 + step % 3, |_| ())];
            cluster.apply(0, &Decision { services });
            cluster.advance(3, &mut |_, _| f64::from(step * 5));
            total += *cluster.interval(0);
        }
        cluster.observe(0, &mut seen);
        (total, seen)
    };
    let idle = SimConfig {
        load: LoadConfig { wait_secs: 9.0, requests: 7.0, ..LoadConfig::default() },
        resize: ResizeConfig { max_surge_percent: 90, delay_median_secs: 2.0, ..ResizeConfig::default() },
        memory: MemoryConfig { spread: 0.5, backoff_secs: 1.0, ..MemoryConfig::default() },
        nodes: NodesConfig { cpu_m: 1, memory_mib: 1, ..NodesConfig::default() },
        faults: FaultsConfig { step_secs: 1.0, ..FaultsConfig::default() },
        ..SimConfig::default()
    };
    assert_eq!(run(idle), run(SimConfig::default()));
}

#[test]
fn a_small_heap_costs_cpu_and_a_large_one_does_not() {
    let run = |heap: u64| {
        let memory = MemoryConfig { heap: true, ..MemoryConfig::default() };
        let mut cluster = cluster(SimConfig { memory, ..calm() }, [2, 4], 1);
        let small = wish(2, |wish| wish.heap = Some(Bytes::mebibytes(heap)));
        let receipt = cluster.apply(0, &Decision { services: vec![small, wish(4, |_| ())] });
        assert!(receipt.refused.is_empty());
        cluster.advance(120, &mut |_, _| 60.0);
        (cluster.interval(0).used_core_seconds, cluster.last_window(0).unwrap().1)
    };
    let (plenty, enough, little) = (run(600), run(400), run(90));
    assert_eq!(plenty, enough);
    // 70 of 90 MiB live: 20 % more for 60 calls of 9 ms a second, for ten minutes.
    assert!((little.0 - enough.0 - 0.2 * 60.0 * 0.009 * 600.0).abs() < 1.0, "{little:?} {enough:?}");
    assert!(little.1 > 1.2 * enough.1);
}

#[test]
fn memory_follows_the_heap_and_pods_over_their_limit_are_killed_and_back_off() {
    let memory = MemoryConfig { heap: true, oom_kill: true, ..MemoryConfig::default() };
    let mut cluster = cluster(SimConfig { memory, ..calm() }, [1, 2], 1);
    let mut seen = Snapshot::default();
    cluster.advance(60, &mut |_, _| 20.0);
    cluster.observe(0, &mut seen);
    let used = seen.services[0].memory.unwrap().value.gibibytes() * 1024.0;
    assert!((used - 482.0).abs() < 5.0, "{used}");
    assert_eq!(cluster.interval(0).oom_kills, 0.0);
    let tight = wish(1, |wish| {
        wish.memory_request = Some(Bytes::mebibytes(256));
        wish.memory_limit = Some(Bytes::mebibytes(400));
    });
    cluster.apply(0, &Decision { services: vec![tight, wish(2, |_| ())] });
    cluster.advance(120, &mut |_, _| 20.0);
    // Ten minutes of 10 s of start, a sub-step of running and 0, 10, 20, 40, 80, 160, 300 s of waiting.
    let kills = cluster.interval(0).oom_kills;
    assert!((6.0..=8.0).contains(&kills), "{kills}");
    assert!(cluster.interval(0).failed > 0.0);
    let room = wish(1, |wish| wish.memory_limit = Some(Bytes::mebibytes(800)));
    cluster.apply(0, &Decision { services: vec![room, wish(2, |_| ())] });
    cluster.advance(120, &mut |_, _| 20.0);
    cluster.advance(60, &mut |_, _| 20.0);
    assert_eq!((cluster.interval(0).oom_kills, cluster.interval(0).failed), (0.0, 0.0));
}

#[test]
fn pods_wait_for_a_node_that_is_ordered_for_them() {
    let nodes =
        NodesConfig { count: 1, max_count: 2, cpu_m: 1300, provision_secs: 60.0, ..NodesConfig::default() };
    let mut cluster = cluster(SimConfig { nodes, ..calm() }, [2, 2], 1);
    cluster.apply(0, &Decision { services: vec![wish(4, |_| ()), wish(2, |_| ())] });
    assert_eq!(cluster.placed(0, 0), (2, 2));
    cluster.advance(10, &mut |_, _| 10.0);
    assert_eq!(cluster.interval(0).node_seconds, 2.0 * 50.0);
    assert_eq!(cluster.interval(0).pending_pod_seconds, 2.0 * 50.0);
    cluster.advance(20, &mut |_, _| 10.0);
    assert_eq!(cluster.placed(0, 0), (4, 0));
    let mut seen = Snapshot::default();
    cluster.observe(0, &mut seen);
    assert_eq!(seen.services[0].replicas.ready, 4);
}

#[test]
fn errors_grow_with_the_calls_and_failures_take_replicas_down() {
    let faults = FaultsConfig { enabled: true, ..FaultsConfig::default() };
    let mut cluster = cluster(SimConfig { faults, ..calm() }, [4, 8], 1);
    cluster.advance(720, &mut |_, _| 30.0);
    let ledger = cluster.ledger(0, 1);
    assert!((ledger.errors / ledger.served - 0.002).abs() < 1e-5, "{ledger:?}");
    // A request makes two calls of the service that fails.
    let interval = cluster.interval(0);
    assert!((interval.failed / interval.offered - 0.004).abs() < 4e-4, "{interval:?}");
    // 8 replicas, 240 steps, 0.5 %: 9.6 expected.
    assert!((2.0..=20.0).contains(&interval.restarts), "{}", interval.restarts);
}

#[test]
fn a_change_of_class_and_a_heap_without_a_jvm_are_refused() {
    let memory = MemoryConfig { heap: true, ..MemoryConfig::default() };
    let resize = ResizeConfig { method: ResizeMethod::InPlace, ..ResizeConfig::default() };
    let mut cluster = cluster(SimConfig { memory, resize, ..calm() }, [1, 1], 1);
    let guaranteed = wish(1, |wish| {
        wish.cpu_request = Some(Millicores(600));
        wish.memory_request = Some(Bytes::mebibytes(600));
    });
    let heap = wish(1, |wish| wish.heap = Some(Bytes::mebibytes(300)));
    let receipt = cluster.apply(0, &Decision { services: vec![guaranteed, heap] });
    assert_eq!(receipt.refused, [(0, Refusal::QosClass), (1, Refusal::Unsupported)]);
}

#[test]
fn what_is_given_and_what_is_asked_for_are_told_apart() {
    let resize = ResizeConfig { method: ResizeMethod::Rolling, ..ResizeConfig::default() };
    let mut cluster = cluster(SimConfig { resize, ..calm() }, [4, 4], 1);
    let larger = wish(4, |wish| wish.cpu_limit = Some(Millicores(900)));
    cluster.apply(0, &Decision { services: vec![larger, wish(4, |_| ())] });
    let mut seen = Snapshot::default();
    cluster.observe(0, &mut seen);
    let view = &seen.services[0];
    assert_eq!(view.allocation.cpu_limit, Some(Millicores(600)));
    assert_eq!(view.resizing.unwrap().target.cpu_limit, Some(Millicores(900)));
    cluster.advance(60, &mut |_, _| 10.0);
    cluster.observe(0, &mut seen);
    assert_eq!(
        (seen.services[0].allocation.cpu_limit, seen.services[0].resizing),
        (Some(Millicores(900)), None)
    );
}

#[test]
fn a_state_saved_with_other_mechanisms_is_refused() {
    let plain = cluster(calm(), [1, 1], 1);
    let faults = FaultsConfig { enabled: true, ..FaultsConfig::default() };
    let mut other = cluster(SimConfig { faults, ..calm() }, [1, 1], 1);
    assert!(other.restore(plain.state().clone()).unwrap_err().contains("other mechanisms"));
}

#[test]
fn settings_of_the_mechanisms_out_of_range_are_named() {
    let found = |config: SimConfig| config.validate().unwrap_err().to_string();
    let nodes = NodesConfig { count: 3, max_count: 2, ..NodesConfig::default() };
    assert!(found(SimConfig { nodes, ..calm() }).contains("sim.nodes.max_count is 2"));
    let resize = ResizeConfig { delay_p99_secs: 0.1, ..ResizeConfig::default() };
    assert!(found(SimConfig { resize, ..calm() }).contains("sim.resize.delay_p99_secs is 0.1"));
    let memory = MemoryConfig { max_gc_factor: 0.5, ..MemoryConfig::default() };
    assert!(found(SimConfig { memory, ..calm() }).contains("sim.memory.max_gc_factor is 0.5"));
    let faults = FaultsConfig { degraded_capacity: 0.0, ..FaultsConfig::default() };
    assert!(found(SimConfig { faults, ..calm() }).contains("sim.faults.degraded_capacity is 0"));
}
