//! Actors that come without a critic of states: deterministic ones (DDPG, TD3), squashed Gaussians and categorical ones
//! (SAC).
//!
//! A deterministic actor puts out numbers in the action space `[-1, 1]` through a tanh or through a sigmoid, `2σ(x) − 1`:
//! the reference system with sigmoid actors acts in `[0, 1]`, of which the action space is the image under `2a − 1`.
//!
//! A squashed Gaussian (Haarnoja et al. 2018, arXiv:1812.05905) is `a = tanh(μ + σ·ε)`; its noise `ε` is an argument, and
//! `ln π(a) = Σ −½ε² − ln σ − ½ ln 2π − ln(1 − a² + 1e-6)` with Stable-Baselines3's constant. The network puts out μ and,
//! clamped to `[-20, 2]`, ln σ.
//!
//! Left out: losses, and actors with a state (recurrent, graph).

mod file;
mod squash;
#[cfg(test)]
mod tests;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::actor_critic::CHUNK;
use crate::distribution::{ActionHead, ActionSliceMut, CategoricalCache, MultiCategorical};
use crate::feed_forward::{FeedForward, FeedForwardCache};
use crate::kernel;
use crate::mlp::Activation;
use crate::{Error, Result};

/// What an actor's outputs mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorHead {
    /// Logits of independent choices, one list entry for each.
    Choices(Vec<usize>),
    /// Numbers through a tanh.
    Tanh(usize),
    /// Numbers through `2σ(x) − 1`.
    Sigmoid(usize),
    /// Means and log standard deviations of squashed Gaussians.
    SquashedGaussian(usize),
}

impl ActorHead {
    fn outputs(&self) -> usize {
        match self {
            Self::Choices(choices) => choices.iter().sum(),
            Self::Tanh(width) | Self::Sigmoid(width) => *width,
            Self::SquashedGaussian(width) => 2 * width,
        }
    }

    /// Numbers in one action.
    pub fn width(&self) -> usize {
        match self {
            Self::Choices(choices) => choices.len(),
            Self::Tanh(width) | Self::Sigmoid(width) | Self::SquashedGaussian(width) => *width,
        }
    }
}

/// All that is needed to build an actor again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorArchitecture {
    /// Numbers in an observation, at least 1.
    pub obs_dim: usize,
    /// What the outputs mean.
    pub head: ActorHead,
    /// What an action is, to whoever takes it: choices, or numbers in `[-1, 1]`.
    pub action: ActionHead,
    /// Widths of the hidden layers; at least one.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
}

impl ActorArchitecture {
    fn validate(&self) -> Result<()> {
        let positive = |widths: &[usize]| !widths.is_empty() && widths.iter().all(|width| *width > 0);
        let head = match (&self.head, &self.action) {
            (ActorHead::Choices(choices), action) => positive(choices) && action.choices() == choices,
            (head, ActionHead::Gaussian(width)) => *width > 0 && *width == head.width(),
            _ => false,
        };
        let checks = [
            ("obs_dim", self.obs_dim > 0, "at least 1", format!("{}", self.obs_dim)),
            ("hidden", positive(&self.hidden), "layers, each of at least 1", format!("{:?}", self.hidden)),
            ("head", head, "one that fits the action", format!("{:?} for {:?}", self.head, self.action)),
        ];
        match checks.into_iter().find(|(_, fits, ..)| !fits) {
            None => Ok(()),
            Some((key, _, expected, found)) => {
                Err(Error::Architecture { key, expected: expected.into(), found })
            }
        }
    }
}

/// An actor and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    architecture: ActorArchitecture,
    body: FeedForward,
    categorical: MultiCategorical,
    params: Vec<f32>,
}

/// Buffers for one actor's batches.
#[derive(Clone, Debug)]
pub struct ActorWorkspace {
    rows: usize,
    body: FeedForwardCache,
    categorical: CategoricalCache,
    /// `rows × width`: what a continuous actor last put out.
    actions: Vec<f32>,
    /// `rows × stride`: probabilities of choices.
    probs: Vec<f32>,
}

