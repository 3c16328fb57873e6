//! What a network is, and how a fresh one starts.
//!
//! Left out: parameters.

use serde::{Deserialize, Serialize};

use crate::distribution::ActionHead;
use crate::graph::{Graph, GraphHead, GraphLayer};
use crate::mlp::Activation;
use crate::{Error, Result};

/// Whether and how the critic remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticRecurrence {
    /// An LSTM of its own (sb3-contrib's `enable_critic_lstm`, its default).
    #[default]
    Separate,
    /// It reads the actor's LSTM without training it (sb3-contrib's `shared_lstm`). With a shared trunk, the two
    /// train it together.
    Shared,
    /// None: a linear layer takes the LSTM's place.
    None,
}

/// An LSTM between the encoder and the hidden layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// Numbers in its state, at least 1.
    pub hidden_size: usize,
    /// What the critic does.
    #[serde(default)]
    pub critic: CriticRecurrence,
}

/// How an observation is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// As a list of numbers.
    #[default]
    None,
    /// As a graph: the numbers of its nodes, then its adjacency. Actor and critic share the encoder, and both train it.
    Graph(Graph),
}

impl Encoder {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// All that is needed to build a network again. Numbers flow through the encoder, the LSTM, the hidden layers and the
/// heads, in this order, where there are any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Numbers in an observation, at least 1.
    pub obs_dim: usize,
    /// What the actor's outputs mean.
    pub head: ActionHead,
    /// Values the critic estimates: one for the reward and one for each constraint; at least 1.
    pub value_heads: usize,
    /// Widths of the hidden layers of each trunk; at least one layer.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
    /// Whether actor and critic share one trunk.
    pub shared_trunk: bool,
    /// Numbers in the critic's own observation, at least 1; none: it sees the actor's. Needs separate trunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic_obs_dim: Option<usize>,
    /// Memory; none: what a policy does depends on the present observation alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// How observations are read.
    #[serde(default, skip_serializing_if = "Encoder::is_none")]
    pub encoder: Encoder,
}

/// How a fresh network starts: hidden layers orthogonal with gain √2, value heads with gain 1, the actor's
/// outputs as told here.
#[derive(Clone, Debug, PartialEq)]
pub struct Initialisation {
    /// Gain of the actor's orthogonal output weights.
    pub output_gain: f32,
    /// Starts from this choice in each head: zero output weights, and [`Initialisation::default_logit`] as the
    /// bias of the given choices. For a Gaussian an empty list: its means start at exactly 0.
    pub default_action: Option<Vec<u32>>,
    /// Bias of the default choices. With `n` choices, one starts with probability `e^b / (e^b + n − 1)`.
    pub default_logit: f32,
    /// Logarithm of a Gaussian's first standard deviation.
    pub log_std: f32,
}

impl Default for Initialisation {
    fn default() -> Self {
        Self { output_gain: 0.01, default_action: None, default_logit: 3.0, log_std: 0.0 }
    }
}

/// Fails with the name of a field, unless `ok`.
pub(super) fn check(
    key: &'static str,
    ok: bool,
    expected: impl Into<String>,
    found: impl std::fmt::Debug,
) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::Architecture { key, expected: expected.into(), found: format!("{found:?}") })
    }
}

impl Architecture {
    /// The graph that an observation is, if it is one.
    pub fn graph(&self) -> Option<&Graph> {
        match &self.encoder {
            Encoder::None => None,
            Encoder::Graph(graph) => Some(graph),
        }
    }

    /// Leading numbers of an observation that may be centred and scaled: all but a graph's adjacency.
    pub fn scalable(&self) -> usize {
        self.graph().map_or(self.obs_dim, Graph::scalable)
    }

    fn validate_recurrence(&self, recurrence: &Recurrence) -> Result<()> {
        check("recurrence.hidden_size", recurrence.hidden_size > 0, "at least 1", recurrence.hidden_size)?;
        let (critic, shared) = (recurrence.critic, recurrence.critic == CriticRecurrence::Shared);
        let ok = shared || !self.shared_trunk;
        check("recurrence.critic", ok, "shared, as the trunk is", critic)?;
        let ok = !shared || self.critic_obs_dim.is_none();
        check("recurrence.critic", ok, "not shared where the critic has its own observations", critic)
    }

    fn validate_graph(&self, graph: &Graph) -> Result<()> {
        let Graph { nodes, features, layers, kind, head, own: _ } = graph;
        check("encoder.nodes", *nodes > 0, "at least 1", nodes)?;
        check("encoder.features", *features > 0, "at least 1", features)?;
        let ok = !layers.is_empty() && layers.iter().all(|width| *width > 0);
        check("encoder.layers", ok, "at least one layer, each of at least 1", layers)?;
        if let GraphLayer::Attention { heads } = kind {
            let divided = &layers[..layers.len() - 1];
            let ok = *heads > 0 && divided.iter().all(|width| width % heads == 0);
            check("encoder.heads", ok, format!("a divisor of each of {divided:?}"), heads)?;
        }
        let expected = graph.obs_dim();
        check("obs_dim", self.obs_dim == expected, format!("{expected} for the graph"), self.obs_dim)?;
        let ok = *head == GraphHead::Pooled || !self.shared_trunk;
        check("shared_trunk", ok, "separate trunks, since the actor's runs over nodes", self.shared_trunk)?;
        let ok = *head != GraphHead::Alone || self.recurrence.is_none();
        check("recurrence", ok, "none, since nodes that stand alone would not hear it", &self.recurrence)
    }

    /// Fails with the first size that no network can have.
    pub(super) fn validate(&self) -> Result<()> {
        let positive = |widths: &[usize]| !widths.is_empty() && widths.iter().all(|width| *width > 0);
        check("obs_dim", self.obs_dim > 0, "at least 1", self.obs_dim)?;
        check("value_heads", self.value_heads > 0, "at least 1", self.value_heads)?;
        check("hidden", positive(&self.hidden), "at least one layer, each of at least 1", &self.hidden)?;
        let own = self.critic_obs_dim;
        check("critic_obs_dim", own != Some(0), "at least 1", own)?;
        let ok = own.is_none() || !self.shared_trunk;
        check("critic_obs_dim", ok, "none with a shared trunk", own)?;
        if let Some(recurrence) = &self.recurrence {
            self.validate_recurrence(recurrence)?;
        }
        if let Some(graph) = self.graph() {
            self.validate_graph(graph)?;
        }
        let ok = match &self.head {
            ActionHead::Gaussian(width) => *width > 0,
            head => positive(head.choices()),
        };
        check("head", ok, "at least one entry, each of at least 1", &self.head)
    }
}
