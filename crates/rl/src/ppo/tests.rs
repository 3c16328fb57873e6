//! That PPO gets good, on tasks whose answer is known.

use super::*;
use crate::control::CartPole;
use crate::env::VecEnv;
use crate::on_policy::tests::tasks;
use crate::{NetworkConfig, Schedule};

/// RL Zoo's configuration for CartPole-v1, with 8 environments.
fn cartpole_config() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        ..PpoConfig::default()
    }
}

#[test]
fn values_go_on_beyond_a_cut_and_end_at_a_terminal_state() {
    let config = PpoConfig {
        learning_rate: Schedule::linear(1e-2),
        n_steps: 20,
        batch_size: 60,
        n_epochs: 10,
        gamma: 0.9,
        gae_lambda: 1.0,
        ..PpoConfig::default()
    };
    tasks::critic_knows_how_episodes_end::<PpoUpdate>(&config, 20_000);
}

#[test]
fn continuous_actions_are_learned_and_only_clipped_for_the_environment() {
    let config = PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 64,
        batch_size: 128,
        network: NetworkConfig { log_std_init: 0.5, ..NetworkConfig::default() },
        ..PpoConfig::default()
    };
    tasks::learns_numbers::<PpoUpdate>(config, 30_000);
}

#[test]
fn update_stops_once_the_policy_has_moved_too_far() {
    let updates = |target_kl| {
        let mut env = CartPole::new(8);
        let config = PpoConfig { target_kl, ..cartpole_config() };
        let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 10_000).unwrap();
        tasks::figure(&ppo.iterate(&mut env).unwrap(), "train/n_updates")
    };
    assert_eq!(updates(None), Some(20.0));
    // The first pass over the whole rollout finds no distance, the second does.
    assert_eq!(updates(Some(1e-6)), Some(2.0));
}
