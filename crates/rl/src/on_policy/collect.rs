//! Filling a rollout: act, step, check every number, keep what the update needs.
//!
//! Left out: what is learned from it.

use trimtab_nn::ActionSlice;

use super::member::{Outcome, Scene};
use super::{OnPolicy, Scratch, Update, UpdateConfig};
use crate::env::checks::{check_costs, check_finite, check_masks, in_env, step_error};
use crate::env::{Actions, EnvSpec, Presence, VecEnv};
use crate::error::Result;

impl<U: Update> OnPolicy<U> {
    /// Fills the members' rollouts.
    pub(super) fn collect(&mut self, env: &mut dyn VecEnv) -> Result<()> {
        let (first_step, n_steps) = (self.steps(), self.config().rollout().n_steps);
        self.scratch.cost_sums.fill(0.0);
        self.scratch.costed = 0;
        if self.spec.varying {
            env.presence(&mut self.scratch.presence);
        }
        for step in 0..n_steps {
            let now = first_step + step as u64;
            self.act(env, step, now)?;
            self.step(env, step, now)?;
        }
        let Scratch { presence, .. } = &self.scratch;
        let scene = Scene { obs: &self.obs, presence, masks: &[], now: first_step + n_steps as u64 };
        self.members.iter_mut().try_for_each(|member| member.look_ahead(&scene))
    }

    /// Draws everyone's actions.
    fn act(&mut self, env: &dyn VecEnv, step: usize, now: u64) -> Result<()> {
        let Scratch { presence, masks, actions, .. } = &mut self.scratch;
        if !masks.is_empty() {
            env.action_masks(masks);
            check_masks(masks, &self.spec.action_space, presence, now)?;
        }
        let scene = Scene { obs: &self.obs, presence, masks, now };
        let mut members = self.members.iter_mut();
        members.try_for_each(|member| member.act(step, &scene, &mut self.rng, actions))
    }

    /// Takes the step and keeps what came of it.
    fn step(&mut self, env: &mut dyn VecEnv, step: usize, now: u64) -> Result<()> {
        let EnvSpec { n_envs, n_agents, obs_dim, ref costs, .. } = self.spec;
        let Scratch { step: out, presence, actions, rewards, cost_sums, costed, constrained, .. } =
            &mut self.scratch;
        let taken = match actions.all() {
            ActionSlice::Choices(choices) => Actions::Discrete(choices),
            ActionSlice::Numbers(numbers) => Actions::Continuous(numbers),
        };
        env.step(taken, out).map_err(|source| step_error(source, now))?;
        check_finite("reward", &out.rewards, n_agents, now)?;
        check_finite("observation", &out.obs, n_agents * obs_dim, now)?;
        check_costs(costs, &out.costs, n_agents, now)?;
        match &mut self.reward_normalizer {
            Some(normalizer) => normalizer.normalize(&out.rewards, presence, rewards),
            None => rewards.copy_from_slice(&out.rewards),
        }
        let there = |row: &usize| presence.get(*row).is_none_or(|presence| *presence != Presence::Absent);
        if !costs.is_empty() {
            for row in (0..n_envs * n_agents).filter(there) {
                let costs = &out.costs[row * costs.len()..(row + 1) * costs.len()];
                cost_sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += f64::from(*cost));
                *costed += 1;
            }
        }
        for env in 0..n_envs {
            let ended = out.terminated[env] || out.truncated[env];
            let agents = env * n_agents..(env + 1) * n_agents;
            let rewards = agents.clone().filter(there).map(|row| out.rewards[row]);
            self.episodes.step(env, rewards, ended);
            if out.truncated[env] && !out.terminated[env] {
                let last = &mut out.final_obs[agents.start * obs_dim..agents.end * obs_dim];
                check_finite("final observation", last, last.len(), now)
                    .map_err(|error| in_env(error, env))?;
                if let Some(normalizer) = &self.observation_normalizer {
                    normalizer.normalize(last);
                }
            }
            if let Some(normalizer) = &mut self.reward_normalizer {
                agents.filter(|row| ended || !there(row)).for_each(|row| normalizer.end_episode(row));
            }
        }
        let outcome = Outcome {
            rewards,
            costs: &out.costs,
            constrained,
            terminated: &out.terminated,
            truncated: &out.truncated,
            final_obs: &out.final_obs,
            presence,
        };
        self.members.iter_mut().for_each(|member| member.record(step, &outcome));
        self.look(env);
        Ok(())
    }

    /// Takes in what the environments show next.
    pub(super) fn look(&mut self, env: &dyn VecEnv) {
        let Scratch { step, presence, .. } = &mut self.scratch;
        if self.spec.varying {
            env.presence(presence);
        }
        self.obs.copy_from_slice(&step.obs);
        if let Some(normalizer) = &mut self.observation_normalizer {
            normalizer.update(&self.obs, presence);
            normalizer.normalize(&mut self.obs);
        }
    }
}
