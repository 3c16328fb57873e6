//! From the gradient of a loss with respect to a policy's answers to that with respect to its parameters.
//!
//! Left out: losses and optimisers.

use super::forward::wrong_kind;
use super::{ActorCritic, Distribution, EvaluationGradient, Extra, Inputs, Workspace};
use crate::distribution::ActionSlice;
use crate::kernel::Base;

impl ActorCritic {
    /// Takes note of changed parameters, once before the calls of [`ActorCritic::backward`] that use them.
    pub fn prepare_backward(&self, ws: &mut Workspace) {
        self.actor.transpose(&self.params, &mut ws.actor);
        if let Some(critic) = &self.critic {
            critic.transpose(&self.params, &mut ws.critic);
        }
        self.action_head.transpose(&self.params, &mut ws.action_transposed);
        self.value_head.transpose(&self.params, &mut ws.value_transposed);
    }

    /// [`ActorCritic::backward_with`] nothing extra.
    ///
    /// # Panics
    /// As there.
    pub fn backward(
        &self,
        inputs: Inputs<'_>,
        actions: ActionSlice<'_>,
        gradient: EvaluationGradient<'_>,
        ws: &mut Workspace,
        grads: &mut [f32],
    ) {
        self.backward_with(inputs, actions, gradient, Extra::default(), ws, grads);
    }

    /// Adds the gradient of a loss with respect to all parameters to `grads`, right after
    /// [`ActorCritic::evaluate`] of the same rows.
    ///
    /// # Panics
    /// As [`ActorCritic::evaluate`], or if `grads` is shorter than [`ActorCritic::params`].
    pub fn backward_with(
        &self,
        inputs: Inputs<'_>,
        actions: ActionSlice<'_>,
        gradient: EvaluationGradient<'_>,
        extra: Extra<'_>,
        ws: &mut Workspace,
        grads: &mut [f32],
    ) {
        let rows = inputs.obs.len() / self.architecture.obs_dim;
        let inputs = inputs.part(&self.architecture, 0, rows);
        let log_prob_grads = &gradient.log_probs[..rows];
        match (&self.distribution, actions) {
            (Distribution::Categorical(heads), ActionSlice::Choices(choices)) => {
                let entropy_grad = gradient.entropies;
                heads.backward(&mut ws.outputs, &ws.categorical, choices, log_prob_grads, entropy_grad);
            }
            (Distribution::Gaussian(gaussian), ActionSlice::Numbers(numbers)) => {
                // Entropies do not depend on the row, so that those of rows that count stand for the rest.
                let counted = extra.counts.iter().take(rows).filter(|counts| **counts).count();
                let share = if extra.counts.is_empty() { 1.0 } else { counted as f32 / rows as f32 };
                let upstream = (log_prob_grads, gradient.entropies * share);
                if extra.penalty.is_some() {
                    self.keep_means(rows, ws);
                }
                let log_std_grads = &mut grads[self.log_stds_range()];
                gaussian.backward(&mut ws.outputs, self.log_stds(), numbers, upstream, log_std_grads);
            }
            (_, actions) => wrong_kind(&self.architecture.head, &actions),
        }
        self.add_extra(extra, rows, ws, grads);
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
                critic.backward(inputs.critic_obs, rows, &mut ws.critic, grads);
            }
        }
        self.actor.backward(inputs.obs, rows, &mut ws.actor, grads);
    }
}
