//! SAC for numbers: a squashed Gaussian actor and two critics of observation and action.
//!
//! Left out: state-dependent exploration.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;
use trimtab_nn::action_critic::ActionCriticWorkspace;
use trimtab_nn::actor::ActorWorkspace;
use trimtab_nn::feed_forward::blend;
use trimtab_nn::{ActionCritic, ActionHead, Actor, ActorArchitecture, ActorHead, Adam, Policy, Tensors};

use super::{SacConfig, Temperature};
use crate::env::EnvSpec;
use crate::error::{Error, Result};
use crate::off_policy::{ADAM_EPS, Learning, Seen};
use crate::replay::ReplayBatch;

const CRITICS: usize = 2;

/// Actor, critics, targets, temperature, and how they learn.
#[derive(Debug)]
pub struct Continuous {
    config: SacConfig,
    target_entropy: f32,
    actor: Actor,
    critic: ActionCritic,
    critic_target: ActionCritic,
    temperature: Temperature,
    actor_adam: Adam,
    critic_adam: Adam,
    scratch: Scratch,
}

#[derive(Debug)]
struct Scratch {
    actor: ActorWorkspace,
    acting: ActorWorkspace,
    /// `env rows`: log-densities nobody asks for.
    acting_log_probs: Vec<f32>,
    acting_noise: Vec<f32>,
    critic: ActionCriticWorkspace,
    actor_grads: Vec<f32>,
    critic_grads: Vec<f32>,
    /// `rows × width`: for the actions in the states and in those after.
    noise: Vec<f32>,
    next_noise: Vec<f32>,
    actions: Vec<f32>,
    action_grads: Vec<f32>,
    /// `rows`.
    log_probs: Vec<f32>,
    targets: Vec<f32>,
    values: [Vec<f32>; CRITICS],
    value_grads: Vec<f32>,
}

