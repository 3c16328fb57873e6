//! That A2C gets good, on tasks whose answer is known.

use super::*;
use crate::on_policy::tests::tasks;
use crate::{ConstraintConfig, NetworkConfig, Schedule};

/// RL Zoo's configuration for CartPole-v1, with 8 environments.
fn cartpole_config() -> A2cConfig {
    A2cConfig { learning_rate: Schedule::linear(7e-4), ..A2cConfig::default() }
}

#[test]
fn cartpole_is_solved_within_500_000_steps() {
    let score = |seed| tasks::cartpole_score::<A2cUpdate>(cartpole_config(), seed, 500_000);
    let scores: Vec<f64> = (1..=2).map(score).collect();
    println!("mean return of 30 deterministic episodes, one figure a seed: {scores:?}");
    assert!(scores.iter().all(|score| *score >= 475.0), "{scores:?}");
}

#[test]
fn lagrangian_policy_ends_at_the_bound_and_close_to_the_optimum() {
    let config =
        A2cConfig { learning_rate: Schedule::linear(3e-3), gamma: 0.5, n_steps: 16, ..A2cConfig::default() };
    let bound = ConstraintConfig { kp: 0.02, ki: 0.002, ..ConstraintConfig::new("toll", 0.3) };
    tasks::ends_at_the_bound::<A2cUpdate>(&config, &bound, 400_000);
}

#[test]
fn values_go_on_beyond_a_cut_and_end_at_a_terminal_state() {
    let config =
        A2cConfig { learning_rate: Schedule::linear(3e-3), n_steps: 20, gamma: 0.9, ..A2cConfig::default() };
    tasks::critic_knows_how_episodes_end::<A2cUpdate>(&config, 100_000);
}

#[test]
fn continuous_actions_are_learned_and_only_clipped_for_the_environment() {
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 16,
        network: NetworkConfig { log_std_init: 0.5, ..NetworkConfig::default() },
        ..A2cConfig::default()
    };
    tasks::learns_numbers::<A2cUpdate>(config, 120_000);
}
