//! [`Budget`](super::Budget) with agents that act one after another.
//!
//! Left out: an order of turns other than the agents' own.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::budget::{Demands, MOST, PENALTY, best_served};
use super::single;
use crate::env::{ActionSpace, EnvSpec, Presence};

const EPISODE_ROUNDS: usize = 10;

/// As [`Budget`](super::Budget), in rounds: a step is one agent's turn, in which the others wait, and new demands
/// come when all have had theirs. An agent sees its own demand, what is left of the budget, and 1 if it is its turn. What
/// a claim earns or costs is shared by all at once, also by those who acted before. Episodes are truncated after 10
/// rounds.
pub type BudgetTurns = Batch<Turns>;

/// Rules of [`BudgetTurns`].
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    agents: usize,
}

/// One moment of [`BudgetTurns`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnsState {
    demands: Demands,
    /// What the claims of this round have left.
    left: u32,
    /// Whose turn it is.
    turn: usize,
}

impl BudgetTurns {
    /// `n_envs` groups of `agents` (at least 1).
    pub fn new(n_envs: usize, agents: usize) -> Self {
        Self::of(Turns { agents }, n_envs)
    }
}

impl Turns {
    /// Best return of an episode, mean over its agents.
    pub fn best_return(&self) -> f64 {
        EPISODE_ROUNDS as f64 * best_served(self.agents, self.agents) / self.agents as f64
    }
}

impl Task for Turns {
    type State = TurnsState;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        let space = ActionSpace::Discrete(MOST as usize + 1);
        EnvSpec { n_agents: self.agents, varying: true, ..single(n_envs, 3, space) }
    }

    fn max_steps(&self) -> Option<u32> {
        Some((EPISODE_ROUNDS * self.agents) as u32)
    }

    fn start(&self, rng: &mut Pcg64) -> TurnsState {
        let mut demands = Demands(vec![0; self.agents]);
        demands.draw(rng);
        TurnsState { demands, left: self.agents as u32, turn: 0 }
    }

    fn observe(&self, state: &TurnsState, obs: &mut [f32]) {
        for (agent, (obs, demand)) in obs.chunks_exact_mut(3).zip(&state.demands.0).enumerate() {
            obs[0] = *demand as f32 / MOST as f32;
            obs[1] = state.left as f32 / self.agents as f32;
            obs[2] = f32::from(agent == state.turn);
        }
    }

    fn step(&self, state: &mut TurnsState, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        let claim = actions[state.turn];
        let served = claim.min(state.demands.0[state.turn]);
        let beyond = claim.saturating_sub(state.left);
        signals.rewards.fill((served as f32 - PENALTY * beyond as f32) / self.agents as f32);
        state.left = state.left.saturating_sub(claim);
        state.turn += 1;
        if state.turn == self.agents {
            (state.turn, state.left) = (0, self.agents as u32);
            state.demands.draw(rng);
        }
        false
    }

    fn presence(&self, state: &TurnsState, presence: &mut [Presence]) {
        presence.fill(Presence::Waiting);
        presence[state.turn] = Presence::Acting;
    }

    fn fits(&self, state: &TurnsState) -> bool {
        state.demands.0.len() == self.agents && state.turn < self.agents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn agents_that_claim_what_is_left_earn_the_best() {
        let mut env = BudgetTurns::new(50, 3);
        let mut out = StepBuffers::new(env.spec());
        let (mut presence, mut sum) = (vec![Presence::Acting; 150], 0.0);
        env.reset(1, &mut out.obs);
        for step in 0..3000 {
            env.presence(&mut presence);
            for (row, presence) in presence.iter().enumerate() {
                assert_eq!(*presence == Presence::Acting, row % 3 == step % 3);
            }
            // What waits asks for too much, and nobody listens.
            let claim = |obs: &[f32]| (2.0 * obs[0]).min(3.0 * obs[1]).round() as u32;
            let rows = out.obs.chunks_exact(3).zip(&presence);
            let actions: Vec<u32> =
                rows.map(|(obs, p)| if *p == Presence::Acting { claim(obs) } else { 9 }).collect();
            env.step(Actions::Discrete(&actions), &mut out).unwrap();
            sum += out.rewards.iter().map(|x| f64::from(*x)).sum::<f64>();
        }
        let (mean, best) = (sum / (50.0 * 3.0 * 100.0), env.task().best_return());
        assert!((mean - best).abs() < 0.05, "{mean}, best {best}");
    }
}
