//! A2C's hyper-parameters, with Stable-Baselines3's names and defaults.
//!
//! Left out: `use_rms_prop`; the optimiser is always `RMSprop`.

use serde::{Deserialize, Serialize};

use crate::agents::Learners;
use crate::critic::CriticView;
use crate::error::Result;
use crate::network::NetworkConfig;
use crate::on_policy::{RolloutConfig, UpdateConfig};
use crate::range::{not_negative, positive};
use crate::schedule::Schedule;

/// Hyper-parameters of [`A2c`](crate::A2c).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct A2cConfig {
    /// `RMSprop`'s learning rate, at least 0.
    pub learning_rate: Schedule,
    /// Steps of every environment in a rollout, at least 1.
    pub n_steps: usize,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// λ of the advantage estimate, 0 to 1; 1 is the paper's n-step return.
    pub gae_lambda: f64,
    /// Weight of the entropy bonus, at least 0.
    pub ent_coef: f64,
    /// Weight of the value loss, at least 0.
    pub vf_coef: f64,
    /// Largest norm of a gradient, above 0.
    pub max_grad_norm: f64,
    /// What `RMSprop` adds to the root of the mean square, above 0.
    pub rms_prop_eps: f64,
    /// Whether a rollout's advantages are brought to mean 0 and deviation 1. Rollouts are short: their own mean and
    /// deviation are noise, and A2C with them learns far worse.
    pub normalize_advantage: bool,
    /// Whether observations are shifted and scaled by their running mean and standard deviation, which go into the
    /// policy.
    pub normalize_observation: bool,
    /// Whether rewards are scaled by the running standard deviation of the discounted return.
    pub normalize_reward: bool,
    /// Whether agents share one set of weights.
    pub learners: Learners,
    /// What values are estimated from.
    pub critic: CriticView,
    /// Steps that an update of a recurrent policy reads in one piece, a divisor of `n_steps`; none: `n_steps`.
    pub sequence_length: Option<usize>,
    /// Networks.
    pub network: NetworkConfig,
}

impl Default for A2cConfig {
    fn default() -> Self {
        Self {
            learning_rate: Schedule::Constant(7e-4),
            n_steps: 5,
            gamma: 0.99,
            gae_lambda: 1.0,
            ent_coef: 0.0,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            rms_prop_eps: 1e-5,
            normalize_advantage: false,
            normalize_observation: false,
            normalize_reward: false,
            learners: Learners::Shared,
            critic: CriticView::Own,
            sequence_length: None,
            network: NetworkConfig::default(),
        }
    }
}

impl UpdateConfig for A2cConfig {
    fn validate(&self, _rows: usize) -> Result<()> {
        self.rollout().validate(&self.network)?;
        not_negative("learning_rate", self.learning_rate.start())?;
        not_negative("ent_coef", self.ent_coef)?;
        not_negative("vf_coef", self.vf_coef)?;
        positive("max_grad_norm", self.max_grad_norm)?;
        positive("rms_prop_eps", self.rms_prop_eps)
    }

    fn batch_rows(&self, transitions: usize) -> usize {
        transitions
    }

    fn rollout(&self) -> RolloutConfig {
        let Self {
            n_steps,
            gamma,
            gae_lambda,
            normalize_observation,
            normalize_reward,
            learners,
            critic,
            sequence_length,
            ..
        } = *self;
        RolloutConfig {
            n_steps,
            gamma,
            gae_lambda,
            normalize_observation,
            normalize_reward,
            learners,
            critic,
            sequence_length,
        }
    }

    fn network(&self) -> &NetworkConfig {
        &self.network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_stable_baselines_3s() {
        let config: A2cConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, A2cConfig::default());
        assert_eq!((config.n_steps, config.gae_lambda, config.normalize_advantage), (5, 1.0, false));
        config.validate(1).unwrap();
    }

    #[test]
    fn unknown_names_are_errors() {
        assert!(serde_json::from_str::<A2cConfig>("{\"n_epochs\": 4}").is_err());
    }

    #[test]
    fn impossible_numbers_are_named() {
        let error = |change: &dyn Fn(&mut A2cConfig)| {
            let mut config = A2cConfig::default();
            change(&mut config);
            config.validate(2).unwrap_err().to_string()
        };
        assert_eq!(error(&|c| c.n_steps = 0), "n_steps: expected at least 1, found 0");
        assert_eq!(error(&|c| c.gamma = -0.5), "gamma: expected 0 to 1, found -0.5");
        assert!(error(&|c| c.gae_lambda = 2.0).starts_with("gae_lambda"));
        assert!(error(&|c| c.learning_rate = Schedule::linear(f64::NAN)).starts_with("learning_rate"));
        assert!(error(&|c| c.ent_coef = -0.1).starts_with("ent_coef"));
        assert!(error(&|c| c.vf_coef = f64::INFINITY).starts_with("vf_coef"));
        assert!(error(&|c| c.max_grad_norm = 0.0).starts_with("max_grad_norm"));
        assert!(error(&|c| c.rms_prop_eps = 0.0).starts_with("rms_prop_eps"));
    }
}
