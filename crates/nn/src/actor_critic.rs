//! An actor and its critic: trunks, an action head, value heads, and what one does with them: act, sample,
//! evaluate, improve.
//!
//! Numbers flow through a graph encoder, an LSTM, hidden layers and heads, where there are any. The hidden layers are
//! separate by default, as in Stable-Baselines3, or shared; the encoder is shared; the LSTM is as told. The critic has
//! one value head for the reward and one for each constraint, and may have observations of its own, which it reads as a
//! list of numbers. An actor can be started so that a fresh network chooses a given action.
//!
//! Left out: losses.

mod architecture;
mod divergence;
mod file;
mod forward;
mod gradient;
mod groups;
mod initialise;
mod inputs;
mod nodes;
mod workspace;

use std::ops::Range;

use self::architecture::check;
pub use self::architecture::{Architecture, CriticRecurrence, Encoder, Initialisation, Recurrence};
pub use self::divergence::{Extra, Penalty};
pub use self::groups::Group;
pub use self::inputs::{Evaluation, EvaluationGradient, Inputs, Samples, Sequences};
pub use self::nodes::NodeHead;
pub use self::workspace::Workspace;

use crate::Result;
use crate::distribution::{ActionHead, Gaussian, MultiCategorical};
use crate::graph::{GraphEncoder, GraphHead};
use crate::kernel::padded;
use crate::linear::Linear;
use crate::lstm::Lstm;
use crate::mlp::Mlp;

/// Rows that pass through the layers together: their activations stay in the first two cache levels.
pub const CHUNK: usize = 64;

#[derive(Clone, Debug, PartialEq)]
enum Distribution {
    Categorical(MultiCategorical),
    Gaussian(Gaussian),
}

/// A policy and its value estimates in one parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorCritic {
    architecture: Architecture,
    encoder: Option<GraphEncoder>,
    /// None if outputs are read from the whole row.
    nodes: Option<NodeHead>,
    actor_lstm: Option<Lstm>,
    critic_lstm: Option<Lstm>,
    /// Stands for the LSTM that the critic of a recurrent actor has not.
    bridge: Option<Linear>,
    actor: Mlp,
    /// None if the actor's trunk is shared.
    critic: Option<Mlp>,
    action_head: Linear,
    value_head: Linear,
    distribution: Distribution,
    /// Distance between the rows of the action head's outputs.
    output_stride: usize,
    /// Where each of [`Group::ALL`] lies.
    groups: [Range<usize>; 5],
    frozen: Vec<Group>,
    /// Where a Gaussian's log standard deviations lie in `params`.
    log_stds: Range<usize>,
    params: Vec<f32>,
}

impl ActorCritic {
    fn place(architecture: Architecture) -> Result<Self> {
        architecture.validate()?;
        let Architecture { head, hidden, activation, .. } = &architecture;
        let mut len = 0;
        let encoder = architecture.graph().map(|graph| GraphEncoder::place(graph, &mut len));
        let encoder_end = len;
        let features = encoder.as_ref().map_or(architecture.obs_dim, GraphEncoder::outputs);
        let critic_features = architecture.critic_obs_dim.unwrap_or(features);

        let recurrence = architecture.recurrence.as_ref();
        let kind = recurrence.map(|recurrence| recurrence.critic);
        let actor_lstm = recurrence.map(|r| Lstm::place(features, r.hidden_size, &mut len));
        let own = recurrence.filter(|r| r.critic == CriticRecurrence::Separate);
        let critic_lstm = own.map(|r| Lstm::place(critic_features, r.hidden_size, &mut len));
        let recurrence_end = len;

        let latent = recurrence.map_or(features, |r| r.hidden_size);
        let mut nodes = match architecture.graph().filter(|graph| graph.head != GraphHead::Pooled) {
            None => None,
            Some(graph) => Some(NodeHead::new(head, graph, latent)?),
        };
        let inputs = nodes.as_ref().map_or(latent, NodeHead::inputs);
        let actor = Mlp::place(inputs, hidden, *activation, &mut len);
        let actor_end = len;

        let bridge = recurrence.filter(|_| kind == Some(CriticRecurrence::None));
        let bridge = bridge.map(|r| Linear::place(critic_features, r.hidden_size, &mut len));
        let critic_latent = recurrence.map_or(critic_features, |r| r.hidden_size);
        let separate = !architecture.shared_trunk;
        let critic = separate.then(|| Mlp::place(critic_latent, hidden, *activation, &mut len));
        let critic_end = len;

        let outputs = nodes.as_ref().map_or(head.outputs(), |nodes| nodes.node_outputs);
        let action_head = Linear::place(actor.outputs(), outputs, &mut len);
        let value_head = Linear::place(actor.outputs(), architecture.value_heads, &mut len);
        if let Some(nodes) = &mut nodes {
            nodes.place(&mut len);
        }
        let output_stride = padded(head.outputs());
        let mut log_stds = len..len;
        let distribution = match head {
            ActionHead::Gaussian(width) => {
                log_stds.end += outputs;
                len += padded(outputs);
                Distribution::Gaussian(Gaussian::new(*width, output_stride))
            }
            head => Distribution::Categorical(MultiCategorical::new(head.choices(), output_stride)),
        };
        let groups = [
            0..encoder_end,
            encoder_end..recurrence_end,
            recurrence_end..actor_end,
            actor_end..critic_end,
            critic_end..len,
        ];
        let params = vec![0.0; len];
        Ok(Self {
            architecture,
            encoder,
            nodes,
            actor_lstm,
            critic_lstm,
            bridge,
            actor,
            critic,
            action_head,
            value_head,
            distribution,
            output_stride,
            groups,
            frozen: Vec::new(),
            log_stds,
            params,
        })
    }

    /// The same weights for graphs of `nodes` nodes, with an action head of as many outputs for each node.
    ///
    /// # Errors
    /// [`Error::Architecture`](crate::Error::Architecture) if observations are not graphs or the head does not fit;
    /// [`Error::Shape`](crate::Error::Shape) if the head has other outputs for each node.
    pub fn on_nodes(&self, nodes: usize, head: ActionHead) -> Result<Self> {
        let mut architecture = self.architecture.clone();
        check("encoder", architecture.graph().is_some(), "a graph", &architecture.encoder)?;
        architecture.head = head;
        if let Encoder::Graph(graph) = &mut architecture.encoder {
            graph.nodes = nodes;
            architecture.obs_dim = graph.obs_dim();
        }
        let mut other = Self::place(architecture)?;
        other.copy_weights(self, &Group::ALL)?;
        other.frozen.clone_from(&self.frozen);
        Ok(other)
    }

    /// Sizes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// All parameters; padding entries are 0 and stay so under any gradient of [`ActorCritic::backward`].
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// All parameters, for an optimiser.
    pub fn params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// A Gaussian's log standard deviations, those of one node where outputs are read from nodes; empty for choices.
    pub fn log_stds(&self) -> &[f32] {
        &self.params[self.log_stds_range()]
    }

    /// Where in [`ActorCritic::params`] these lie.
    pub fn log_stds_range(&self) -> Range<usize> {
        self.log_stds.clone()
    }
}

#[cfg(test)]
mod tests;