impl Continuous {
    pub(super) fn new(config: &SacConfig, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self> {
        let (rows, env_rows) = (config.batch_size, spec.rows());
        let (obs_dim, width) = (spec.obs_dim, spec.action_space.width());
        let (hidden, activation) = (&config.network.hidden, config.network.activation);
        let architecture = ActorArchitecture {
            obs_dim,
            head: ActorHead::SquashedGaussian(width),
            action: ActionHead::Gaussian(width),
            hidden: hidden.clone(),
            activation,
        };
        let actor = Actor::new(architecture, config.start_at_zero, rng).map_err(Error::Network)?;
        let critic =
            ActionCritic::new((obs_dim, width), hidden, activation, CRITICS, rng).map_err(Error::Network)?;
        Ok(Self {
            scratch: Scratch {
                actor: actor.workspace(rows),
                acting: actor.workspace(env_rows),
                acting_log_probs: vec![0.0; env_rows],
                acting_noise: vec![0.0; env_rows * width],
                critic: critic.workspace(rows),
                actor_grads: vec![0.0; actor.params().len()],
                critic_grads: vec![0.0; critic.params().len()],
                noise: vec![0.0; rows * width],
                next_noise: vec![0.0; rows * width],
                actions: vec![0.0; rows * width],
                action_grads: vec![0.0; rows * width],
                log_probs: vec![0.0; rows],
                targets: vec![0.0; rows],
                values: [vec![0.0; rows], vec![0.0; rows]],
                value_grads: vec![0.0; rows],
            },
            target_entropy: config.target_entropy.unwrap_or(-(width as f64)) as f32,
            temperature: Temperature::new(config.ent_coef, config.ent_coef_auto),
            actor_adam: Adam::new(actor.params().len(), ADAM_EPS),
            critic_adam: Adam::new(critic.params().len(), ADAM_EPS),
            critic_target: critic.clone(),
            config: config.clone(),
            actor,
            critic,
        })
    }

    pub(super) fn explore(&mut self, seen: Seen<'_>, rng: &mut Pcg64, actions: &mut [f32]) {
        let Scratch { acting, acting_log_probs, acting_noise, .. } = &mut self.scratch;
        let rows = seen.obs.len() / self.actor.architecture().obs_dim;
        let noise = &mut acting_noise[..actions.len()];
        for x in noise.iter_mut() {
            *x = rng.sample(StandardNormal);
        }
        self.actor.sample(seen.obs, noise, acting, actions, &mut acting_log_probs[..rows]);
    }

    pub(super) fn improve(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()> {
        let mut noise = std::mem::take(&mut self.scratch.noise);
        let mut next_noise = std::mem::take(&mut self.scratch.next_noise);
        let both = noise.iter_mut().chain(&mut next_noise);
        both.for_each(|x| *x = learning.rng.sample(StandardNormal));
        let result = self.learn(batch, &noise, &next_noise, learning);
        (self.scratch.noise, self.scratch.next_noise) = (noise, next_noise);
        result
    }

    /// One batch, with standard normal noise (`rows × width`) for the actions in the states and in those after.
    ///
    /// # Errors
    /// [`Error::Gradient`] if a gradient is not finite.
    pub fn learn(
        &mut self,
        batch: &ReplayBatch,
        noise: &[f32],
        next_noise: &[f32],
        learning: &mut Learning<'_>,
    ) -> Result<()> {
        let rate = self.config.learning_rate.at(learning.progress_remaining);
        let failed = |source| Error::Gradient { update: learning.n_updates, source };
        let alpha = self.temperature.value();
        let share = 1.0 / batch.rows as f32;
        let Scratch {
            actor: actor_ws,
            critic: critic_ws,
            actor_grads,
            critic_grads,
            actions,
            action_grads,
            log_probs,
            targets,
            values: [first, second],
            value_grads,
            ..
        } = &mut self.scratch;

        // The critics' target: the lower value of what the actor would do next, and its entropy.
        self.actor.sample(&batch.next_obs, next_noise, actor_ws, actions, log_probs);
        self.critic_target.join(&batch.next_obs, actions, critic_ws);
        self.critic_target.values(0, critic_ws, first);
        self.critic_target.values(1, critic_ws, second);
        for (row, target) in targets.iter_mut().enumerate() {
            let soft = first[row].min(second[row]) - alpha * log_probs[row];
            *target = batch.rewards[row] + batch.discounts[row] * soft;
        }

        // The temperature's step.
        self.actor.sample(&batch.obs, noise, actor_ws, actions, log_probs);
        let mean_log_prob = log_probs.iter().sum::<f32>() * share;
        learning.terms.add("train/ent_coef", f64::from(alpha));
        if let Some(loss) =
            self.temperature.step(mean_log_prob + self.target_entropy, rate).map_err(failed)?
        {
            learning.terms.add("train/ent_coef_loss", loss);
        }

        // The critics' step, on half the sum of their mean squared errors.
        critic_grads.fill(0.0);
        learning.errors.fill(0.0);
        let mut critic_loss = 0.0;
        self.critic.join(&batch.obs, &batch.actions, critic_ws);
        self.critic.prepare_backward(critic_ws);
        for critic in 0..CRITICS {
            self.critic.values(critic, critic_ws, value_grads);
            for (row, value) in value_grads.iter_mut().enumerate() {
                let (error, weight) = (*value - targets[row], batch.weights[row] * share);
                critic_loss += f64::from(0.5 * weight * error * error);
                learning.errors[row] += error.abs() / CRITICS as f32;
                *value = weight * error;
            }
            self.critic.backward(critic, value_grads, critic_ws, critic_grads);
        }
        self.critic_adam.step(self.critic.params_mut(), critic_grads, rate, f64::INFINITY).map_err(failed)?;
        learning.terms.add("train/critic_loss", critic_loss);

        // The actor's step, on α·ln π − min Q of what it does.
        self.critic.join(&batch.obs, actions, critic_ws);
        self.critic.values(0, critic_ws, first);
        self.critic.values(1, critic_ws, second);
        let mut actor_loss = 0.0;
        for (row, log_prob) in log_probs.iter().enumerate() {
            actor_loss += f64::from(share * (alpha * log_prob - first[row].min(second[row])));
        }
        action_grads.fill(0.0);
        for critic in 0..CRITICS {
            for (row, grad) in value_grads.iter_mut().enumerate() {
                let lower = (first[row] <= second[row]) == (critic == 0);
                *grad = if lower { -share } else { 0.0 };
            }
            self.critic.action_gradient(critic, value_grads, critic_ws, action_grads);
        }
        actor_grads.fill(0.0);
        self.actor.prepare_backward(actor_ws);
        let gradients = (&action_grads[..], alpha * share);
        self.actor.backward_sample(&batch.obs, noise, gradients, actor_ws, actor_grads);
        self.actor_adam.step(self.actor.params_mut(), actor_grads, rate, f64::INFINITY).map_err(failed)?;
        learning.terms.add("train/actor_loss", actor_loss);

        // The targets' move.
        if (learning.n_updates + 1).is_multiple_of(self.config.target_update_interval) {
            blend(self.critic_target.params_mut(), self.critic.params(), self.config.tau);
        }
        Ok(())
    }

    pub(super) fn policy(&self) -> Policy {
        self.actor.clone().into()
    }

    pub(super) fn write(&self, tensors: &mut Tensors) -> Vec<u64> {
        self.actor.write(tensors);
        self.critic.write(tensors);
        let mut target = Tensors::default();
        self.critic_target.write(&mut target);
        tensors.insert_all("target.", target);
        for (prefix, adam) in [("moments.actor.", &self.actor_adam), ("moments.critic.", &self.critic_adam)] {
            let mut moments = Tensors::default();
            adam.write(&mut moments);
            tensors.insert_all(prefix, moments);
        }
        vec![self.actor_adam.steps(), self.critic_adam.steps(), self.temperature.write(tensors)]
    }

    pub(super) fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()> {
        let &[actor_steps, critic_steps, temperature_steps] = counters else {
            return Err(Error::TornCheckpoint);
        };
        let mut read = || -> trimtab_nn::Result<()> {
            let (actor, critic) = (self.actor.params().len(), self.critic.params().len());
            self.critic_target.read(&mut tensors.take_all("target."))?;
            let moments = &mut tensors.take_all("moments.actor.");
            self.actor_adam = Adam::read(actor, ADAM_EPS, actor_steps, moments)?;
            let moments = &mut tensors.take_all("moments.critic.");
            self.critic_adam = Adam::read(critic, ADAM_EPS, critic_steps, moments)?;
            self.temperature.read(temperature_steps, tensors)?;
            self.actor.read(tensors)?;
            self.critic.read(tensors)
        };
        read().map_err(Error::Tensors)
    }
}
