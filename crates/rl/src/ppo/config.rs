//! PPO's hyper-parameters, with Stable-Baselines3's names and defaults.

use serde::{Deserialize, Serialize};
use trimtab_nn::{Activation, Initialisation};

use crate::error::{Error, Result};
use crate::schedule::Schedule;

/// Shape and start of the networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Widths of the hidden layers of actor and critic; at least one.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
    /// Whether actor and critic share their hidden layers.
    pub shared_trunk: bool,
    /// Gain of the actor's output weights.
    pub output_gain: f32,
    /// Start from these choices, one for each head of the action space; an empty list for a continuous space,
    /// whose means then start at exactly 0. None: random outputs with `output_gain`.
    pub default_action: Option<Vec<u32>>,
    /// Bias of the default choices; with `n` choices, one starts with probability `e^b / (e^b + n − 1)`.
    pub default_logit: f32,
    /// Logarithm of the first standard deviation in a continuous space.
    pub log_std_init: f32,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let start = Initialisation::default();
        Self {
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            shared_trunk: false,
            output_gain: start.output_gain,
            default_action: start.default_action,
            default_logit: start.default_logit,
            log_std_init: start.log_std,
        }
    }
}

impl NetworkConfig {
    pub(crate) fn initialisation(&self) -> Initialisation {
        Initialisation {
            output_gain: self.output_gain,
            default_action: self.default_action.clone(),
            default_logit: self.default_logit,
            log_std: self.log_std_init,
        }
    }
}

/// Hyper-parameters of [`Ppo`](crate::Ppo).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PpoConfig {
    /// Adam's learning rate, at least 0.
    pub learning_rate: Schedule,
    /// Steps of every environment in a rollout, at least 1.
    pub n_steps: usize,
    /// Rows in a minibatch, from 1 to all of a rollout (`n_steps × environments × agents`).
    pub batch_size: usize,
    /// Passes over a rollout, at least 1.
    pub n_epochs: usize,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// λ of the advantage estimate, 0 to 1.
    pub gae_lambda: f64,
    /// How far the probability ratio may leave 1 before its gradient stops, above 0.
    pub clip_range: Schedule,
    /// The same for values, in units of the (normalised) return; none: values are not clipped.
    pub clip_range_vf: Option<Schedule>,
    /// Whether each minibatch's advantages are brought to mean 0 and deviation 1.
    pub normalize_advantage: bool,
    /// Weight of the entropy bonus, at least 0.
    pub ent_coef: f64,
    /// Weight of the value loss, at least 0.
    pub vf_coef: f64,
    /// Largest norm of a gradient, above 0.
    pub max_grad_norm: f64,
    /// Stops an update once the approximate KL divergence exceeds 1.5 × this; none: never.
    pub target_kl: Option<f64>,
    /// Whether rewards are scaled by the running standard deviation of the discounted return.
    pub normalize_reward: bool,
    /// Networks.
    pub network: NetworkConfig,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            learning_rate: Schedule::Constant(3e-4),
            n_steps: 2048,
            batch_size: 64,
            n_epochs: 10,
            gamma: 0.99,
            gae_lambda: 0.95,
            clip_range: Schedule::Constant(0.2),
            clip_range_vf: None,
            normalize_advantage: true,
            ent_coef: 0.0,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            target_kl: None,
            normalize_reward: false,
            network: NetworkConfig::default(),
        }
    }
}

impl PpoConfig {
    /// Checks every number, for environments with `rows` rows (environments × agents).
    ///
    /// # Errors
    /// [`Error::Config`] for the first one outside its range.
    pub fn validate(&self, rows: usize) -> Result<()> {
        let transitions = self.n_steps.saturating_mul(rows);
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let optional = |x: Option<f64>| x.is_none_or(positive);
        let clip_range_vf = self.clip_range_vf.map(Schedule::start);
        let checks: [(&str, bool, String, &dyn std::fmt::Debug); 12] = [
            (
                "learning_rate",
                not_negative(self.learning_rate.start()),
                "at least 0".into(),
                &self.learning_rate,
            ),
            ("n_steps", self.n_steps > 0, "at least 1".into(), &self.n_steps),
            (
                "batch_size",
                (1..=transitions).contains(&self.batch_size),
                format!("1 to {transitions}, the rows of one rollout ({} steps × {rows} rows)", self.n_steps),
                &self.batch_size,
            ),
            ("n_epochs", self.n_epochs > 0, "at least 1".into(), &self.n_epochs),
            ("gamma", share(self.gamma), "0 to 1".into(), &self.gamma),
            ("gae_lambda", share(self.gae_lambda), "0 to 1".into(), &self.gae_lambda),
            ("clip_range", positive(self.clip_range.start()), "above 0".into(), &self.clip_range),
            ("clip_range_vf", optional(clip_range_vf), "above 0, or none".into(), &self.clip_range_vf),
            ("ent_coef", not_negative(self.ent_coef), "at least 0".into(), &self.ent_coef),
            ("vf_coef", not_negative(self.vf_coef), "at least 0".into(), &self.vf_coef),
            ("max_grad_norm", positive(self.max_grad_norm), "above 0".into(), &self.max_grad_norm),
            ("target_kl", optional(self.target_kl), "above 0, or none".into(), &self.target_kl),
        ];
        match checks.into_iter().find(|(_, ok, _, _)| !ok) {
            None => Ok(()),
            Some((key, _, expected, found)) => {
                Err(Error::Config { key: key.into(), expected, found: format!("{found:?}") })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_stable_baselines_3s() {
        let config: PpoConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, PpoConfig::default());
        assert_eq!((config.n_steps, config.batch_size, config.n_epochs), (2048, 64, 10));
        config.validate(1).unwrap();
    }

    #[test]
    fn unknown_names_are_errors() {
        assert!(serde_json::from_str::<PpoConfig>("{\"learning_rat\": 1e-3}").is_err());
        assert!(serde_json::from_str::<PpoConfig>("{\"network\": {\"hiden\": [8]}}").is_err());
    }

    #[test]
    fn impossible_numbers_are_named() {
        let error = |change: &dyn Fn(&mut PpoConfig)| {
            let mut config = PpoConfig::default();
            change(&mut config);
            config.validate(2).unwrap_err().to_string()
        };
        assert_eq!(
            error(&|c| c.batch_size = 4097),
            "batch_size: expected 1 to 4096, the rows of one rollout (2048 steps × 2 rows), found 4097"
        );
        assert!(error(&|c| c.learning_rate = Schedule::linear(-1e-3)).starts_with("learning_rate"));
        assert!(error(&|c| c.n_steps = 0).starts_with("n_steps"));
        assert!(error(&|c| c.n_epochs = 0).starts_with("n_epochs"));
        assert!(error(&|c| c.gamma = 1.1).starts_with("gamma"));
        assert!(error(&|c| c.gae_lambda = f64::NAN).starts_with("gae_lambda"));
        assert!(error(&|c| c.clip_range = Schedule::Constant(0.0)).starts_with("clip_range"));
        assert!(error(&|c| c.clip_range_vf = Some(Schedule::Constant(-1.0))).starts_with("clip_range_vf"));
        assert!(error(&|c| c.ent_coef = -0.1).starts_with("ent_coef"));
        assert!(error(&|c| c.max_grad_norm = 0.0).starts_with("max_grad_norm"));
        assert!(error(&|c| c.target_kl = Some(0.0)).starts_with("target_kl"));
    }
}
