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
    let sample = PodSample { value: 2000, at: NOW, window: Seconds(15.0) };
    let sorted = |cpu| group(&Pod::from(&young), Some(&sample), cpu, NOW, &Constants::default());
    assert_eq!(sorted(true), Group::Unready);
    assert_eq!(sorted(false), Group::Ready);
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
    let metric = Metric::Resource { resource: Resource::Memory, target: Target::Utilization(50) };
    let mut spec = HpaSpec::cpu(BOUNDS, 50);
    spec.metrics.push(metric);
    let mut hpa = Controller::new(spec, Constants::default()).unwrap();
    // No memory request: that metric is invalid.
    let down = hpa.sync(NOW, &service(4, vec![pods(4, Some(100), true)]), 4, 1.0);
    assert_eq!((down.desired, down.proposed, down.error), (4, None, Some(MetricError::MissingRequest)));
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
        spec.validate(&FeatureGates::default()).unwrap_err().to_string()
    };
    assert!(bad(|s| s.min_replicas = 0).contains("hpa.min_replicas is 0, expected at least 1"));
    assert!(bad(|s| s.max_replicas = 0).contains("hpa.max_replicas"));
    assert!(bad(|s| s.metrics.clear()).contains("hpa.metrics"));
    assert!(
        bad(|s| s.behavior.as_mut().unwrap().scale_down.stabilization_secs = Some(4000.0))
            .contains("0 to 3600")
    );
}

const ONE: Scale = Scale { spec_replicas: 1, status_replicas: 1 };

fn external(target: Target) -> HpaSpec {
    let metric = MetricIdentifier { name: "queue".to_owned(), selector: None };
    HpaSpec {
        min_replicas: 0,
        max_replicas: 10,
        metrics: vec![Metric::External { metric, target }],
        behavior: Some(Behavior::default()),
    }
    .with_scale_down_window(0.0)
}

fn reconcile(controller: &mut Controller, now: Time, scale: Scale, series: &[i64]) -> Outcome {
    let ready = ReadyCondition { status: ReadyStatus::True, since: Time(0.0) };
    let pod = Pod {
        count: scale.status_replicas as u32,
        phase: Some(PodPhase::Running),
        deleting: false,
        started: Some(Time(0.0)),
        ready: Some(ready),
    };
    let seen = Observation {
        scale: Some(scale),
        selector: Ok(()),
        pods: &[pod],
        readings: &[Reading::Series(series)],
    };
    let mut outcome = controller.decide(now, &seen);
    controller.commit(now, &mut outcome, true);
    outcome
}

#[test]
fn an_external_metric_scales_to_zero_and_back() {
    let mut hpa = Controller::new(external(Target::AverageValue(1000)), Constants::default()).unwrap();
    assert_eq!(reconcile(&mut hpa, NOW, ONE, &[0]).desired(), 0);
    let zero = hpa.status().conditions.get(ConditionType::ScaledToZero).unwrap();
    assert_eq!((zero.status, zero.reason), (true, Reason::ScaledToZero));
    let none = Scale { spec_replicas: 0, status_replicas: 0 };
    assert_eq!(reconcile(&mut hpa, NOW + Seconds(15.0), none, &[1500, 1500]).desired(), 3);
    assert_eq!(hpa.status().last_scale_time, Some(NOW + Seconds(15.0)));
}

#[test]
fn replicas_set_to_zero_by_hand_switch_the_hpa_off() {
    let mut hpa = Controller::new(external(Target::Value(1000)), Constants::default()).unwrap();
    let none = Scale { spec_replicas: 0, status_replicas: 0 };
    assert_eq!(reconcile(&mut hpa, NOW, none, &[9000]).desired(), 0);
    let active = hpa.status().conditions.get(ConditionType::ScalingActive).unwrap();
    assert_eq!((active.status, active.reason), (false, Reason::ScalingDisabled));
}

#[test]
fn events_tell_why_replicas_change() {
    let mut hpa = Controller::new(external(Target::Value(1000)), Constants::default()).unwrap();
    let outcome = reconcile(&mut hpa, NOW, ONE, &[3000]);
    let change = Rescale { replicas: 3, reason: Some(RescaleReason::AboveTarget(0)) };
    assert_eq!(hpa.events(&outcome).collect::<Vec<_>>(), [Event::SuccessfulRescale(change)]);
    let failed = Observation { scale: Some(ONE), selector: Ok(()), pods: &[], readings: &[Reading::Failed] };
    let outcome = hpa.decide(NOW, &failed);
    assert_eq!(
        hpa.events(&outcome).collect::<Vec<_>>(),
        [Event::FailedMetric(0, Reason::FailedGetExternalMetric), Event::FailedComputeMetricsReplicas]
    );
}

