//! PPO's hyper-parameters, with Stable-Baselines3's names and defaults.

use serde::{Deserialize, Serialize};
use trimtab_nn::{CriticRecurrence, Recurrence};

use crate::agents::Learners;
use crate::critic::CriticView;
use crate::error::Result;
use crate::network::NetworkConfig;
use crate::on_policy::{RolloutConfig, UpdateConfig};
use crate::range::{at_least_one, check, not_negative, positive, positive_or_none};
use crate::schedule::Schedule;

/// Hyper-parameters of [`Ppo`](crate::Ppo).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PpoConfig {
    /// Adam's learning rate, at least 0.
    pub learning_rate: Schedule,
    /// Steps of every environment in a rollout, at least 1.
    pub n_steps: usize,
    /// Rows in a minibatch, from 1 to all that a learner's rollout has (`n_steps × environments × agents that share
    /// its weights`); for a recurrent policy a multiple of `sequence_length`.
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
    /// `RLlib`'s penalty: the first weight of the KL divergence from the policy that collected the rollout, above 0;
    /// none: no penalty. After each update the weight is multiplied by 1.5 where that divergence was above
    /// 2 × `kl_target`, and by 0.5 where it was below `kl_target` / 2 (mean over the last pass).
    pub kl_coeff: Option<f64>,
    /// The divergence that the penalty's weight aims at, above 0.
    pub kl_target: f64,
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
            kl_coeff: None,
            kl_target: 0.01,
            normalize_observation: false,
            normalize_reward: false,
            learners: Learners::Shared,
            critic: CriticView::Own,
            sequence_length: None,
            network: NetworkConfig::default(),
        }
    }
}

impl PpoConfig {
    /// The defaults of sb3-contrib's `RecurrentPPO`: an LSTM of 256 for the actor and one for the critic.
    pub fn recurrent() -> Self {
        let recurrence = Recurrence { hidden_size: 256, critic: CriticRecurrence::Separate };
        Self {
            n_steps: 128,
            batch_size: 128,
            network: NetworkConfig { recurrence: Some(recurrence), ..NetworkConfig::default() },
            ..Self::default()
        }
    }

    /// Checks every number, for learners that have `rows` rows each (see [`Learners::rows`]).
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for the first one outside its range.
    pub fn validate(&self, rows: usize) -> Result<()> {
        self.rollout().validate(&self.network)?;
        let transitions = self.n_steps.saturating_mul(rows);
        check(
            "batch_size",
            (1..=transitions).contains(&self.batch_size),
            format!("1 to {transitions}, the rows of one rollout ({} steps × {rows} rows)", self.n_steps),
            self.batch_size,
        )?;
        let length = self.rollout().read_length(&self.network);
        let whole = self.batch_size.is_multiple_of(length);
        check(
            "batch_size",
            whole,
            format!("a multiple of the sequences' length, {length}"),
            self.batch_size,
        )?;
        at_least_one("n_epochs", self.n_epochs)?;
        not_negative("learning_rate", self.learning_rate.start())?;
        positive("clip_range", self.clip_range.start())?;
        positive_or_none("clip_range_vf", self.clip_range_vf.map(Schedule::start))?;
        not_negative("ent_coef", self.ent_coef)?;
        not_negative("vf_coef", self.vf_coef)?;
        positive("max_grad_norm", self.max_grad_norm)?;
        positive_or_none("target_kl", self.target_kl)?;
        positive_or_none("kl_coeff", self.kl_coeff)?;
        positive("kl_target", self.kl_target)
    }
}

impl UpdateConfig for PpoConfig {
    fn validate(&self, rows: usize) -> Result<()> {
        self.validate(rows)
    }

    fn batch_rows(&self, _transitions: usize) -> usize {
        self.batch_size
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
        assert!(error(&|c| c.kl_coeff = Some(-0.2)).starts_with("kl_coeff"));
        assert!(error(&|c| c.kl_target = 0.0).starts_with("kl_target"));
        let unread = "sequence_length: expected none without network.recurrence, found 8";
        assert_eq!(error(&|c| c.sequence_length = Some(8)), unread);
    }

    #[test]
    fn recurrent_defaults_are_sb3_contribs_and_minibatches_whole_sequences() {
        let config = PpoConfig::recurrent();
        assert_eq!((config.n_steps, config.batch_size, config.n_epochs), (128, 128, 10));
        config.validate(1).unwrap();
        let error = |change: &dyn Fn(&mut PpoConfig)| {
            let mut config = PpoConfig::recurrent();
            change(&mut config);
            config.validate(2).unwrap_err().to_string()
        };
        let expected = "batch_size: expected a multiple of the sequences' length, 128, found 64";
        assert_eq!(error(&|c| c.batch_size = 64), expected);
        let expected = "sequence_length: expected a divisor of n_steps, 128, found 12";
        assert_eq!(error(&|c| c.sequence_length = Some(12)), expected);
    }
}