impl ActorWorkspace {
    /// `rows × stride` log-probabilities after [`Actor::probabilities`].
    pub fn log_probs(&self) -> &[f32] {
        &self.body.outputs
    }

    /// `rows × stride` probabilities after [`Actor::probabilities`].
    pub fn probs(&self) -> &[f32] {
        &self.probs
    }

    /// Where the gradient with respect to the logits goes, in place of their log-probabilities; with the probabilities.
    pub fn logits_and_probs(&mut self) -> (&mut [f32], &[f32]) {
        (&mut self.body.outputs, &self.probs)
    }
}

impl Actor {
    fn place(architecture: ActorArchitecture) -> Result<Self> {
        architecture.validate()?;
        let ActorArchitecture { obs_dim, head, hidden, activation, .. } = &architecture;
        let mut len = 0;
        let body = FeedForward::place(*obs_dim, hidden, head.outputs(), *activation, &mut len);
        let choices = if let ActorHead::Choices(choices) = head { &choices[..] } else { &[] };
        let categorical = MultiCategorical::new(choices, body.stride());
        Ok(Self { body, categorical, params: vec![0.0; len], architecture })
    }

    /// A fresh actor, its layers started as `PyTorch` starts them. With `at_zero` the output layer's weights and biases are 0:
    /// it puts out the middle of the action space, or equal probabilities, whatever it sees.
    ///
    /// # Errors
    /// [`Error::Architecture`] for sizes of 0, or a head that does not fit the action.
    pub fn new(architecture: ActorArchitecture, at_zero: bool, rng: &mut impl Rng) -> Result<Self> {
        let mut actor = Self::place(architecture)?;
        actor.body.initialise(&mut actor.params, rng);
        if at_zero {
            actor.body.output().set_constant(&mut actor.params, &[]);
        }
        Ok(actor)
    }

    /// Sizes.
    pub fn architecture(&self) -> &ActorArchitecture {
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

    /// Distance between the rows of log-probabilities.
    pub fn stride(&self) -> usize {
        self.body.stride()
    }

    /// Adds `by` to one output (a number before its squashing, a mean, a logit), whatever the observation.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        self.body.output().shift(&mut self.params, output, by);
    }

    /// Buffers for at most `rows` rows at a time.
    pub fn workspace(&self, rows: usize) -> ActorWorkspace {
        let (mut categorical, mut probs) = (CategoricalCache::default(), Vec::new());
        if let ActorHead::Choices(_) = self.architecture.head {
            (categorical, probs) = (self.categorical.cache(rows), vec![0.0; rows * self.stride()]);
        }
        let actions = vec![0.0; rows * self.architecture.head.width()];
        ActorWorkspace { rows, body: self.body.cache(rows), categorical, actions, probs }
    }

    /// Buffers to act with.
    pub(crate) fn acting_workspace(&self) -> ActorWorkspace {
        self.workspace(CHUNK)
    }

    /// The best action of each row of `obs`: the number a deterministic actor puts out, the squashed mean, the most
    /// probable allowed choices. `masks` is `rows × choices`, true where allowed. Allocates nothing.
    ///
    /// # Panics
    /// If `actions` are not of the head's kind, or a slice is too short for the rows they hold.
    pub fn act(
        &self,
        obs: &[f32],
        masks: Option<&[bool]>,
        ws: &mut ActorWorkspace,
        mut actions: ActionSliceMut<'_>,
    ) {
        let (dim, width) = (self.architecture.obs_dim, self.architecture.head.width());
        let (total, chunk) = (actions.len() / width, ws.rows);
        for start in (0..total).step_by(chunk) {
            let rows = chunk.min(total - start);
            self.body.forward(&self.params, &obs[start * dim..(start + rows) * dim], rows, &mut ws.body);
            match (&self.architecture.head, actions.part(start * width, rows * width)) {
                (ActorHead::Choices(_), ActionSliceMut::Choices(choices)) => {
                    let masks = masks.map(|masks| &masks[start * self.architecture.head.outputs()..]);
                    self.categorical.mode(&ws.body.outputs, masks, choices);
                }
                (head, ActionSliceMut::Numbers(numbers)) if !matches!(head, ActorHead::Choices(_)) => {
                    squash::mode(head, &ws.body.outputs, self.stride(), numbers);
                }
                (head, actions) => panic!("the actions {actions:?} are not of the kind of {head:?}"),
            }
        }
    }

