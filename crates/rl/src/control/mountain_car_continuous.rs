//! [`MountainCar`](super::MountainCar) with an engine of any strength, to Gymnasium's `MountainCarContinuous-v0`.
//!
//! Left out: rendering, and goals with a speed.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::mountain_car::{GRAVITY, LEFT, MAX_SPEED, RIGHT};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const GOAL: f32 = 0.45;
const POWER: f32 = 0.0015;
const MAX_STEPS: u32 = 999;

/// Drive a car out of a valley with an engine from −1 (backwards) to 1 (forwards).
///
/// Observed as in [`MountainCar`](super::MountainCar); the goal is 0.45. Reward −0.1·action² for every step and 100 for
/// arriving; truncated after 999 steps. A start stands between −0.6 and −0.4.
pub type MountainCarContinuous = Batch<GentleHill>;

/// Rules of [`MountainCarContinuous`].
#[derive(Clone, Copy, Debug)]
pub struct GentleHill;

impl MountainCarContinuous {
    /// `n_envs` cars; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(GentleHill, n_envs)
    }
}

impl Task for GentleHill {
    /// Position, velocity; of single precision after the first step, as in Gymnasium.
    type State = [f64; 2];
    type Entry = f32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 2, ActionSpace::Box(1))
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

    fn step(&self, state: &mut [f64; 2], actions: &[f32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        let [position, velocity] = *state;
        let slope = GRAVITY * f64::from((3.0 * position) as f32).cos();
        let velocity = velocity as f32 + (actions[0] * POWER - slope as f32);
        let velocity = velocity.clamp(-MAX_SPEED as f32, MAX_SPEED as f32);
        let position = ((position + f64::from(velocity)) as f32).clamp(LEFT as f32, RIGHT as f32);
        let stopped = position == LEFT as f32 && velocity < 0.0;
        let velocity = if stopped { 0.0 } else { velocity };
        *state = [f64::from(position), f64::from(velocity)];
        let terminated = position >= GOAL && velocity >= 0.0;
        let arrival = if terminated { 100.0 } else { 0.0 };
        signals.rewards[0] = (arrival - f64::from(actions[0]).powi(2) * 0.1) as f32;
        terminated
    }
}
