use super::*;
use crate::Autoscaler;
use trimtab_model::{
    Allocation, Millicores, PodGroup, PodPhase, PodUsage, Readiness, Replicas, Sample, Seconds, ServiceState,
    Time,
};
use trimtab_nn::ActionSliceMut;

const TWO: &str = r#"
name = "two"
slo = { p95_ms = 100 }
[defaults]
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
replicas = { min = 1, max = 8 }
cpu_per_call_ms = 10
[[service]]
name = "a"
[[service]]
name = "b"
[[endpoint]]
name = "GET /"
weight = 1
service = "a"
steps = [{ call = "b" }]
"#;

fn application() -> Application {
    Application::from_toml(TWO).unwrap()
}

fn steering(kind: ActionKind) -> Steering {
    let app = application();
    Steering::new(kind, TrimConfig::default(), 1, Hpa::default_for(&app).unwrap(), &app).unwrap()
}

/// Both services with `spec` settled pods that use `cpu` millicores each.
fn seen(time: f64, spec: u32, cpu: u32) -> Snapshot {
    let old = Time(-10_000.0);
    let usage = PodUsage {
        cpu: Millicores(cpu),
        memory: trimtab_model::Bytes(0),
        at: Time(time - 5.0),
        window: Seconds(15.0),
    };
    let service = ServiceState {
        replicas: Replicas { spec, ready: spec, starting: 0 },
        pods: vec![PodGroup {
            count: spec,
            phase: PodPhase::Running,
            started: Some(old),
            readiness: Some(Readiness { ready: true, since: old }),
            usage: Some(usage),
            ..PodGroup::default()
        }],
        cpu: Some(Sample { value: Millicores(cpu), age: Seconds(5.0) }),
        allocation: Allocation { cpu_request: Millicores(100), ..Allocation::default() },
        ..ServiceState::default()
    };
    Snapshot { time: Time(time), services: vec![service.clone(), service], ..Snapshot::default() }
}

fn decode(steering: &mut Steering, seen: &Snapshot, choices: &[u32]) -> Vec<Option<u32>> {
    let mut proposal = Decision::default();
    proposal.clear(2);
    steering.decode(seen, ActionSlice::Choices(choices), &mut proposal).unwrap();
    proposal.services.iter().map(|s| s.replicas).collect()
}

#[test]
fn the_zero_action_is_the_exact_inner_hpa() {
    let app = application();
    let (mut trimmed, mut hpa) = (steering(ActionKind::Trim), Hpa::default_for(&app).unwrap());
    let neutral = trimmed.neutral();
    let choices: Vec<u32> = neutral.iter().chain(&neutral).copied().collect();
    let mut spec = 2;
    for i in 0..200u32 {
        let at = seen(15.0 * f64::from(i), spec, (i * 37) % 190);
        let mut proposal = Decision::default();
        proposal.clear(2);
        hpa.decide(&at, &mut proposal);
        assert_eq!(decode(&mut trimmed, &at, &choices)[0], proposal.services[0].replicas);
        spec = proposal.services[0].replicas.unwrap();
    }
}

#[test]
fn a_lower_target_asks_for_more() {
    // 60 m of 100 m at 80 %: 2 pods are within tolerance of ceil(1.5); at 80 % × 0.6 it takes 3.
    let mut trim = steering(ActionKind::Trim);
    assert_eq!(decode(&mut trim, &seen(0.0, 2, 60), &[0, 1, 2, 1]), [Some(3), Some(2)]);
}

#[test]
fn feed_forward_is_added_once_and_not_at_every_decision() {
    let mut trim = steering(ActionKind::Trim);
    for i in 0..20 {
        let spec = if i == 0 { 2 } else { 3 };
        assert_eq!(decode(&mut trim, &seen(15.0 * f64::from(i), spec, 78), &[2, 2, 2, 2])[0], Some(3));
    }
}

#[test]
fn a_continuous_zero_is_the_zero_action_and_the_ends_are_the_bounds() {
    let mut trim = steering(ActionKind::TrimContinuous);
    let mut proposal = Decision::default();
    proposal.clear(2);
    trim.decode(&seen(0.0, 2, 80), ActionSlice::Numbers(&[0.0, 0.0, 1.0, -1.0]), &mut proposal).unwrap();
    assert_eq!(trim.echo()[0], Echo::default());
    assert!((trim.echo()[1].shift - 0.4).abs() < 1e-6 && trim.echo()[1].feed_forward == -1.0);
    assert!(trim.decode(&seen(0.0, 2, 80), ActionSlice::Numbers(&[1.5; 4]), &mut proposal).is_err());
}

