//! Twin delayed DDPG (Fujimoto, van Hoof & Meger 2018, arXiv:1802.09477): the lower of two critics counts, target actions
//! are smoothed by noise, and the actor learns less often than they. Names and defaults are Stable-Baselines3's.
//!
//! Left out: the update, which it shares with DDPG, see [`deterministic`](crate::deterministic).

use serde::{Deserialize, Serialize};

use crate::agents::Learners;
use crate::deterministic::{DeterministicConfig, DeterministicUpdate, Settings, Squash};
use crate::env::EnvSpec;
use crate::error::Result;
use crate::off_policy::network::{HiddenConfig, require_numbers};
use crate::off_policy::noise::NoiseConfig;
use crate::off_policy::{OffPolicy, OffPolicyConfig, ReplayConfig};
use crate::on_policy::Log;
use crate::range::{check, not_negative};
use crate::schedule::Schedule;

/// A run of TD3.
pub type Td3 = OffPolicy<DeterministicUpdate<Td3Config>>;

/// Hyper-parameters of [`Td3`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Td3Config {
    /// Adam's learning rate of actor and critics, at least 0.
    pub learning_rate: Schedule,
    /// Transitions kept, at least as many as in a batch.
    pub buffer_size: usize,
    /// Environment steps of random actions before anything is learned.
    pub learning_starts: u64,
    /// Transitions in a batch, at least 1.
    pub batch_size: usize,
    /// Share by which targets move towards their networks, above 0 and up to 1.
    pub tau: f64,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// Steps of every environment before the next gradient steps, at least 1.
    pub train_freq: usize,
    /// Gradient steps then, at least 1; −1: as many as environment steps were collected.
    pub gradient_steps: i64,
    /// Gradient steps of the critics for each of the actor and the targets, at least 1.
    pub policy_delay: u64,
    /// Spread of the noise on target actions, at least 0.
    pub target_policy_noise: f64,
    /// Its largest magnitude, at least 0.
    pub target_noise_clip: f64,
    /// Noise on actions, without which a deterministic actor explores nothing.
    pub action_noise: NoiseConfig,
    /// How the actor's outputs are brought into `[-1, 1]`.
    pub squash: Squash,
    /// Whether the actor starts with the middle of the action space, whatever it sees.
    pub start_at_zero: bool,
    /// Steps that a return spans before it is bootstrapped, at least 1.
    pub n_step: usize,
    /// Rounds of collecting and learning in an iteration, at least 1.
    pub rounds: usize,
    /// Steps of every environment between two moves of the constraints' multipliers, at least 1.
    pub constraint_steps: u64,
    /// Who learns for whom.
    pub learners: Learners,
    /// Hidden layers.
    pub network: HiddenConfig,
}

impl Default for Td3Config {
    fn default() -> Self {
        Self {
            learning_rate: Schedule::Constant(1e-3),
            buffer_size: 1_000_000,
            learning_starts: 100,
            batch_size: 256,
            tau: 0.005,
            gamma: 0.99,
            train_freq: 1,
            gradient_steps: 1,
            policy_delay: 2,
            target_policy_noise: 0.2,
            target_noise_clip: 0.5,
            action_noise: NoiseConfig::default(),
            squash: Squash::default(),
            start_at_zero: false,
            n_step: 1,
            rounds: 1,
            constraint_steps: 1000,
            learners: Learners::default(),
            network: HiddenConfig::relu(&[400, 300]),
        }
    }
}

impl OffPolicyConfig for Td3Config {
    fn validate(&self, spec: &EnvSpec) -> Result<()> {
        require_numbers(spec)?;
        not_negative("learning_rate", self.learning_rate.start())?;
        check("tau", self.tau > 0.0 && self.tau <= 1.0, "above 0, at most 1", self.tau)?;
        check("policy_delay", self.policy_delay > 0, "at least 1", self.policy_delay)?;
        not_negative("target_policy_noise", self.target_policy_noise)?;
        not_negative("target_noise_clip", self.target_noise_clip)?;
        self.network.validate()
    }

    fn replay(&self) -> ReplayConfig {
        ReplayConfig {
            buffer_size: self.buffer_size,
            learning_starts: self.learning_starts,
            batch_size: self.batch_size,
            train_freq: self.train_freq,
            gradient_steps: self.gradient_steps,
            rounds: self.rounds,
            gamma: self.gamma,
            n_step: self.n_step,
            priority: None,
            learners: self.learners,
            constraint_steps: self.constraint_steps,
            action_noise: self.action_noise,
        }
    }

    fn log(&self, progress_remaining: f64, log: &mut Log) {
        log.push(("train/learning_rate".into(), self.learning_rate.at(progress_remaining)));
    }
}

impl DeterministicConfig for Td3Config {
    const ALGORITHM: &'static str = "td3";

    fn settings(&self) -> Settings {
        Settings {
            learning_rate: self.learning_rate,
            tau: self.tau,
            critics: 2,
            policy_delay: self.policy_delay,
            target_policy_noise: self.target_policy_noise,
            target_noise_clip: self.target_noise_clip,
            squash: self.squash,
            start_at_zero: self.start_at_zero,
        }
    }

    fn network(&self) -> &HiddenConfig {
        &self.network
    }
}
