//! Advantages against a reference written from the definition, and tasks with known values.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

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

/// `Aₜ` as the sum over `(γλ)ᵏ·δₜ₊ₖ` up to the end of the episode or of the rollout.
fn reference(buffer: &RolloutBuffer, gamma: f64, lambda: f64, row: usize, signal: usize, step: usize) -> f64 {
    let RolloutShape { n_steps, n_envs, n_agents, signals, .. } = buffer.shape;
    let at = |step: usize| (step * n_envs * n_agents + row) * signals + signal;
    let (mut advantage, mut factor) = (0.0, 1.0);
    for t in step..n_steps {
        let end = t * n_envs + row / n_agents;
        let next = match (buffer.terminated[end], buffer.truncated[end]) {
            (true, _) => 0.0,
            (false, true) => buffer.final_values[at(t)],
            (false, false) if t + 1 == n_steps => buffer.last_values[row * signals + signal],
            (false, false) => buffer.values[at(t + 1)],
        };
        let delta =
            f64::from(buffer.signals[at(t)]) + gamma * f64::from(next) - f64::from(buffer.values[at(t)]);
        advantage += factor * delta;
        factor *= gamma * lambda;
        if buffer.terminated[end] || buffer.truncated[end] {
            break;
        }
    }
    advantage
}

#[test]
fn advantages_agree_with_the_definition_over_all_ways_to_end() {
    let mut buffer = RolloutBuffer::new(shape(40, 3, 2, 2));
    let mut rng = Pcg64::seed_from_u64(1);
    let number = |rng: &mut Pcg64| rng.random_range(-2.0..2.0f32);
    buffer.signals.iter_mut().for_each(|x| *x = number(&mut rng));
    buffer.values.iter_mut().for_each(|x| *x = number(&mut rng));
    buffer.final_values.iter_mut().for_each(|x| *x = number(&mut rng));
    buffer.last_values.iter_mut().for_each(|x| *x = number(&mut rng));
    buffer.terminated.iter_mut().for_each(|x| *x = rng.random_bool(0.2));
    buffer.truncated.iter_mut().for_each(|x| *x = rng.random_bool(0.2));
    let mut patterns = [false; 4];
    for (terminated, truncated) in buffer.terminated.iter().zip(&buffer.truncated) {
        patterns[usize::from(*terminated) * 2 + usize::from(*truncated)] = true;
    }
    assert_eq!(patterns, [true; 4], "every way to end must occur");
    buffer.compute_advantages(0.97, 0.9);
    for step in 0..40 {
        for row in 0..6 {
            for signal in 0..2 {
                let at = (step * 6 + row) * 2 + signal;
                let expected = reference(&buffer, 0.97, 0.9, row, signal, step);
                assert!((f64::from(buffer.advantages[at]) - expected).abs() < 1e-5, "{step} {row} {signal}");
                assert_eq!(buffer.returns[at], buffer.advantages[at] + buffer.values[at]);
            }
        }
    }
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
