//! SAC's hyper-parameters, with Stable-Baselines3's names and defaults.
//!
//! Left out: `use_sde`, and an entropy coefficient given as text (`ent_coef` and `ent_coef_auto` say the same).

use serde::{Deserialize, Serialize};

use crate::agents::Learners;
use crate::env::EnvSpec;
use crate::error::Result;
use crate::off_policy::network::HiddenConfig;
use crate::off_policy::noise::NoiseConfig;
use crate::off_policy::{OffPolicyConfig, ReplayConfig};
use crate::on_policy::Log;
use crate::range::{check, not_negative, positive};
use crate::schedule::Schedule;

/// Hyper-parameters of [`Sac`](crate::Sac).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SacConfig {
    /// Adam's learning rate of actor, critics and temperature, at least 0.
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
    /// Gradient steps between two moves of the targets, at least 1.
    pub target_update_interval: u64,
    /// Weight of the entropy, above 0; where the run starts if it is learned.
    pub ent_coef: f64,
    /// Whether it is learned, so that the entropy stays at its target.
    pub ent_coef_auto: bool,
    /// Target of the entropy in nats. None: minus the numbers in an action, or for choices 0.98 of the largest entropy that
    /// those allowed can have.
    pub target_entropy: Option<f64>,
    /// Noise on actions, beside the policy's own.
    pub action_noise: NoiseConfig,
    /// Whether the actor starts with the middle of the action space, or with equal probabilities, whatever it sees.
    pub start_at_zero: bool,
    /// Steps that a return spans before it is bootstrapped, at least 1; the entropy within it is not counted.
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

impl Default for SacConfig {
    fn default() -> Self {
        Self {
            learning_rate: Schedule::Constant(3e-4),
            buffer_size: 1_000_000,
            learning_starts: 100,
            batch_size: 256,
            tau: 0.005,
            gamma: 0.99,
            train_freq: 1,
            gradient_steps: 1,
            target_update_interval: 1,
            ent_coef: 1.0,
            ent_coef_auto: true,
            target_entropy: None,
            action_noise: NoiseConfig::default(),
            start_at_zero: false,
            n_step: 1,
            rounds: 1,
            constraint_steps: 1000,
            learners: Learners::default(),
            network: HiddenConfig::relu(&[256, 256]),
        }
    }
}

impl OffPolicyConfig for SacConfig {
    fn validate(&self, _spec: &EnvSpec) -> Result<()> {
        not_negative("learning_rate", self.learning_rate.start())?;
        check("tau", self.tau > 0.0 && self.tau <= 1.0, "above 0, at most 1", self.tau)?;
        let interval = self.target_update_interval;
        check("target_update_interval", interval > 0, "at least 1", interval)?;
        positive("ent_coef", self.ent_coef)?;
        let finite = self.target_entropy.is_none_or(f64::is_finite);
        check("target_entropy", finite, "a finite number, or none", self.target_entropy)?;
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
