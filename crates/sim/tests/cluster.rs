//! Behaviour of the whole simulated cluster, from outside.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use proptest::prelude::*;
use std::sync::Arc;
use trimtab_model::{Application, Decision, Plant, Refusal, Seconds, ServiceDecision, Snapshot, Time};
use trimtab_sim::{Arrivals, Cluster, SimConfig, SimulatedPlant, Tally};
use trimtab_workload::shape::{Constant, ConstantConfig};

const CHAIN: &str = r#"
name = "chain"
slo = { p95_ms = 300 }
timeout_secs = 10
[defaults]
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
idle_cpu_m = 10
start = { schedule_secs = 2, pull_secs = 5, readiness_secs = 10, cpu_work_secs = 1 }
replicas = { min = 1, max = 8 }
[[service]]
name = "front"
cpu_per_call_ms = 9
[[service]]
name = "middle"
cpu_per_call_ms = 4
[[service]]
name = "back"
cpu_per_call_ms = 2
[[endpoint]]
name = "read"
weight = 4
service = "front"
steps = [{ call = "middle", times = 2, steps = [{ call = "back" }] }]
[[endpoint]]
name = "write"
weight = 1
service = "front"
steps = [{ parallel = [{ call = "middle" }, { call = "back", times = 3 }] }]
"#;

fn chain() -> Application {
    Application::from_toml(CHAIN).unwrap()
}

fn cluster(config: SimConfig, replicas: &[u32], seed: u64) -> Cluster {
    let mut cluster = Cluster::new(&chain(), config, 1).unwrap();
    cluster.reset(0, Time(0.0), replicas, seed);
    cluster
}

fn fluid() -> SimConfig {
    SimConfig { arrivals: Arrivals::Fluid, start_jitter: 0.0, ..SimConfig::default() }
}

fn scale(replicas: &[u32]) -> Decision {
    let wish = |&n: &u32| ServiceDecision { replicas: Some(n), ..ServiceDecision::default() };
    Decision { services: replicas.iter().map(wish).collect() }
}

