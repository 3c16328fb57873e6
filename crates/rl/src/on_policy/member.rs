//! One set of weights with what it learns from: the rows of all agents, or those of one agent in every environment.
//!
//! Left out: what all members share, which is the run's.

use rand_pcg::Pcg64;
use trimtab_nn::actor_critic::{CHUNK, Samples};
use trimtab_nn::{ActorCritic, Inputs, Memory, Workspace};

use super::{Learning, Log, RolloutConfig, Update, UpdateConfig};
use crate::agents::AgentRows;
use crate::buffer::{ActionBuffer, RolloutBuffer, RolloutShape};
use crate::critic::{write_views, write_views_of};
use crate::env::checks::check_finite;
use crate::env::{EnvSpec, Presence};
use crate::error::Result;

/// See the module.
#[derive(Debug)]
pub(super) struct Member<U> {
    pub(super) rows: AgentRows,
    pub(super) policy: ActorCritic,
    pub(super) update: U,
    /// Passes over rollouts since the start.
    pub(super) n_updates: u64,
    pub(super) rollout: RolloutBuffer,
    /// What is remembered before the next step.
    pub(super) memory: Memory,
    ws: Workspace,
    /// `rows × obs_dim` and `rows × critic_dim`: what values are asked of outside the rollout.
    obs: Vec<f32>,
    critic_obs: Vec<f32>,
}

/// What the members act on and share: everything is about all rows of the batch.
pub(super) struct Scene<'a> {
    /// `rows × obs_dim`, brought to scale.
    pub(super) obs: &'a [f32],
    /// `rows`; empty if all agents always act.
    pub(super) presence: &'a [Presence],
    /// `rows × choices`; empty without masks.
    pub(super) masks: &'a [bool],
    /// Steps that every environment has made.
    pub(super) now: u64,
}

/// What a step brought; everything is about all rows of the batch.
pub(super) struct Outcome<'a> {
    /// `rows`, brought to scale.
    pub(super) rewards: &'a [f32],
    /// `rows × costs`.
    pub(super) costs: &'a [f32],
    /// For each constraint the index of its cost.
    pub(super) constrained: &'a [usize],
    /// `n_envs`.
    pub(super) terminated: &'a [bool],
    /// `n_envs`.
    pub(super) truncated: &'a [bool],
    /// `rows × obs_dim`, brought to scale; meaningful where an episode was cut off.
    pub(super) final_obs: &'a [f32],
    /// Who was there.
    pub(super) presence: &'a [Presence],
}

impl<U: Update> Member<U> {
    /// The `member`th of a run with a valid configuration, with given weights.
    pub(super) fn new(config: U::Config, spec: &EnvSpec, member: usize, policy: ActorCritic) -> Self {
        let RolloutConfig { n_steps, learners, critic, .. } = config.rollout();
        let rows = AgentRows::new(spec, learners.agents(member, spec.n_agents));
        let head = policy.architecture().head.clone();
        let memory = policy.memory(rows.len());
        let shape = RolloutShape {
            n_steps,
            n_envs: spec.n_envs,
            n_agents: rows.per_env(),
            obs_dim: spec.obs_dim,
            critic_dim: critic.dim(spec).unwrap_or(0),
            signals: policy.architecture().value_heads,
            masked: spec.masked && !head.choices().is_empty(),
            varying: spec.varying,
            memory: memory.width(),
            sequence_length: config.rollout().read_length(config.network()),
            head,
        };
        // Sequences go through a network with memory as a whole.
        let at_once = if policy.is_recurrent() { config.batch_rows(shape.transitions()) } else { CHUNK };
        Self {
            ws: policy.workspace_for(at_once),
            obs: vec![0.0; rows.len() * shape.obs_dim],
            critic_obs: vec![0.0; rows.len() * shape.critic_dim],
            update: U::new(config, &policy, &shape),
            rollout: RolloutBuffer::new(shape),
            n_updates: 0,
            memory,
            rows,
            policy,
        }
    }

    /// Draws the actions of step `step` and puts them, numbers clipped, into those of the whole batch.
    pub(super) fn act(
        &mut self,
        step: usize,
        scene: &Scene<'_>,
        rng: &mut Pcg64,
        actions: &mut ActionBuffer,
    ) -> Result<()> {
        let Self { rows, policy, rollout, memory, ws, .. } = self;
        let RolloutShape { obs_dim, critic_dim, signals, masked, varying, sequence_length, .. } =
            rollout.shape;
        let (width, outputs) = (rollout.shape.head.width(), rollout.shape.head.outputs());
        let at = step * rows.len()..(step + 1) * rows.len();
        let part = |width: usize| at.start * width..at.end * width;
        rows.gather(scene.obs, obs_dim, &mut rollout.obs[part(obs_dim)]);
        if critic_dim > 0 {
            write_views(rows, scene.obs, scene.presence, obs_dim, &mut rollout.critic_obs[part(critic_dim)]);
        }
        if varying {
            rows.gather(scene.presence, 1, &mut rollout.presence[part(1)]);
        }
        if masked {
            rows.gather(scene.masks, outputs, &mut rollout.masks[part(outputs)]);
        }
        let stored = &mut rollout.memory[step / sequence_length * memory.as_slice().len()..];
        if step.is_multiple_of(sequence_length) {
            stored[..memory.as_slice().len()].copy_from_slice(memory.as_slice());
        }
        let inputs = Inputs {
            obs: &rollout.obs[part(obs_dim)],
            critic_obs: &rollout.critic_obs[part(critic_dim)],
            masks: masked.then(|| &rollout.masks[part(outputs)]),
        };
        let samples = Samples {
            actions: rollout.actions.part_mut(at.start * width, at.len() * width),
            log_probs: &mut rollout.log_probs[part(1)],
            values: &mut rollout.values[part(signals)],
        };
        policy.sample(inputs, memory, rng, ws, samples);
        let found = check_finite("log-probability", &rollout.log_probs[part(1)], rows.per_env(), scene.now);
        if found.is_err() {
            // What led to it may have spoilt the memory, which a checkpoint must be able to hold.
            memory.forget_all();
        }
        found?;
        actions.scatter_clipped(rollout.actions.part(at.start * width, at.len() * width), rows, width);
        Ok(())
    }

