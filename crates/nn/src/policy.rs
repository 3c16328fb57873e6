//! What acts: a trained network of whatever kind, and the agent it becomes with buffers of its own.
//!
//! Left out: how each kind is built and learned.

use crate::actor_critic::{ActorCritic, Workspace};
use crate::distribution::{ActionHead, ActionSliceMut};
use crate::{Result, Tensors};

/// A network that chooses actions.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// An actor with its critic.
    ActorCritic(ActorCritic),
}

impl Policy {
    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        match self {
            Self::ActorCritic(policy) => policy.architecture().obs_dim,
        }
    }

    /// What an action is.
    pub fn head(&self) -> &ActionHead {
        match self {
            Self::ActorCritic(policy) => &policy.architecture().head,
        }
    }

    /// Adds `by` to one of the outputs that an action is read from, whatever the observation.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        match self {
            Self::ActorCritic(policy) => policy.shift_output(output, by),
        }
    }

    /// The network as named tensors that name its kind.
    pub fn to_tensors(&self) -> Tensors {
        match self {
            Self::ActorCritic(policy) => policy.to_tensors(),
        }
    }

    /// Takes a network of any kind from what [`Policy::to_tensors`] wrote; other tensors stay in `tensors`.
    ///
    /// # Errors
    /// The architecture is missing or invalid, or a tensor is missing or has another shape.
    pub fn from_tensors(tensors: &mut Tensors) -> Result<Self> {
        Ok(Self::ActorCritic(ActorCritic::from_tensors(tensors)?))
    }
}

#[derive(Clone, Debug)]
enum Buffers {
    ActorCritic(Workspace),
}

/// A policy at work.
#[derive(Clone, Debug)]
pub struct Agent {
    policy: Policy,
    buffers: Buffers,
}

impl Agent {
    /// Sets a policy to work.
    pub fn new(policy: Policy) -> Self {
        let buffers = match &policy {
            Policy::ActorCritic(policy) => Buffers::ActorCritic(policy.workspace()),
        };
        Self { policy, buffers }
    }

    /// The network.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The best action of each row of `obs` (`rows × obs_dim`), numbers within `[-1, 1]`. `masks` is `rows × choices`,
    /// true where allowed. Allocates nothing.
    ///
    /// # Panics
    /// If `actions` are not of the head's kind, or a slice is too short for the rows they hold.
    pub fn act(&mut self, obs: &[f32], masks: Option<&[bool]>, actions: ActionSliceMut<'_>) {
        match (&self.policy, &mut self.buffers) {
            (Policy::ActorCritic(policy), Buffers::ActorCritic(ws)) => policy.act(obs, masks, ws, actions),
        }
    }
}
