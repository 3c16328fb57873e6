//! What can stop a run, before its first step or at one.

use crate::env::StepError;

/// A problem with a configuration, an environment's numbers or a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyper-parameter outside its range.
    #[error("{key}: expected {expected}, found {found}")]
    Config {
        /// The hyper-parameter.
        key: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A network that cannot be built.
    #[error("the network cannot be built")]
    Network(#[source] trimtab_nn::Error),
    /// [`OnPolicy::iterate`](crate::OnPolicy::iterate) before [`OnPolicy::start`](crate::OnPolicy::start).
    #[error("the run has not been started")]
    NotStarted,
    /// An environment refused a step.
    #[error("step {step} failed")]
    Step {
        /// Steps that every environment had made before.
        step: u64,
        /// Why.
        #[source]
        source: StepError,
    },
    /// An observation, reward, cost, log-probability or value is not a finite number.
    #[error("{term} of environment {env} at step {step} is {value}, expected a finite number")]
    NotFinite {
        /// Which quantity.
        term: String,
        /// Environment in the batch.
        env: usize,
        /// Steps that every environment had made before.
        step: u64,
        /// What it was.
        value: f32,
    },
    /// A gradient is not finite; the parameters are those before it.
    #[error("update {update} failed")]
    Gradient {
        /// Passes over rollouts made before.
        update: u64,
        /// Which norm.
        #[source]
        source: trimtab_nn::Error,
    },
    /// A mask forbids every choice.
    #[error("head {head} of row {row} has no allowed choice at step {step}")]
    NothingAllowed {
        /// Row in the batch.
        row: usize,
        /// Which of the choices an action consists of.
        head: usize,
        /// Steps that every environment had made before.
        step: u64,
    },
    /// The environment is not the one that the run was made for.
    #[error("{key} of the environment: expected {expected}, found {found}")]
    OtherSpec {
        /// Field of the [`EnvSpec`](crate::EnvSpec).
        key: &'static str,
        /// What the run was made for.
        expected: String,
        /// What the environment has.
        found: String,
    },
    /// The tensors of a checkpoint are damaged or belong to another network.
    #[error("the checkpoint's tensors cannot be used")]
    Tensors(#[source] trimtab_nn::Error),
    /// The description in a checkpoint is damaged.
    #[error("the checkpoint's description cannot be read")]
    Description(#[source] serde_json::Error),
    /// A checkpoint of another algorithm.
    #[error("the checkpoint is of algorithm {found:?}, expected {expected}")]
    OtherAlgorithm {
        /// What was asked for.
        expected: String,
        /// What the checkpoint says.
        found: String,
    },
    /// A checkpoint of another version.
    #[error("the checkpoint is of format {found:?}, expected {expected:?}")]
    Format {
        /// What this library reads.
        expected: String,
        /// What the checkpoint says.
        found: String,
    },
    /// Tensors and description come from two different checkpoints.
    #[error("the checkpoint's tensors and its description do not belong together")]
    TornCheckpoint,
}

/// Result of training.
pub type Result<T, E = Error> = std::result::Result<T, E>;
