//! A2C's loss and its gradient on a rollout.
//!
//! Left out: what to do with the gradient.

use trimtab_nn::actor_critic::{CHUNK, EvaluationGradient, Extra};
use trimtab_nn::{ActorCritic, Workspace};

use crate::buffer::Minibatch;

/// Weights of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Weight of the entropy bonus.
    pub ent_coef: f32,
    /// Weight of the value loss.
    pub vf_coef: f32,
}

/// Parts of the loss; means over the rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossTerms {
    /// `policy_loss + ent_coef·entropy_loss + vf_coef·value_loss`.
    pub loss: f64,
    /// `−A·ln π`.
    pub policy_loss: f64,
    /// Squared error of the values, summed over the signals.
    pub value_loss: f64,
    /// Minus the entropy.
    pub entropy_loss: f64,
}

/// Gradient with respect to the policy's outputs; reused.
#[derive(Clone, Debug)]
pub struct LossScratch {
    log_prob_grads: Vec<f32>,
    value_grads: Vec<f32>,
}

impl LossScratch {
    /// For a number of signals and rollouts of so many rows.
    pub fn new(signals: usize, rows: usize) -> Self {
        Self { log_prob_grads: vec![0.0; rows], value_grads: vec![0.0; rows * signals] }
    }
}

impl Loss {
    /// The policy gradient `−A·∇ln π` with value loss and entropy bonus (Mnih et al. 2016, arXiv:1602.01783, §4) of
    /// a rollout that `policy` has collected; `grads` is overwritten with its gradient. Advantages and returns are
    /// constants. Rows go through the network in the order they were made, in chunks that stay in the cache; those of
    /// a recurrent policy all at once.
    pub fn gradient(
        &self,
        policy: &ActorCritic,
        batch: &Minibatch,
        ws: &mut Workspace,
        scratch: &mut LossScratch,
        grads: &mut [f32],
    ) -> LossTerms {
        let architecture = policy.architecture();
        let (width, signals) = (architecture.head.width(), architecture.value_heads);
        let at_once = if policy.is_recurrent() { batch.rows } else { CHUNK };
        let counted = batch.counted();
        let mean = 1.0 / counted as f32;
        let mut terms = LossTerms::default();
        grads.fill(0.0);
        policy.prepare_backward(ws);
        for start in (0..batch.rows).step_by(at_once) {
            let rows = at_once.min(batch.rows - start);
            let inputs = batch.inputs(architecture, start, rows);
            let actions = batch.actions.part(start * width, rows * width);
            let found = policy.evaluate(inputs, actions, batch.sequences(), ws);

            let advantages = &batch.advantages[start..start + rows];
            let returns = &batch.returns[start * signals..(start + rows) * signals];
            let log_prob_grads = &mut scratch.log_prob_grads[..rows];
            let value_grads = &mut scratch.value_grads[..rows * signals];
            for row in 0..rows {
                let of_row = row * signals..(row + 1) * signals;
                if !batch.counts(start + row) {
                    log_prob_grads[row] = 0.0;
                    value_grads[of_row].fill(0.0);
                    continue;
                }
                log_prob_grads[row] = -advantages[row] * mean;
                terms.policy_loss -= f64::from(advantages[row] * found.log_probs[row]);
                terms.entropy_loss -= f64::from(found.entropies[row]);
                for at in of_row {
                    let error = found.values[at] - returns[at];
                    value_grads[at] = 2.0 * self.vf_coef * mean * error;
                    terms.value_loss += f64::from(error * error);
                }
            }

            let entropies = -self.ent_coef * mean;
            let gradient = EvaluationGradient { log_probs: log_prob_grads, entropies, values: value_grads };
            let extra = Extra { counts: batch.counts_of(start, rows), penalty: None };
            policy.backward_with(inputs, actions, gradient, extra, ws, grads);
        }
        let LossTerms { policy_loss, value_loss, entropy_loss, .. } = &mut terms;
        for term in [policy_loss, value_loss, entropy_loss] {
            *term /= counted as f64;
        }
        terms.loss = terms.policy_loss
            + f64::from(self.ent_coef) * terms.entropy_loss
            + f64::from(self.vf_coef) * terms.value_loss;
        terms
    }
}
