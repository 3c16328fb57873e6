//! Acting, sampling, valuing, evaluating: forward through the layers and the distribution.
//!
//! Left out: gradients.

use rand::Rng;

use super::{
    ActorCritic, CriticRecurrence, Distribution, Evaluation, Inputs, Recurrence, Samples, Sequences,
    Workspace,
};
use crate::distribution::{ActionHead, ActionSlice, ActionSliceMut};
use crate::memory::Memory;

impl ActorCritic {
    fn forward_actor(&self, inputs: Inputs<'_>, rows: usize, ws: &mut Workspace) {
        self.actor.forward(&self.params, inputs.obs, rows, &mut ws.actor);
        self.action_head.forward(&self.params, ws.actor.output(), self.actor.stride(), rows, &mut ws.outputs);
    }

    /// Values into `ws.values`; a shared trunk must have been run by [`ActorCritic::forward_actor`].
    fn forward_critic(&self, inputs: Inputs<'_>, rows: usize, ws: &mut Workspace) {
        let trunk = match &self.critic {
            Some(critic) => {
                critic.forward(&self.params, inputs.critic_obs, rows, &mut ws.critic);
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

    /// The most probable action of each row, clipped to `[-1, 1]` for a Gaussian; there are as many rows as
    /// `actions` hold. The memory of a recurrent policy moves on by one step. Allocates nothing.
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
            self.forward_actor(inputs, rows, ws);
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
            self.forward_actor(inputs, rows, ws);
            self.forward_critic(inputs, rows, ws);
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
            if self.critic.is_none() {
                self.actor.forward(&self.params, inputs.obs, rows, &mut ws.actor);
            }
            self.forward_critic(inputs, rows, ws);
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
        assert!(sequences.is_some() || !self.is_recurrent(), "a recurrent policy is evaluated on sequences");
        self.forward_actor(inputs, rows, ws);
        self.forward_critic(inputs, rows, ws);
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
