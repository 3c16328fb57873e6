//! Hyper-parameters that off-policy algorithms start from in the autoscaling environments; the algorithms' own defaults are
//! elsewhere.
//!
//! An iteration makes 64 steps of every environment, as one of PPO does. A step of 32 environments with eleven services is
//! 352 transitions, so that a few gradient steps go with it rather than one for each.
//!
//! Left out: hyper-parameters of on-policy algorithms.

use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::off_policy::noise::{NoiseConfig, NoiseKind};
use trimtab_rl::{DdpgConfig, DqnConfig, SacConfig, Schedule, Td3Config};

const ROUNDS: usize = 64;
const BUFFER_SIZE: usize = 200_000;
const LEARNING_STARTS: u64 = 10_000;
const BATCH_SIZE: usize = 256;
const GAMMA: f64 = 0.9;
const GRADIENT_STEPS: i64 = 2;

fn network() -> HiddenConfig {
    HiddenConfig::relu(&[64, 64])
}

fn noise() -> NoiseConfig {
    NoiseConfig { kind: NoiseKind::Gaussian, sigma: Schedule::linear(0.3), ..NoiseConfig::default() }
}

pub(super) fn dqn() -> DqnConfig {
    DqnConfig {
        learning_rate: Schedule::linear(1e-3),
        buffer_size: BUFFER_SIZE,
        learning_starts: LEARNING_STARTS,
        batch_size: BATCH_SIZE,
        gamma: GAMMA,
        train_freq: 1,
        gradient_steps: GRADIENT_STEPS,
        target_update_interval: 5000,
        exploration_fraction: 0.3,
        double: true,
        rounds: ROUNDS,
        network: network(),
        ..DqnConfig::default()
    }
}

pub(super) fn ddpg() -> DdpgConfig {
    DdpgConfig {
        buffer_size: BUFFER_SIZE,
        learning_starts: LEARNING_STARTS,
        batch_size: BATCH_SIZE,
        gamma: GAMMA,
        gradient_steps: GRADIENT_STEPS,
        action_noise: noise(),
        start_at_zero: true,
        rounds: ROUNDS,
        network: network(),
        ..DdpgConfig::default()
    }
}

pub(super) fn td3() -> Td3Config {
    Td3Config {
        buffer_size: BUFFER_SIZE,
        learning_starts: LEARNING_STARTS,
        batch_size: BATCH_SIZE,
        gamma: GAMMA,
        gradient_steps: GRADIENT_STEPS,
        action_noise: noise(),
        start_at_zero: true,
        rounds: ROUNDS,
        network: network(),
        ..Td3Config::default()
    }
}

pub(super) fn sac() -> SacConfig {
    SacConfig {
        learning_rate: Schedule::Constant(1e-3),
        buffer_size: BUFFER_SIZE,
        learning_starts: LEARNING_STARTS,
        batch_size: BATCH_SIZE,
        gamma: GAMMA,
        gradient_steps: GRADIENT_STEPS,
        ent_coef: 0.1,
        start_at_zero: true,
        rounds: ROUNDS,
        network: network(),
        ..SacConfig::default()
    }
}
