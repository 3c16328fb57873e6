//! An actor and its critic: trunks, an action head, value heads, and what one does with them: act, sample,
//! evaluate, improve.
//!
//! The trunks are separate by default, as in Stable-Baselines3, or shared. The critic has one value head for the
//! reward and one for each constraint. An actor can be started so that a fresh network chooses a given action.
//!
//! Left out: losses; recurrent and graph encoders.

mod architecture;
mod file;

use rand::Rng;

use self::architecture::check;
pub use self::architecture::{Architecture, Initialisation};

use crate::Result;
use crate::distribution::{
    ActionHead, ActionSlice, ActionSliceMut, CategoricalCache, Gaussian, MultiCategorical,
};
use crate::kernel::{Base, padded};
use crate::linear::Linear;
use crate::mlp::{Mlp, MlpCache};

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
    actor: Mlp,
    /// None if the actor's trunk is shared.
    critic: Option<Mlp>,
    action_head: Linear,
    value_head: Linear,
    distribution: Distribution,
    /// Where a Gaussian's log standard deviations start in `params`.
    log_std: usize,
    params: Vec<f32>,
}

/// Buffers for one policy's batches; made once, reused for every call.
#[derive(Clone, Debug)]
pub struct Workspace {
    actor: MlpCache,
    critic: MlpCache,
    /// `CHUNK × action stride`: logits or means, then log-probabilities, then gradients.
    outputs: Vec<f32>,
    /// `CHUNK × value stride`: values, then gradients.
    padded_values: Vec<f32>,
    values: Vec<f32>,
    log_probs: Vec<f32>,
    entropies: Vec<f32>,
    categorical: CategoricalCache,
    action_transposed: Vec<f32>,
    value_transposed: Vec<f32>,
}

/// Where [`ActorCritic::sample`] writes.
#[derive(Debug)]
pub struct Samples<'a> {
    /// `rows × width`, unclipped for a Gaussian.
    pub actions: ActionSliceMut<'a>,
    /// `rows`: log-probability of each action.
    pub log_probs: &'a mut [f32],
    /// `rows × value_heads`.
    pub values: &'a mut [f32],
}

/// What [`ActorCritic::evaluate`] found.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// `rows`: log-probability of each action.
    pub log_probs: &'a [f32],
    /// `rows`: entropy of each distribution.
    pub entropies: &'a [f32],
    /// `rows × value_heads`.
    pub values: &'a [f32],
}

/// Gradient of a loss with respect to what [`ActorCritic::evaluate`] found.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationGradient<'a> {
    /// `rows`.
    pub log_probs: &'a [f32],
    /// The same for all rows.
    pub entropies: f32,
    /// `rows × value_heads`.
    pub values: &'a [f32],
}

impl ActorCritic {
    fn place(architecture: Architecture) -> Result<Self> {
        architecture.validate()?;
        let Architecture { obs_dim, head, value_heads, hidden, activation, shared_trunk } = &architecture;
        let mut len = 0;
        let actor = Mlp::place(*obs_dim, hidden, *activation, &mut len);
        let critic = (!shared_trunk).then(|| Mlp::place(*obs_dim, hidden, *activation, &mut len));
        let action_head = Linear::place(actor.outputs(), head.outputs(), &mut len);
        let value_head = Linear::place(actor.outputs(), *value_heads, &mut len);
        let (log_std, stride) = (len, action_head.stride());
        let distribution = match head {
            ActionHead::Gaussian(width) => {
                len += padded(*width);
                Distribution::Gaussian(Gaussian::new(*width, stride))
            }
            head => Distribution::Categorical(MultiCategorical::new(head.choices(), stride)),
        };
        let params = vec![0.0; len];
        Ok(Self { architecture, actor, critic, action_head, value_head, distribution, log_std, params })
    }

