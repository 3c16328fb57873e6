//! Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) as Stable-Baselines3 runs it, with action
//! masks, several agents that share their weights, and Lagrangian constraints.
//!
//! An [iteration](OnPolicy::iterate) collects a rollout and estimates its advantages; what PPO does with them is
//! [`PpoUpdate::improve`]: the clipped surrogate objective over several passes of shuffled minibatches.
//!
//! Left out: all that it shares with other on-policy algorithms, see [`on_policy`](crate::on_policy).

mod config;
mod loss;

use rand::RngExt;
use rand_pcg::Pcg64;
use trimtab_nn::{ActorCritic, Adam, Tensors};

pub use self::config::PpoConfig;
pub use self::loss::{Loss, LossScratch, LossTerms};
use crate::buffer::{Minibatch, RolloutShape};
use crate::error::{Error, Result};
use crate::on_policy::{Learning, Log, OnPolicy, Update};

/// What Adam adds to the root of the second moment: the value PPO is published with.
const ADAM_EPS: f32 = 1e-5;

/// A run of PPO.
pub type Ppo = OnPolicy<PpoUpdate>;

/// PPO's update.
#[derive(Debug)]
pub struct PpoUpdate {
    config: PpoConfig,
    adam: Adam,
    loss: LossScratch,
    grads: Vec<f32>,
    minibatch: Minibatch,
    /// Rows of the rollout in the order they are read.
    order: Vec<u32>,
}

impl Update for PpoUpdate {
    type Config = PpoConfig;
    const ALGORITHM: &'static str = "ppo";
    const VERSION: u32 = 1;

    fn new(config: PpoConfig, policy: &ActorCritic, shape: &RolloutShape) -> Self {
        Self {
            adam: Adam::new(policy.params().len(), ADAM_EPS),
            loss: LossScratch::new(shape.signals),
            grads: vec![0.0; policy.params().len()],
            minibatch: Minibatch::new(shape, config.batch_size),
            order: vec![0; shape.transitions()],
            config,
        }
    }

    fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// Improves the policy over `n_epochs` passes of shuffled minibatches.
    fn improve(&mut self, learning: Learning<'_>, log: &mut Log) -> Result<()> {
        let Learning { policy, rollout, ws, rng, progress_remaining, n_updates } = learning;
        let Self { config, adam, loss: scratch, grads, minibatch, order } = self;
        let learning_rate = config.learning_rate.at(progress_remaining);
        let clip_range = config.clip_range.at(progress_remaining);
        let loss = Loss {
            clip_range: clip_range as f32,
            clip_range_vf: config.clip_range_vf.map(|range| range.at(progress_remaining) as f32),
            ent_coef: config.ent_coef as f32,
            vf_coef: config.vf_coef as f32,
        };
        let (mut sums, mut minibatches) = (LossTerms::default(), 0.0);
        order.iter_mut().zip(0..).for_each(|(entry, row)| *entry = row);
        let mut moved_too_far = false;
        for _ in 0..config.n_epochs {
            shuffle(order, rng);
            for rows in order.chunks(config.batch_size) {
                minibatch.gather(rollout, rows);
                if config.normalize_advantage {
                    minibatch.normalize_advantages();
                }
                let terms = loss.gradient(policy, minibatch, ws, scratch, grads);
                sums.add(&terms);
                minibatches += 1.0;
                moved_too_far = config.target_kl.is_some_and(|target| terms.approx_kl > 1.5 * target);
                if moved_too_far {
                    break;
                }
                adam.step(policy.params_mut(), grads, learning_rate, config.max_grad_norm)
                    .map_err(|source| Error::Gradient { update: *n_updates, source })?;
            }
            *n_updates += 1;
            if moved_too_far {
                break;
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

    fn write_optimiser(&self, tensors: &mut Tensors) -> Option<u64> {
        self.adam.write(tensors);
        Some(self.adam.steps())
    }

    fn read_optimiser(&mut self, steps: Option<u64>, tensors: &mut Tensors) -> Result<()> {
        let steps = steps.ok_or(Error::TornCheckpoint)?;
        self.adam = Adam::read(self.grads.len(), ADAM_EPS, steps, tensors).map_err(Error::Tensors)?;
        Ok(())
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
