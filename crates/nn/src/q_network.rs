//! A network of action values: from an observation to the value of every choice, optionally dueling.
//!
//! With several choices at a time (`MultiDiscrete`) each head has values of its own, which share the trunk: the branching
//! form of Tavakoli, Pardo & Kormushev 2018 (arXiv:1711.08946), which has one output for each alternative rather than for
//! each combination. One head is the ordinary network.
//!
//! Dueling (Wang et al. 2016, arXiv:1511.06581): the last hidden width becomes that of two streams, one for the value of
//! the state and one for the advantages, and `Q = V + A − mean A`, the mean taken over each row's choices of a head.
//!
//! Left out: targets and losses.

mod dueling;
#[cfg(test)]
mod tests;

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::dueling::{Dueling, DuelingCache};
use crate::actor_critic::CHUNK;
use crate::distribution::{ActionHead, ActionSliceMut, MultiCategorical};
use crate::feed_forward::{FeedForward, FeedForwardCache};
use crate::mlp::Activation;
use crate::{Error, Result, Tensors};

const ARCHITECTURE_KEY: &str = "q_network";

/// All that is needed to build a network of action values again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QArchitecture {
    /// Numbers in an observation, at least 1.
    pub obs_dim: usize,
    /// The choices; not a Gaussian.
    pub head: ActionHead,
    /// Widths of the hidden layers: at least one, with dueling at least two.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
    /// Whether values are the sum of the state's value and the actions' advantages.
    pub dueling: bool,
}

impl QArchitecture {
    fn validate(&self) -> Result<()> {
        let wrong = |key, expected: &str, found: &dyn std::fmt::Debug| {
            Err(Error::Architecture { key, expected: expected.into(), found: format!("{found:?}") })
        };
        let choices = self.head.choices();
        if self.obs_dim == 0 {
            return wrong("obs_dim", "at least 1", &self.obs_dim);
        }
        if choices.is_empty() || choices.contains(&0) {
            return wrong("head", "choices, each of at least 1", &self.head);
        }
        if self.hidden.is_empty() || self.hidden.contains(&0) {
            return wrong("hidden", "at least one layer, each of at least 1", &self.hidden);
        }
        if self.dueling && self.hidden.len() < 2 {
            return wrong(
                "hidden",
                "at least two layers, the last one being that of the dueling streams",
                &self.hidden,
            );
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Plain(FeedForward),
    Dueling(Dueling),
}

/// Action values and their parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct QNetwork {
    architecture: QArchitecture,
    body: Body,
    heads: MultiCategorical,
    params: Vec<f32>,
}

/// Buffers for one network's batches.
#[derive(Clone, Debug)]
pub struct QWorkspace {
    rows: usize,
    /// Of the plain body; its `outputs` are the values in both.
    plain: FeedForwardCache,
    dueling: DuelingCache,
}

impl QWorkspace {
    /// `rows × stride`: values, or the gradient with respect to them, padding 0.
    pub fn values(&self) -> &[f32] {
        &self.plain.outputs
    }

    /// The same, for the caller to write the gradient to.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.plain.outputs
    }
}

impl QNetwork {
    fn place(architecture: QArchitecture) -> Result<Self> {
        architecture.validate()?;
        let QArchitecture { obs_dim, head, hidden, activation, dueling } = &architecture;
        let mut len = 0;
        let body = if *dueling {
            Body::Dueling(Dueling::place(*obs_dim, hidden, head.outputs(), *activation, &mut len))
        } else {
            Body::Plain(FeedForward::place(*obs_dim, hidden, head.outputs(), *activation, &mut len))
        };
        let stride = crate::kernel::padded(head.outputs());
        let heads = MultiCategorical::new(head.choices(), stride);
        Ok(Self { body, heads, params: vec![0.0; len], architecture })
    }

    /// A fresh network, started as `PyTorch` starts its layers.
    ///
    /// # Errors
    /// [`Error::Architecture`] for sizes of 0, a head without choices, or dueling with a single hidden layer.
    pub fn new(architecture: QArchitecture, rng: &mut impl Rng) -> Result<Self> {
        let mut network = Self::place(architecture)?;
        match &network.body {
            Body::Plain(body) => body.initialise(&mut network.params, rng),
            Body::Dueling(body) => body.initialise(&mut network.params, rng),
        }
        Ok(network)
    }

    /// Sizes.
    pub fn architecture(&self) -> &QArchitecture {
        &self.architecture
    }

    /// All parameters.
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// All parameters, for an optimiser.
    pub fn params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// Distance between the rows of values.
    pub fn stride(&self) -> usize {
        crate::kernel::padded(self.architecture.head.outputs())
    }

