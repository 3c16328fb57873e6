//! Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) as Stable-Baselines3 runs it, with action
//! masks, several agents, memory, Lagrangian constraints, and `RLlib`'s adaptive KL penalty as an option.
//!
//! An [iteration](OnPolicy::iterate) collects a rollout and estimates its advantages; what PPO does with them is
//! [`PpoUpdate::improve`]: the clipped surrogate objective over several passes of shuffled minibatches.
//!
//! Left out: all that it shares with other on-policy algorithms, see [`on_policy`](crate::on_policy).

mod config;
mod loss;

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::actor_critic::CHUNK;
use trimtab_nn::{ActorCritic, Adam, Tensors, Workspace};

pub use self::config::PpoConfig;
pub use self::loss::{Loss, LossScratch, LossTerms};
use crate::buffer::{Minibatch, RolloutBuffer, RolloutShape};
use crate::error::{Error, Result};
use crate::on_policy::{Learning, Log, OnPolicy, Update};

/// What Adam adds to the root of the second moment: the value PPO is published with.
pub(crate) const ADAM_EPS: f32 = 1e-5;

/// A run of PPO.
pub type Ppo = OnPolicy<PpoUpdate>;

/// PPO's update.
#[derive(Debug)]
pub struct PpoUpdate {
    config: PpoConfig,
    adam: Adam,
    /// Weight of the KL penalty now.
    kl_coeff: Option<f64>,
    loss: LossScratch,
    grads: Vec<f32>,
    minibatch: Minibatch,
    /// First rows of the rollout's sequences in the order they are read.
    order: Vec<u32>,
    /// A Gaussian's log standard deviations at collection; kept for the KL penalty.
    old_log_stds: Vec<f32>,
}

/// What a [`PpoUpdate`] remembers beside Adam's moments.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PpoState {
    /// For the bias corrections.
    adam_steps: u64,
    kl_coeff: Option<f64>,
}

impl Update for PpoUpdate {
    type Config = PpoConfig;
    type State = PpoState;
    const ALGORITHM: &'static str = "ppo";
    const VERSION: u32 = 2;

    fn new(config: PpoConfig, policy: &ActorCritic, shape: &RolloutShape) -> Self {
        Self {
            adam: Adam::new(policy.params().len(), ADAM_EPS),
            kl_coeff: config.kl_coeff,
            loss: LossScratch::new(shape.signals, config.batch_size),
            grads: vec![0.0; policy.params().len()],
            minibatch: Minibatch::new(shape, config.batch_size),
            order: Vec::with_capacity(shape.sequences()),
            old_log_stds: Vec::new(),
            config,
        }
    }

    fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// Improves the policy over `n_epochs` passes of shuffled minibatches.
    fn improve(&mut self, learning: Learning<'_>, log: &mut Log) -> Result<()> {
        let Learning { policy, rollout, ws, rng, progress_remaining, n_updates } = learning;
        let learning_rate = self.config.learning_rate.at(progress_remaining);
        let clip_range = self.config.clip_range.at(progress_remaining);
        let clip_range_vf = self.config.clip_range_vf.map(|range| range.at(progress_remaining));
        let per_minibatch = self.config.batch_size / rollout.shape.sequence_length;
        rollout.sequences(&mut self.order);
        if self.kl_coeff.is_some() {
            self.keep_distributions(policy, rollout, ws, per_minibatch);
        }
        let Self { config, adam, kl_coeff, loss: scratch, grads, minibatch, order, old_log_stds } = self;
        let loss = Loss {
            clip_range: clip_range as f32,
            clip_range_vf: clip_range_vf.map(|range| range as f32),
            ent_coef: config.ent_coef as f32,
            vf_coef: config.vf_coef as f32,
            kl_coeff: kl_coeff.map(|weight| weight as f32),
        };
        let (mut sums, mut minibatches, mut last_kl) = (LossTerms::default(), 0.0, 0.0);
        let mut moved_too_far = false;
        for _ in 0..config.n_epochs {
            shuffle(order, rng);
            let (mut kl, mut in_pass) = (0.0, 0.0);
            for first_rows in order.chunks(per_minibatch) {
                minibatch.gather_but_observations(rollout, first_rows);
                if config.normalize_advantage {
                    minibatch.normalize_advantages();
                }
                let terms = loss.gradient(policy, Some(rollout), minibatch, old_log_stds, ws, scratch, grads);
                sums.add(&terms);
                (kl, in_pass, minibatches) = (kl + terms.kl, in_pass + 1.0, minibatches + 1.0);
                moved_too_far = config.target_kl.is_some_and(|target| terms.approx_kl > 1.5 * target);
                if moved_too_far {
                    break;
                }
                adam.step(policy.params_mut(), grads, learning_rate, config.max_grad_norm)
                    .map_err(|source| Error::Gradient { update: *n_updates, source })?;
            }
            *n_updates += 1;
            last_kl = kl / f64::max(in_pass, 1.0);
            if moved_too_far {
                break;
            }
        }
        if minibatches == 0.0 {
            // Nobody acted.
            return Ok(());
        }
        if let Some(weight) = kl_coeff {
            log.push(("train/kl".into(), last_kl));
            log.push(("train/kl_coeff".into(), *weight));
            if last_kl > 2.0 * config.kl_target {
                *weight *= 1.5;
            } else if last_kl < 0.5 * config.kl_target {
                *weight *= 0.5;
            }
        }
        let last_loss = sums.loss;
        sums.scale(1.0 / minibatches);
        log.extend([
            ("train/learning_rate".into(), learning_rate),
            ("train/entropy_loss".into(), sums.entropy_loss),
            ("train/policy_gradient_loss".into(), sums.policy_gradient_loss),
            ("train/value_loss".into(), sums.value_loss),
            ("train/approx_kl".into(), sums.approx_kl),
            ("train/clip_fraction".into(), sums.clip_fraction),
            ("train/loss".into(), last_loss),
            ("train/clip_range".into(), clip_range),
        ]);
        Ok(())
    }

    fn write(&self, tensors: &mut Tensors) -> PpoState {
        self.adam.write(tensors);
        PpoState { adam_steps: self.adam.steps(), kl_coeff: self.kl_coeff }
    }

    fn read(&mut self, state: PpoState, tensors: &mut Tensors) -> Result<()> {
        if state.kl_coeff.is_some() != self.kl_coeff.is_some() {
            return Err(Error::TornCheckpoint);
        }
        self.kl_coeff = state.kl_coeff;
        self.adam =
            Adam::read(self.grads.len(), ADAM_EPS, state.adam_steps, tensors).map_err(Error::Tensors)?;
        Ok(())
    }
}

impl PpoUpdate {
    /// Puts the distributions of the policy that collected the rollout into it, before the policy changes.
    fn keep_distributions(
        &mut self,
        policy: &ActorCritic,
        rollout: &mut RolloutBuffer,
        ws: &mut Workspace,
        per_minibatch: usize,
    ) {
        let Self { minibatch, order, old_log_stds, .. } = self;
        old_log_stds.clear();
        old_log_stds.extend(policy.log_stds());
        let head = &policy.architecture().head;
        let (width, outputs) = (head.width(), head.outputs());
        rollout.distributions.resize(rollout.shape.transitions() * outputs, 0.0);
        let at_once = if policy.is_recurrent() { per_minibatch } else { CHUNK.min(per_minibatch) };
        for first_rows in order.chunks(at_once) {
            minibatch.gather(rollout, first_rows);
            let inputs = minibatch.inputs(policy.architecture(), 0, minibatch.rows);
            let actions = minibatch.actions.part(0, minibatch.rows * width);
            policy.evaluate(inputs, actions, minibatch.sequences(), ws);
            let found = &mut minibatch.distributions[..minibatch.rows * outputs];
            policy.distributions(ws, found);
            minibatch.return_distributions(rollout);
        }
    }
}

/// Fisher–Yates.
fn shuffle(order: &mut [u32], rng: &mut Pcg64) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests;
