//! A2C's loss and its gradient on a rollout.
//!
//! Left out: what to do with the gradient.

use trimtab_nn::actor_critic::{CHUNK, EvaluationGradient};
use trimtab_nn::{ActorCritic, Inputs, Workspace};

use crate::buffer::{RolloutBuffer, RolloutShape};

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

/// Gradient with respect to the policy's outputs for one chunk of rows; reused.
#[derive(Clone, Debug)]
pub struct LossScratch {
    log_prob_grads: Vec<f32>,
    value_grads: Vec<f32>,
}

impl LossScratch {
    /// For a number of signals.
    pub fn new(signals: usize) -> Self {
        Self { log_prob_grads: vec![0.0; CHUNK], value_grads: vec![0.0; CHUNK * signals] }
    }
}

impl Loss {
    /// The policy gradient `−A·∇ln π` with value loss and entropy bonus (Mnih et al. 2016, arXiv:1602.01783, §4) of
    /// a rollout that `policy` has collected; `grads` is overwritten with its gradient. Advantages and returns are
    /// constants. Rows go through the network in the order they were made, in chunks that stay in the cache.
    pub fn gradient(
        &self,
        policy: &ActorCritic,
        rollout: &RolloutBuffer,
        ws: &mut Workspace,
        scratch: &mut LossScratch,
        grads: &mut [f32],
    ) -> LossTerms {
        let RolloutShape { obs_dim, head, signals, .. } = &rollout.shape;
        let (width, outputs, total) = (head.width(), head.outputs(), rollout.shape.transitions());
        let mean = 1.0 / total as f32;
        let mut terms = LossTerms::default();
        grads.fill(0.0);
        policy.prepare_backward(ws);
        for start in (0..total).step_by(CHUNK) {
            let rows = CHUNK.min(total - start);
            let obs = &rollout.obs[start * obs_dim..(start + rows) * obs_dim];
            let actions = rollout.actions.part(start * width, rows * width);
            let masks = rollout.shape.masked;
            let masks = masks.then(|| &rollout.masks[start * outputs..(start + rows) * outputs]);
            let inputs = Inputs::new(obs, masks);
            let found = policy.evaluate(inputs, actions, None, ws);

            let advantages = &rollout.policy_advantages[start..start + rows];
            let log_prob_grads = &mut scratch.log_prob_grads[..rows];
            for ((grad, log_prob), advantage) in
                log_prob_grads.iter_mut().zip(found.log_probs).zip(advantages)
            {
                *grad = -advantage * mean;
                terms.policy_loss -= f64::from(advantage * log_prob);
            }
            terms.entropy_loss -= found.entropies.iter().map(|entropy| f64::from(*entropy)).sum::<f64>();

            let returns = &rollout.returns[start * signals..(start + rows) * signals];
            let value_grads = &mut scratch.value_grads[..rows * signals];
            for ((grad, value), target) in value_grads.iter_mut().zip(found.values).zip(returns) {
                let error = value - target;
                *grad = 2.0 * self.vf_coef * mean * error;
                terms.value_loss += f64::from(error * error);
            }

            let entropies = -self.ent_coef * mean;
            let gradient = EvaluationGradient { log_probs: log_prob_grads, entropies, values: value_grads };
            policy.backward(inputs, actions, gradient, ws, grads);
        }
        let LossTerms { policy_loss, value_loss, entropy_loss, .. } = &mut terms;
        for term in [policy_loss, value_loss, entropy_loss] {
            *term /= total as f64;
        }
        terms.loss = terms.policy_loss
            + f64::from(self.ent_coef) * terms.entropy_loss
            + f64::from(self.vf_coef) * terms.value_loss;
        terms
    }
}