    /// Keeps what step `step` brought.
    pub(super) fn record(&mut self, step: usize, outcome: &Outcome<'_>) {
        let RolloutShape { n_envs, signals, .. } = self.rollout.shape;
        let (at, costs) = (step * self.rows.len(), outcome.costs.len() / outcome.rewards.len());
        let stored = &mut self.rollout.signals[at * signals..(at + self.rows.len()) * signals];
        for (stored, row) in stored.chunks_exact_mut(signals).zip(self.rows.iter()) {
            stored[0] = outcome.rewards[row];
            let constrained = stored[1..].iter_mut().zip(outcome.constrained);
            constrained.for_each(|(stored, cost)| *stored = outcome.costs[row * costs + cost]);
        }
        let ends = step * n_envs..(step + 1) * n_envs;
        self.rollout.terminated[ends.clone()].copy_from_slice(outcome.terminated);
        self.rollout.truncated[ends].copy_from_slice(outcome.truncated);
        for env in 0..n_envs {
            let (all, own) = (self.rows.of_env(env), env * self.rows.per_env());
            let ended = outcome.terminated[env] || outcome.truncated[env];
            if ended && !outcome.terminated[env] {
                self.value_last(step, env, outcome);
            }
            let absent = |row: usize| outcome.presence.get(row).is_some_and(|p| *p == Presence::Absent);
            let leavers = all.enumerate().filter(|(_, row)| ended || absent(*row));
            leavers.for_each(|(agent, _)| self.memory.forget(own + agent));
        }
    }

    /// Values of the last observation of environment `env`, whose episode was cut off at step `step`.
    fn value_last(&mut self, step: usize, env: usize, outcome: &Outcome<'_>) {
        let Self { rows, policy, rollout, memory, ws, critic_obs, .. } = self;
        let RolloutShape { n_agents, obs_dim, critic_dim, signals, memory: width, .. } = rollout.shape;
        let agents = rows.of_env(env);
        if critic_dim > 0 {
            write_views_of(env, rows, outcome.final_obs, outcome.presence, obs_dim, critic_obs);
        }
        let inputs = Inputs {
            obs: &outcome.final_obs[agents.start * obs_dim..agents.end * obs_dim],
            critic_obs: &critic_obs[..n_agents * critic_dim],
            masks: None,
        };
        let own = env * n_agents..(env + 1) * n_agents;
        let at = step * rows.len();
        let values = &mut rollout.final_values[(at + own.start) * signals..(at + own.end) * signals];
        policy.values(inputs, &memory.as_slice()[own.start * width..own.end * width], ws, values);
    }

    /// Values of what the members would act on next, which completes the rollout.
    pub(super) fn look_ahead(&mut self, scene: &Scene<'_>) -> Result<()> {
        let Self { rows, policy, rollout, memory, ws, obs, critic_obs, .. } = self;
        let RolloutShape { obs_dim, critic_dim, signals, varying, .. } = rollout.shape;
        rows.gather(scene.obs, obs_dim, obs);
        if critic_dim > 0 {
            write_views(rows, scene.obs, scene.presence, obs_dim, critic_obs);
        }
        if varying {
            rows.gather(scene.presence, 1, &mut rollout.last_presence);
        }
        let inputs = Inputs { obs, critic_obs, masks: None };
        policy.values(inputs, memory.as_slice(), ws, &mut rollout.last_values);
        check_finite("value", &rollout.last_values, rows.per_env() * signals, scene.now)
    }

    /// Estimates advantages, improves the policy by them and logs what was found.
    pub(super) fn improve(
        &mut self,
        multipliers: &[f64],
        rng: &mut Pcg64,
        progress_remaining: f64,
        log: &mut Log,
    ) -> Result<()> {
        let RolloutConfig { gamma, gae_lambda, .. } = self.update.config().rollout();
        let Self { policy, update, n_updates, rollout, ws, .. } = self;
        rollout.compute_advantages(gamma, gae_lambda);
        rollout.combine_advantages(multipliers);
        update.improve(Learning { policy, rollout, ws, rng, progress_remaining, n_updates }, log)?;
        if let Some(share) = self.rollout.explained_variance() {
            log.push(("train/explained_variance".into(), share));
        }
        let log_stds = self.policy.log_stds();
        if !log_stds.is_empty() {
            let sum: f64 = log_stds.iter().map(|log_std| f64::from(*log_std).exp()).sum();
            log.push(("train/std".into(), sum / log_stds.len() as f64));
        }
        log.push(("train/n_updates".into(), self.n_updates as f64));
        Ok(())
    }
}
