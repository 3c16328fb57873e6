//! PPO's loss and its gradient on one minibatch.
//!
//! Left out: what to do with the gradient.

use trimtab_nn::actor_critic::{CHUNK, EvaluationGradient, Extra, Penalty};
use trimtab_nn::{ActorCritic, Workspace, kernel};

use crate::buffer::{Minibatch, RolloutBuffer};

/// Weights and ranges of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// How far the probability ratio may leave 1.
    pub clip_range: f32,
    /// How far values may leave those at collection; none: any distance.
    pub clip_range_vf: Option<f32>,
    /// Weight of the entropy bonus.
    pub ent_coef: f32,
    /// Weight of the value loss.
    pub vf_coef: f32,
    /// Weight of the KL divergence from the policy that collected the rollout; none: no penalty.
    pub kl_coeff: Option<f32>,
}

/// Parts of the loss and what is logged beside it; means over the minibatch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossTerms {
    /// `policy_gradient_loss + ent_coef·entropy_loss + vf_coef·value_loss + kl_coeff·kl`.
    pub loss: f64,
    /// `−min(r·A, clip(r)·A)`.
    pub policy_gradient_loss: f64,
    /// Squared error of the values, summed over the signals.
    pub value_loss: f64,
    /// Minus the entropy.
    pub entropy_loss: f64,
    /// `(r − 1) − ln r`, an unbiased estimate of the KL divergence that is never negative.
    pub approx_kl: f64,
    /// Share of rows whose ratio left the range.
    pub clip_fraction: f64,
    /// The KL divergence of the policy from the one that collected the rollout, exactly; 0 without a penalty.
    pub kl: f64,
}

/// Gradient with respect to the policy's outputs; reused.
#[derive(Clone, Debug)]
pub struct LossScratch {
    ratios: Vec<f32>,
    log_prob_grads: Vec<f32>,
    value_grads: Vec<f32>,
    divergences: Vec<f32>,
}

impl LossScratch {
    /// For a number of signals and minibatches of so many rows.
    pub fn new(signals: usize, rows: usize) -> Self {
        Self {
            ratios: vec![0.0; rows],
            log_prob_grads: vec![0.0; rows],
            value_grads: vec![0.0; rows * signals],
            divergences: vec![0.0; rows],
        }
    }
}

