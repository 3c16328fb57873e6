//! How good a policy is: whole episodes with its most probable actions, beside random and constant ones.
//!
//! Left out: intervals over seeds and comparisons, which belong to whoever has several policies.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use trimtab_nn::{ActionSlice, ActionSliceMut, Agent, Policy};

use crate::agents::{AgentRows, Learners};
use crate::buffer::ActionBuffer;
use crate::env::checks::step_error;
use crate::env::{ActionSpace, Actions, EnvSpec, Presence, StepBuffers, VecEnv};
use crate::error::Result;
use crate::network::action_head;
use crate::range::check;

/// What finished episodes came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Return of each episode: the sum over its steps of the mean reward of the agents that are there.
    pub returns: Vec<f64>,
    /// Steps of each episode.
    pub lengths: Vec<u64>,
    /// Mean of each cost over all steps and agents.
    pub mean_costs: Vec<f64>,
}

impl Evaluation {
    /// Mean return of an episode.
    pub fn mean_return(&self) -> f64 {
        self.returns.iter().sum::<f64>() / self.returns.len() as f64
    }

    /// Mean reward of a step.
    pub fn mean_reward(&self) -> f64 {
        self.returns.iter().sum::<f64>() / self.lengths.iter().sum::<u64>() as f64
    }
}

/// One policy at work on the rows of its agents.
struct Worker {
    rows: AgentRows,
    agent: Agent,
    obs: Vec<f32>,
    masks: Vec<bool>,
    actions: ActionBuffer,
}

impl Worker {
    fn new(spec: &EnvSpec, policy: &Policy, rows: AgentRows) -> Self {
        let choices = if spec.masked { spec.action_space.choices() } else { 0 };
        Self {
            agent: Agent::new(policy.clone(), rows.len()),
            obs: vec![0.0; rows.len() * spec.obs_dim],
            masks: vec![true; rows.len() * choices],
            actions: ActionBuffer::new(policy.head(), rows.len()),
            rows,
        }
    }

    fn act(&mut self, spec: &EnvSpec, obs: &[f32], masks: &[bool], actions: &mut ActionBuffer) {
        let Self { rows, agent, obs: own, masks: allowed, actions: chosen } = self;
        rows.gather(obs, spec.obs_dim, own);
        if !masks.is_empty() {
            rows.gather(masks, spec.action_space.choices(), allowed);
        }
        let width = agent.policy().head().width();
        let masks = (!allowed.is_empty()).then_some(&allowed[..]);
        agent.act(own, masks, chosen.part_mut(0, rows.len() * width));
        actions.scatter_clipped(chosen.all(), rows, width);
    }
}

