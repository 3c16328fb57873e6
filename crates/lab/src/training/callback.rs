//! What is done between two iterations of a training run, and what looks at its steps: the seam for whoever wants more done there.
//!
//! [`Selection`](super::selection::Selection) is one; a user of the library passes their own to
//! [`train_with`](super::train_with). What a callback remembers is in every checkpoint, so that a run that was killed
//! ends as one that was not. Left out: stopping on request and checkpoints, which the run sees to itself.

use crate::{Result, environments::Step, run_dir::RunDir};
use trimtab_rl::{Learner, on_policy::Log};

/// See the module.
pub trait Callback {
    /// Its name in checkpoints, which no other callback of the run has.
    fn name(&self) -> &'static str;

    /// Before the first iteration of this process: what it had remembered after `timesteps` steps, or `None` in a
    /// run that starts. What it wrote beyond that is to be undone.
    ///
    /// # Errors
    /// Whatever keeps it from working; the run does not start then.
    fn begin(&mut self, dir: &RunDir, timesteps: u64, memory: Option<&[u8]>) -> Result<()>;

    /// After each step of the environments. What it finds wrong it can say after the iteration.
    fn after_step(&mut self, _step: &Step<'_>) {}

    /// After an iteration, before it is logged and before a checkpoint.
    ///
    /// # Errors
    /// Whatever keeps it from working; the run ends then, to be resumed from its last checkpoint.
    fn after_iteration(&mut self, moment: &mut Moment<'_>) -> Result<Flow>;

    /// What it needs to go on; given back to [`Callback::begin`].
    fn memory(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Whether training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    Continue,
    /// It has learned enough: the run ends as if all steps were made.
    Stop,
}

/// Where a run is after an iteration.
pub struct Moment<'a> {
    /// The learner.
    pub learner: &'a dyn Learner,
    /// Where the run is written.
    pub dir: &'a RunDir,
    /// Environment steps before the iteration.
    pub before: u64,
    /// Environment steps in all.
    pub total_timesteps: u64,
    /// Figures of the iteration; those that are added go into all logs.
    pub log: &'a mut Log,
}

impl Moment<'_> {
    /// Environment steps made.
    pub fn timesteps(&self) -> u64 {
        self.learner.timesteps()
    }

    /// Whether all steps are made.
    pub fn is_last(&self) -> bool {
        self.timesteps() >= self.total_timesteps
    }

    /// Whether the iteration has passed a multiple of `every` steps.
    pub fn passed(&self, every: u64) -> bool {
        every > 0 && self.timesteps() / every > self.before / every
    }
}
