use super::*;
use trimtab_model::{
    Allocation, Bytes, Millicores, PodGroup, PodPhase, PodUsage, Readiness, ReplicaBounds, Replicas, Seconds,
    ServiceState, Time,
};

const NOW: Time = Time(10_000.0);
const BOUNDS: ReplicaBounds = ReplicaBounds { min: 1, max: 100 };

fn pods(count: u32, cpu: Option<u32>, ready: bool) -> PodGroup {
    let old = Time(0.0);
    PodGroup {
        count,
        phase: PodPhase::Running,
        started: Some(old),
        readiness: Some(Readiness { ready, since: old }),
        usage: cpu.map(|m| PodUsage { cpu: Millicores(m), memory: Bytes(0), at: NOW, window: Seconds(15.0) }),
        ..PodGroup::default()
    }
}

fn service(spec: u32, pods: Vec<PodGroup>) -> ServiceState {
    ServiceState {
        replicas: Replicas { spec, ready: spec, starting: 0 },
        pods,
        allocation: Allocation { cpu_request: Millicores(1000), ..Allocation::default() },
        ..ServiceState::default()
    }
}

fn hpa(percent: u32) -> Controller {
    Controller::new(HpaSpec::cpu(BOUNDS, percent), Constants::default()).unwrap()
}

fn proposed(percent: u32, spec: u32, groups: Vec<PodGroup>) -> Option<u32> {
    hpa(percent).sync(NOW, &service(spec, groups), spec, 1.0).proposed
}

#[test]
fn replicas_follow_the_ratio_rounded_up() {
    // 3 pods at 50 % with target 30 %: ceil(5/3 × 3) = 5.
    assert_eq!(proposed(30, 3, vec![pods(3, Some(500), true)]), Some(5));
    assert_eq!(proposed(50, 3, vec![pods(3, Some(250), true)]), Some(2));
}

#[test]
fn both_ends_of_the_tolerance_are_inside() {
    assert_eq!(proposed(100, 10, vec![pods(10, Some(1100), true)]), Some(10));
    assert_eq!(proposed(100, 10, vec![pods(10, Some(900), true)]), Some(10));
    assert_eq!(proposed(100, 10, vec![pods(10, Some(1110), true)]), Some(12));
}

#[test]
fn utilisation_is_truncated_to_whole_percent() {
    // 110.9 % truncates to 110 %, which is inside the tolerance.
    assert_eq!(proposed(100, 10, vec![pods(10, Some(1109), true)]), Some(10));
}

#[test]
fn missing_pods_dampen_both_directions() {
    // Up: 2 of 4 report 1000 m at target 50 %: ratio 2, but over 4 pods only 1: stay.
    assert_eq!(proposed(50, 4, vec![pods(2, Some(1000), true), pods(2, None, true)]), Some(4));
    // Down: 2 of 4 report 100 m; the others count as using their full request: 55 % of 50 %.
    assert_eq!(proposed(50, 4, vec![pods(2, Some(100), true), pods(2, None, true)]), Some(4));
}

#[test]
fn unready_pods_dampen_only_scaling_up() {
    let starting = PodGroup { phase: PodPhase::Pending, ..pods(2, None, false) };
    assert_eq!(proposed(50, 4, vec![pods(2, Some(1000), true), starting]), Some(4));
    assert_eq!(proposed(50, 4, vec![pods(2, Some(100), true), starting]), Some(1));
}

#[test]
fn a_sample_from_before_readiness_does_not_count() {
    let young = PodGroup {
        started: Some(NOW - Seconds(60.0)),
        readiness: Some(Readiness { ready: true, since: NOW - Seconds(10.0) }),
        ..pods(1, Some(2000), true)
    };
    let totals = group_pods(&[pods(3, Some(500), true), young], Resource::Cpu, NOW, &Constants::default());
    assert_eq!((totals.ready, totals.unready, totals.usage), (3, 1, 1500));
    let totals = group_pods(&[young], Resource::Memory, NOW, &Constants::default());
    assert_eq!(totals.ready, 1);
}

#[test]
fn without_behaviour_growth_is_limited_to_twice_or_four() {
    assert_eq!(hpa(10).sync(NOW, &service(1, vec![pods(1, Some(1000), true)]), 1, 1.0).desired, 4);
    assert_eq!(hpa(10).sync(NOW, &service(5, vec![pods(5, Some(1000), true)]), 5, 1.0).desired, 10);
}

#[test]
fn shrinking_waits_until_the_highest_recommendation_has_left_the_window() {
    let mut hpa = hpa(50);
    let at = |secs: f64| NOW + Seconds(secs);
    assert_eq!(hpa.sync(NOW, &service(4, vec![pods(4, Some(500), true)]), 4, 1.0).desired, 4);
    for secs in [15.0, 150.0, 300.0] {
        assert_eq!(
            hpa.sync(at(secs), &service(4, vec![pods(4, Some(100), true)]), 4, 1.0).desired,
            4,
            "{secs}"
        );
    }
    assert_eq!(hpa.sync(at(301.0), &service(4, vec![pods(4, Some(100), true)]), 4, 1.0).desired, 1);
}

