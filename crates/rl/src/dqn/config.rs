//! DQN's hyper-parameters, with Stable-Baselines3's names and defaults, and its improvements' switches.
//!
//! Left out: `optimize_memory_usage`.

use serde::{Deserialize, Serialize};

use crate::agents::Learners;
use crate::env::EnvSpec;
use crate::error::Result;
use crate::off_policy::network::{HiddenConfig, require_choices};
use crate::off_policy::noise::NoiseConfig;
use crate::off_policy::{OffPolicyConfig, ReplayConfig};
use crate::on_policy::Log;
use crate::range::{check, not_negative, positive, share};
use crate::replay::priorities::PriorityConfig;
use crate::schedule::Schedule;

/// Hyper-parameters of [`Dqn`](crate::Dqn).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DqnConfig {
    /// Adam's learning rate, at least 0.
    pub learning_rate: Schedule,
    /// Transitions kept, at least as many as in a batch.
    pub buffer_size: usize,
    /// Environment steps of random actions before anything is learned.
    pub learning_starts: u64,
    /// Transitions in a batch, at least 1.
    pub batch_size: usize,
    /// Share by which the target moves towards the network at each of its updates, above 0 and up to 1.
    pub tau: f64,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// Steps of every environment before the next gradient steps, at least 1.
    pub train_freq: usize,
    /// Gradient steps then, at least 1; −1: as many as environment steps were collected.
    pub gradient_steps: i64,
    /// Environment steps between two updates of the target, at least 1.
    pub target_update_interval: u64,
    /// Share of the run over which ε falls, 0 to 1.
    pub exploration_fraction: f64,
    /// ε at the start, 0 to 1.
    pub exploration_initial_eps: f64,
    /// ε at last, 0 to 1.
    pub exploration_final_eps: f64,
    /// Largest norm of a gradient, above 0.
    pub max_grad_norm: f64,
    /// Whether the network that learns picks the next action and the target values it.
    pub double: bool,
    /// Whether values are the sum of the state's value and the actions' advantages.
    pub dueling: bool,
    /// Steps that a return spans before it is bootstrapped, at least 1.
    pub n_step: usize,
    /// Whether transitions with larger errors are drawn more often.
    pub prioritized: bool,
    /// How much more often.
    pub priority: PriorityConfig,
    /// Rounds of collecting and learning in an iteration, at least 1.
    pub rounds: usize,
    /// Steps of every environment between two moves of the constraints' multipliers, at least 1.
    pub constraint_steps: u64,
    /// Who learns for whom.
    pub learners: Learners,
    /// Hidden layers.
    pub network: HiddenConfig,
}

impl Default for DqnConfig {
    fn default() -> Self {
        Self {
            learning_rate: Schedule::Constant(1e-4),
            buffer_size: 1_000_000,
            learning_starts: 100,
            batch_size: 32,
            tau: 1.0,
            gamma: 0.99,
            train_freq: 4,
            gradient_steps: 1,
            target_update_interval: 10_000,
            exploration_fraction: 0.1,
            exploration_initial_eps: 1.0,
            exploration_final_eps: 0.05,
            max_grad_norm: 10.0,
            double: false,
            dueling: false,
            n_step: 1,
            prioritized: false,
            priority: PriorityConfig::default(),
            rounds: 1,
            constraint_steps: 1000,
            learners: Learners::default(),
            network: HiddenConfig::relu(&[64, 64]),
        }
    }
}

impl DqnConfig {
    /// ε when `progress_remaining` is left.
    pub fn exploration_rate(&self, progress_remaining: f64) -> f64 {
        let (start, end) = (self.exploration_initial_eps, self.exploration_final_eps);
        let progress = 1.0 - progress_remaining;
        if progress >= self.exploration_fraction {
            return end;
        }
        start + progress * (end - start) / self.exploration_fraction
    }
}

impl OffPolicyConfig for DqnConfig {
    fn validate(&self, spec: &EnvSpec) -> Result<()> {
        require_choices(spec)?;
        not_negative("learning_rate", self.learning_rate.start())?;
        check("tau", self.tau > 0.0 && self.tau <= 1.0, "above 0, at most 1", self.tau)?;
        let interval = self.target_update_interval;
        check("target_update_interval", interval > 0, "at least 1", interval)?;
        share("exploration_fraction", self.exploration_fraction)?;
        share("exploration_initial_eps", self.exploration_initial_eps)?;
        share("exploration_final_eps", self.exploration_final_eps)?;
        positive("max_grad_norm", self.max_grad_norm)?;
        self.network.validate()?;
        let hidden = &self.network.hidden;
        let expected = "at least two layers with dueling, whose streams have the last";
        check("network.hidden", !self.dueling || hidden.len() > 1, expected, hidden)
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
            priority: self.prioritized.then_some(self.priority),
            learners: self.learners,
            constraint_steps: self.constraint_steps,
            action_noise: NoiseConfig::default(),
        }
    }

    fn log(&self, progress_remaining: f64, log: &mut Log) {
        log.push(("rollout/exploration_rate".into(), self.exploration_rate(progress_remaining)));
        log.push(("train/learning_rate".into(), self.learning_rate.at(progress_remaining)));
    }
}
