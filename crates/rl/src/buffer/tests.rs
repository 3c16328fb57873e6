//! Advantages against NumPy's (`tests/fixtures/make_advantages.py`), and tasks with known values.

use serde::Deserialize;

use super::*;

fn shape(n_steps: usize, n_envs: usize, n_agents: usize, signals: usize) -> RolloutShape {
    RolloutShape {
        n_steps,
        n_envs,
        n_agents,
        obs_dim: 1,
        critic_dim: 0,
        head: ActionHead::Discrete(2),
        signals,
        masked: false,
        varying: false,
        memory: 0,
        sequence_length: 1,
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    n_steps: usize,
    n_envs: usize,
    n_agents: usize,
    n_signals: usize,
    gamma: f64,
    gae_lambda: f64,
    signals: Vec<f32>,
    values: Vec<f32>,
    final_values: Vec<f32>,
    last_values: Vec<f32>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    presence: Vec<usize>,
    last_presence: Vec<usize>,
    advantages: Vec<f32>,
}

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[test]
fn advantages_and_returns_agree_with_numpy_over_all_ways_to_end_wait_and_leave() {
    let fixture = include_str!("../../tests/fixtures/advantages.json");
    let fixture: Fixture = serde_json::from_str(fixture).unwrap();
    let kinds = [Presence::Acting, Presence::Waiting, Presence::Absent];
    let presence = |numbers: Vec<usize>| numbers.into_iter().map(|kind| kinds[kind]).collect();
    for case in fixture.cases {
        let varying = !case.presence.is_empty();
        let shape =
            RolloutShape { varying, ..shape(case.n_steps, case.n_envs, case.n_agents, case.n_signals) };
        let mut buffer = RolloutBuffer::new(shape);
        (buffer.signals, buffer.values) = (case.signals, case.values);
        (buffer.final_values, buffer.last_values) = (case.final_values, case.last_values);
        (buffer.terminated, buffer.truncated) = (case.terminated, case.truncated);
        (buffer.presence, buffer.last_presence) = (presence(case.presence), presence(case.last_presence));
        buffer.compute_advantages(case.gamma, case.gae_lambda);
        for (at, (found, expected)) in buffer.advantages.iter().zip(&case.advantages).enumerate() {
            assert!((found - expected).abs() < 1e-5, "{}, {at}: {found}, expected {expected}", case.name);
            assert_eq!(buffer.returns[at], found + buffer.values[at]);
        }
    }
}

#[test]
fn sequences_in_which_nobody_acts_are_left_out_and_rows_after_absence_start_anew() {
    let mut buffer = RolloutBuffer::new(RolloutShape {
        varying: true,
        memory: 1,
        sequence_length: 2,
        ..shape(4, 1, 2, 1)
    });
    let (acts, waits, absent) = (Presence::Acting, Presence::Waiting, Presence::Absent);
    buffer.presence = vec![acts, waits, waits, waits, absent, acts, acts, acts];
    buffer.terminated[1] = true;
    buffer.memory = vec![0.1, 0.2, 0.3, 0.4];
    let mut first_rows = vec![];
    buffer.sequences(&mut first_rows);
    assert_eq!(first_rows, [0, 4, 5]);
    assert_eq!((0..8).map(|row| buffer.starts(row)).collect::<Vec<_>>()[4..], [true, true, true, false]);
    let mut batch = Minibatch::new(&buffer.shape, 4);
    batch.gather(&buffer, &[5, 4]);
    assert_eq!(batch.memory, [0.4, 0.3]);
    assert_eq!(batch.starts, [false, false, false, true], "memory at a sequence's start is as it was kept");
    assert_eq!(batch.counts, [true, false, true, true]);
    assert_eq!(batch.counted(), 3);
    (batch.advantages, batch.returns) = (vec![1.0, 50.0, 2.0, 3.0], vec![0.0; 4]);
    batch.normalize_advantages();
    assert_eq!([batch.advantages[0], batch.advantages[2], batch.advantages[3]], [-1.0, 0.0, 1.0]);
}

/// The value that repeated sweeps settle on in a one-state task with reward 1 and episodes of `length` steps.
fn settled_value(length: usize, terminated: bool, gamma: f64) -> f64 {
    let mut buffer = RolloutBuffer::new(shape(length, 1, 1, 1));
    buffer.signals.fill(1.0);
    let ends = if terminated { &mut buffer.terminated } else { &mut buffer.truncated };
    ends[length - 1] = true;
    let mut value = 0.0;
    for _ in 0..2000 {
        buffer.values.fill(value);
        buffer.final_values.fill(value);
        buffer.compute_advantages(gamma, 0.0);
        value = buffer.returns.iter().sum::<f32>() / length as f32;
    }
    f64::from(value)
}

#[test]
fn truncated_episode_bootstraps_its_last_value() {
    assert!((settled_value(4, false, 0.9) - 10.0).abs() < 1e-3);
}

#[test]
fn terminated_episode_is_worth_nothing_beyond() {
    // One state, left with probability 1/4 a step: V = 1 + γ·¾·V.
    assert!((settled_value(4, true, 0.9) - 1.0 / (1.0 - 0.9 * 0.75)).abs() < 1e-3);
}

#[test]
fn multipliers_weigh_rewards_against_costs() {
    let mut buffer = RolloutBuffer::new(shape(1, 1, 1, 3));
    buffer.advantages = vec![6.0, 1.0, 2.0];
    buffer.combine_advantages(&[0.5, 1.5]);
    assert!((buffer.policy_advantages[0] - (6.0 - 0.5 - 3.0) / 3.0).abs() < 1e-6);
}

#[test]
fn explained_variance_is_one_for_perfect_values() {
    let mut buffer = RolloutBuffer::new(shape(3, 1, 1, 1));
    (buffer.returns, buffer.advantages) = (vec![1.0, 2.0, 3.0], vec![0.0; 3]);
    assert_eq!(buffer.explained_variance(), Some(1.0));
    buffer.advantages = vec![-1.0, 0.0, 1.0];
    assert_eq!(buffer.explained_variance(), Some(0.0));
    buffer.returns.fill(0.1);
    assert_eq!(buffer.explained_variance(), None, "returns that do not vary leave nothing to explain");
}

#[test]
fn normalised_advantages_have_mean_zero_and_deviation_one() {
    let mut batch = Minibatch::new(&shape(1, 1, 1, 1), 4);
    (batch.rows, batch.advantages) = (3, vec![1.0, 2.0, 3.0, 99.0]);
    batch.normalize_advantages();
    assert_eq!(batch.advantages, [-1.0, 0.0, 1.0, 99.0]);
    (batch.rows, batch.advantages) = (1, vec![5.0]);
    batch.normalize_advantages();
    assert_eq!(batch.advantages, [5.0]);
}
