//! Buffers for the activations of a batch.
//!
//! Left out: parameters and gradients.

use super::nodes::NodeCache;
use super::{ActorCritic, CHUNK, Distribution};
use crate::distribution::CategoricalCache;
use crate::graph::GraphCache;
use crate::lstm::{Lstm, LstmCache};
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
    pub(super) graph: GraphCache,
    pub(super) nodes: NodeCache,
    pub(super) actor_lstm: LstmCache,
    pub(super) critic_lstm: LstmCache,
    /// `capacity × latent stride`: what stands for the critic's LSTM, then its gradient.
    pub(super) bridge: Vec<f32>,
    pub(super) bridge_delta: Vec<f32>,
    pub(super) bridge_transposed: Vec<f32>,
    pub(super) action_transposed: Vec<f32>,
    pub(super) value_transposed: Vec<f32>,
}

impl ActorCritic {
    /// Buffers for [`CHUNK`] rows at a time.
    pub fn workspace(&self) -> Workspace {
        self.workspace_for(CHUNK)
    }

    /// Rows of the actor's hidden layers for `rows` rows of observations.
    pub(super) fn actor_rows(&self, rows: usize) -> usize {
        match (&self.nodes, self.architecture.graph()) {
            (Some(_), Some(graph)) => rows * graph.nodes,
            _ => rows,
        }
    }

    /// Buffers for `capacity` rows at a time, for the whole sequences of recurrent policies; at least 1.
    pub fn workspace_for(&self, capacity: usize) -> Workspace {
        let categorical = match &self.distribution {
            Distribution::Categorical(heads) => heads.cache(capacity),
            Distribution::Gaussian(_) => CategoricalCache::default(),
        };
        let lstm =
            |lstm: &Option<Lstm>| lstm.as_ref().map_or_else(LstmCache::default, |lstm| lstm.cache(capacity));
        let bridge = self.bridge.as_ref().map_or(0, |bridge| capacity * bridge.stride());
        let actor_rows = self.actor_rows(capacity);
        Workspace {
            capacity,
            graph: self.encoder.as_ref().map_or_else(GraphCache::default, |encoder| encoder.cache(capacity)),
            nodes: self.nodes.as_ref().map_or_else(NodeCache::default, |nodes| nodes.cache(capacity)),
            actor_lstm: lstm(&self.actor_lstm),
            critic_lstm: lstm(&self.critic_lstm),
            bridge: vec![0.0; bridge],
            bridge_delta: vec![0.0; bridge],
            bridge_transposed: Vec::new(),
            actor: self.actor.cache(actor_rows),
            critic: self.critic.as_ref().map_or_else(MlpCache::default, |critic| critic.cache(capacity)),
            outputs: vec![0.0; capacity * self.output_stride],
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
