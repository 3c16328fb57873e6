//! One step of every environment: act, step, check every number, keep what can be learned from.
//!
//! Left out: what is learned from it.

use rand::RngExt;
use rand_pcg::Pcg64;
use trimtab_nn::ActionSliceMut;

use super::{OffPolicy, ReplayConfig, Scratch, Seen, Update, mask_width};
use crate::env::checks::{check_costs, check_finite, check_masks, in_env, step_error};
use crate::env::{ActionSpace, Actions, EnvSpec, Presence, VecEnv};
use crate::error::Result;
use crate::replay::n_step::Finish;

impl<U: Update> OffPolicy<U> {
    pub(super) fn step(&mut self, env: &mut dyn VecEnv, replay: &ReplayConfig) -> Result<()> {
        let now = self.steps();
        let EnvSpec { n_envs, n_agents, obs_dim, .. } = self.spec;
        let (width, choices, costs) =
            (self.spec.action_space.width(), mask_width(&self.spec), self.spec.costs.len());
        self.act(replay)?;

        let Scratch { step: out, choices: chosen, numbers, actions, cost_sums, cost_rows, .. } =
            &mut self.scratch;
        for row in acting(&self.view.presence) {
            let mask = &self.view.masks[row * choices..][..choices];
            let action = &actions[row * width..][..width];
            self.windows.begin(row, &self.view.obs[row * obs_dim..][..obs_dim], mask, action);
        }
        let taken = if numbers.is_empty() { Actions::Discrete(chosen) } else { Actions::Continuous(numbers) };
        env.step(taken, out).map_err(|source| step_error(source, now))?;
        check_finite("reward", &out.rewards, n_agents, now)?;
        check_finite("observation", &out.obs, n_agents * obs_dim, now)?;
        check_costs(&self.spec.costs, &out.costs, n_agents, now)?;

        for row in 0..self.spec.rows() {
            let row_costs = &out.costs[row * costs..(row + 1) * costs];
            if self.windows.is_open(row) {
                let bounded = self.multipliers.iter().map(|multiplier| row_costs[multiplier.cost()]);
                self.windows.earn(row, out.rewards[row], bounded);
            }
            if self.view.presence[row] != Presence::Absent {
                for (at, cost) in row_costs.iter().enumerate() {
                    cost_sums[at] += f64::from(*cost);
                    self.costs.sums[at] += f64::from(*cost);
                }
                *cost_rows += 1;
                self.costs.rows += 1;
            }
        }
        self.costs.steps += 1;
        for env in 0..n_envs {
            let ended = out.terminated[env] || out.truncated[env];
            let agents = env * n_agents..(env + 1) * n_agents;
            let presence = &self.view.presence[agents.clone()];
            let there = out.rewards[agents.clone()].iter().zip(presence);
            let there = there.filter(|(_, presence)| **presence != Presence::Absent);
            self.episodes.step(env, there.map(|(reward, _)| *reward), ended);
            if ended {
                let last = &out.final_obs[agents.start * obs_dim..agents.end * obs_dim];
                check_finite("final observation", last, last.len(), now)
                    .map_err(|error| in_env(error, env))?;
            }
        }
        self.view.obs.copy_from_slice(&out.obs);
        self.timesteps += n_envs as u64;
        self.look(env)?;
        self.finish_steps(replay);
        for member in &mut self.members {
            member.update.stepped();
        }
        Ok(())
    }

    /// Asks what is allowed next, and who acts.
    pub(super) fn look(&mut self, env: &dyn VecEnv) -> Result<()> {
        if self.spec.varying {
            env.presence(&mut self.view.presence);
        }
        if self.view.masks.is_empty() {
            return Ok(());
        }
        env.action_masks(&mut self.view.masks);
        let step = self.steps();
        check_masks(&self.view.masks, &self.spec.action_space, &self.view.presence, step)
    }

