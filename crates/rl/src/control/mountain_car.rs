//! A car too weak for the hill before it (Moore 1990), to the equations and bounds of Gymnasium's `MountainCar-v0`.
//!
//! Left out: rendering, and goals with a speed.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

pub(super) const LEFT: f64 = -1.2;
pub(super) const RIGHT: f64 = 0.6;
pub(super) const MAX_SPEED: f64 = 0.07;
pub(super) const GRAVITY: f64 = 0.0025;
const GOAL: f64 = 0.5;
const FORCE: f64 = 0.001;
const MAX_STEPS: u32 = 200;

/// Drive a car out of a valley, with its engine backwards (0), off (1) or forwards (2); it has to swing to get there.
///
/// | observation | | range |
/// |---|---|---|
/// | 0 | position; the goal is 0.5 | −1.2 to 0.6 |
/// | 1 | velocity | ±0.07 |
///
/// Reward −1 for every step; truncated after 200. A start stands between −0.6 and −0.4.
pub type MountainCar = Batch<Hill>;

/// Rules of [`MountainCar`].
#[derive(Clone, Copy, Debug)]
pub struct Hill;

impl MountainCar {
    /// `n_envs` cars; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(Hill, n_envs)
    }
}

impl Task for Hill {
    /// Position, velocity.
    type State = [f64; 2];
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 2, ActionSpace::Discrete(3))
    }

    fn max_steps(&self) -> Option<u32> {
        Some(MAX_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> [f64; 2] {
        [rng.random_range(-0.6..-0.4), 0.0]
    }

    fn observe(&self, state: &[f64; 2], obs: &mut [f32]) {
        obs.iter_mut().zip(state).for_each(|(obs, x)| *obs = *x as f32);
    }

    fn step(&self, state: &mut [f64; 2], actions: &[u32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        let [position, velocity] = *state;
        let engine = (f64::from(actions[0]) - 1.0) * FORCE;
        let velocity = (velocity + engine - (3.0 * position).cos() * GRAVITY).clamp(-MAX_SPEED, MAX_SPEED);
        let position = (position + velocity).clamp(LEFT, RIGHT);
        let stopped = position == LEFT && velocity < 0.0;
        *state = [position, if stopped { 0.0 } else { velocity }];
        signals.rewards[0] = -1.0;
        position >= GOAL && state[1] >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn only_a_car_that_swings_arrives() {
        let mut env = MountainCar::new(2);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        let mut arrived = 0;
        for step in 1..=200 {
            // The first goes on with its own motion, the second full ahead.
            let swing = u32::from(out.obs[1] >= 0.0) * 2;
            env.step(Actions::Discrete(&[swing, 2]), &mut out).unwrap();
            arrived += u32::from(out.terminated[0]);
            assert_eq!((out.terminated[1], out.truncated[1]), (false, step == 200));
        }
        assert_eq!(arrived, 1);
    }
}