/// Ten minutes at `rate`; the last five count.
fn settled(replicas: &[u32], rate: f64) -> (Tally, f64) {
    let mut cluster = cluster(fluid(), replicas, 1);
    cluster.advance(60, &mut |_, _| rate);
    cluster.advance(60, &mut |_, _| rate);
    (*cluster.interval(0), cluster.last_window(0).map_or(0.0, |w| w.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_arrives_is_served_dropped_or_waiting(
        seed in 0u64..1000,
        rates in prop::collection::vec(0.0f64..200.0, 1..30),
        scales in prop::collection::vec((1u32..8, 1u32..8, 1u32..8), 1..30),
    ) {
        let mut cluster = cluster(SimConfig::default(), &[2, 2, 2], seed);
        for (rate, (a, b, c)) in rates.iter().zip(scales.iter().cycle()) {
            cluster.apply(0, &scale(&[*a, *b, *c]));
            cluster.advance(3, &mut |_, _| *rate);
        }
        for service in 0..3 {
            let l = cluster.ledger(0, service);
            let error = l.arrived - l.served - l.dropped - l.waiting;
            prop_assert!(error.abs() < 1e-3 * l.arrived.max(1.0), "{service}: {l:?}");
            prop_assert!(l.waiting >= 0.0 && l.dropped >= 0.0);
        }
    }

    #[test]
    fn more_replicas_never_slow_a_service_at_equal_load(
        a in 1u32..8, b in 1u32..8, c in 1u32..8, which in 0usize..3, rate in 1.0f64..150.0,
    ) {
        let fewer = [a, b, c];
        let mut more = fewer;
        more[which] += 1;
        let (slow, slow_p95) = settled(&fewer, rate);
        let (fast, fast_p95) = settled(&more, rate);
        // A front service that serves more sends more to those behind it, so only what is offered is compared
        // where nothing is dropped.
        if slow.failed == 0.0 {
            prop_assert!(fast_p95 <= slow_p95 * 1.0001, "{fast_p95} after {slow_p95}");
            prop_assert!(fast.mean_latency() <= slow.mean_latency() * 1.0001);
        }
    }

    #[test]
    fn equal_seeds_give_equal_histories(seed in 0u64..1000, rate in 1.0f64..100.0) {
        let run = || {
            let mut cluster = cluster(SimConfig::default(), &[2, 2, 2], seed);
            let mut seen = Snapshot::default();
            for i in 0..20 {
                cluster.apply(0, &scale(&[1 + i % 3, 2, 1 + i % 2]));
                cluster.advance(3, &mut |_, _| rate);
            }
            cluster.observe(0, &mut seen);
            (*cluster.interval(0), seen)
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn a_lane_does_not_depend_on_its_neighbours() {
    let run = |lanes: usize, lane: usize| {
        let mut cluster = Cluster::new(&chain(), SimConfig::default(), lanes).unwrap();
        for l in 0..lanes {
            cluster.reset(l, Time(0.0), &[2, 2, 2], if l == lane { 7 } else { 100 + l as u64 });
        }
        cluster.advance(60, &mut |l, _| if l == lane { 40.0 } else { 90.0 });
        *cluster.interval(lane)
    };
    assert_eq!(run(1, 0), run(5, 3));
}

#[test]
fn cpu_follows_the_utilisation_law() {
    // 20 requests/s × 9 ms over 2 pods, plus 10 m idle: 100 m a pod.
    let mut cluster = cluster(fluid(), &[2, 3, 3], 1);
    cluster.advance(60, &mut |_, _| 20.0);
    let mut seen = Snapshot::default();
    cluster.observe(0, &mut seen);
    let cpu = seen.services[0].cpu.unwrap().value.0;
    assert!((99..=101).contains(&cpu), "{cpu}");
}

#[test]
fn overload_queues_until_the_timeout_and_then_drops() {
    // Two pods of the front serve 42 requests/s.
    let mut cluster = cluster(fluid(), &[2, 8, 8], 1);
    cluster.advance(60, &mut |_, _| 84.0);
    let l = cluster.ledger(0, 0);
    let capacity = 2.0 * 0.19 / 0.009;
    assert!((l.waiting - 10.0 * capacity).abs() < 1.0, "{l:?}");
    assert!(l.dropped > 0.0 && cluster.interval(0).failed > 0.0);
    assert!(cluster.interval(0).violation_share() > 0.9);
    cluster.advance(36, &mut |_, _| 10.0);
    assert!(cluster.ledger(0, 0).waiting < 1.0);
}

#[test]
fn new_pods_serve_after_schedule_pull_and_readiness() {
    let mut cluster = cluster(fluid(), &[1, 4, 4], 1);
    let mut seen = Snapshot::default();
    cluster.advance(12, &mut |_, _| 10.0);
    cluster.apply(0, &scale(&[3, 4, 4]));
    cluster.advance(3, &mut |_, _| 10.0);
    cluster.observe(0, &mut seen);
    // 15 s later: 2 + 5 + 10 = 17 s are needed.
    assert_eq!((seen.services[0].replicas.ready, seen.services[0].replicas.starting), (1, 2));
    cluster.advance(2, &mut |_, _| 10.0);
    cluster.observe(0, &mut seen);
    assert_eq!((seen.services[0].replicas.ready, seen.services[0].replicas.starting), (3, 0));
}

#[test]
fn nothing_is_known_before_the_first_sample() {
    let cluster = cluster(fluid(), &[1, 1, 1], 1);
    let mut seen = Snapshot::default();
    cluster.observe(0, &mut seen);
    assert!(seen.rate.is_none() && seen.latency.is_none() && seen.services.iter().all(|s| s.cpu.is_none()));
}

#[test]
fn metrics_are_never_from_the_future_and_at_most_a_window_and_a_half_old() {
    for seed in 0..20 {
        let mut cluster = cluster(SimConfig::default(), &[2, 2, 2], seed);
        let mut seen = Snapshot::default();
        cluster.advance(24, &mut |_, _| 20.0);
        for _ in 0..10 {
            cluster.advance(3, &mut |_, _| 20.0);
            cluster.observe(0, &mut seen);
            let age = seen.services[0].cpu.unwrap().age.0;
            assert!((0.0..=30.0).contains(&age), "{age}");
            assert!((0.0..15.0).contains(&seen.rate.unwrap().age.0));
        }
    }
}

#[test]
fn a_larger_limit_shortens_the_quota_wait_in_place() {
    let mut cluster = cluster(fluid(), &[2, 4, 4], 1);
    cluster.advance(60, &mut |_, _| 35.0);
    let before = cluster.last_window(0).unwrap().1;
    let mut wish = scale(&[2, 4, 4]);
    wish.services[0].cpu_limit = Some(trimtab_model::Millicores(400));
    assert_eq!(cluster.apply(0, &wish).changed, 1);
    cluster.advance(60, &mut |_, _| 35.0);
    assert!(cluster.last_window(0).unwrap().1 < 0.7 * before);
}

#[test]
fn what_cannot_be_done_is_in_the_receipt() {
    let mut cluster = cluster(fluid(), &[1, 1, 1], 1);
    let mut wish = scale(&[1, 1, 1]);
    wish.services[0].heap = Some(trimtab_model::Bytes::mebibytes(300));
    wish.services[1].cpu_limit = Some(trimtab_model::Millicores(50));
    let receipt = cluster.apply(0, &wish);
    assert_eq!(receipt.refused, [(0, Refusal::Unsupported), (1, Refusal::RequestOverLimit)]);
}

#[test]
fn a_restored_cluster_goes_on_as_the_saved_one() {
    let mut first = cluster(SimConfig::default(), &[2, 2, 2], 3);
    first.advance(30, &mut |_, _| 30.0);
    let mut second = Cluster::new(&chain(), SimConfig::default(), 1).unwrap();
    second.restore(first.state().clone()).unwrap();
    for cluster in [&mut first, &mut second] {
        cluster.apply(0, &scale(&[3, 3, 3]));
        cluster.advance(30, &mut |_, _| 50.0);
    }
    assert_eq!(first.interval(0), second.interval(0));
    assert!(Cluster::new(&chain(), SimConfig::default(), 2).unwrap().restore(first.state().clone()).is_err());
}

#[test]
fn the_plant_lets_time_pass_until_asked() {
    let workload = Arc::new(Constant::new(&ConstantConfig { rate: 20.0 }).unwrap());
    let mut plant = SimulatedPlant::new(&chain(), fluid(), workload, Time(1000.0), &[2, 2, 2], 1).unwrap();
    let mut seen = Snapshot::default();
    plant.wait(Time(1000.0) + Seconds(60.0)).unwrap();
    plant.observe(&mut seen).unwrap();
    assert_eq!(seen.time, Time(1060.0));
    assert!((plant.tally().offered - 1200.0).abs() < 1e-6);
}

#[test]
fn settings_out_of_range_are_named() {
    let config = SimConfig { rate_window_secs: 50.0, ..SimConfig::default() };
    let text = Cluster::new(&chain(), config, 1).unwrap_err().to_string();
    assert!(text.contains("sim.rate_window_secs is 50"), "{text}");
    let config = SimConfig { substep_secs: 4.0, ..SimConfig::default() };
    assert!(
        Cluster::new(&chain(), config, 1).unwrap_err().to_string().contains("multiple of sim.substep_secs")
    );
}
