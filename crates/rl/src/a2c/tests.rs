//! That A2C gets good, on tasks whose answer is known.

use super::*;
use crate::on_policy::tests::tasks;
use crate::{NetworkConfig, Schedule};

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
