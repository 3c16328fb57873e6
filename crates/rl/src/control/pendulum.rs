//! A pendulum to be swung up and held, to the equations and bounds of Gymnasium's `Pendulum-v1`.
//!
//! Left out: rendering, and other strengths of gravity.

use std::f64::consts::{PI, TAU};

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const GRAVITY: f64 = 10.0;
const MAX_TORQUE: f32 = 2.0;
const MAX_SPEED: f64 = 8.0;
const STEP_SECONDS: f64 = 0.05;
const MAX_STEPS: u32 = 200;

/// Swing a pendulum of mass 1 and length 1 up and hold it there by a torque; the action, from −1 to 1, is half of the
/// torque in N m.
///
/// | observation | | range |
/// |---|---|---|
/// | 0 | cosine of the angle from upright | ±1 |
/// | 1 | its sine | ±1 |
/// | 2 | angular velocity, rad/s | ±8 |
///
/// Reward −(angle² + 0.1·velocity² + 0.001·torque²) before the step, with the angle in ±π. Nothing is terminal; an
/// episode is truncated after 200 steps. A start draws the angle from ±π and the velocity from ±1.
pub type Pendulum = Batch<Swing>;

/// Rules of [`Pendulum`].
#[derive(Clone, Copy, Debug)]
pub struct Swing;

impl Pendulum {
    /// `n_envs` pendulums; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(Swing, n_envs)
    }
}

impl Task for Swing {
    /// Angle from upright, without bounds, and angular velocity.
    type State = [f64; 2];
    type Entry = f32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 3, ActionSpace::Box(1))
    }

    fn max_steps(&self) -> Option<u32> {
        Some(MAX_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> [f64; 2] {
        [rng.random_range(-PI..PI), rng.random_range(-1.0..1.0)]
    }

    fn observe(&self, [angle, speed]: &[f64; 2], obs: &mut [f32]) {
        let (sin, cos) = angle.sin_cos();
        (obs[0], obs[1], obs[2]) = (cos as f32, sin as f32, *speed as f32);
    }

    fn step(&self, state: &mut [f64; 2], actions: &[f32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        let [angle, speed] = *state;
        // Gymnasium's torque and what it is multiplied by stay in single precision.
        let torque = MAX_TORQUE * actions[0];
        let from_upright = (angle + PI).rem_euclid(TAU) - PI;
        let cost = from_upright.powi(2) + 0.1 * speed.powi(2) + f64::from(0.001 * (torque * torque));
        signals.rewards[0] = -cost as f32;
        let acceleration = 1.5 * GRAVITY * angle.sin() + f64::from(3.0 * torque);
        let speed = (speed + acceleration * STEP_SECONDS).clamp(-MAX_SPEED, MAX_SPEED);
        *state = [angle + speed * STEP_SECONDS, speed];
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, StepError, VecEnv};

    #[test]
    fn a_pendulum_at_rest_upright_costs_nothing_and_is_cut_off_after_200_steps() {
        let mut env = Pendulum::new(1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        env.start_from(0, [0.0, 0.0], &mut out.obs);
        for step in 1..=200 {
            assert_eq!(out.obs, [1.0, 0.0, 0.0]);
            env.step(Actions::Continuous(&[0.0]), &mut out).unwrap();
            assert_eq!((out.rewards[0], out.terminated[0]), (0.0, false));
            assert_eq!(out.truncated[0], step == 200);
        }
        assert_eq!(out.final_obs, [1.0, 0.0, 0.0]);
        assert_ne!(out.obs, out.final_obs);
    }

    #[test]
    fn torques_beyond_the_space_are_refused() {
        let mut env = Pendulum::new(2);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        for number in [1.1, f32::NAN, -f32::INFINITY] {
            let error = env.step(Actions::Continuous(&[0.0, number]), &mut out).unwrap_err();
            assert!(matches!(error, StepError::OutsideSpace { row: 1, .. }), "{error}");
        }
        assert!(env.step(Actions::Discrete(&[0, 0]), &mut out).is_err());
    }
}
