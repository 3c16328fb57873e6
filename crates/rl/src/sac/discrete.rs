//! SAC for choices: a categorical actor and two networks of action values, so that expectations over actions are sums and
//! need no draws. A forbidden choice has probability 0 and takes no part in any of them.
//!
//! Several choices at a time are learned as in [`dqn`](crate::dqn): each head has probabilities and values of its own, and
//! every sum over actions is a mean over the heads' sums.
//!
//! Left out: numbers.

use rand_pcg::Pcg64;
use trimtab_nn::actor::ActorWorkspace;
use trimtab_nn::feed_forward::blend;
use trimtab_nn::q_network::QWorkspace;
use trimtab_nn::{Actor, ActorArchitecture, ActorHead, Adam, Policy, QArchitecture, QNetwork, Tensors};

use super::{SacConfig, Temperature};
use crate::env::EnvSpec;
use crate::error::{Error, Result};
use crate::network::action_head;
use crate::off_policy::{ADAM_EPS, Learning, Seen};
use crate::replay::ReplayBatch;

const CRITICS: usize = 2;
/// Share of the largest entropy that is the target, as the paper has it.
const ENTROPY_SHARE: f32 = 0.98;

/// Actor, critics, targets, temperature, and how they learn.
#[derive(Debug)]
pub struct Discrete {
    config: SacConfig,
    heads: Vec<usize>,
    actor: Actor,
    critics: [QNetwork; CRITICS],
    targets: [QNetwork; CRITICS],
    temperature: Temperature,
    actor_adam: Adam,
    critic_adams: [Adam; CRITICS],
    scratch: Scratch,
}

#[derive(Debug)]
struct Scratch {
    actor: ActorWorkspace,
    acting: ActorWorkspace,
    /// `env rows`: log-probabilities nobody asks for.
    acting_log_probs: Vec<f32>,
    critics: [QWorkspace; CRITICS],
    actor_grads: Vec<f32>,
    critic_grads: Vec<f32>,
    /// `rows`: what the values should be.
    values: Vec<f32>,
}