#[test]
fn a_move_changes_one_service_and_the_mask_forbids_the_rest() {
    let mut moves = steering(ActionKind::Move);
    // Service 1, move 2: two more.
    assert_eq!(decode(&mut moves, &seen(0.0, 2, 80), &[15 + 2]), [None, Some(4)]);
    // Service 0, move 8: one fewer.
    assert_eq!(decode(&mut moves, &seen(0.0, 2, 80), &[8]), [Some(1), None]);
    let mut allowed = [false; 30];
    moves.mask(&seen(0.0, 2, 80), &mut allowed);
    assert_eq!(allowed[..15].iter().filter(|&&a| a).count(), 1 + 6 + 1);
    assert_eq!(decode(&mut moves, &seen(0.0, 2, 80), &[9]), [None, None]);
    assert_eq!(moves.invalid(), 1);
}

#[test]
fn an_action_outside_the_space_is_an_error() {
    let mut proposal = Decision::default();
    proposal.clear(2);
    let at = seen(0.0, 2, 80);
    assert!(steering(ActionKind::Move).decode(&at, ActionSlice::Choices(&[30]), &mut proposal).is_err());
    assert!(
        steering(ActionKind::Trim).decode(&at, ActionSlice::Choices(&[9, 0, 0, 0]), &mut proposal).is_err()
    );
}

/// The action nearest to these replicas, and what comes of it.
fn nearest(kind: ActionKind, seen: &Snapshot, wish: [u32; 2]) -> (ActionBuffers, Vec<Option<u32>>) {
    let mut steering = steering(kind);
    let mut decision = Decision::default();
    decision.clear(2);
    for (service, replicas) in decision.services.iter_mut().zip(wish) {
        service.replicas = Some(replicas);
    }
    // A trim has two choices for each of the two services, whose rows they are.
    let width = if kind == ActionKind::Trim { 4 } else { steering.head().width() };
    let mut buffers = ActionBuffers { choices: vec![9; width], numbers: vec![9.0; 4] };
    let action = match kind {
        ActionKind::TrimContinuous => ActionSliceMut::Numbers(&mut buffers.numbers),
        _ => ActionSliceMut::Choices(&mut buffers.choices),
    };
    steering.nearest(seen, &decision, action).unwrap();
    let mut proposal = Decision::default();
    proposal.clear(2);
    let action = match kind {
        ActionKind::TrimContinuous => ActionSlice::Numbers(&buffers.numbers),
        _ => ActionSlice::Choices(&buffers.choices),
    };
    steering.decode(seen, action, &mut proposal).unwrap();
    (buffers, proposal.services.iter().map(|service| service.replicas).collect())
}

struct ActionBuffers {
    choices: Vec<u32>,
    numbers: Vec<f32>,
}

#[test]
fn the_inner_autoscalers_own_decision_is_nearest_to_the_zero_action() {
    // 120 m of 100 m at a target of 80 %: three times 1.5.
    let seen = seen(1000.0, 3, 120);
    let (action, asked) = nearest(ActionKind::Trim, &seen, [5, 5]);
    assert_eq!((action.choices, asked), (vec![2, 1, 2, 1], vec![Some(5), Some(5)]));
    let (action, asked) = nearest(ActionKind::TrimContinuous, &seen, [5, 5]);
    assert_eq!((action.numbers, asked), (vec![0.0; 4], vec![Some(5), Some(5)]));
}

#[test]
fn a_decision_within_reach_is_reproduced_by_the_smallest_correction_and_one_beyond_approached() {
    let seen = seen(1000.0, 3, 120);
    for kind in [ActionKind::Trim, ActionKind::TrimContinuous] {
        assert_eq!(nearest(kind, &seen, [6, 4]).1, [Some(6), Some(4)]);
        let far = nearest(kind, &seen, [1, 8]).1;
        assert!(far[0] < Some(5) && far[1] > Some(5), "{far:?}");
    }
    // A shift alone does it, so no replica is added on top.
    assert_eq!(nearest(ActionKind::TrimContinuous, &seen, [6, 6]).0.numbers[1], 0.0);
}

#[test]
fn steps_and_moves_are_the_teachers_cut_at_the_largest() {
    let seen = seen(1000.0, 3, 60);
    assert_eq!(nearest(ActionKind::Delta, &seen, [2, 6]).1, [Some(2), Some(4)]);
    assert_eq!(nearest(ActionKind::Delta, &seen, [3, 3]).0.choices, [1, 1]);
    assert_eq!(nearest(ActionKind::Move, &seen, [2, 6]).1, [None, Some(6)]);
    assert_eq!(nearest(ActionKind::Move, &seen, [1, 3]).1, [Some(1), None]);
    assert_eq!(nearest(ActionKind::Move, &seen, [3, 3]).0.choices, [0]);
}
