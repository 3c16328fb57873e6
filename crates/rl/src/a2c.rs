//! Advantage actor-critic (Mnih et al. 2016, arXiv:1602.01783) in its synchronous form as Stable-Baselines3 runs it,
//! with action masks, several agents, memory, and Lagrangian constraints.
//!
//! An [iteration](OnPolicy::iterate) collects a short rollout and estimates its advantages; what A2C does with them is
//! [`A2cUpdate::improve`]: one step along the policy gradient of the whole rollout.
//!
//! Left out: asynchronous actors, and all that it shares with other on-policy algorithms, see
//! [`on_policy`](crate::on_policy).

mod config;
mod loss;

use trimtab_nn::{ActorCritic, RmsProp, Tensors};

pub use self::config::A2cConfig;
pub use self::loss::{Loss, LossScratch, LossTerms};
use crate::buffer::{Minibatch, RolloutShape};
use crate::error::{Error, Result};
use crate::on_policy::{Learning, Log, OnPolicy, Update};

/// A run of A2C.
pub type A2c = OnPolicy<A2cUpdate>;

/// A2C's update.
#[derive(Debug)]
pub struct A2cUpdate {
    config: A2cConfig,
    rms_prop: RmsProp,
    loss: LossScratch,
    grads: Vec<f32>,
    minibatch: Minibatch,
    /// First rows of the rollout's sequences.
    order: Vec<u32>,
}

impl Update for A2cUpdate {
    type Config = A2cConfig;
    type State = ();
    const ALGORITHM: &'static str = "a2c";
    const VERSION: u32 = 2;

    fn new(config: A2cConfig, policy: &ActorCritic, shape: &RolloutShape) -> Self {
        Self {
            rms_prop: RmsProp::new(policy.params().len(), config.rms_prop_eps as f32),
            loss: LossScratch::new(shape.signals, shape.transitions()),
            grads: vec![0.0; policy.params().len()],
            minibatch: Minibatch::new(shape, shape.transitions()),
            order: Vec::with_capacity(shape.sequences()),
            config,
        }
    }

    fn config(&self) -> &A2cConfig {
        &self.config
    }

    /// One gradient step on the whole rollout.
    fn improve(&mut self, learning: Learning<'_>, log: &mut Log) -> Result<()> {
        let Learning { policy, rollout, ws, progress_remaining, n_updates, .. } = learning;
        let Self { config, rms_prop, loss: scratch, grads, minibatch, order } = self;
        let learning_rate = config.learning_rate.at(progress_remaining);
        let loss = Loss { ent_coef: config.ent_coef as f32, vf_coef: config.vf_coef as f32 };
        rollout.sequences(order);
        *n_updates += 1;
        if order.is_empty() {
            return Ok(());
        }
        minibatch.gather(rollout, order);
        if config.normalize_advantage {
            minibatch.normalize_advantages();
        }
        let terms = loss.gradient(policy, minibatch, ws, scratch, grads);
        rms_prop
            .step(policy.params_mut(), grads, learning_rate, config.max_grad_norm)
            .map_err(|source| Error::Gradient { update: *n_updates - 1, source })?;
        log.extend([
            ("train/learning_rate".into(), learning_rate),
            ("train/entropy_loss".into(), terms.entropy_loss),
            ("train/policy_loss".into(), terms.policy_loss),
            ("train/value_loss".into(), terms.value_loss),
        ]);
        Ok(())
    }

    fn write(&self, tensors: &mut Tensors) {
        self.rms_prop.write(tensors);
    }

    fn read(&mut self, (): (), tensors: &mut Tensors) -> Result<()> {
        let eps = self.config.rms_prop_eps as f32;
        self.rms_prop = RmsProp::read(self.grads.len(), eps, tensors).map_err(Error::Tensors)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
