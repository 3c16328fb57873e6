//! Filling a rollout: act, step, check every number, keep what the update needs.
//!
//! Left out: what is learned from it.

use trimtab_nn::actor_critic::Samples;
use trimtab_nn::{ActionSlice, Inputs};

use super::{OnPolicy, Scratch, Update};
use crate::buffer::RolloutShape;
use crate::env::checks::{check_costs, check_finite, check_masks, in_env, step_error};
use crate::env::{Actions, EnvSpec, VecEnv};
use crate::error::Result;

impl<U: Update> OnPolicy<U> {
    /// Fills the rollout buffer.
    pub(super) fn collect(&mut self, env: &mut dyn VecEnv) -> Result<()> {
        let first_step = self.steps();
        let EnvSpec { n_envs, n_agents, obs_dim, .. } = self.spec;
        let rows = n_envs * n_agents;
        let Scratch { ws, memory, step: out, rollout, clipped, cost_sums, .. } = &mut self.scratch;
        let RolloutShape { n_steps, signals, masked, .. } = rollout.shape;
        let (width, outputs) = (rollout.shape.head.width(), rollout.shape.head.outputs());
        cost_sums.fill(0.0);
        for step in 0..n_steps {
            let now = first_step + step as u64;
            let at = step * rows;

            if masked {
                let masks = &mut rollout.masks[at * outputs..(at + rows) * outputs];
                env.action_masks(masks);
                check_masks(masks, rollout.shape.head.choices(), now)?;
            }
            let masks = masked.then(|| &rollout.masks[at * outputs..(at + rows) * outputs]);
            rollout.obs[at * obs_dim..(at + rows) * obs_dim].copy_from_slice(&self.obs);
            let samples = Samples {
                actions: rollout.actions.part_mut(at * width, rows * width),
                log_probs: &mut rollout.log_probs[at..at + rows],
                values: &mut rollout.values[at * signals..(at + rows) * signals],
            };
            self.policy.sample(Inputs::new(&self.obs, masks), memory, &mut self.rng, ws, samples);
            check_finite("log-probability", &rollout.log_probs[at..at + rows], n_agents, now)?;

            // What was drawn is stored; only the environment sees it clipped.
            let actions = match rollout.actions.part(at * width, rows * width) {
                ActionSlice::Choices(choices) => Actions::Discrete(choices),
                ActionSlice::Numbers(numbers) => {
                    clipped.iter_mut().zip(numbers).for_each(|(out, x)| *out = x.clamp(-1.0, 1.0));
                    Actions::Continuous(clipped)
                }
            };
            env.step(actions, out).map_err(|source| step_error(source, now))?;
            check_finite("reward", &out.rewards, n_agents, now)?;
            check_finite("observation", &out.obs, n_agents * obs_dim, now)?;
            let costs = self.spec.costs.len();
            check_costs(&self.spec.costs, &out.costs, n_agents, now)?;

            let stored = &mut rollout.signals[at * signals..(at + rows) * signals];
            match &mut self.reward_normalizer {
                Some(normalizer) => normalizer.normalize(&out.rewards, stored, signals),
                None => {
                    stored.iter_mut().step_by(signals).zip(&out.rewards).for_each(|(to, from)| *to = *from);
                }
            }
            for row in 0..rows {
                let costs = &out.costs[row * costs..(row + 1) * costs];
                cost_sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += f64::from(*cost));
                for (signal, multiplier) in self.multipliers.iter().enumerate() {
                    stored[row * signals + 1 + signal] = costs[multiplier.cost()];
                }
            }

            rollout.terminated[step * n_envs..(step + 1) * n_envs].copy_from_slice(&out.terminated);
            rollout.truncated[step * n_envs..(step + 1) * n_envs].copy_from_slice(&out.truncated);
            for env in 0..n_envs {
                let ended = out.terminated[env] || out.truncated[env];
                let agents = env * n_agents..(env + 1) * n_agents;
                self.episodes.step(env, &out.rewards[agents.clone()], ended);
                if let (true, Some(normalizer)) = (ended, &mut self.reward_normalizer) {
                    agents.clone().for_each(|row| normalizer.end_episode(row));
                }
                if out.truncated[env] && !out.terminated[env] {
                    let last = &out.final_obs[agents.start * obs_dim..agents.end * obs_dim];
                    check_finite("final observation", last, last.len(), now)
                        .map_err(|error| in_env(error, env))?;
                    let values =
                        &mut rollout.final_values[(at + agents.start) * signals..(at + agents.end) * signals];
                    self.policy.values(Inputs::new(last, None), &[], ws, values);
                }
            }
            self.obs.copy_from_slice(&out.obs);
        }
        self.policy.values(Inputs::new(&self.obs, None), &[], ws, &mut rollout.last_values);
        check_finite("value", &rollout.last_values, n_agents * signals, first_step + n_steps as u64)
    }
}
