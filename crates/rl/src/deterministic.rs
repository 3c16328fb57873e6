//! Deterministic policy gradients with replay: DDPG (Lillicrap et al. 2016, arXiv:1509.02971) and TD3 (Fujimoto, van Hoof &
//! Meger 2018, arXiv:1802.09477), which is DDPG with two critics, smoothed target actions and an actor that learns less
//! often. As in Stable-Baselines3, DDPG is the same code with these off.
//!
//! What it does with a batch is [`DeterministicUpdate::learn`], in TD3's order: target actions, the critics' target, the
//! critics' step, and with every `policy_delay`-th batch the actor's step and the targets' move.
//!
//! Left out: hyper-parameters, see [`ddpg`](crate::ddpg) and [`td3`](crate::td3), and all that they share with other
//! off-policy algorithms, see [`off_policy`](crate::off_policy).

use std::marker::PhantomData;

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::action_critic::ActionCriticWorkspace;
use trimtab_nn::actor::ActorWorkspace;
use trimtab_nn::feed_forward::blend;
use trimtab_nn::{
    ActionCritic, ActionHead, ActionSliceMut, Actor, ActorArchitecture, ActorHead, Adam, Policy, Tensors,
};

use crate::env::EnvSpec;
use crate::error::{Error, Result};
use crate::off_policy::network::HiddenConfig;
use crate::off_policy::{ADAM_EPS, Learning, OffPolicyConfig, Seen, Update};
use crate::replay::ReplayBatch;
use crate::schedule::Schedule;

/// How an actor's outputs are brought into `[-1, 1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Squash {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// `2σ(x) − 1`: a sigmoid's `[0, 1]` spread over the action space.
    Sigmoid,
}

/// In what DDPG and TD3 differ, and the rates they share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Adam's learning rate, of actor and critics.
    pub learning_rate: Schedule,
    /// Share by which targets move.
    pub tau: f64,
    /// Critics, of which the least sure of an action's value counts.
    pub critics: usize,
    /// Batches for each of which the actor learns once.
    pub policy_delay: u64,
    /// Spread of the noise on target actions.
    pub target_policy_noise: f64,
    /// Its largest magnitude.
    pub target_noise_clip: f64,
    /// How the actor's outputs are squashed.
    pub squash: Squash,
    /// Whether the actor starts with the middle of the action space.
    pub start_at_zero: bool,
}

/// Hyper-parameters of one of the two.
pub trait DeterministicConfig: OffPolicyConfig {
    /// Name in checkpoints and configurations.
    const ALGORITHM: &'static str;

    /// Those of the update.
    fn settings(&self) -> Settings;

    /// Those of the networks.
    fn network(&self) -> &HiddenConfig;
}

/// Actor, critics, their targets, and how they learn.
#[derive(Debug)]
pub struct DeterministicUpdate<C> {
    config: PhantomData<C>,
    settings: Settings,
    actor: Actor,
    actor_target: Actor,
    critic: ActionCritic,
    critic_target: ActionCritic,
    actor_adam: Adam,
    critic_adam: Adam,
    scratch: Scratch,
}

#[derive(Debug)]
struct Scratch {
    actor: ActorWorkspace,
    acting: ActorWorkspace,
    critic: ActionCriticWorkspace,
    actor_grads: Vec<f32>,
    critic_grads: Vec<f32>,
    /// `rows × width`.
    noise: Vec<f32>,
    actions: Vec<f32>,
    action_grads: Vec<f32>,
    /// `rows`.
    targets: Vec<f32>,
    values: Vec<f32>,
}

impl<C: DeterministicConfig> Update for DeterministicUpdate<C> {
    type Config = C;
    const ALGORITHM: &'static str = C::ALGORITHM;
    const VERSION: u32 = 1;

