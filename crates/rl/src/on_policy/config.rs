//! What every on-policy algorithm's hyper-parameters have in common.
//!
//! Left out: what an algorithm alone needs.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use crate::agents::Learners;
use crate::critic::CriticView;
use crate::error::Result;
use crate::network::NetworkConfig;
use crate::range::{at_least_one, check, share};

/// The hyper-parameters that collecting a rollout and estimating its advantages need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutConfig {
    /// Steps of every environment in a rollout, at least 1.
    pub n_steps: usize,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// λ of the advantage estimate, 0 to 1.
    pub gae_lambda: f64,
    /// Whether observations are shifted and scaled by their running mean and standard deviation.
    pub normalize_observation: bool,
    /// Whether rewards are scaled by the running standard deviation of the discounted return.
    pub normalize_reward: bool,
    /// Whether agents share their weights.
    pub learners: Learners,
    /// What values are estimated from.
    pub critic: CriticView,
    /// Steps that an update of a recurrent policy reads in one piece, a divisor of `n_steps`; none: `n_steps`.
    pub sequence_length: Option<usize>,
}

impl RolloutConfig {
    pub(crate) fn validate(&self, network: &NetworkConfig) -> Result<()> {
        at_least_one("n_steps", self.n_steps)?;
        share("gamma", self.gamma)?;
        share("gae_lambda", self.gae_lambda)?;
        let Some(length) = self.sequence_length else { return Ok(()) };
        check("sequence_length", network.recurrence.is_some(), "none without network.recurrence", length)?;
        let divides = length > 0 && self.n_steps.is_multiple_of(length);
        check("sequence_length", divides, format!("a divisor of n_steps, {}", self.n_steps), length)
    }

    /// Steps that an update reads in one piece.
    pub(crate) fn read_length(&self, network: &NetworkConfig) -> usize {
        if network.recurrence.is_some() { self.sequence_length.unwrap_or(self.n_steps) } else { 1 }
    }
}

/// An algorithm's hyper-parameters.
pub trait UpdateConfig: Clone + Debug + Serialize + DeserializeOwned + Send + 'static {
    /// Checks every number, for learners that have `rows` rows each (see [`Learners::rows`]).
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for the first one outside its range.
    fn validate(&self, rows: usize) -> Result<()>;

    /// Rows that an update reads together, of a rollout of so many.
    fn batch_rows(&self, transitions: usize) -> usize;

    /// Those of the rollout.
    fn rollout(&self) -> RolloutConfig;

    /// Those of the networks.
    fn network(&self) -> &NetworkConfig;
}
