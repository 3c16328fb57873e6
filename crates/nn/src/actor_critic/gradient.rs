//! From the gradient of a loss with respect to a policy's answers to that with respect to its parameters.
//!
//! Left out: losses and optimisers.

use super::forward::wrong_kind;
use super::{ActorCritic, Distribution, EvaluationGradient, Extra, Inputs, Workspace};
use crate::distribution::ActionSlice;
use crate::kernel::Base;
use crate::mlp::Mlp;

impl ActorCritic {
    /// Takes note of changed parameters, once before the calls of [`ActorCritic::backward`] that use them.
    pub fn prepare_backward(&self, ws: &mut Workspace) {
        let params = &self.params;
        let encoded = self.encoder.is_some();
        let critic_encoded = encoded && self.architecture.critic_obs_dim.is_none();
        self.actor.transpose(params, encoded || self.is_recurrent(), &mut ws.actor);
        if let Some(critic) = &self.critic {
            critic.transpose(params, critic_encoded || self.is_recurrent(), &mut ws.critic);
        }
        self.action_head.transpose(params, &mut ws.action_transposed);
        self.value_head.transpose(params, &mut ws.value_transposed);
        if let Some(encoder) = &self.encoder {
            encoder.transpose(params, &mut ws.graph);
        }
        if let Some(nodes) = &self.nodes {
            nodes.transpose(params, &mut ws.nodes);
        }
        if let Some(lstm) = &self.actor_lstm {
            lstm.transpose(params, encoded, &mut ws.actor_lstm);
        }
        if let Some(lstm) = &self.critic_lstm {
            lstm.transpose(params, critic_encoded, &mut ws.critic_lstm);
        }
        if let Some(bridge) = self.bridge.as_ref().filter(|_| critic_encoded) {
            bridge.transpose(params, &mut ws.bridge_transposed);
        }
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

        if self.encoder.is_some() {
            ws.graph.clear_deltas();
        }
        if let Some(lstm) = &self.actor_lstm {
            ws.actor_lstm.delta()[..rows * lstm.stride()].fill(0.0);
        }
        self.backward_heads(rows, ws, grads);
        self.backward_actor(inputs, rows, ws, grads);
        if let Some(critic) = &self.critic {
            self.backward_critic(critic, inputs, rows, ws, grads);
        }
        if let Some(lstm) = &self.actor_lstm {
            let Workspace { graph, actor_lstm, .. } = ws;
            if let Some(encoder) = &self.encoder {
                let (features, delta) = graph.pooled_and_delta();
                lstm.backward(features, encoder.stride(), actor_lstm, grads, Some(delta));
            } else {
                lstm.backward(inputs.obs, self.architecture.obs_dim, actor_lstm, grads, None);
            }
        }
        if let Some(encoder) = &self.encoder {
            encoder.backward(&self.params, rows, &mut ws.graph, grads);
        }
        for group in &self.frozen {
            grads[self.group(*group)].fill(0.0);
        }
    }

    /// From the outputs' gradients to those of the hidden layers.
    fn backward_heads(&self, rows: usize, ws: &mut Workspace, grads: &mut [f32]) {
        let stride = self.actor.stride();
        let Workspace { graph, nodes: cache, actor_lstm, actor, critic, outputs, .. } = ws;
        let mut action_rows = rows;
        let d_outputs = match &self.nodes {
            None => outputs,
            Some(nodes) => {
                let (outputs, width) = (&mut outputs[..], self.output_stride);
                let latent = if self.actor_lstm.is_some() {
                    actor_lstm.output_and_delta()
                } else {
                    graph.pooled_and_delta()
                };
                nodes.scatter(latent, rows, cache, (outputs, width), grads);
                action_rows = self.actor_rows(rows);
                &mut cache.outputs
            }
        };
        let (output, delta) = actor.output_and_delta();
        self.action_head.backward(output, stride, d_outputs, action_rows, grads);
        self.action_head.backward_input(&ws.action_transposed, d_outputs, action_rows, delta, Base::Zero);
        let (trunk, base) =
            if self.critic.is_some() { (critic, Base::Zero) } else { (actor, Base::Existing) };
        let (output, delta) = trunk.output_and_delta();
        self.value_head.backward(output, stride, &ws.padded_values, rows, grads);
        self.value_head.backward_input(&ws.value_transposed, &ws.padded_values, rows, delta, base);
    }

    /// Through the actor's hidden layers to what they were fed with.
    fn backward_actor(&self, inputs: Inputs<'_>, rows: usize, ws: &mut Workspace, grads: &mut [f32]) {
        let Workspace { graph, nodes: cache, actor_lstm, actor, .. } = ws;
        if let Some(nodes) = &self.nodes {
            let (size, node_rows) = (nodes.stride(), self.actor_rows(rows));
            let joined_delta = &mut cache.joined_delta[..node_rows * size];
            joined_delta.fill(0.0);
            self.actor.backward(&cache.joined, size, node_rows, actor, grads, Some(joined_delta));
            let (node_delta, pooled_delta) = graph.deltas();
            let latent = if self.actor_lstm.is_some() { actor_lstm.delta() } else { pooled_delta };
            nodes.part(joined_delta, rows, node_delta, latent);
        } else if let Some(lstm) = &self.actor_lstm {
            let (latent, delta) = actor_lstm.output_and_delta();
            self.actor.backward(latent, lstm.stride(), rows, actor, grads, Some(delta));
        } else if let Some(encoder) = &self.encoder {
            let (latent, delta) = graph.pooled_and_delta();
            self.actor.backward(latent, encoder.stride(), rows, actor, grads, Some(delta));
        } else {
            self.actor.backward(inputs.obs, self.architecture.obs_dim, rows, actor, grads, None);
        }
    }

    /// Through the critic's own hidden layers, and the LSTM or what stands for it, to the features.
    fn backward_critic(
        &self,
        critic: &Mlp,
        inputs: Inputs<'_>,
        rows: usize,
        ws: &mut Workspace,
        grads: &mut [f32],
    ) {
        let Workspace { graph, actor_lstm, critic_lstm, critic: cache, .. } = ws;
        let own = self.architecture.critic_obs_dim;
        let (features, stride, d_features) = match (&self.encoder, own) {
            (Some(encoder), None) => {
                let (features, delta) = graph.pooled_and_delta();
                (features, encoder.stride(), Some(delta))
            }
            (_, Some(dim)) => (inputs.critic_obs, dim, None),
            (None, None) => (inputs.obs, self.architecture.obs_dim, None),
        };
        if let Some(lstm) = &self.critic_lstm {
            critic_lstm.delta()[..rows * lstm.stride()].fill(0.0);
            let (latent, delta) = critic_lstm.output_and_delta();
            critic.backward(latent, lstm.stride(), rows, cache, grads, Some(delta));
            lstm.backward(features, stride, critic_lstm, grads, d_features);
        } else if let Some(layer) = &self.bridge {
            let delta = &mut ws.bridge_delta[..rows * layer.stride()];
            delta.fill(0.0);
            critic.backward(&ws.bridge, layer.stride(), rows, cache, grads, Some(&mut *delta));
            layer.backward(features, stride, delta, rows, grads);
            if let Some(d_features) = d_features {
                layer.backward_input(&ws.bridge_transposed, delta, rows, d_features, Base::Existing);
            }
        } else if let Some(lstm) = &self.actor_lstm {
            // The critic reads the actor's memory without training it.
            critic.backward(actor_lstm.output(), lstm.stride(), rows, cache, grads, None);
        } else {
            critic.backward(features, stride, rows, cache, grads, d_features);
        }
    }
}