    /// A fresh network.
    ///
    /// # Errors
    /// [`Error::Architecture`](crate::Error::Architecture) for sizes of 0, a default action outside the head, or numbers that are not finite.
    pub fn new(architecture: Architecture, start: &Initialisation, rng: &mut impl Rng) -> Result<Self> {
        let mut policy = Self::place(architecture)?;
        let head = policy.architecture.head.clone();
        check("output_gain", start.output_gain.is_finite(), "a finite number", start.output_gain)?;
        check("default_logit", start.default_logit.is_finite(), "a finite number", start.default_logit)?;
        check("log_std", start.log_std.is_finite(), "a finite number", start.log_std)?;
        let Self { actor, critic, action_head, value_head, params, .. } = &mut policy;
        actor.initialise(params, rng);
        if let Some(critic) = critic {
            critic.initialise(params, rng);
        }
        value_head.initialise(params, 1.0, rng);
        match &start.default_action {
            None => action_head.initialise(params, start.output_gain, rng),
            Some(choices) => {
                let counts = head.choices();
                let fits = choices.len() == counts.len()
                    && choices.iter().zip(counts).all(|(choice, count)| (*choice as usize) < *count);
                check("default_action", fits, format!("one index below each of {counts:?}"), choices)?;
                let mut biases = Vec::with_capacity(head.outputs());
                for (choice, count) in choices.iter().zip(counts) {
                    let logit = |at| if at == *choice as usize { start.default_logit } else { 0.0 };
                    biases.extend((0..*count).map(logit));
                }
                action_head.set_constant(params, &biases);
            }
        }
        let log_stds = policy.log_stds_range();
        policy.params[log_stds].fill(start.log_std);
        Ok(policy)
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

    /// A Gaussian's log standard deviations; empty for choices.
    pub fn log_stds(&self) -> &[f32] {
        &self.params[self.log_stds_range()]
    }

    fn log_stds_range(&self) -> std::ops::Range<usize> {
        match self.architecture.head {
            ActionHead::Gaussian(width) => self.log_std..self.log_std + width,
            _ => self.log_std..self.log_std,
        }
    }

    /// Adds `by` to one of the actor's outputs (a Gaussian's mean, a choice's logit) whatever the observation.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        assert!(
            output < self.architecture.head.outputs(),
            "no output {output} in {:?}",
            self.architecture.head
        );
        self.action_head.shift(&mut self.params, output, by);
    }

    /// Buffers for this policy.
    pub fn workspace(&self) -> Workspace {
        let categorical = match &self.distribution {
            Distribution::Categorical(heads) => heads.cache(CHUNK),
            Distribution::Gaussian(_) => CategoricalCache::default(),
        };
        Workspace {
            actor: self.actor.cache(CHUNK),
            critic: self.critic.as_ref().map_or_else(MlpCache::default, |critic| critic.cache(CHUNK)),
            outputs: vec![0.0; CHUNK * self.action_head.stride()],
            padded_values: vec![0.0; CHUNK * self.value_head.stride()],
            values: vec![0.0; CHUNK * self.architecture.value_heads],
            log_probs: vec![0.0; CHUNK],
            entropies: vec![0.0; CHUNK],
            categorical,
            action_transposed: Vec::new(),
            value_transposed: Vec::new(),
        }
    }

    fn forward_actor(&self, obs: &[f32], rows: usize, ws: &mut Workspace) {
        self.actor.forward(&self.params, obs, rows, &mut ws.actor);
        self.action_head.forward(&self.params, ws.actor.output(), self.actor.stride(), rows, &mut ws.outputs);
    }

    /// Values into `ws.values`; a shared trunk must have been run by [`ActorCritic::forward_actor`].
    fn forward_critic(&self, obs: &[f32], rows: usize, ws: &mut Workspace) {
        let trunk = match &self.critic {
            Some(critic) => {
                critic.forward(&self.params, obs, rows, &mut ws.critic);
                &ws.critic
            }
            None => &ws.actor,
        };
        let out = &mut ws.padded_values;
        self.value_head.forward(&self.params, trunk.output(), self.actor.stride(), rows, out);
        let heads = self.architecture.value_heads;
        let rows =
            out.chunks_exact(self.value_head.stride()).zip(ws.values.chunks_exact_mut(heads)).take(rows);
        rows.for_each(|(out, values)| values.copy_from_slice(&out[..heads]));
    }

    /// The most probable action of each row of `obs` (`rows × obs_dim`), clipped to `[-1, 1]` for a Gaussian.
    /// `masks` is `rows × choices`, true where allowed. Allocates nothing.
    ///
    /// # Panics
    /// If `actions` are not of the head's kind, or a slice is too short for the rows they hold.
    pub fn act(
        &self,
        obs: &[f32],
        masks: Option<&[bool]>,
        ws: &mut Workspace,
        mut actions: ActionSliceMut<'_>,
    ) {
        let (dim, width) = (self.architecture.obs_dim, self.architecture.head.width());
        let total = actions.len() / width;
        for start in (0..total).step_by(CHUNK) {
            let rows = CHUNK.min(total - start);
            self.forward_actor(&obs[start * dim..(start + rows) * dim], rows, ws);
            match (&self.distribution, actions.part(start * width, rows * width)) {
                (Distribution::Categorical(heads), ActionSliceMut::Choices(choices)) => {
                    heads.mode(&ws.outputs, self.masks(masks, start), choices);
                }
                (Distribution::Gaussian(gaussian), ActionSliceMut::Numbers(numbers)) => {
                    gaussian.mode(&ws.outputs, numbers);
                }
                (_, actions) => wrong_kind(&self.architecture.head, &actions),
            }
        }
    }

    /// Draws an action for each row of `obs`, with its log-probability and the values; the number of rows is the
    /// length of `out.log_probs`. Allocates nothing.
    ///
    /// # Panics
    /// As [`ActorCritic::act`].
    pub fn sample(
        &self,
        obs: &[f32],
        masks: Option<&[bool]>,
        rng: &mut impl Rng,
        ws: &mut Workspace,
        out: Samples<'_>,
    ) {
        let Samples { mut actions, log_probs, values } = out;
        let (dim, width) = (self.architecture.obs_dim, self.architecture.head.width());
        let (heads, total) = (self.architecture.value_heads, log_probs.len());
        for start in (0..total).step_by(CHUNK) {
            let rows = CHUNK.min(total - start);
            let obs = &obs[start * dim..(start + rows) * dim];
            let log_probs = &mut log_probs[start..start + rows];
            self.forward_actor(obs, rows, ws);
            self.forward_critic(obs, rows, ws);
            values[start * heads..(start + rows) * heads].copy_from_slice(&ws.values[..rows * heads]);
            match (&self.distribution, actions.part(start * width, rows * width)) {
                (Distribution::Categorical(heads), ActionSliceMut::Choices(choices)) => {
                    let masks = self.masks(masks, start);
                    heads.normalise(&mut ws.outputs, masks, rows, &mut ws.categorical);
                    heads.sample(&ws.outputs, &ws.categorical, rng, choices, log_probs);
                }
                (Distribution::Gaussian(gaussian), ActionSliceMut::Numbers(numbers)) => {
                    gaussian.sample(&ws.outputs, self.log_stds(), rng, numbers, log_probs);
                }
                (_, actions) => wrong_kind(&self.architecture.head, &actions),
            }
        }
    }

    /// Values of each row of `obs` (`rows × value_heads`). Allocates nothing.
    pub fn values(&self, obs: &[f32], ws: &mut Workspace, values: &mut [f32]) {
        let (dim, heads) = (self.architecture.obs_dim, self.architecture.value_heads);
        let total = values.len() / heads;
        for start in (0..total).step_by(CHUNK) {
            let rows = CHUNK.min(total - start);
            let obs = &obs[start * dim..(start + rows) * dim];
            if self.critic.is_none() {
                self.actor.forward(&self.params, obs, rows, &mut ws.actor);
            }
            self.forward_critic(obs, rows, ws);
            values[start * heads..(start + rows) * heads].copy_from_slice(&ws.values[..rows * heads]);
        }
    }

    /// Log-probability, entropy and values for given actions of at most [`CHUNK`] rows.
    ///
    /// # Panics
    /// As [`ActorCritic::act`], for more rows, or for a choice outside its head.
    pub fn evaluate<'w>(
        &self,
        obs: &[f32],
        masks: Option<&[bool]>,
        actions: ActionSlice<'_>,
        ws: &'w mut Workspace,
    ) -> Evaluation<'w> {
        let rows = obs.len() / self.architecture.obs_dim;
        self.forward_actor(obs, rows, ws);
        self.forward_critic(obs, rows, ws);
        let (log_probs, entropies) = (&mut ws.log_probs[..rows], &mut ws.entropies[..rows]);
        match (&self.distribution, actions) {
            (Distribution::Categorical(heads), ActionSlice::Choices(choices)) => {
                heads.normalise(&mut ws.outputs, masks, rows, &mut ws.categorical);
                heads.evaluate(&ws.outputs, &mut ws.categorical, choices, log_probs, entropies);
            }
            (Distribution::Gaussian(gaussian), ActionSlice::Numbers(numbers)) => {
                gaussian.evaluate(&ws.outputs, self.log_stds(), numbers, log_probs, entropies);
            }
            (_, actions) => wrong_kind(&self.architecture.head, &actions),
        }
        let values = &ws.values[..rows * self.architecture.value_heads];
        Evaluation { log_probs, entropies, values }
    }

    /// Takes note of changed parameters, once before the calls of [`ActorCritic::backward`] that use them.
    pub fn prepare_backward(&self, ws: &mut Workspace) {
        self.actor.transpose(&self.params, &mut ws.actor);
        if let Some(critic) = &self.critic {
            critic.transpose(&self.params, &mut ws.critic);
        }
        self.action_head.transpose(&self.params, &mut ws.action_transposed);
        self.value_head.transpose(&self.params, &mut ws.value_transposed);
    }

    /// Adds the gradient of a loss with respect to all parameters to `grads`, right after
    /// [`ActorCritic::evaluate`] of the same rows.
    ///
    /// # Panics
    /// As [`ActorCritic::evaluate`], or if `grads` is shorter than [`ActorCritic::params`].
    pub fn backward(
        &self,
        obs: &[f32],
        actions: ActionSlice<'_>,
        gradient: EvaluationGradient<'_>,
        ws: &mut Workspace,
        grads: &mut [f32],
    ) {
        let rows = obs.len() / self.architecture.obs_dim;
        let log_prob_grads = &gradient.log_probs[..rows];
        match (&self.distribution, actions) {
            (Distribution::Categorical(heads), ActionSlice::Choices(choices)) => {
                let entropy_grad = gradient.entropies;
                heads.backward(&mut ws.outputs, &ws.categorical, choices, log_prob_grads, entropy_grad);
            }
            (Distribution::Gaussian(gaussian), ActionSlice::Numbers(numbers)) => {
                let upstream = (log_prob_grads, gradient.entropies);
                let log_std_grads = &mut grads[self.log_stds_range()];
                gaussian.backward(&mut ws.outputs, self.log_stds(), numbers, upstream, log_std_grads);
            }
            (_, actions) => wrong_kind(&self.architecture.head, &actions),
        }
        let heads = self.architecture.value_heads;
        let value_rows = ws.padded_values.chunks_exact_mut(self.value_head.stride());
        for (out, values) in value_rows.zip(gradient.values.chunks_exact(heads)).take(rows) {
            out[..heads].copy_from_slice(values);
            out[heads..].fill(0.0);
        }

        let stride = self.actor.stride();
        let (output, delta) = ws.actor.output_and_delta();
        self.action_head.backward(output, stride, &ws.outputs, rows, grads);
        self.action_head.backward_input(&ws.action_transposed, &ws.outputs, rows, delta, Base::Zero);
        match &self.critic {
            None => {
                self.value_head.backward(output, stride, &ws.padded_values, rows, grads);
                let base = Base::Existing;
                self.value_head.backward_input(&ws.value_transposed, &ws.padded_values, rows, delta, base);
            }
            Some(critic) => {
                let (output, delta) = ws.critic.output_and_delta();
                self.value_head.backward(output, stride, &ws.padded_values, rows, grads);
                let base = Base::Zero;
                self.value_head.backward_input(&ws.value_transposed, &ws.padded_values, rows, delta, base);
                critic.backward(obs, rows, &mut ws.critic, grads);
            }
        }
        self.actor.backward(obs, rows, &mut ws.actor, grads);
    }

    fn masks<'a>(&self, masks: Option<&'a [bool]>, start: usize) -> Option<&'a [bool]> {
        masks.map(|masks| &masks[start * self.architecture.head.outputs()..])
    }
}

fn wrong_kind(head: &ActionHead, actions: &dyn std::fmt::Debug) -> ! {
    panic!("the actions {actions:?} are not of the kind of {head:?}")
}

#[cfg(test)]
mod tests;
