//! What all off-policy algorithms must do alike.

mod bad_input;
mod presence;
mod reproducing;
mod tasks;

use super::noise::{NoiseConfig, NoiseKind};
use crate::agents::Learners;
use crate::{DdpgConfig, DqnConfig, SacConfig, Schedule, Td3Config};

/// Every switch on, small.
fn dqn() -> DqnConfig {
    DqnConfig {
        learning_rate: Schedule::linear(1e-3),
        buffer_size: 150,
        learning_starts: 30,
        batch_size: 16,
        target_update_interval: 40,
        exploration_fraction: 0.5,
        double: true,
        dueling: true,
        prioritized: true,
        n_step: 3,
        rounds: 3,
        constraint_steps: 7,
        ..DqnConfig::default()
    }
}

fn noise(kind: NoiseKind) -> NoiseConfig {
    NoiseConfig { kind, sigma: Schedule::linear(0.3), ..NoiseConfig::default() }
}

fn ddpg() -> DdpgConfig {
    DdpgConfig {
        buffer_size: 150,
        learning_starts: 30,
        batch_size: 16,
        n_step: 2,
        gradient_steps: -1,
        constraint_steps: 7,
        action_noise: noise(NoiseKind::OrnsteinUhlenbeck),
        network: super::network::HiddenConfig::relu(&[24, 16]),
        ..DdpgConfig::default()
    }
}

fn td3() -> Td3Config {
    Td3Config {
        buffer_size: 150,
        learning_starts: 30,
        batch_size: 16,
        rounds: 4,
        constraint_steps: 7,
        learners: Learners::Independent,
        action_noise: noise(NoiseKind::Gaussian),
        network: super::network::HiddenConfig::relu(&[24, 16]),
        ..Td3Config::default()
    }
}

fn sac() -> SacConfig {
    SacConfig {
        buffer_size: 150,
        learning_starts: 30,
        batch_size: 16,
        rounds: 4,
        constraint_steps: 7,
        network: super::network::HiddenConfig::relu(&[24, 16]),
        ..SacConfig::default()
    }
}