#[test]
fn with_behaviour_the_window_is_strict() {
    let spec = HpaSpec::cpu(BOUNDS, 50).with_scale_down_window(60.0);
    let mut hpa = Controller::new(spec, Constants::default()).unwrap();
    assert_eq!(hpa.sync(NOW, &service(4, vec![pods(4, Some(500), true)]), 4, 1.0).desired, 4);
    let low = service(4, vec![pods(4, Some(100), true)]);
    assert_eq!(hpa.sync(NOW + Seconds(59.0), &low, 4, 1.0).desired, 4);
    assert_eq!(hpa.sync(NOW + Seconds(60.0), &low, 4, 1.0).desired, 1);
}

#[test]
fn a_percent_policy_counts_from_the_start_of_its_period() {
    let mut spec = HpaSpec::cpu(BOUNDS, 10);
    let up = Rules {
        policies: vec![Policy { kind: PolicyKind::Percent, value: 50, period_secs: 60 }],
        ..Rules::scale_up()
    };
    spec.behavior = Some(Behavior { scale_up: up, scale_down: Rules::scale_down() });
    let mut hpa = Controller::new(spec, Constants::default()).unwrap();
    let hot = |n| service(n, vec![pods(n, Some(1000), true)]);
    assert_eq!(hpa.sync(NOW, &hot(4), 4, 1.0).desired, 6);
    // Within the period the base is still 4, so 6 is all there is.
    assert_eq!(hpa.sync(NOW + Seconds(15.0), &hot(6), 6, 1.0).desired, 6);
    assert_eq!(hpa.sync(NOW + Seconds(60.0), &hot(6), 6, 1.0).desired, 9);
}

#[test]
fn a_scale_down_rate_bounds_what_leaves_in_a_minute() {
    let spec = HpaSpec::cpu(BOUNDS, 50).with_scale_down_window(0.0).with_scale_down_rate(25);
    let mut hpa = Controller::new(spec, Constants::default()).unwrap();
    let idle = |n| service(n, vec![pods(n, Some(10), true)]);
    assert_eq!(hpa.sync(NOW, &idle(8), 8, 1.0).desired, 6);
    assert_eq!(hpa.sync(NOW + Seconds(15.0), &idle(6), 6, 1.0).desired, 6);
    assert_eq!(hpa.sync(NOW + Seconds(60.0), &idle(6), 6, 1.0).desired, 4);
}

#[test]
fn a_broken_metric_blocks_scaling_down_but_not_up() {
    let metric = Metric { resource: Resource::Memory, target: Target::Utilization(50.0) };
    let mut spec = HpaSpec::cpu(BOUNDS, 50);
    spec.metrics.push(metric);
    let mut hpa = Controller::new(spec, Constants::default()).unwrap();
    // No memory request: that metric is invalid.
    let down = hpa.sync(NOW, &service(4, vec![pods(4, Some(100), true)]), 4, 1.0);
    assert_eq!((down.desired, down.proposed, down.error), (4, None, Some(MetricError::NoRequest)));
    let up = hpa.sync(NOW, &service(4, vec![pods(4, Some(1000), true)]), 4, 1.0);
    assert_eq!(up.desired, 8);
}

#[test]
fn a_target_outside_its_bounds_is_brought_back_without_metrics() {
    let mut hpa =
        Controller::new(HpaSpec::cpu(ReplicaBounds { min: 2, max: 5 }, 50), Constants::default()).unwrap();
    assert_eq!(hpa.sync(NOW, &service(9, vec![]), 9, 1.0).desired, 5);
    assert_eq!(hpa.sync(NOW, &service(1, vec![]), 1, 1.0).desired, 2);
    assert_eq!(hpa.sync(NOW, &service(0, vec![]), 0, 1.0).desired, 0);
}

#[test]
fn a_spec_that_the_api_would_refuse_is_refused() {
    let bad = |change: fn(&mut HpaSpec)| {
        let mut spec = HpaSpec::cpu(BOUNDS, 50).with_scale_down_window(60.0);
        change(&mut spec);
        spec.validate().unwrap_err().to_string()
    };
    assert!(bad(|s| s.min_replicas = 0).contains("hpa.min_replicas is 0, expected at least 1"));
    assert!(bad(|s| s.max_replicas = 0).contains("hpa.max_replicas"));
    assert!(bad(|s| s.metrics.clear()).contains("hpa.metrics"));
    assert!(
        bad(|s| s.behavior.as_mut().unwrap().scale_down.stabilization_secs = Some(4000.0))
            .contains("0 to 3600")
    );
}
