//! An environment that somebody looks at after each step.
//!
//! Left out: changing anything of what it does.

use super::Env;
use trimtab_rl::{Actions, EnvSpec, Presence, StepBuffers, StepError, VecEnv};

/// A step that was just made.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The environments, whose traces tell of the step.
    pub env: &'a dyn Env,
    /// What the step wrote.
    pub buffers: &'a StepBuffers,
}

impl Step<'_> {
    /// Mean reward of the agents of environment 0, the one that traces tell of.
    pub fn reward(&self) -> f64 {
        let rewards = &self.buffers.rewards[..self.env.spec().n_agents];
        rewards.iter().map(|reward| f64::from(*reward)).sum::<f64>() / rewards.len() as f64
    }

    /// Whether it was the last one of environment 0's episode.
    pub fn ends(&self) -> bool {
        self.buffers.terminated[0] || self.buffers.truncated[0]
    }
}

/// See the module.
pub(crate) struct Watched<'a> {
    pub(crate) env: &'a mut dyn Env,
    pub(crate) after_step: &'a mut dyn FnMut(&Step<'_>),
}

impl VecEnv for Watched<'_> {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.env.reset(seed, obs);
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        self.env.step(actions, out)?;
        (self.after_step)(&Step { env: &*self.env, buffers: out });
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        self.env.action_masks(masks);
    }

    fn presence(&self, presence: &mut [Presence]) {
        self.env.presence(presence);
    }

    fn save(&self) -> Vec<u8> {
        self.env.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.env.restore(state)
    }
}