    /// Numbers of a deterministic actor for as many rows as `actions` hold, at most the workspace's.
    pub fn numbers(&self, obs: &[f32], ws: &mut ActorWorkspace, actions: &mut [f32]) {
        let rows = actions.len() / self.architecture.head.width();
        self.body.forward(&self.params, obs, rows, &mut ws.body);
        squash::mode(&self.architecture.head, &ws.body.outputs, self.stride(), actions);
        ws.actions[..actions.len()].copy_from_slice(actions);
    }

    /// Adds the parameters' gradient to `grads`, given that with respect to the numbers, after [`Actor::numbers`] of the same
    /// rows.
    pub fn backward_numbers(
        &self,
        obs: &[f32],
        action_grads: &[f32],
        ws: &mut ActorWorkspace,
        grads: &mut [f32],
    ) {
        let (head, stride) = (&self.architecture.head, self.stride());
        squash::mode_backward(head, &ws.actions, action_grads, stride, &mut ws.body.outputs);
        self.backward_body(obs, action_grads.len() / head.width(), ws, grads);
    }

    /// Draws a squashed Gaussian's actions by standard normal `noise` (`rows × width`), with each row's log-density.
    pub fn sample(
        &self,
        obs: &[f32],
        noise: &[f32],
        ws: &mut ActorWorkspace,
        actions: &mut [f32],
        log_probs: &mut [f32],
    ) {
        let width = self.architecture.head.width();
        self.body.forward(&self.params, obs, log_probs.len(), &mut ws.body);
        squash::sample((width, self.stride()), &ws.body.outputs, noise, actions, log_probs);
        ws.actions[..actions.len()].copy_from_slice(actions);
    }

    /// Adds the parameters' gradient to `grads`, given that with respect to the actions and to every row's log-density, after
    /// [`Actor::sample`] of the same rows and noise.
    pub fn backward_sample(
        &self,
        obs: &[f32],
        noise: &[f32],
        (action_grads, log_prob_grad): (&[f32], f32),
        ws: &mut ActorWorkspace,
        grads: &mut [f32],
    ) {
        let width = self.architecture.head.width();
        let gradients = (action_grads, log_prob_grad);
        squash::sample_backward((width, self.stride()), &ws.actions, noise, gradients, &mut ws.body.outputs);
        self.backward_body(obs, action_grads.len() / width, ws, grads);
    }

    /// Log-probabilities and probabilities of all choices for `rows` rows, into the workspace; a forbidden choice has
    /// probability 0.
    pub fn probabilities(&self, obs: &[f32], masks: Option<&[bool]>, rows: usize, ws: &mut ActorWorkspace) {
        self.body.forward(&self.params, obs, rows, &mut ws.body);
        self.categorical.normalise(&mut ws.body.outputs, masks, rows, &mut ws.categorical);
        let size = rows * self.stride();
        ws.probs[..size].copy_from_slice(&ws.body.outputs[..size]);
        kernel::exp(&mut ws.probs[..size]);
    }

    /// Draws choices, after [`Actor::probabilities`].
    pub fn draw(&self, rng: &mut impl Rng, ws: &ActorWorkspace, choices: &mut [u32], log_probs: &mut [f32]) {
        self.categorical.sample(&ws.body.outputs, &ws.categorical, rng, choices, log_probs);
    }

    /// Takes note of changed parameters, before a backward method.
    pub fn prepare_backward(&self, ws: &mut ActorWorkspace) {
        self.body.transpose(&self.params, &mut ws.body);
    }

    /// Adds the parameters' gradient to `grads`, after [`Actor::probabilities`] of the same rows and with the logits'
    /// gradient in [`ActorWorkspace::logits_and_probs`], padding 0.
    pub fn backward_body(&self, obs: &[f32], rows: usize, ws: &mut ActorWorkspace, grads: &mut [f32]) {
        self.body.backward(obs, rows, &mut ws.body, grads);
    }
}