/// Who acts in an evaluation.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// One policy for all agents, or one for each, with its most probable actions.
    Policies(&'a [Policy]),
    /// Everyone draws uniformly from what is allowed.
    Random,
    /// Everyone takes these entries at every step, allowed or not: choices by their index, else numbers in `[-1, 1]`.
    Constant(&'a [f32]),
}

/// An [`Actor`] at work.
enum Acting<'a> {
    Workers(Vec<Worker>),
    Random(Pcg64),
    Constant(&'a [f32]),
}

impl<'a> Acting<'a> {
    fn new(actor: Actor<'a>, spec: &EnvSpec, seed: u64) -> Result<Self> {
        let (n_agents, width) = (spec.n_agents, spec.action_space.width());
        Ok(match actor {
            Actor::Policies(policies) => {
                let fits = policies.len() == 1 || policies.len() == n_agents;
                check(
                    "policies",
                    fits,
                    format!("one, or one for each of {n_agents} agents"),
                    policies.len(),
                )?;
                for policy in policies {
                    let (found, head) = (policy.obs_dim(), action_head(&spec.action_space));
                    check(
                        "observation of the policy",
                        found == spec.obs_dim,
                        spec.obs_dim.to_string(),
                        found,
                    )?;
                    let (found, head) = (format!("{:?}", policy.head()), format!("{head:?}"));
                    check("action of the policy", found == head, head, found)?;
                }
                let learners =
                    if policies.len() == n_agents { Learners::Independent } else { Learners::Shared };
                let worker = |(at, policy)| {
                    Worker::new(spec, policy, AgentRows::new(spec, learners.agents(at, n_agents)))
                };
                Self::Workers(policies.iter().enumerate().map(worker).collect())
            }
            // Not the stream that the environments are reset with.
            Actor::Random => Self::Random(Pcg64::seed_from_u64(!seed)),
            Actor::Constant(action) => {
                check("entries of the action", action.len() == width, width.to_string(), action.len())?;
                Self::Constant(action)
            }
        })
    }

    fn act(&mut self, spec: &EnvSpec, obs: &[f32], masks: &[bool], actions: &mut ActionBuffer) {
        let entries = spec.rows() * spec.action_space.width();
        match self {
            Self::Workers(workers) => workers.iter_mut().for_each(|w| w.act(spec, obs, masks, actions)),
            Self::Random(rng) => match actions.part_mut(0, entries) {
                ActionSliceMut::Choices(choices) => draw(rng, &spec.action_space, masks, choices),
                ActionSliceMut::Numbers(numbers) => {
                    for number in numbers {
                        *number = rng.random_range(-1.0..=1.0);
                    }
                }
            },
            Self::Constant(action) => {
                let all = action.iter().cycle();
                match actions.part_mut(0, entries) {
                    ActionSliceMut::Choices(choices) => {
                        choices.iter_mut().zip(all).for_each(|(choice, entry)| *choice = *entry as u32);
                    }
                    ActionSliceMut::Numbers(numbers) => {
                        numbers.iter_mut().zip(all).for_each(|(number, entry)| *number = *entry);
                    }
                }
            }
        }
    }

    /// Forgets what the agents of environment `env` that `gone` names remember.
    fn forget(&mut self, env: usize, gone: &dyn Fn(usize) -> bool) {
        let Self::Workers(workers) = self else { return };
        for worker in workers {
            let first = env * worker.rows.per_env();
            let forgetful = worker.rows.of_env(env).enumerate().filter(|(_, row)| gone(*row));
            forgetful.for_each(|(agent, _)| worker.agent.forget(first + agent));
        }
    }
}

/// Draws a choice for every head of every row, allowed by `masks` (empty: all are).
fn draw(rng: &mut Pcg64, space: &ActionSpace, masks: &[bool], choices: &mut [u32]) {
    let one = [space.choices()];
    let heads = if let ActionSpace::MultiDiscrete(heads) = space { &heads[..] } else { &one };
    let mut first = 0;
    for (at, choice) in choices.iter_mut().enumerate() {
        let count = heads[at % heads.len()];
        let allowed = masks.get(first..first + count);
        let ways = allowed.map_or(count, |allowed| allowed.iter().filter(|allowed| **allowed).count());
        let nth = rng.random_range(0..ways.max(1));
        let chosen =
            allowed.and_then(|allowed| (0..count).filter(|choice| allowed[*choice]).nth(nth)).unwrap_or(nth);
        *choice = chosen as u32;
        first += count;
    }
}

/// What policies do: [`evaluate_actor`] with [`Actor::Policies`].
///
/// # Errors
/// As there.
pub fn evaluate(policies: &[Policy], env: &mut dyn VecEnv, seed: u64, episodes: usize) -> Result<Evaluation> {
    evaluate_actor(Actor::Policies(policies), env, seed, episodes)
}

/// Runs the first `episodes` episodes of every environment, reset with `seed`; each environment counts alike, so that
/// short episodes are not counted more often than long ones. Does not return if an environment's episodes never end.
/// Only agents that are there count.
///
/// # Errors
/// There is neither one policy for all agents nor one for each, policies or a constant action of another size, or the
/// environment refused a step.
pub fn evaluate_actor(
    actor: Actor<'_>,
    env: &mut dyn VecEnv,
    seed: u64,
    episodes: usize,
) -> Result<Evaluation> {
    let spec = env.spec().clone();
    let EnvSpec { n_envs, n_agents, .. } = spec;
    let mut acting = Acting::new(actor, &spec, seed)?;
    let mut out = StepBuffers::new(&spec);
    let mut actions = ActionBuffer::new(&action_head(&spec.action_space), spec.rows());
    let mut masks = vec![true; if spec.masked { spec.rows() * spec.action_space.choices() } else { 0 }];
    let mut presence = vec![Presence::Acting; spec.rows()];
    let (mut totals, mut lengths) = (vec![0.0; n_envs], vec![0; n_envs]);
    let (mut left, mut running) = (vec![episodes; n_envs], n_envs * episodes);
    let (mut cost_sums, mut costed) = (vec![0.0; spec.costs.len()], 0u64);
    let mut evaluation = Evaluation::default();
    env.reset(seed, &mut out.obs);
    for step in 0.. {
        if running == 0 {
            break;
        }
        if !masks.is_empty() {
            env.action_masks(&mut masks);
        }
        if spec.varying {
            env.presence(&mut presence);
        }
        acting.act(&spec, &out.obs, &masks, &mut actions);
        let taken = match actions.all() {
            ActionSlice::Choices(choices) => Actions::Discrete(choices),
            ActionSlice::Numbers(numbers) => Actions::Continuous(numbers),
        };
        env.step(taken, &mut out).map_err(|source| step_error(source, step))?;
        let there = |row: &usize| presence[*row] != Presence::Absent;
        for env in 0..n_envs {
            let ended = out.terminated[env] || out.truncated[env];
            acting.forget(env, &|row| ended || !there(&row));
            if left[env] == 0 {
                continue;
            }
            let agents = (env * n_agents..(env + 1) * n_agents).filter(there);
            let (mut total, mut counted) = (0.0, 0.0);
            for agent in agents {
                (total, counted, costed) = (total + f64::from(out.rewards[agent]), counted + 1.0, costed + 1);
                let costs = &out.costs[agent * spec.costs.len()..];
                cost_sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += f64::from(*cost));
            }
            totals[env] += total / f64::max(counted, 1.0);
            lengths[env] += 1;
            if ended {
                evaluation.returns.push(std::mem::take(&mut totals[env]));
                evaluation.lengths.push(std::mem::take(&mut lengths[env]));
                (left[env], running) = (left[env] - 1, running - 1);
            }
        }
    }
    evaluation.mean_costs = cost_sums.iter().map(|sum| sum / costed.max(1) as f64).collect();
    Ok(evaluation)
}

#[cfg(test)]
mod tests;