    /// Fills in the actions of all rows; those of rows that do not act are never looked at.
    fn act(&mut self, replay: &ReplayConfig) -> Result<()> {
        let progress_remaining = self.progress_remaining();
        let random = self.timesteps < replay.learning_starts;
        let EnvSpec { n_envs, n_agents, obs_dim, .. } = self.spec;
        let (width, choices) = (self.spec.action_space.width(), mask_width(&self.spec));
        let Scratch {
            choices: chosen,
            numbers,
            actions,
            member_obs,
            member_masks,
            member_choices,
            member_numbers,
            ..
        } = &mut self.scratch;
        for (index, member) in self.members.iter_mut().enumerate() {
            let agents = replay.learners.agents(index, n_agents);
            let rows = n_envs * agents.len();
            let places = (0..n_envs).flat_map(|env| agents.clone().map(move |agent| env * n_agents + agent));
            for (at, row) in places.clone().enumerate() {
                member_obs[at * obs_dim..][..obs_dim]
                    .copy_from_slice(&self.view.obs[row * obs_dim..][..obs_dim]);
                member_masks[at * choices..][..choices]
                    .copy_from_slice(&self.view.masks[row * choices..][..choices]);
            }
            let masks = (choices > 0).then_some(&member_masks[..rows * choices]);
            let out = if numbers.is_empty() {
                ActionSliceMut::Choices(&mut member_choices[..rows * width])
            } else {
                ActionSliceMut::Numbers(&mut member_numbers[..rows * width])
            };
            if random {
                draw_random(&self.spec.action_space, masks, &mut self.rng, out);
            } else {
                let seen = Seen { obs: &member_obs[..rows * obs_dim], masks, progress_remaining };
                member.update.explore(seen, &mut self.rng, out);
            }
            for (at, row) in places.enumerate() {
                let (from, to) = (at * width..(at + 1) * width, row * width..(row + 1) * width);
                if numbers.is_empty() {
                    chosen[to].copy_from_slice(&member_choices[from]);
                } else {
                    numbers[to].copy_from_slice(&member_numbers[from]);
                }
            }
        }
        if numbers.is_empty() {
            actions.iter_mut().zip(chosen).for_each(|(action, choice)| *action = *choice as f32);
            return Ok(());
        }
        if !random {
            for row in acting(&self.view.presence) {
                let action = &mut numbers[row * width..][..width];
                self.noise.add(row, action, progress_remaining, &mut self.rng);
            }
        }
        actions.copy_from_slice(numbers);
        check_finite("action", actions, n_agents * width, self.timesteps / n_envs as u64)
    }

    /// Finishes the steps of agents that act again, and those that the end of an episode or their leaving ends.
    fn finish_steps(&mut self, replay: &ReplayConfig) {
        let EnvSpec { n_agents, obs_dim, .. } = self.spec;
        let (choices, out) = (mask_width(&self.spec), &self.scratch.step);
        for row in 0..self.spec.rows() {
            let (env, agent) = (row / n_agents, row % n_agents);
            let ended = Finish::of(out.terminated[env], out.truncated[env]);
            let presence = self.view.presence[row];
            if ended != Finish::Continues || presence == Presence::Absent {
                self.noise.reset(row);
            }
            if !self.windows.is_open(row) {
                continue;
            }
            let (finish, seen) = match (ended, presence) {
                (Finish::Continues, Presence::Acting) => (ended, &self.view.obs),
                (Finish::Continues, Presence::Absent) => (Finish::Terminated, &self.view.obs),
                (Finish::Continues, Presence::Waiting) => continue,
                (ended, _) => (ended, &out.final_obs),
            };
            let member = (0..self.members.len())
                .find(|member| replay.learners.agents(*member, n_agents).contains(&agent))
                .expect("every agent has a set of weights");
            let next_obs = &seen[row * obs_dim..][..obs_dim];
            let next_mask = &self.view.masks[row * choices..][..choices];
            let buffer = &mut self.members[member].replay;
            self.windows.finish(row, finish, next_obs, next_mask, |transition| buffer.push(transition));
        }
    }
}

fn acting(presence: &[Presence]) -> impl Iterator<Item = usize> {
    let rows = presence.iter().enumerate();
    rows.filter(|(_, presence)| **presence == Presence::Acting).map(|(row, _)| row)
}

/// Draws each allowed choice alike, or each number from `[-1, 1]`. A head that allows nothing, as only that of an agent that
/// does not act may, gets its first choice.
pub(crate) fn draw_random(
    space: &ActionSpace,
    masks: Option<&[bool]>,
    rng: &mut Pcg64,
    actions: ActionSliceMut<'_>,
) {
    match actions {
        ActionSliceMut::Numbers(numbers) => {
            for x in numbers.iter_mut() {
                *x = rng.random_range(-1.0..=1.0);
            }
        }
        ActionSliceMut::Choices(chosen) => {
            let counts = match space {
                ActionSpace::Discrete(count) => std::slice::from_ref(count),
                ActionSpace::MultiDiscrete(counts) => counts,
                ActionSpace::Box(_) => &[],
            };
            let mut at = 0;
            for chosen in chosen.chunks_exact_mut(counts.len()) {
                for (choice, count) in chosen.iter_mut().zip(counts) {
                    *choice = match masks {
                        None => rng.random_range(0..*count) as u32,
                        Some(masks) => random_allowed(&masks[at..at + count], rng),
                    };
                    at += count;
                }
            }
        }
    }
}

fn random_allowed(allowed: &[bool], rng: &mut Pcg64) -> u32 {
    let count = allowed.iter().filter(|allowed| **allowed).count();
    if count == 0 {
        return 0;
    }
    let picked = rng.random_range(0..count);
    let mut choices = allowed.iter().enumerate().filter(|(_, allowed)| **allowed);
    choices.nth(picked).map_or(0, |(choice, _)| choice as u32)
}
