//! [`Budget`](super::Budget) with agents that join and leave in mid-episode.
//!
//! Left out: random comings and goings, which would leave the best return without a closed form.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::budget::{Demands, MOST, best_served, earned};
use super::single;
use crate::env::{ActionSpace, EnvSpec, Presence};

const EPISODE_STEPS: u32 = 12;
/// Steps that an agent is absent for.
const SHIFT: u32 = 4;

/// As [`Budget`](super::Budget), with one agent absent: for four steps, then it joins and the next one leaves. Who
/// begins is drawn for each episode. The budget is one unit short of a unit for each who is there, who share what is
/// earned; who is absent sees zeros and earns nothing. Episodes are truncated after 12 steps.
pub type BudgetRoster = Batch<Roster>;

/// Rules of [`BudgetRoster`].
#[derive(Clone, Copy, Debug)]
pub struct Roster {
    agents: usize,
}

/// One moment of [`BudgetRoster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterState {
    /// Zero for the one who is absent.
    demands: Demands,
    absent: usize,
    /// Steps for which it stays so.
    left: u32,
}

impl BudgetRoster {
    /// `n_envs` groups of `agents`.
    ///
    /// # Panics
    /// Fewer than 3 agents: with one absent, the others would have no budget to share.
    pub fn new(n_envs: usize, agents: usize) -> Self {
        assert!(agents >= 3, "expected at least 3 agents, found {agents}");
        Self::of(Roster { agents }, n_envs)
    }
}

impl Roster {
    /// Best return of an episode, mean over all agents, absent ones included.
    pub fn best_return(&self) -> f64 {
        f64::from(EPISODE_STEPS) * best_served(self.agents - 1, self.budget()) / self.agents as f64
    }

    fn budget(self) -> usize {
        self.agents - 2
    }

    fn draw(state: &mut RosterState, rng: &mut Pcg64) {
        state.demands.draw(rng);
        state.demands.0[state.absent] = 0;
    }
}

impl Task for Roster {
    type State = RosterState;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        let space = ActionSpace::Discrete(MOST as usize + 1);
        EnvSpec { n_agents: self.agents, varying: true, ..single(n_envs, 2, space) }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(EPISODE_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> RosterState {
        let absent = rng.random_range(0..self.agents);
        let mut state = RosterState { demands: Demands(vec![0; self.agents]), absent, left: SHIFT };
        Self::draw(&mut state, rng);
        state
    }

    fn observe(&self, state: &RosterState, obs: &mut [f32]) {
        state.demands.observe(obs);
        obs[state.absent * 2..state.absent * 2 + 2].fill(0.0);
    }

    fn step(&self, state: &mut RosterState, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        let pairs = actions.iter().copied().zip(state.demands.0.iter().copied()).enumerate();
        let claims = pairs.filter(|(agent, _)| *agent != state.absent).map(|(_, pair)| pair);
        signals.rewards.fill(earned(claims, self.budget()) / (self.agents - 1) as f32);
        signals.rewards[state.absent] = 0.0;
        state.left -= 1;
        if state.left == 0 {
            (state.absent, state.left) = ((state.absent + 1) % self.agents, SHIFT);
        }
        Self::draw(state, rng);
        false
    }

    fn presence(&self, state: &RosterState, presence: &mut [Presence]) {
        presence.fill(Presence::Acting);
        presence[state.absent] = Presence::Absent;
    }

    fn fits(&self, state: &RosterState) -> bool {
        state.demands.0.len() == self.agents && state.absent < self.agents && state.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn whoever_is_there_can_earn_the_best_and_the_absent_earn_nothing() {
        let mut env = BudgetRoster::new(50, 4);
        let mut out = StepBuffers::new(env.spec());
        let (mut presence, mut sum) = (vec![Presence::Acting; 200], 0.0);
        env.reset(1, &mut out.obs);
        let mut absent_somewhere = [false; 4];
        for _ in 0..1200 {
            env.presence(&mut presence);
            let claim = |obs: &[f32]| (2.0 * obs[0]).min((2.0 - 8.0 * obs[1]).max(0.0)).round() as u32;
            let rows = out.obs.chunks_exact(2).zip(&presence);
            let actions: Vec<u32> =
                rows.map(|(obs, p)| if *p == Presence::Acting { claim(obs) } else { 9 }).collect();
            env.step(Actions::Discrete(&actions), &mut out).unwrap();
            sum += out.rewards.iter().map(|x| f64::from(*x)).sum::<f64>();
            for (row, presence) in presence.iter().enumerate() {
                if *presence == Presence::Absent {
                    assert_eq!(out.rewards[row], 0.0);
                    absent_somewhere[row % 4] = true;
                }
            }
        }
        assert_eq!(absent_somewhere, [true; 4]);
        let (mean, best) = (sum / (50.0 * 4.0 * 100.0), env.task().best_return());
        assert!((mean - best).abs() < 0.05, "{mean}, best {best}");
    }
}
