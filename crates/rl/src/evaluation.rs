//! How good a policy is: whole episodes with its most probable actions.
//!
//! Left out: intervals over seeds and comparisons, which belong to whoever has several policies.

use trimtab_nn::{ActionSlice, Agent, Policy};

use crate::buffer::ActionBuffer;
use crate::env::checks::step_error;
use crate::env::{Actions, EnvSpec, StepBuffers, VecEnv};
use crate::error::Result;

/// What finished episodes came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Return of each episode, mean over its agents.
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

/// Runs the first `episodes` episodes of every environment, reset with `seed`; each environment counts alike, so that
/// short episodes are not counted more often than long ones. Does not return if an environment's episodes never end.
///
/// # Errors
/// The environment refused a step.
pub fn evaluate(policy: &Policy, env: &mut dyn VecEnv, seed: u64, episodes: usize) -> Result<Evaluation> {
    let spec = env.spec().clone();
    let EnvSpec { n_envs, n_agents, .. } = spec;
    let (head, mut agent, mut out) =
        (policy.head(), Agent::new(policy.clone(), spec.rows()), StepBuffers::new(&spec));
    let mut actions = ActionBuffer::new(head, spec.rows());
    let choices = if spec.masked { spec.action_space.choices() } else { 0 };
    let mut masks = vec![true; spec.rows() * choices];
    let (mut totals, mut lengths) = (vec![0.0; n_envs], vec![0; n_envs]);
    let (mut left, mut running) = (vec![episodes; n_envs], n_envs * episodes);
    let mut evaluation = Evaluation { mean_costs: vec![0.0; spec.costs.len()], ..Evaluation::default() };
    env.reset(seed, &mut out.obs);
    for step in 0.. {
        if running == 0 {
            break;
        }
        if !masks.is_empty() {
            env.action_masks(&mut masks);
        }
        let entries = spec.rows() * head.width();
        let allowed = (!masks.is_empty()).then_some(&masks[..]);
        agent.act(&out.obs, allowed, actions.part_mut(0, entries));
        let taken = match actions.part(0, entries) {
            ActionSlice::Choices(choices) => Actions::Discrete(choices),
            ActionSlice::Numbers(numbers) => Actions::Continuous(numbers),
        };
        env.step(taken, &mut out).map_err(|source| step_error(source, step))?;
        for env in 0..n_envs {
            let ended = out.terminated[env] || out.truncated[env];
            if ended {
                (env * n_agents..(env + 1) * n_agents).for_each(|row| agent.forget(row));
            }
            if left[env] == 0 {
                continue;
            }
            let agents = env * n_agents..(env + 1) * n_agents;
            let rewards = &out.rewards[agents.clone()];
            totals[env] += rewards.iter().map(|x| f64::from(*x)).sum::<f64>() / n_agents as f64;
            lengths[env] += 1;
            for agent in agents {
                let costs = &out.costs[agent * spec.costs.len()..];
                let sums = evaluation.mean_costs.iter_mut().zip(costs);
                sums.for_each(|(sum, cost)| *sum += f64::from(*cost) / n_agents as f64);
            }
            if ended {
                evaluation.returns.push(std::mem::take(&mut totals[env]));
                evaluation.lengths.push(std::mem::take(&mut lengths[env]));
                (left[env], running) = (left[env] - 1, running - 1);
            }
        }
    }
    let steps = evaluation.lengths.iter().sum::<u64>() as f64;
    evaluation.mean_costs.iter_mut().for_each(|sum| *sum /= steps);
    Ok(evaluation)
}

#[cfg(test)]
mod tests;
