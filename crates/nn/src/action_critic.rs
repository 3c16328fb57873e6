//! Critics of an observation and an action of numbers: one for DDPG, two for TD3 and SAC, in one parameter vector with one
//! optimiser; with the gradient that an actor climbs, the one with respect to the action.
//!
//! Left out: targets and losses.

#[cfg(test)]
mod tests;

use rand::Rng;

use crate::feed_forward::{FeedForward, FeedForwardCache};
use crate::mlp::Activation;
use crate::{Error, Result, Tensors};

/// Independent estimates of the value of an action in a state.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCritic {
    obs_dim: usize,
    width: usize,
    critics: Vec<FeedForward>,
    params: Vec<f32>,
}

/// Buffers for one [`ActionCritic`]'s batches.
#[derive(Clone, Debug)]
pub struct ActionCriticWorkspace {
    /// `rows × (obs_dim + width)`.
    inputs: Vec<f32>,
    caches: Vec<FeedForwardCache>,
    input_grads: Vec<f32>,
}

impl ActionCritic {
    /// `count` fresh critics of observations of `obs_dim` and actions of `width` numbers, started as `PyTorch` starts its
    /// layers.
    ///
    /// # Errors
    /// [`Error::Architecture`] for sizes of 0.
    pub fn new(
        (obs_dim, width): (usize, usize),
        hidden: &[usize],
        activation: Activation,
        count: usize,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        if hidden.is_empty() || hidden.contains(&0) {
            let expected = "at least one layer, each of at least 1".into();
            return Err(Error::Architecture { key: "hidden", expected, found: format!("{hidden:?}") });
        }
        if obs_dim == 0 || width == 0 || count == 0 {
            let found = format!("{obs_dim}, {width} and {count}");
            let expected = "observation, action and critics of at least 1".into();
            return Err(Error::Architecture { key: "critic", expected, found });
        }
        let mut len = 0;
        let critics: Vec<FeedForward> = (0..count)
            .map(|_| FeedForward::place(obs_dim + width, hidden, 1, activation, &mut len))
            .collect();
        let mut params = vec![0.0; len];
        for critic in &critics {
            critic.initialise(&mut params, rng);
        }
        Ok(Self { obs_dim, width, critics, params })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.critics.len()
    }

    /// All parameters.
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// All parameters, for an optimiser.
    pub fn params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// Buffers for at most `rows` rows at a time.
    pub fn workspace(&self, rows: usize) -> ActionCriticWorkspace {
        ActionCriticWorkspace {
            inputs: vec![0.0; rows * (self.obs_dim + self.width)],
            caches: self.critics.iter().map(|critic| critic.cache(rows)).collect(),
            input_grads: vec![0.0; rows * self.critics[0].input_stride()],
        }
    }

    /// Puts observations (`rows × obs_dim`) and actions (`rows × width`) side by side, for [`ActionCritic::values`].
    pub fn join(&self, obs: &[f32], actions: &[f32], ws: &mut ActionCriticWorkspace) {
        let rows = obs.chunks_exact(self.obs_dim).zip(actions.chunks_exact(self.width));
        for (input, (obs, action)) in ws.inputs.chunks_exact_mut(self.obs_dim + self.width).zip(rows) {
            input[..self.obs_dim].copy_from_slice(obs);
            input[self.obs_dim..].copy_from_slice(action);
        }
    }

    /// Writes one critic's values of the joined rows; there are as many as `values`.
    pub fn values(&self, critic: usize, ws: &mut ActionCriticWorkspace, values: &mut [f32]) {
        let (body, cache) = (&self.critics[critic], &mut ws.caches[critic]);
        body.forward(&self.params, &ws.inputs, values.len(), cache);
        let outputs = cache.outputs.iter().step_by(body.stride());
        values.iter_mut().zip(outputs).for_each(|(value, output)| *value = *output);
    }

    fn write_value_grads(&self, critic: usize, ws: &mut ActionCriticWorkspace, value_grads: &[f32]) {
        let rows = ws.caches[critic].outputs.chunks_exact_mut(self.critics[critic].stride());
        for (outputs, grad) in rows.zip(value_grads) {
            outputs.fill(0.0);
            outputs[0] = *grad;
        }
    }

    /// Takes note of changed parameters, before [`ActionCritic::backward`].
    pub fn prepare_backward(&self, ws: &mut ActionCriticWorkspace) {
        for (body, cache) in self.critics.iter().zip(&mut ws.caches) {
            body.transpose(&self.params, cache);
        }
    }

    /// Adds the gradient of one critic's parameters to `grads`, after [`ActionCritic::values`] of the same rows.
    pub fn backward(
        &self,
        critic: usize,
        value_grads: &[f32],
        ws: &mut ActionCriticWorkspace,
        grads: &mut [f32],
    ) {
        self.write_value_grads(critic, ws, value_grads);
        self.critics[critic].backward(&ws.inputs, value_grads.len(), &mut ws.caches[critic], grads);
    }

    /// Adds the gradient with respect to the actions (`rows × width`), after [`ActionCritic::values`] of the same rows and
    /// the present parameters; the critic's own is not computed.
    pub fn action_gradient(
        &self,
        critic: usize,
        value_grads: &[f32],
        ws: &mut ActionCriticWorkspace,
        action_grads: &mut [f32],
    ) {
        self.write_value_grads(critic, ws, value_grads);
        let (body, cache) = (&self.critics[critic], &mut ws.caches[critic]);
        body.transpose_all(&self.params, cache);
        body.input_gradient(value_grads.len(), cache, &mut ws.input_grads);
        let rows = ws.input_grads.chunks_exact(body.input_stride());
        for (to, from) in action_grads.chunks_exact_mut(self.width).zip(rows) {
            let from = &from[self.obs_dim..self.obs_dim + self.width];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// Puts `critic<i>…` into `tensors`.
    pub fn write(&self, tensors: &mut Tensors) {
        for (at, body) in self.critics.iter().enumerate() {
            body.write(&self.params, &format!("critic{at}"), tensors);
        }
    }

    /// Takes from `tensors` what [`ActionCritic::write`] of the same sizes put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&mut self, tensors: &mut Tensors) -> Result<()> {
        let Self { critics, params, .. } = self;
        critics
            .iter()
            .enumerate()
            .try_for_each(|(at, body)| body.read(params, &format!("critic{at}"), tensors))
    }
}
