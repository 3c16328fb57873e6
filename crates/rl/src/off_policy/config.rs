//! The hyper-parameters that collecting and replay need, the same for all off-policy algorithms.
//!
//! Left out: what only one algorithm has.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use super::noise::NoiseConfig;
use crate::agents::Learners;
use crate::env::EnvSpec;
use crate::error::Result;
use crate::on_policy::Log;
use crate::range::{at_least_one, check, share};
use crate::replay::priorities::PriorityConfig;

/// An algorithm's hyper-parameters.
pub trait OffPolicyConfig: Clone + Debug + Serialize + DeserializeOwned + Send + 'static {
    /// Checks what [`ReplayConfig::validate`] does not, for environments of a given shape.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for the first number outside its range, or an action space that the
    /// algorithm cannot act in.
    fn validate(&self, spec: &EnvSpec) -> Result<()>;

    /// Those of collecting and replay.
    fn replay(&self) -> ReplayConfig;

    /// Logs what follows from the configuration and how far the run is.
    fn log(&self, progress_remaining: f64, log: &mut Log);
}

/// The hyper-parameters of collecting and replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayConfig {
    /// Transitions kept for each set of weights.
    pub buffer_size: usize,
    /// Environment steps of random actions before anything is learned.
    pub learning_starts: u64,
    /// Transitions in a batch.
    pub batch_size: usize,
    /// Steps of every environment before the next gradient steps.
    pub train_freq: usize,
    /// Gradient steps then; −1: as many as environment steps were collected.
    pub gradient_steps: i64,
    /// Rounds of collecting and learning in an iteration.
    pub rounds: usize,
    /// Discount.
    pub gamma: f64,
    /// Steps that a transition spans.
    pub n_step: usize,
    /// Priorities; none: batches are drawn uniformly.
    pub priority: Option<PriorityConfig>,
    /// Sets of weights.
    pub learners: Learners,
    /// Steps of every environment between two moves of the constraints' multipliers.
    pub constraint_steps: u64,
    /// Noise added to actions.
    pub action_noise: NoiseConfig,
}

impl ReplayConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for the first one outside its range.
    pub fn validate(&self) -> Result<()> {
        at_least_one("buffer_size", self.buffer_size)?;
        let fits = (1..=self.buffer_size).contains(&self.batch_size);
        check("batch_size", fits, format!("1 to {} (buffer_size)", self.buffer_size), self.batch_size)?;
        at_least_one("train_freq", self.train_freq)?;
        let steps = self.gradient_steps;
        check("gradient_steps", steps == -1 || steps > 0, "at least 1, or -1", steps)?;
        at_least_one("rounds", self.rounds)?;
        share("gamma", self.gamma)?;
        let fits = (1..=self.buffer_size).contains(&self.n_step);
        check("n_step", fits, format!("1 to {} (buffer_size)", self.buffer_size), self.n_step)?;
        check("constraint_steps", self.constraint_steps > 0, "at least 1", self.constraint_steps)?;
        if let Some(priority) = &self.priority {
            priority.validate()?;
        }
        self.action_noise.validate()
    }
}