impl Discrete {
    pub(super) fn new(config: &SacConfig, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self> {
        let (rows, head) = (config.batch_size, action_head(&spec.action_space));
        let (hidden, activation) = (config.network.hidden.clone(), config.network.activation);
        let heads = head.choices().to_vec();
        let architecture = ActorArchitecture {
            obs_dim: spec.obs_dim,
            head: ActorHead::Choices(heads.clone()),
            action: head.clone(),
            hidden: hidden.clone(),
            activation,
        };
        let actor = Actor::new(architecture, config.start_at_zero, rng).map_err(Error::Network)?;
        let architecture = QArchitecture { obs_dim: spec.obs_dim, head, hidden, activation, dueling: false };
        let critics = [
            QNetwork::new(architecture.clone(), rng).map_err(Error::Network)?,
            QNetwork::new(architecture, rng).map_err(Error::Network)?,
        ];
        let params = critics[0].params().len();
        Ok(Self {
            scratch: Scratch {
                actor: actor.workspace(rows),
                acting: actor.workspace(spec.rows()),
                acting_log_probs: vec![0.0; spec.rows()],
                critics: [critics[0].workspace(rows), critics[1].workspace(rows)],
                actor_grads: vec![0.0; actor.params().len()],
                critic_grads: vec![0.0; params],
                values: vec![0.0; rows],
            },
            heads,
            targets: critics.clone(),
            temperature: Temperature::new(config.ent_coef, config.ent_coef_auto),
            actor_adam: Adam::new(actor.params().len(), ADAM_EPS),
            critic_adams: [Adam::new(params, ADAM_EPS), Adam::new(params, ADAM_EPS)],
            config: config.clone(),
            actor,
            critics,
        })
    }

    pub(super) fn explore(&mut self, seen: Seen<'_>, rng: &mut Pcg64, choices: &mut [u32]) {
        let rows = choices.len() / self.heads.len();
        let Scratch { acting, acting_log_probs, .. } = &mut self.scratch;
        self.actor.probabilities(seen.obs, seen.masks, rows, acting);
        self.actor.draw(rng, acting, choices, &mut acting_log_probs[..rows]);
    }

    /// One batch.
    ///
    /// # Errors
    /// [`Error::Gradient`] if a gradient is not finite.
    pub fn learn(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()> {
        let rate = self.config.learning_rate.at(learning.progress_remaining);
        let failed = |source| Error::Gradient { update: learning.n_updates, source };
        let (alpha, rows) = (self.temperature.value(), batch.rows);
        let heads = self.heads.len();
        let share = 1.0 / (rows * heads) as f32;
        let Scratch { actor: actor_ws, critics: critic_ws, actor_grads, critic_grads, values, .. } =
            &mut self.scratch;
        let (stride, q_stride) = (self.actor.stride(), self.critics[0].stride());

        // The critics' target: the expected lower value of what the actor would do next, and its entropy.
        self.actor.probabilities(&batch.next_obs, batch.next_masks(), rows, actor_ws);
        for (target, ws) in self.targets.iter().zip(&mut *critic_ws) {
            target.forward(&batch.next_obs, rows, ws);
        }
        for (row, value) in values.iter_mut().enumerate() {
            let mut soft = 0.0;
            for at in 0..self.heads.iter().sum() {
                let q = row * q_stride + at;
                let lower = critic_ws[0].values()[q].min(critic_ws[1].values()[q]);
                let (p, log_p) =
                    (actor_ws.probs()[row * stride + at], actor_ws.log_probs()[row * stride + at]);
                soft += p * (lower - alpha * log_p);
            }
            *value = batch.rewards[row] + batch.discounts[row] * soft / heads as f32;
        }

        // The critics' steps, on half of their mean squared errors.
        learning.errors.fill(0.0);
        let mut critic_loss = 0.0;
        for (index, critic) in self.critics.iter_mut().enumerate() {
            let ws = &mut critic_ws[index];
            critic.forward(&batch.obs, rows, ws);
            for (row, q) in ws.values_mut().chunks_exact_mut(q_stride).enumerate() {
                let (mut at, weight) = (0, batch.weights[row] * share);
                for (head, count) in self.heads.iter().enumerate() {
                    let chosen = at + batch.actions[row * heads + head] as usize;
                    let error = q[chosen] - values[row];
                    q[at..at + count].fill(0.0);
                    q[chosen] = weight * error;
                    critic_loss += f64::from(0.5 * weight * error * error);
                    learning.errors[row] += error.abs() / (CRITICS * heads) as f32;
                    at += count;
                }
                q[at..].fill(0.0);
            }
            critic_grads.fill(0.0);
            critic.prepare_backward(ws);
            critic.backward(&batch.obs, rows, ws, critic_grads);
            self.critic_adams[index]
                .step(critic.params_mut(), critic_grads, rate, f64::INFINITY)
                .map_err(failed)?;
        }
        learning.terms.add("train/critic_loss", critic_loss);

        // The actor's step, on the expected α·ln π − min Q, and the temperature's.
        self.actor.probabilities(&batch.obs, batch.masks(), rows, actor_ws);
        for (critic, ws) in self.critics.iter().zip(&mut *critic_ws) {
            critic.forward(&batch.obs, rows, ws);
        }
        let (logits, probs) = actor_ws.logits_and_probs();
        let (mut actor_loss, mut excess) = (0.0, 0.0);
        let total: usize = self.heads.iter().sum();
        for row in 0..rows {
            let mask = batch.masks().map(|masks| &masks[row * total..][..total]);
            let mut at = 0;
            for count in &self.heads {
                let (mut loss, mut negative_entropy) = (0.0, 0.0);
                for choice in at..at + count {
                    let q = row * q_stride + choice;
                    let lower = critic_ws[0].values()[q].min(critic_ws[1].values()[q]);
                    let (p, log_p) = (probs[row * stride + choice], &mut logits[row * stride + choice]);
                    negative_entropy += p * *log_p;
                    // In place of ln p: what the loss weighs p by, α·ln p − min Q.
                    *log_p = alpha * *log_p - lower;
                    loss += p * *log_p;
                }
                for choice in at..at + count {
                    let (p, cost) = (probs[row * stride + choice], &mut logits[row * stride + choice]);
                    *cost = share * p * (*cost - loss);
                }
                let allowed = mask.map_or(*count, |mask| {
                    mask[at..at + count].iter().filter(|allowed| **allowed).count().max(1)
                });
                let target = self
                    .config
                    .target_entropy
                    .map_or(ENTROPY_SHARE * (allowed as f32).ln(), |target| target as f32);
                actor_loss += f64::from(share * loss);
                excess += share * (negative_entropy + target);
                at += count;
            }
            logits[row * stride + total..(row + 1) * stride].fill(0.0);
        }
        learning.terms.add("train/ent_coef", f64::from(alpha));
        if let Some(loss) = self.temperature.step(excess, rate).map_err(failed)? {
            learning.terms.add("train/ent_coef_loss", loss);
        }
        actor_grads.fill(0.0);
        self.actor.prepare_backward(actor_ws);
        self.actor.backward_body(&batch.obs, rows, actor_ws, actor_grads);
        self.actor_adam.step(self.actor.params_mut(), actor_grads, rate, f64::INFINITY).map_err(failed)?;
        learning.terms.add("train/actor_loss", actor_loss);

        // The targets' move.
        if (learning.n_updates + 1).is_multiple_of(self.config.target_update_interval) {
            for (target, critic) in self.targets.iter_mut().zip(&self.critics) {
                blend(target.params_mut(), critic.params(), self.config.tau);
            }
        }
        Ok(())
    }

    pub(super) fn policy(&self) -> Policy {
        self.actor.clone().into()
    }

    pub(super) fn write(&self, tensors: &mut Tensors) -> Vec<u64> {
        self.actor.write(tensors);
        let mut moments = Tensors::default();
        self.actor_adam.write(&mut moments);
        tensors.insert_all("moments.actor.", moments);
        let mut counters = vec![self.actor_adam.steps()];
        for index in 0..CRITICS {
            let (mut critic, mut target, mut moments) =
                (Tensors::default(), Tensors::default(), Tensors::default());
            self.critics[index].write(&mut critic);
            self.targets[index].write(&mut target);
            self.critic_adams[index].write(&mut moments);
            tensors.insert_all(&format!("critic{index}."), critic);
            tensors.insert_all(&format!("target{index}."), target);
            tensors.insert_all(&format!("moments.critic{index}."), moments);
            counters.push(self.critic_adams[index].steps());
        }
        counters.push(self.temperature.write(tensors));
        counters
    }

    pub(super) fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()> {
        let &[actor_steps, first, second, temperature_steps] = counters else {
            return Err(Error::TornCheckpoint);
        };
        let mut read = || -> trimtab_nn::Result<()> {
            self.actor.read(tensors)?;
            let moments = &mut tensors.take_all("moments.actor.");
            self.actor_adam = Adam::read(self.actor.params().len(), ADAM_EPS, actor_steps, moments)?;
            for (index, steps) in [first, second].into_iter().enumerate() {
                self.critics[index].read(&mut tensors.take_all(&format!("critic{index}.")))?;
                self.targets[index].read(&mut tensors.take_all(&format!("target{index}.")))?;
                let moments = &mut tensors.take_all(&format!("moments.critic{index}."));
                let params = self.critics[index].params().len();
                self.critic_adams[index] = Adam::read(params, ADAM_EPS, steps, moments)?;
            }
            self.temperature.read(temperature_steps, tensors)
        };
        read().map_err(Error::Tensors)
    }
}