#[test]
fn a_write_that_fails_is_told_and_tried_again() {
    let mut hpa = Controller::new(external(Target::Value(1000)), Constants::default()).unwrap();
    let pod = Pod { count: 1, phase: None, deleting: false, started: None, ready: None };
    let series = [3000];
    let seen = Observation {
        scale: Some(Scale { spec_replicas: 0, status_replicas: 0 }),
        selector: Ok(()),
        pods: &[pod],
        readings: &[Reading::Series(&series)],
    };
    let mut status = Status::default();
    status.conditions.set(ConditionType::ScaledToZero, true, Reason::ScaledToZero, NOW);
    hpa.set_status(status);
    let mut outcome = hpa.decide(NOW, &seen);
    hpa.commit(NOW, &mut outcome, false);
    assert_eq!(outcome.error, Some(SyncError::FailedUpdateScale));
    assert_eq!((hpa.status().current_replicas, hpa.status().desired_replicas), (0, 0));
    assert_eq!(hpa.decide(NOW, &seen).desired(), 3);
}

#[test]
fn a_pod_without_a_container_or_request_makes_the_metric_invalid() {
    let containers = [ContainerRequest { name: "app", request: Some(100) }];
    let proxy =
        InitRequest { container: ContainerRequest { name: "proxy", request: None }, restartable: true };
    let setup =
        InitRequest { container: ContainerRequest { name: "setup", request: Some(250) }, restartable: false };
    let init = [proxy, setup];
    let pod =
        PodRequests { containers: &containers, init: &init, pod_level: Some(Some(500)), overhead: Some(10) };
    assert_eq!(pod_request(&pod, None, true), Ok(510));
    // Pod-level requests of another resource: what the pod needs at once, here for its init container.
    assert_eq!(pod_request(&PodRequests { pod_level: Some(None), ..pod }, None, true), Ok(260));
    assert_eq!(pod_request(&pod, None, false), Err(MetricError::MissingRequest));
    assert_eq!(pod_request(&pod, Some("app"), true), Ok(100));
    assert_eq!(pod_request(&pod, Some("db"), true), Err(MetricError::MissingContainer));
}

#[test]
fn a_manifest_says_all_of_a_spec() {
    let object =
        ObjectReference { api_version: "v1".to_owned(), kind: "Service".to_owned(), name: "web".to_owned() };
    let metric = MetricIdentifier {
        name: "queue".to_owned(),
        selector: Some(LabelSelector {
            match_labels: [("team".to_owned(), "a".to_owned())].into(),
            match_expressions: Vec::new(),
        }),
    };
    let spec = HpaSpec {
        min_replicas: 2,
        max_replicas: 9,
        metrics: vec![
            Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(70) },
            Metric::ContainerResource {
                resource: Resource::Memory,
                container: "app".to_owned(),
                target: Target::AverageValue(128 * 1024 * 1024 * 1000),
            },
            Metric::Pods { metric: metric.clone(), target: Target::AverageValue(1500) },
            Metric::Object {
                metric: metric.clone(),
                described_object: object.clone(),
                target: Target::Value(i64::MAX),
            },
            Metric::External { metric, target: Target::AverageValue(30_000) },
        ],
        behavior: Some(Behavior {
            scale_up: Rules { tolerance: Some(0.05), select: Select::Min, ..Rules::scale_up() },
            scale_down: Rules { stabilization_secs: Some(60.0), ..Rules::scale_down() },
        }),
    };
    let text = serde_json::to_string(&Manifest::new("web", object, &spec)).unwrap();
    assert!(text.contains(r#""averageValue":"128Mi""#) && text.contains(r#""tolerance":"50m""#), "{text}");
    let read: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(read.spec().unwrap(), spec);
}

#[test]
fn what_a_manifest_leaves_out_is_filled_in_as_the_api_server_does() {
    let read = |spec: &str| -> HpaSpec {
        let target = r#""scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}"#;
        let text = format!(
            r#"{{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {{"name": "a", "uid": "x"}},
               "spec": {{{target}, {spec}}}, "status": {{}}}}"#
        );
        serde_json::from_str::<Manifest>(&text).unwrap().spec().unwrap()
    };
    assert_eq!(read(r#""maxReplicas": 5"#), HpaSpec::cpu(ReplicaBounds { min: 1, max: 5 }, 80));
    let partly = read(r#""maxReplicas": 5, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 9}}"#);
    let behavior = Behavior {
        scale_up: Rules::scale_up(),
        scale_down: Rules { stabilization_secs: Some(9.0), ..Rules::scale_down() },
    };
    assert_eq!(partly.behavior, Some(behavior));
}
