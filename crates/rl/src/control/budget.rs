//! Several agents with demands of their own and one budget for all.
//!
//! Here is the form in which all act at once, and what the other forms share: [`BudgetTurns`](super::BudgetTurns), in
//! which they act in turn, and [`BudgetRoster`](super::BudgetRoster), in which they join and leave.
//!
//! Left out: budgets and demands that depend on what was done before.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

/// Most that an agent demands or claims.
pub(super) const MOST: u32 = 2;
/// What a unit beyond the budget costs.
pub(super) const PENALTY: f32 = 2.0;
const EPISODE_STEPS: u32 = 10;

/// Each step every agent demands 0, 1 or 2 units and claims 0, 1 or 2. What is claimed and demanded is served and earns
/// 1 a unit; every unit that the claims exceed the budget by costs 2. The agents share the sum equally.
///
/// An agent sees its own demand and that of the agents before it, each as a share of its greatest value; together they
/// serve best if each claims what the ones before it leave. There are as many units as agents. Episodes are truncated
/// after 10 steps.
pub type Budget = Batch<Claims>;

/// Rules of [`Budget`].
#[derive(Clone, Copy, Debug)]
pub struct Claims {
    agents: usize,
}

/// What every agent demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demands(pub(super) Vec<u32>);

impl Demands {
    pub(super) fn draw(&mut self, rng: &mut Pcg64) {
        self.0.iter_mut().for_each(|demand| *demand = rng.random_range(0..=MOST));
    }

    /// Writes each agent's own demand and that of those before it.
    pub(super) fn observe(&self, obs: &mut [f32]) {
        let all = (self.0.len() as u32 * MOST) as f32;
        let mut before = 0;
        for (obs, demand) in obs.chunks_exact_mut(2).zip(&self.0) {
            (obs[0], obs[1]) = (*demand as f32 / MOST as f32, before as f32 / all);
            before += demand;
        }
    }
}

/// What claims earn together.
pub(super) fn earned(claims: impl Iterator<Item = (u32, u32)>, budget: usize) -> f32 {
    let (mut served, mut claimed) = (0, 0);
    for (claim, demand) in claims {
        served += claim.min(demand);
        claimed += claim;
    }
    served as f32 - PENALTY * claimed.saturating_sub(budget as u32) as f32
}

/// Mean of what can be served at best: the smaller of the budget and the demand of `agents` agents.
pub(super) fn best_served(agents: usize, budget: usize) -> f64 {
    let mut shares = vec![1.0];
    for _ in 0..agents {
        let mut next = vec![0.0; shares.len() + MOST as usize];
        for (total, share) in shares.iter().enumerate() {
            (0..=MOST as usize).for_each(|demand| next[total + demand] += share / f64::from(MOST + 1));
        }
        shares = next;
    }
    shares.iter().enumerate().map(|(total, share)| share * total.min(budget) as f64).sum()
}

impl Budget {
    /// `n_envs` groups of `agents` (at least 1).
    pub fn new(n_envs: usize, agents: usize) -> Self {
        Self::of(Claims { agents }, n_envs)
    }
}

impl Claims {
    /// Best return of an episode, mean over its agents.
    pub fn best_return(&self) -> f64 {
        f64::from(EPISODE_STEPS) * best_served(self.agents, self.agents) / self.agents as f64
    }
}

impl Task for Claims {
    type State = Demands;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        let space = ActionSpace::Discrete(MOST as usize + 1);
        EnvSpec { n_agents: self.agents, ..single(n_envs, 2, space) }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(EPISODE_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> Demands {
        let mut demands = Demands(vec![0; self.agents]);
        demands.draw(rng);
        demands
    }

    fn observe(&self, state: &Demands, obs: &mut [f32]) {
        state.observe(obs);
    }

    fn step(&self, state: &mut Demands, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        let claims = actions.iter().copied().zip(state.0.iter().copied());
        signals.rewards.fill(earned(claims, self.agents) / self.agents as f32);
        state.draw(rng);
        false
    }

    fn fits(&self, state: &Demands) -> bool {
        state.0.len() == self.agents && state.0.iter().all(|demand| *demand <= MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn the_best_mean_is_that_of_all_demands() {
        // Sums of three demands, 0 to 6: 1, 3, 6, 7, 6, 3 and 1 of 27.
        assert!((best_served(3, 3) - 66.0 / 27.0).abs() < 1e-12);
    }

    #[test]
    fn claiming_what_is_left_earns_the_best_and_claiming_everything_does_not() {
        let best = Budget::new(1, 3).task().best_return();
        let mean = |claim: &dyn Fn(f32, f32) -> u32| {
            let mut env = Budget::new(50, 3);
            let mut out = StepBuffers::new(env.spec());
            env.reset(1, &mut out.obs);
            let mut sum = 0.0;
            for _ in 0..1000 {
                let actions: Vec<u32> = out.obs.chunks_exact(2).map(|obs| claim(obs[0], obs[1])).collect();
                env.step(Actions::Discrete(&actions), &mut out).unwrap();
                sum += out.rewards.iter().map(|x| f64::from(*x)).sum::<f64>();
            }
            sum / (50.0 * 3.0 * 100.0)
        };
        let left = |own: f32, before: f32| (2.0 * own).min((3.0 - 6.0 * before).max(0.0)).round() as u32;
        let modest = mean(&left);
        assert!((modest - best).abs() < 0.05, "{modest}, best {best}");
        let greedy = mean(&|own, _| (2.0 * own) as u32);
        assert!(greedy < best - 1.0, "{greedy}, best {best}");
    }
}
