//! Buffers for the activations of a batch.
//!
//! Left out: parameters and gradients.

use super::{ActorCritic, CHUNK, Distribution};
use crate::distribution::CategoricalCache;
use crate::mlp::MlpCache;

/// Buffers for one policy's batches; made once, reused for every call.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Rows that fit.
    pub(super) capacity: usize,
    pub(super) actor: MlpCache,
    pub(super) critic: MlpCache,
    /// `capacity × action stride`: logits or means, then log-probabilities, then gradients.
    pub(super) outputs: Vec<f32>,
    /// `capacity × value stride`: values, then gradients.
    pub(super) padded_values: Vec<f32>,
    pub(super) values: Vec<f32>,
    pub(super) log_probs: Vec<f32>,
    pub(super) entropies: Vec<f32>,
    /// A Gaussian's means where they are still needed beside their gradient.
    pub(super) means: Vec<f32>,
    pub(super) categorical: CategoricalCache,
    pub(super) action_transposed: Vec<f32>,
    pub(super) value_transposed: Vec<f32>,
}

impl ActorCritic {
    /// Buffers for [`CHUNK`] rows at a time.
    pub fn workspace(&self) -> Workspace {
        self.workspace_for(CHUNK)
    }

    /// Buffers for `capacity` rows at a time, for the whole sequences of recurrent policies; at least 1.
    pub fn workspace_for(&self, capacity: usize) -> Workspace {
        let categorical = match &self.distribution {
            Distribution::Categorical(heads) => heads.cache(capacity),
            Distribution::Gaussian(_) => CategoricalCache::default(),
        };
        Workspace {
            capacity,
            actor: self.actor.cache(capacity),
            critic: self.critic.as_ref().map_or_else(MlpCache::default, |critic| critic.cache(capacity)),
            outputs: vec![0.0; capacity * self.action_head.stride()],
            padded_values: vec![0.0; capacity * self.value_head.stride()],
            values: vec![0.0; capacity * self.architecture.value_heads],
            log_probs: vec![0.0; capacity],
            entropies: vec![0.0; capacity],
            means: Vec::new(),
            categorical,
            action_transposed: Vec::new(),
            value_transposed: Vec::new(),
        }
    }
}
