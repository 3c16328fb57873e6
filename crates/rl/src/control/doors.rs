//! A masked task with a known optimum: the best of the doors that are open.
//!
//! Left out: anything sequential; actions do not change what comes next.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const EPISODE_STEPS: u32 = 20;

/// Each step shows what lies behind every door, uniform in `[0, 1)`, and opens a random half of them, at least one;
/// which ones only the action mask tells. Reward: what lies behind the door that was taken. Episodes are truncated
/// after 20 steps.
pub type Doors = Batch<Corridor>;

/// Rules of [`Doors`].
#[derive(Clone, Copy, Debug)]
pub struct Corridor {
    doors: usize,
}

/// One moment of [`Doors`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorridorState {
    behind: Vec<f32>,
    open: Vec<bool>,
}

impl Doors {
    /// `n_envs` corridors with `doors` (at least 1) each.
    pub fn new(n_envs: usize, doors: usize) -> Self {
        Self::of(Corridor { doors }, n_envs)
    }
}

impl Corridor {
    /// Mean reward of a step of the best policy: the largest of `k` open doors has `k / (k + 1)`.
    pub fn best_reward(&self) -> f64 {
        let n = self.doors as f64;
        let (mut ways, mut sum) = (1.0, 0.0);
        for k in 1..=self.doors {
            let k = k as f64;
            ways *= (n - k + 1.0) / k;
            // Where the draw opens none, one is opened.
            let weight = if k == 1.0 { ways + 1.0 } else { ways };
            sum += weight * k / (k + 1.0);
        }
        sum / 2f64.powi(self.doors as i32)
    }

    fn draw(state: &mut CorridorState, rng: &mut Pcg64) {
        state.behind.iter_mut().for_each(|value| *value = rng.random());
        state.open.iter_mut().for_each(|open| *open = rng.random());
        if !state.open.contains(&true) {
            let door = rng.random_range(0..state.open.len());
            state.open[door] = true;
        }
    }
}

impl Task for Corridor {
    type State = CorridorState;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        EnvSpec { masked: true, ..single(n_envs, self.doors, ActionSpace::Discrete(self.doors)) }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(EPISODE_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> CorridorState {
        let mut state = CorridorState { behind: vec![0.0; self.doors], open: vec![false; self.doors] };
        Self::draw(&mut state, rng);
        state
    }

    fn observe(&self, state: &CorridorState, obs: &mut [f32]) {
        obs.copy_from_slice(&state.behind);
    }

    fn step(
        &self,
        state: &mut CorridorState,
        actions: &[u32],
        rng: &mut Pcg64,
        signals: Signals<'_>,
    ) -> bool {
        signals.rewards[0] = state.behind[actions[0] as usize];
        Self::draw(state, rng);
        false
    }

    fn masks(&self, state: &CorridorState, masks: &mut [bool]) {
        masks.copy_from_slice(&state.open);
    }

    fn fits(&self, state: &CorridorState) -> bool {
        state.behind.len() == self.doors && state.open.len() == self.doors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, StepError, VecEnv};

    #[test]
    fn the_best_open_door_earns_what_is_said_and_a_closed_one_cannot_be_taken() {
        let mut env = Doors::new(20, 4);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        let (mut masks, mut sum, steps) = (vec![false; 80], 0.0, 2000);
        for _ in 0..steps {
            env.action_masks(&mut masks);
            let actions: Vec<u32> = (0..20)
                .map(|env| {
                    let open = (env * 4..env * 4 + 4).filter(|at| masks[*at]);
                    let best = open.max_by(|a, b| out.obs[*a].total_cmp(&out.obs[*b])).unwrap();
                    (best - env * 4) as u32
                })
                .collect();
            env.step(Actions::Discrete(&actions), &mut out).unwrap();
            sum += out.rewards.iter().map(|x| f64::from(*x)).sum::<f64>();
        }
        let mean = sum / f64::from(steps * 20);
        assert!((mean - env.task().best_reward()).abs() < 0.005, "{mean}");

        env.action_masks(&mut masks);
        let closed = masks.iter().position(|open| !open).unwrap();
        let open = |env: usize| (0..4).find(|at| masks[env * 4 + at]).unwrap() as u32;
        let mut actions: Vec<u32> = (0..20).map(open).collect();
        actions[closed / 4] = (closed % 4) as u32;
        let error = env.step(Actions::Discrete(&actions), &mut out).unwrap_err();
        assert!(matches!(error, StepError::OutsideSpace { row, .. } if row == closed / 4), "{error}");
    }
}