    /// Adds `by` to the value of one choice, whatever the observation.
    ///
    /// # Panics
    /// If there is no such choice.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        match &self.body {
            Body::Plain(body) => body.output().shift(&mut self.params, output, by),
            Body::Dueling(body) => body.advantage_output().shift(&mut self.params, output, by),
        }
    }

    /// Buffers for at most `rows` rows at a time.
    pub fn workspace(&self, rows: usize) -> QWorkspace {
        let (plain, dueling) = match &self.body {
            Body::Plain(body) => (body.cache(rows), DuelingCache::default()),
            Body::Dueling(body) => {
                let outputs = vec![0.0; rows * self.stride()];
                (FeedForwardCache { outputs, ..FeedForwardCache::default() }, body.cache(rows))
            }
        };
        QWorkspace { rows, plain, dueling }
    }

    /// Values of all choices for `rows` rows of `obs`, into the workspace.
    pub fn forward(&self, obs: &[f32], rows: usize, ws: &mut QWorkspace) {
        match &self.body {
            Body::Plain(body) => body.forward(&self.params, obs, rows, &mut ws.plain),
            Body::Dueling(body) => {
                body.forward(&self.params, obs, rows, &mut ws.dueling);
                body.combine(self.architecture.head.choices(), rows, &mut ws.dueling, &mut ws.plain.outputs);
            }
        }
    }

    /// The choice of the highest value in each head, for each row of `obs`; `masks` is `rows × choices`, true where
    /// allowed. Allocates nothing.
    ///
    /// # Panics
    /// If a slice is too short for the rows of `actions`.
    pub fn act(&self, obs: &[f32], masks: Option<&[bool]>, ws: &mut QWorkspace, actions: &mut [u32]) {
        let QArchitecture { obs_dim, head, .. } = &self.architecture;
        for (chunk, actions) in actions.chunks_mut(ws.rows * head.width()).enumerate() {
            let (start, rows) = (chunk * ws.rows, actions.len() / head.width());
            self.forward(&obs[start * obs_dim..(start + rows) * obs_dim], rows, ws);
            let masks = masks.map(|masks| &masks[start * head.outputs()..]);
            self.best(ws, masks, actions);
        }
    }

    /// The choice of the highest value in each head, after [`QNetwork::forward`].
    pub fn best(&self, ws: &QWorkspace, masks: Option<&[bool]>, actions: &mut [u32]) {
        self.heads.mode(&ws.plain.outputs, masks, actions);
    }

    /// Takes note of changed parameters, before [`QNetwork::backward`].
    pub fn prepare_backward(&self, ws: &mut QWorkspace) {
        match &self.body {
            Body::Plain(body) => body.transpose(&self.params, &mut ws.plain),
            Body::Dueling(body) => body.transpose(&self.params, &mut ws.dueling),
        }
    }

    /// Adds the gradient of all parameters to `grads`, after [`QNetwork::forward`] of the same rows and with the values'
    /// gradient in [`QWorkspace::values_mut`].
    pub fn backward(&self, obs: &[f32], rows: usize, ws: &mut QWorkspace, grads: &mut [f32]) {
        match &self.body {
            Body::Plain(body) => body.backward(obs, rows, &mut ws.plain, grads),
            Body::Dueling(body) => {
                body.part(self.architecture.head.choices(), rows, &ws.plain.outputs, &mut ws.dueling);
                body.backward(obs, rows, &mut ws.dueling, grads);
            }
        }
    }

    /// Puts all parameters into `tensors`.
    pub fn write(&self, tensors: &mut Tensors) {
        match &self.body {
            Body::Plain(body) => body.write(&self.params, "q", tensors),
            Body::Dueling(body) => body.write(&self.params, tensors),
        }
    }

    /// Takes from `tensors` what [`QNetwork::write`] of a network of this architecture put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&mut self, tensors: &mut Tensors) -> Result<()> {
        match &self.body {
            Body::Plain(body) => body.read(&mut self.params, "q", tensors),
            Body::Dueling(body) => body.read(&mut self.params, tensors),
        }
    }

    /// The network as named tensors; its [`QArchitecture`] travels as JSON in the metadata and names its kind.
    ///
    /// # Panics
    /// Never: sizes and names are always valid JSON.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let architecture = serde_json::to_string(&self.architecture).expect("sizes and names are valid JSON");
        tensors.metadata.insert(ARCHITECTURE_KEY.into(), architecture);
        self.write(&mut tensors);
        tensors
    }

    /// Whether `tensors` hold a network of this kind.
    pub fn is_in(tensors: &Tensors) -> bool {
        tensors.metadata.contains_key(ARCHITECTURE_KEY)
    }

    /// Takes a network from what [`QNetwork::to_tensors`] wrote; other tensors stay in `tensors`.
    ///
    /// # Errors
    /// The architecture is missing or invalid, or a tensor is missing or has another shape.
    pub fn from_tensors(tensors: &mut Tensors) -> Result<Self> {
        let key = ARCHITECTURE_KEY;
        let text = tensors.metadata.get(key).ok_or(Error::MissingMetadata { key })?;
        let architecture = serde_json::from_str(text).map_err(|source| Error::Metadata { key, source })?;
        let mut network = Self::place(architecture)?;
        network.read(tensors)?;
        Ok(network)
    }

    /// Buffers to act with.
    pub(crate) fn acting_workspace(&self) -> QWorkspace {
        self.workspace(CHUNK)
    }

    /// As [`QNetwork::act`], for actions of any kind.
    pub(crate) fn act_slice(
        &self,
        obs: &[f32],
        masks: Option<&[bool]>,
        ws: &mut QWorkspace,
        actions: ActionSliceMut<'_>,
    ) {
        match actions {
            ActionSliceMut::Choices(choices) => self.act(obs, masks, ws, choices),
            ActionSliceMut::Numbers(_) => panic!("action values choose, they give no numbers"),
        }
    }
}