impl Loss {
    /// The clipped surrogate objective with value loss and entropy bonus (Schulman et al. 2017, arXiv:1707.06347,
    /// eq. 7 and 9, signs turned) of `batch`, and the penalty of eq. 8; `grads` is overwritten with its gradient. Rows go
    /// through the network in chunks that stay in the cache, for which their observations are gathered from `rollout`,
    /// unless `batch` has them already; those of a recurrent policy all at once.
    /// `old_log_stds` are those of the policy that collected the batch, needed for the penalty.
    #[expect(clippy::too_many_arguments, reason = "the last three are buffers that the caller reuses")]
    pub fn gradient(
        &self,
        policy: &ActorCritic,
        rollout: Option<&RolloutBuffer>,
        batch: &mut Minibatch,
        old_log_stds: &[f32],
        ws: &mut Workspace,
        scratch: &mut LossScratch,
        grads: &mut [f32],
    ) -> LossTerms {
        let architecture = policy.architecture();
        let (width, signals) = (architecture.head.width(), architecture.value_heads);
        let outputs = architecture.head.outputs();
        let at_once = if policy.is_recurrent() { batch.rows } else { CHUNK };
        let counted = batch.counted();
        let mean = 1.0 / counted as f32;
        let mut sums = LossTerms::default();
        grads.fill(0.0);
        policy.prepare_backward(ws);
        for start in (0..batch.rows).step_by(at_once) {
            let rows = at_once.min(batch.rows - start);
            if let Some(rollout) = rollout {
                batch.gather_observations(rollout, start, rows);
            }
            // The next ones are fetched in three parts while these are computed with.
            let part = at_once.div_ceil(3);
            let fetch = |of: usize| {
                if let Some(rollout) = rollout.filter(|_| at_once == CHUNK) {
                    let first = start + rows + of * part;
                    batch.fetch_observations(rollout, first, part.min(at_once - of * part));
                }
            };
            fetch(0);
            let inputs = batch.inputs(architecture, start, rows);
            let actions = batch.actions.part(start * width, rows * width);
            let found = policy.evaluate(inputs, actions, batch.sequences(), ws);

            fetch(1);
            let old = &batch.log_probs[start..start + rows];
            let ratios = &mut scratch.ratios[..rows];
            let log_ratios = found.log_probs.iter().zip(old).map(|(new, old)| new - old);
            ratios.iter_mut().zip(log_ratios).for_each(|(ratio, log)| *ratio = log);
            kernel::exp(ratios);
            let advantages = &batch.advantages[start..start + rows];
            let value_grads = &mut scratch.value_grads[..rows * signals];
            for (row, (ratio, advantage)) in ratios.iter().zip(advantages).enumerate() {
                if !batch.counts(start + row) {
                    scratch.log_prob_grads[row] = 0.0;
                    continue;
                }
                let clipped = ratio.clamp(1.0 - self.clip_range, 1.0 + self.clip_range);
                let (free, bound) = (ratio * advantage, clipped * advantage);
                // d(r·A)/d(log-probability) = r·A; the clipped branch is constant.
                scratch.log_prob_grads[row] = if free <= bound { -free * mean } else { 0.0 };
                let log_ratio = found.log_probs[row] - old[row];
                sums.policy_gradient_loss -= f64::from(free.min(bound));
                sums.approx_kl += f64::from(ratio - 1.0 - log_ratio);
                sums.clip_fraction += f64::from(u8::from((ratio - 1.0).abs() > self.clip_range));
                sums.entropy_loss -= f64::from(found.entropies[row]);
            }

            let range = start * signals..(start + rows) * signals;
            let targets = batch.returns[range.clone()].iter().zip(&batch.values[range]);
            for (at, ((value, (target, old)), grad)) in
                found.values.iter().zip(targets).zip(&mut *value_grads).enumerate()
            {
                if !batch.counts(start + at / signals) {
                    *grad = 0.0;
                    continue;
                }
                let moved = value - old;
                let bounded = self.clip_range_vf.map_or(moved, |range| moved.clamp(-range, range));
                let error =
                    if self.clip_range_vf.is_some() { old + bounded - target } else { value - target };
                *grad = if moved == bounded { 2.0 * self.vf_coef * mean * error } else { 0.0 };
                sums.value_loss += f64::from(error * error);
            }

            let penalty = self.kl_coeff.map(|kl_coeff| {
                let outputs = &batch.distributions[start * outputs..(start + rows) * outputs];
                Penalty { outputs, log_stds: old_log_stds, weight: kl_coeff * mean }
            });
            if let Some(penalty) = penalty {
                let divergences = &mut scratch.divergences[..rows];
                policy.divergences(penalty, ws, divergences);
                let counted = divergences.iter().enumerate().filter(|(row, _)| batch.counts(start + row));
                sums.kl += counted.map(|(_, x)| f64::from(*x)).sum::<f64>();
            }
            let gradient = EvaluationGradient {
                log_probs: &scratch.log_prob_grads[..rows],
                entropies: -self.ent_coef * mean,
                values: value_grads,
            };
            fetch(2);
            let extra = Extra { counts: batch.counts_of(start, rows), penalty };
            policy.backward_with(inputs, actions, gradient, extra, ws, grads);
        }
        sums.scale(1.0 / counted as f64);
        sums.loss = sums.policy_gradient_loss
            + f64::from(self.ent_coef) * sums.entropy_loss
            + f64::from(self.vf_coef) * sums.value_loss
            + self.kl_coeff.map_or(0.0, f64::from) * sums.kl;
        sums
    }
}

impl LossTerms {
    /// Multiplies every term.
    pub(crate) fn scale(&mut self, factor: f64) {
        let Self { loss, policy_gradient_loss, value_loss, entropy_loss, approx_kl, clip_fraction, kl } =
            self;
        for term in [loss, policy_gradient_loss, value_loss, entropy_loss, approx_kl, clip_fraction, kl] {
            *term *= factor;
        }
    }

    /// Adds the terms of another minibatch; the loss itself becomes that of the other, as is logged.
    pub(crate) fn add(&mut self, other: &Self) {
        self.loss = other.loss;
        self.policy_gradient_loss += other.policy_gradient_loss;
        self.value_loss += other.value_loss;
        self.entropy_loss += other.entropy_loss;
        self.approx_kl += other.approx_kl;
        self.clip_fraction += other.clip_fraction;
        self.kl += other.kl;
    }
}
