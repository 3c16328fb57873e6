//! What goes into a policy and what comes out, as slices of the caller's buffers.
//!
//! Left out: what is done with them.

use super::Architecture;
use crate::distribution::ActionSliceMut;

/// What a policy sees of a batch of rows.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `rows × obs_dim`. May be empty where only values are asked of a critic that has its own observations.
    pub obs: &'a [f32],
    /// `rows × critic_obs_dim`: what the critic sees. Empty where it sees the actor's observations, and where no
    /// values are asked for.
    pub critic_obs: &'a [f32],
    /// `rows × outputs`, true where a choice is allowed; none: all are.
    pub masks: Option<&'a [bool]>,
}

impl<'a> Inputs<'a> {
    /// Observations for actor and critic alike.
    pub fn new(obs: &'a [f32], masks: Option<&'a [bool]>) -> Self {
        Self { obs, critic_obs: &[], masks }
    }

    /// The rows from `start` on, `rows` of them, with the critic's observations filled in.
    pub(super) fn part(self, architecture: &Architecture, start: usize, rows: usize) -> Self {
        let outputs = architecture.head.outputs();
        let obs = part(self.obs, architecture.obs_dim, start, rows);
        let critic_obs = match architecture.critic_obs_dim {
            None => obs,
            Some(dim) => part(self.critic_obs, dim, start, rows),
        };
        Self { obs, critic_obs, masks: self.masks.map(|masks| part(masks, outputs, start, rows)) }
    }
}

/// Rows of a matrix; an absent one stays absent.
fn part<T>(matrix: &[T], width: usize, start: usize, rows: usize) -> &[T] {
    if matrix.is_empty() { matrix } else { &matrix[start * width..(start + rows) * width] }
}

/// How rows follow each other, for recurrent policies: row `t × n + i` is step `t` of sequence `i` (time-major).
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// Steps of each sequence; the number of sequences `n` is what the rows leave.
    pub length: usize,
    /// `length × n`, true where the memory is forgotten before the row is seen.
    pub starts: &'a [bool],
    /// `n × width`: the memory before the first step.
    pub memory: &'a [f32],
}

/// Where [`ActorCritic::sample`](super::ActorCritic::sample) writes.
#[derive(Debug)]
pub struct Samples<'a> {
    /// `rows × width`, unclipped for a Gaussian.
    pub actions: ActionSliceMut<'a>,
    /// `rows`: log-probability of each action.
    pub log_probs: &'a mut [f32],
    /// `rows × value_heads`.
    pub values: &'a mut [f32],
}

/// What [`ActorCritic::evaluate`](super::ActorCritic::evaluate) found.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// `rows`: log-probability of each action.
    pub log_probs: &'a [f32],
    /// `rows`: entropy of each distribution.
    pub entropies: &'a [f32],
    /// `rows × value_heads`.
    pub values: &'a [f32],
}

/// Gradient of a loss with respect to what [`ActorCritic::evaluate`](super::ActorCritic::evaluate) found.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationGradient<'a> {
    /// `rows`.
    pub log_probs: &'a [f32],
    /// The same for all rows.
    pub entropies: f32,
    /// `rows × value_heads`.
    pub values: &'a [f32],
}