    fn new(config: &C, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self> {
        let (settings, rows) = (config.settings(), config.replay().batch_size);
        let HiddenConfig { hidden, activation } = config.network();
        let (obs_dim, width) = (spec.obs_dim, spec.action_space.width());
        let architecture = ActorArchitecture {
            obs_dim,
            head: match settings.squash {
                Squash::Tanh => ActorHead::Tanh(width),
                Squash::Sigmoid => ActorHead::Sigmoid(width),
            },
            action: ActionHead::Gaussian(width),
            hidden: hidden.clone(),
            activation: *activation,
        };
        let actor = Actor::new(architecture, settings.start_at_zero, rng).map_err(Error::Network)?;
        let critic = ActionCritic::new((obs_dim, width), hidden, *activation, settings.critics, rng)
            .map_err(Error::Network)?;
        Ok(Self {
            scratch: Scratch {
                actor: actor.workspace(rows),
                acting: actor.workspace(spec.rows()),
                critic: critic.workspace(rows),
                actor_grads: vec![0.0; actor.params().len()],
                critic_grads: vec![0.0; critic.params().len()],
                noise: vec![0.0; rows * width],
                actions: vec![0.0; rows * width],
                action_grads: vec![0.0; rows * width],
                targets: vec![0.0; rows],
                values: vec![0.0; rows],
            },
            actor_adam: Adam::new(actor.params().len(), ADAM_EPS),
            critic_adam: Adam::new(critic.params().len(), ADAM_EPS),
            actor_target: actor.clone(),
            critic_target: critic.clone(),
            config: PhantomData,
            settings,
            actor,
            critic,
        })
    }

    fn explore(&mut self, seen: Seen<'_>, _rng: &mut Pcg64, actions: ActionSliceMut<'_>) {
        self.actor.act(seen.obs, None, &mut self.scratch.acting, actions);
    }

    fn improve(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()> {
        let mut noise = std::mem::take(&mut self.scratch.noise);
        if self.settings.target_policy_noise > 0.0 {
            for x in &mut noise {
                *x = learning.rng.sample(StandardNormal);
            }
        }
        let result = self.learn(batch, &noise, learning);
        self.scratch.noise = noise;
        result
    }

    fn policy(&self) -> Policy {
        self.actor.clone().into()
    }

    fn write(&self, tensors: &mut Tensors) -> Vec<u64> {
        let mut target = Tensors::default();
        self.actor_target.write(&mut target);
        self.critic_target.write(&mut target);
        tensors.insert_all("target.", target);
        self.actor.write(tensors);
        self.critic.write(tensors);
        for (prefix, adam) in [("moments.actor.", &self.actor_adam), ("moments.critic.", &self.critic_adam)] {
            let mut moments = Tensors::default();
            adam.write(&mut moments);
            tensors.insert_all(prefix, moments);
        }
        vec![self.actor_adam.steps(), self.critic_adam.steps()]
    }

    fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()> {
        let &[actor_steps, critic_steps] = counters else { return Err(Error::TornCheckpoint) };
        let mut read = || -> trimtab_nn::Result<()> {
            let mut target = tensors.take_all("target.");
            self.actor_target.read(&mut target)?;
            self.critic_target.read(&mut target)?;
            target.finish()?;
            let (actor, critic) = (self.actor.params().len(), self.critic.params().len());
            let moments = &mut tensors.take_all("moments.actor.");
            self.actor_adam = Adam::read(actor, ADAM_EPS, actor_steps, moments)?;
            let moments = &mut tensors.take_all("moments.critic.");
            self.critic_adam = Adam::read(critic, ADAM_EPS, critic_steps, moments)?;
            self.actor.read(tensors)?;
            self.critic.read(tensors)
        };
        read().map_err(Error::Tensors)
    }
}

impl<C: DeterministicConfig> DeterministicUpdate<C> {
    /// One batch, with standard normal `noise` (`rows × width`) for the target actions.
    ///
    /// # Errors
    /// [`Error::Gradient`] if a gradient is not finite.
    pub fn learn(&mut self, batch: &ReplayBatch, noise: &[f32], learning: &mut Learning<'_>) -> Result<()> {
        let Settings { critics, policy_delay, tau, target_policy_noise, target_noise_clip, .. } =
            self.settings;
        let (rows, rate) = (batch.rows, self.settings.learning_rate.at(learning.progress_remaining));
        let failed = |source| Error::Gradient { update: learning.n_updates, source };
        let Scratch {
            actor: actor_ws,
            critic: critic_ws,
            actor_grads,
            critic_grads,
            actions,
            action_grads,
            targets,
            values,
            ..
        } = &mut self.scratch;

        // Target actions, smoothed by clipped noise.
        self.actor_target.numbers(&batch.next_obs, actor_ws, actions);
        if target_policy_noise > 0.0 {
            let (spread, clip) = (target_policy_noise as f32, target_noise_clip as f32);
            for (action, noise) in actions.iter_mut().zip(noise) {
                *action = (*action + (spread * noise).clamp(-clip, clip)).clamp(-1.0, 1.0);
            }
        }

        // The critics' target: the lowest of the target critics' values.
        self.critic_target.join(&batch.next_obs, actions, critic_ws);
        targets.fill(f32::INFINITY);
        for critic in 0..critics {
            self.critic_target.values(critic, critic_ws, values);
            targets.iter_mut().zip(&*values).for_each(|(lowest, value)| *lowest = lowest.min(*value));
        }
        for (target, (reward, discount)) in targets.iter_mut().zip(batch.rewards.iter().zip(&batch.discounts))
        {
            *target = reward + discount * *target;
        }

        // The critics' step, on the sum of their mean squared errors.
        critic_grads.fill(0.0);
        learning.errors.fill(0.0);
        let mut critic_loss = 0.0;
        self.critic.join(&batch.obs, &batch.actions, critic_ws);
        self.critic.prepare_backward(critic_ws);
        for critic in 0..critics {
            self.critic.values(critic, critic_ws, values);
            for (row, value) in values.iter_mut().enumerate() {
                let (error, weight) = (*value - targets[row], batch.weights[row] / rows as f32);
                critic_loss += f64::from(weight * error * error);
                learning.errors[row] += error.abs() / critics as f32;
                *value = 2.0 * weight * error;
            }
            self.critic.backward(critic, values, critic_ws, critic_grads);
        }
        self.critic_adam.step(self.critic.params_mut(), critic_grads, rate, f64::INFINITY).map_err(failed)?;
        learning.terms.add("train/critic_loss", critic_loss);

        // The actor's step, up the first critic's value of what it does.
        if !(learning.n_updates + 1).is_multiple_of(policy_delay) {
            return Ok(());
        }
        actor_grads.fill(0.0);
        action_grads.fill(0.0);
        self.actor.numbers(&batch.obs, actor_ws, actions);
        self.critic.join(&batch.obs, actions, critic_ws);
        self.critic.values(0, critic_ws, values);
        let actor_loss = -values.iter().map(|x| f64::from(*x)).sum::<f64>() / rows as f64;
        values.fill(-1.0 / rows as f32);
        self.critic.action_gradient(0, values, critic_ws, action_grads);
        self.actor.prepare_backward(actor_ws);
        self.actor.backward_numbers(&batch.obs, action_grads, actor_ws, actor_grads);
        self.actor_adam.step(self.actor.params_mut(), actor_grads, rate, f64::INFINITY).map_err(failed)?;
        learning.terms.add("train/actor_loss", actor_loss);

        // The targets' move.
        blend(self.critic_target.params_mut(), self.critic.params(), tau);
        blend(self.actor_target.params_mut(), self.actor.params(), tau);
        Ok(())
    }
}
