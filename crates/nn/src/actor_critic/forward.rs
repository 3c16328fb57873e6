//! Acting, sampling, valuing, evaluating: forward through the layers and the distribution.
//!
//! Left out: gradients.

use rand::Rng;

use super::{
    ActorCritic, CriticRecurrence, Distribution, Evaluation, Inputs, Recurrence, Samples, Sequences,
    Workspace,
};
use crate::distribution::{ActionHead, ActionSlice, ActionSliceMut};
use crate::graph::GraphCache;
use crate::lstm::{LstmCache, Unroll};
use crate::memory::Memory;

impl ActorCritic {
    /// What the encoder makes of observations, and the distance between its rows.
    fn features<'a>(&self, obs: &'a [f32], graph: &'a GraphCache) -> (&'a [f32], usize) {
        match &self.encoder {
            None => (obs, self.architecture.obs_dim),
            Some(encoder) => (graph.pooled(), encoder.stride()),
        }
    }

    /// As [`ActorCritic::features`], for the critic.
    pub(super) fn critic_features<'a>(
        &self,
        inputs: Inputs<'a>,
        graph: &'a GraphCache,
    ) -> (&'a [f32], usize) {
        match self.architecture.critic_obs_dim {
            None => self.features(inputs.obs, graph),
            Some(dim) => (inputs.critic_obs, dim),
        }
    }

    /// What goes into the actor's hidden layers, or beside each node: features, or the LSTM's state.
    pub(super) fn actor_latent<'a>(
        &self,
        obs: &'a [f32],
        graph: &'a GraphCache,
        lstm: &'a LstmCache,
    ) -> (&'a [f32], usize) {
        match &self.actor_lstm {
            None => self.features(obs, graph),
            Some(layer) => (lstm.output(), layer.stride()),
        }
    }

    fn unroll<'a>(&self, rows: usize, sequences: Sequences<'a>, memory_offset: usize) -> Unroll<'a> {
        let Sequences { length, starts, memory } = sequences;
        Unroll { rows, length, starts, memory, memory_stride: self.memory_width(), memory_offset }
    }

    fn forward_encoder(&self, inputs: Inputs<'_>, rows: usize, ws: &mut Workspace) {
        if let Some(encoder) = &self.encoder {
            encoder.forward(&self.params, inputs.obs, rows, &mut ws.graph);
        }
    }

    fn forward_actor_lstm(
        &self,
        inputs: Inputs<'_>,
        rows: usize,
        sequences: Sequences<'_>,
        ws: &mut Workspace,
    ) {
        if let Some(lstm) = &self.actor_lstm {
            let (features, stride) = self.features(inputs.obs, &ws.graph);
            let unroll = self.unroll(rows, sequences, 0);
            lstm.forward(&self.params, features, stride, unroll, &mut ws.actor_lstm);
        }
    }

    /// The actor's outputs, from observations on.
    fn forward_actor(&self, inputs: Inputs<'_>, rows: usize, sequences: Sequences<'_>, ws: &mut Workspace) {
        self.forward_encoder(inputs, rows, ws);
        self.forward_actor_lstm(inputs, rows, sequences, ws);
        let Workspace { graph, actor_lstm, actor, nodes: cache, outputs, .. } = ws;
        let (latent, stride) = self.actor_latent(inputs.obs, graph, actor_lstm);
        let (params, head) = (&self.params, &self.action_head);
        match &self.nodes {
            None => {
                self.actor.forward(params, latent, stride, rows, actor);
                head.forward(params, actor.output(), self.actor.stride(), rows, outputs);
            }
            Some(nodes) => {
                let node_rows = self.actor_rows(rows);
                nodes.join(graph.nodes(), latent, rows, &mut cache.joined);
                self.actor.forward(params, &cache.joined, nodes.stride(), node_rows, actor);
                head.forward(params, actor.output(), self.actor.stride(), node_rows, &mut cache.outputs);
                nodes.gather(params, latent, rows, cache, outputs, self.output_stride);
            }
        }
    }

    /// Values into `ws.values`; what the critic shares with the actor must have been run.
    fn forward_critic(&self, inputs: Inputs<'_>, rows: usize, sequences: Sequences<'_>, ws: &mut Workspace) {
        if let Some(critic) = &self.critic {
            let Workspace { graph, actor_lstm, critic_lstm, bridge, critic: cache, .. } = ws;
            let (features, stride) = self.critic_features(inputs, graph);
            let (latent, stride) = if let Some(lstm) = &self.critic_lstm {
                let unroll = self.unroll(rows, sequences, self.memory_width() / 2);
                lstm.forward(&self.params, features, stride, unroll, critic_lstm);
                (critic_lstm.output(), lstm.stride())
            } else if let Some(layer) = &self.bridge {
                layer.forward(&self.params, features, stride, rows, bridge);
                (&bridge[..], layer.stride())
            } else if let Some(lstm) = &self.actor_lstm {
                (actor_lstm.output(), lstm.stride())
            } else {
                (features, stride)
            };
            critic.forward(&self.params, latent, stride, rows, cache);
        }
        let trunk = if self.critic.is_some() { &ws.critic } else { &ws.actor };
        let out = &mut ws.padded_values;
        self.value_head.forward(&self.params, trunk.output(), self.actor.stride(), rows, out);
        let heads = self.architecture.value_heads;
        let rows =
            out.chunks_exact(self.value_head.stride()).zip(ws.values.chunks_exact_mut(heads)).take(rows);
        rows.for_each(|(out, values)| values.copy_from_slice(&out[..heads]));
    }

    /// One step of the rows from `start` on.
    fn step<'a>(&self, memory: &'a [f32], start: usize, rows: usize) -> Sequences<'a> {
        let width = self.memory_width();
        Sequences { length: 1, starts: &[], memory: &memory[start * width..(start + rows) * width] }
    }

    /// Writes what the LSTMs now remember.
    fn remember(&self, memory: &mut Memory, start: usize, rows: usize, critic_too: bool, ws: &Workspace) {
        let width = self.memory_width();
        let memory = &mut memory.as_mut_slice()[start * width..(start + rows) * width];
        if let Some(lstm) = &self.actor_lstm {
            lstm.recall(&ws.actor_lstm, memory, width, 0);
        }
        if let Some(lstm) = self.critic_lstm.as_ref().filter(|_| critic_too) {
            lstm.recall(&ws.critic_lstm, memory, width, width / 2);
        }
    }

    /// The most probable action of each row, clipped to `[-1, 1]` for a Gaussian; there are as many rows as
    /// `actions` hold. The memory of a recurrent policy moves on by one step, but for the critic's part, which acting does
    /// without. Allocates nothing.
    ///
    /// # Panics
    /// If `actions` are not of the head's kind, or a slice is too short for the rows they hold.
    pub fn act(
        &self,
        inputs: Inputs<'_>,
        memory: &mut Memory,
        ws: &mut Workspace,
        mut actions: ActionSliceMut<'_>,
    ) {
        let width = self.architecture.head.width();
        let total = actions.len() / width;
        self.check_memory(memory.as_slice(), total);
        for start in (0..total).step_by(ws.capacity) {
            let rows = ws.capacity.min(total - start);
            let inputs = inputs.part(&self.architecture, start, rows);
            self.forward_actor(inputs, rows, self.step(memory.as_slice(), start, rows), ws);
            self.remember(memory, start, rows, false, ws);
            match (&self.distribution, actions.part(start * width, rows * width)) {
                (Distribution::Categorical(heads), ActionSliceMut::Choices(choices)) => {
                    heads.mode(&ws.outputs, inputs.masks, choices);
                }
                (Distribution::Gaussian(gaussian), ActionSliceMut::Numbers(numbers)) => {
                    gaussian.mode(&ws.outputs, numbers);
                }
                (_, actions) => wrong_kind(&self.architecture.head, &actions),
            }
        }
    }

    /// Draws an action for each row, with its log-probability and the values; the number of rows is the length of
    /// `out.log_probs`. The memory of a recurrent policy moves on by one step. Allocates nothing.
    ///
    /// # Panics
    /// As [`ActorCritic::act`].
    pub fn sample(
        &self,
        inputs: Inputs<'_>,
        memory: &mut Memory,
        rng: &mut impl Rng,
        ws: &mut Workspace,
        out: Samples<'_>,
    ) {
        let Samples { mut actions, log_probs, values } = out;
        let width = self.architecture.head.width();
        let (heads, total) = (self.architecture.value_heads, log_probs.len());
        self.check_memory(memory.as_slice(), total);
        for start in (0..total).step_by(ws.capacity) {
            let rows = ws.capacity.min(total - start);
            let inputs = inputs.part(&self.architecture, start, rows);
            let log_probs = &mut log_probs[start..start + rows];
            let step = self.step(memory.as_slice(), start, rows);
            self.forward_actor(inputs, rows, step, ws);
            self.forward_critic(inputs, rows, step, ws);
            self.remember(memory, start, rows, true, ws);
            values[start * heads..(start + rows) * heads].copy_from_slice(&ws.values[..rows * heads]);
            match (&self.distribution, actions.part(start * width, rows * width)) {
                (Distribution::Categorical(heads), ActionSliceMut::Choices(choices)) => {
                    heads.normalise(&mut ws.outputs, inputs.masks, rows, &mut ws.categorical);
                    heads.sample(&ws.outputs, &ws.categorical, rng, choices, log_probs);
                }
                (Distribution::Gaussian(gaussian), ActionSliceMut::Numbers(numbers)) => {
                    gaussian.sample(&ws.outputs, self.log_stds(), rng, numbers, log_probs);
                }
                (_, actions) => wrong_kind(&self.architecture.head, &actions),
            }
        }
    }

    /// Values of each row (`rows × value_heads`), given what is remembered before it (`rows × width`; empty without
    /// recurrence), which is left alone. Allocates nothing.
    ///
    /// # Panics
    /// If a slice is too short for the rows of `values`.
    pub fn values(&self, inputs: Inputs<'_>, memory: &[f32], ws: &mut Workspace, values: &mut [f32]) {
        let heads = self.architecture.value_heads;
        let total = values.len() / heads;
        self.check_memory(memory, total);
        for start in (0..total).step_by(ws.capacity) {
            let rows = ws.capacity.min(total - start);
            let inputs = inputs.part(&self.architecture, start, rows);
            let step = self.step(memory, start, rows);
            if self.architecture.critic_obs_dim.is_none() {
                self.forward_encoder(inputs, rows, ws);
            }
            if self.critic_lstm.is_none() && self.bridge.is_none() {
                self.forward_actor_lstm(inputs, rows, step, ws);
            }
            if self.critic.is_none() {
                let (latent, stride) = self.actor_latent(inputs.obs, &ws.graph, &ws.actor_lstm);
                self.actor.forward(&self.params, latent, stride, rows, &mut ws.actor);
            }
            self.forward_critic(inputs, rows, step, ws);
            values[start * heads..(start + rows) * heads].copy_from_slice(&ws.values[..rows * heads]);
        }
    }

    /// Log-probability, entropy and values for given actions, at most as many rows as the workspace has room for.
    /// A recurrent policy goes through whole sequences; others take no notice of `sequences`.
    ///
    /// # Panics
    /// As [`ActorCritic::act`], for more rows than there is room for, for a choice outside its head, or for a
    /// recurrent policy without sequences.
    pub fn evaluate<'w>(
        &self,
        inputs: Inputs<'_>,
        actions: ActionSlice<'_>,
        sequences: Option<Sequences<'_>>,
        ws: &'w mut Workspace,
    ) -> Evaluation<'w> {
        let rows = inputs.obs.len() / self.architecture.obs_dim;
        let inputs = inputs.part(&self.architecture, 0, rows);
        assert!(rows <= ws.capacity, "{rows} rows, room for {}", ws.capacity);
        assert!(sequences.is_some() || !self.is_recurrent(), "a recurrent policy is evaluated on sequences");
        let sequences = sequences.unwrap_or(Sequences { length: 1, starts: &[], memory: &[] });
        self.forward_actor(inputs, rows, sequences, ws);
        self.forward_critic(inputs, rows, sequences, ws);
        let (log_probs, entropies) = (&mut ws.log_probs[..rows], &mut ws.entropies[..rows]);
        match (&self.distribution, actions) {
            (Distribution::Categorical(heads), ActionSlice::Choices(choices)) => {
                heads.normalise(&mut ws.outputs, inputs.masks, rows, &mut ws.categorical);
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

    /// Whether what it does depends on what it remembers.
    pub fn is_recurrent(&self) -> bool {
        self.architecture.recurrence.is_some()
    }

    /// An empty memory for `rows` rows.
    pub fn memory(&self, rows: usize) -> Memory {
        Memory::new(rows, self.memory_width())
    }

    fn memory_width(&self) -> usize {
        let lstms = |recurrence: &Recurrence| match recurrence.critic {
            CriticRecurrence::Separate => 2,
            CriticRecurrence::Shared | CriticRecurrence::None => 1,
        };
        self.architecture.recurrence.as_ref().map_or(0, |r| 2 * r.hidden_size * lstms(r))
    }

    fn check_memory(&self, memory: &[f32], rows: usize) {
        let expected = rows * self.memory_width();
        assert!(memory.len() >= expected, "a memory of {} numbers, expected {expected}", memory.len());
    }
}

pub(super) fn wrong_kind(head: &ActionHead, actions: &dyn std::fmt::Debug) -> ! {
    panic!("the actions {actions:?} are not of the kind of {head:?}")
}
