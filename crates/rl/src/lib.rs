//! All that is needed to *learn*: the environment contract, rollout buffers, algorithms, constraints,
//! running statistics, checkpoints and small control tasks to validate them on.
//!
//! Names, defaults and log keys are Stable-Baselines3's. A run is a function of its configuration, seed and
//! environment: equal inputs give equal bytes, and a run that is saved, loaded and continued gives the same
//! bytes as one that was never stopped.
//!
//! Left out: Kubernetes, clocks, files, and global random generators.

pub mod a2c;
pub mod agents;
pub mod buffer;
pub mod checkpoint;
pub mod cloning;
pub mod control;
pub mod critic;
pub mod env;
pub mod episodes;
mod error;
pub mod evaluation;
pub mod lagrangian;
pub mod learner;
pub mod network;
pub mod normalize;
pub mod on_policy;
pub mod ppo;
mod range;
pub mod schedule;

pub use a2c::{A2c, A2cConfig};
pub use agents::Learners;
pub use checkpoint::Checkpoint;
pub use critic::CriticView;
pub use env::{ActionSpace, Actions, EnvSpec, Presence, StepBuffers, StepError, VecEnv};
pub use error::{Error, Result};
pub use lagrangian::ConstraintConfig;
pub use learner::Learner;
pub use network::NetworkConfig;
pub use on_policy::{Iteration, OnPolicy};
pub use ppo::{Ppo, PpoConfig};
pub use schedule::Schedule;
