//! Closed and semi-open load on the whole cluster, against the laws that hold for any of them.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use proptest::prelude::*;
use trimtab_model::{Application, Time};
use trimtab_sim::{Arrivals, Cluster, LoadConfig, LoadKind, SimConfig, Tally, Wait};

const PAIR: &str = r#"
name = "pair"
slo = { p95_ms = 300 }
timeout_secs = 60
[defaults]
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
idle_cpu_m = 10
replicas = { min = 1, max = 8 }
[[service]]
name = "front"
cpu_per_call_ms = 9
[[service]]
name = "back"
cpu_per_call_ms = 4
[[endpoint]]
name = "read"
weight = 4
service = "front"
steps = [{ call = "back", times = 2 }]
[[endpoint]]
name = "write"
weight = 1
service = "front"
steps = [{ parallel = [{ call = "back" }, { call = "back" }] }]
"#;

fn cluster(load: LoadConfig, arrivals: Arrivals, replicas: u32) -> Cluster {
    let application = Application::from_toml(PAIR).unwrap();
    let config = SimConfig { load, arrivals, ..SimConfig::default() };
    let mut cluster = Cluster::new(&application, config, 1).unwrap();
    cluster.reset(0, Time(0.0), &[replicas; 2], 1);
    cluster
}

/// Half an hour to settle, then half an hour that counts: requests a second and mean response time.
fn settled(load: LoadConfig, arrivals: Arrivals, replicas: u32, users: f64) -> (f64, f64, Tally) {
    let mut cluster = cluster(load, arrivals, replicas);
    cluster.advance(360, &mut |_, _| load.rate_of(users));
    cluster.advance(360, &mut |_, _| load.rate_of(users));
    let tally = *cluster.interval(0);
    (tally.offered / tally.seconds, tally.mean_latency(), tally)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn closed_throughput_is_users_over_think_plus_response_time(
        users in 1.0f64..200.0, think in 0.2f64..10.0, replicas in 1u32..4,
    ) {
        let load = LoadConfig { kind: LoadKind::Closed, wait_secs: think, ..LoadConfig::default() };
        let (throughput, response, tally) = settled(load, Arrivals::Fluid, replicas, users);
        let law = users / (think + response);
        prop_assert!((throughput - law).abs() < 0.02 * law, "{throughput} against {law}, R = {response}");
        prop_assert_eq!(tally.failed, 0.0);
    }

    #[test]
    fn paced_throughput_is_limited_by_the_pace_or_by_the_answers(
        users in 1.0f64..60.0, pace in 0.5f64..5.0, requests in 1u32..9, replicas in 1u32..4,
    ) {
        let m = f64::from(requests);
        let load = LoadConfig { kind: LoadKind::Closed, wait: Wait::Pace, wait_secs: pace, requests: m };
        let (throughput, response, _) = settled(load, Arrivals::Fluid, replicas, users);
        let law = users * m / pace.max(m * response);
        prop_assert!((throughput - law).abs() < 0.03 * law, "{throughput} against {law}, R = {response}");
    }

    #[test]
    fn users_never_have_more_requests_in_the_queues_than_they_are(
        users in prop::collection::vec(0.0f64..300.0, 2..20), think in 0.2f64..5.0,
    ) {
        let load = LoadConfig { kind: LoadKind::Closed, wait_secs: think, ..LoadConfig::default() };
        let mut cluster = cluster(load, Arrivals::Fluid, 1);
        let mut most = 0.0f64;
        for users in users {
            most = most.max(users);
            cluster.advance(6, &mut |_, _| load.rate_of(users));
            let waiting = cluster.ledger(0, 0).waiting + cluster.ledger(0, 1).waiting;
            prop_assert!(waiting <= most * 1.001 + 0.01, "{waiting} of {most}");
        }
    }
}

#[test]
fn closed_load_saturates_without_drops_where_open_load_overflows() {
    // The front serves 21 a second; 100 users who think for a second want 100.
    let load = LoadConfig { kind: LoadKind::Closed, ..LoadConfig::default() };
    let (throughput, response, tally) = settled(load, Arrivals::Fluid, 1, 100.0);
    assert!((throughput - 0.19 / 0.009).abs() < 0.2, "{throughput}");
    assert!((response - (100.0 / throughput - 1.0)).abs() < 0.1, "{response}");
    assert_eq!(tally.failed, 0.0);
}

#[test]
fn drawn_arrivals_follow_the_same_law_on_average() {
    let load = LoadConfig { kind: LoadKind::Closed, ..LoadConfig::default() };
    let (throughput, response, _) = settled(load, Arrivals::Poisson, 2, 100.0);
    assert!((throughput * (1.0 + response) - 100.0).abs() < 5.0, "{throughput}, {response}");
}

#[test]
fn sessions_offer_what_was_intended_and_come_later_when_answers_do() {
    let load =
        LoadConfig { kind: LoadKind::SemiOpen, requests: 4.0, wait_secs: 5.0, ..LoadConfig::default() };
    let mut cluster = cluster(load, Arrivals::Fluid, 3);
    cluster.advance(360, &mut |_, _| 20.0);
    cluster.advance(360, &mut |_, _| 20.0);
    let tally = cluster.interval(0);
    assert!((tally.offered / tally.seconds - 20.0).abs() < 0.2, "{}", tally.offered / tally.seconds);
    // From silence, the first minute sees mostly first requests.
    cluster.reset(0, Time(0.0), &[3, 3], 1);
    cluster.advance(1, &mut |_, _| 20.0);
    let first = cluster.interval(0).offered / 5.0;
    assert!(first > 5.0 && first < 14.0, "{first}");
}

#[test]
fn a_restored_cluster_keeps_its_users() {
    let load = LoadConfig { kind: LoadKind::SemiOpen, requests: 4.0, ..LoadConfig::default() };
    let mut first = cluster(load, Arrivals::Poisson, 1);
    first.advance(30, &mut |_, _| 40.0);
    let mut second = cluster(load, Arrivals::Poisson, 1);
    second.restore(first.state().clone()).unwrap();
    for cluster in [&mut first, &mut second] {
        cluster.advance(30, &mut |_, _| 40.0);
    }
    assert_eq!(first.interval(0), second.interval(0));
}

#[test]
fn settings_of_the_load_out_of_range_are_named() {
    let load = LoadConfig { wait_secs: 0.0, ..LoadConfig::default() };
    let text = SimConfig { load, ..SimConfig::default() }.validate().unwrap_err().to_string();
    assert!(text.contains("sim.load.wait_secs is 0"), "{text}");
}
