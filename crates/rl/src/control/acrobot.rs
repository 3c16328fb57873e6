//! Two links that hang from a pivot, driven at the joint between them (Sutton 1996), to the equations of Sutton & Barto's
//! book and the bounds of Gymnasium's `Acrobot-v1`.
//!
//! Left out: rendering, the paper's variant of the equations, and noise on the torque.

use std::f64::consts::{PI, TAU};

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const GRAVITY: f64 = 9.8;
const LINK_MASS: f64 = 1.0;
const LINK_LENGTH: f64 = 1.0;
/// From a link's upper end to its centre of mass.
const CENTRE: f64 = 0.5;
const INERTIA: f64 = 1.0;
const MAX_SPEEDS: [f64; 2] = [4.0 * PI, 9.0 * PI];
const STEP_SECONDS: f64 = 0.2;
const MAX_STEPS: u32 = 500;

/// Swing the free end above a line one link's length over the pivot, by a torque of −1 (0), none (1) or +1 (2) N m on
/// the joint.
///
/// | observation | | range |
/// |---|---|---|
/// | 0, 1 | cosine and sine of the first link's angle from hanging | ±1 |
/// | 2, 3 | the same of the second link's angle from the first | ±1 |
/// | 4 | angular velocity of the first, rad/s | ±4π |
/// | 5 | of the second | ±9π |
///
/// Reward −1 for every step but the terminal one, which has 0; truncated after 500 steps. A start draws all four numbers
/// of the state from ±0.1.
pub type Acrobot = Batch<TwoLinks>;

/// Rules of [`Acrobot`].
#[derive(Clone, Copy, Debug)]
pub struct TwoLinks;

impl Acrobot {
    /// `n_envs` of them; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(TwoLinks, n_envs)
    }
}

impl Task for TwoLinks {
    /// Two angles, two angular velocities.
    type State = [f64; 4];
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 6, ActionSpace::Discrete(3))
    }

    fn max_steps(&self) -> Option<u32> {
        Some(MAX_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> [f64; 4] {
        // Gymnasium starts from numbers of single precision.
        std::array::from_fn(|_| f64::from(rng.random_range(-0.1f32..0.1)))
    }

    fn observe(&self, [first, second, speed, relative]: &[f64; 4], obs: &mut [f32]) {
        let numbers = [first.cos(), first.sin(), second.cos(), second.sin(), *speed, *relative];
        obs.iter_mut().zip(numbers).for_each(|(obs, x)| *obs = x as f32);
    }

    fn step(&self, state: &mut [f64; 4], actions: &[u32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        let torque = f64::from(actions[0]) - 1.0;
        let [first, second, speed, relative] = runge_kutta(*state, torque);
        *state = [
            wrap(first),
            wrap(second),
            speed.clamp(-MAX_SPEEDS[0], MAX_SPEEDS[0]),
            relative.clamp(-MAX_SPEEDS[1], MAX_SPEEDS[1]),
        ];
        let terminated = -state[0].cos() - (state[1] + state[0]).cos() > 1.0;
        signals.rewards[0] = if terminated { 0.0 } else { -1.0 };
        terminated
    }
}

/// The state's derivative under a torque.
fn derivative([first, second, speed, relative]: [f64; 4], torque: f64) -> [f64; 4] {
    let (sin, cos) = second.sin_cos();
    let coupling = LINK_MASS * LINK_LENGTH * CENTRE;
    let d1 = LINK_MASS * CENTRE.powi(2)
        + LINK_MASS * (LINK_LENGTH.powi(2) + CENTRE.powi(2) + 2.0 * LINK_LENGTH * CENTRE * cos)
        + 2.0 * INERTIA;
    let d2 = LINK_MASS * (CENTRE.powi(2) + LINK_LENGTH * CENTRE * cos) + INERTIA;
    let phi2 = LINK_MASS * CENTRE * GRAVITY * (first + second - PI / 2.0).cos();
    let phi1 = -coupling * relative.powi(2) * sin - 2.0 * coupling * relative * speed * sin
        + (LINK_MASS * CENTRE + LINK_MASS * LINK_LENGTH) * GRAVITY * (first - PI / 2.0).cos()
        + phi2;
    let second_acceleration = (torque + d2 / d1 * phi1 - coupling * speed.powi(2) * sin - phi2)
        / (LINK_MASS * CENTRE.powi(2) + INERTIA - d2.powi(2) / d1);
    let first_acceleration = -(d2 * second_acceleration + phi1) / d1;
    [speed, relative, first_acceleration, second_acceleration]
}

/// One step of the classic fourth-order Runge–Kutta method.
fn runge_kutta(state: [f64; 4], torque: f64) -> [f64; 4] {
    let moved = |by: f64, k: &[f64; 4]| std::array::from_fn(|i| state[i] + by * k[i]);
    let k1 = derivative(state, torque);
    let k2 = derivative(moved(STEP_SECONDS / 2.0, &k1), torque);
    let k3 = derivative(moved(STEP_SECONDS / 2.0, &k2), torque);
    let k4 = derivative(moved(STEP_SECONDS, &k3), torque);
    std::array::from_fn(|i| state[i] + STEP_SECONDS / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// The same angle within ±π.
fn wrap(mut angle: f64) -> f64 {
    while angle > PI {
        angle -= TAU;
    }
    while angle < -PI {
        angle += TAU;
    }
    angle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn links_that_hang_stay_and_links_that_stand_have_arrived() {
        let mut env = Acrobot::new(1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        env.start_from(0, [0.0; 4], &mut out.obs);
        env.step(Actions::Discrete(&[1]), &mut out).unwrap();
        assert!(out.obs[4].abs() < 1e-6 && !out.terminated[0]);
        assert_eq!(out.rewards[0], -1.0);
        env.start_from(0, [PI, 0.0, 0.0, 0.0], &mut out.obs);
        env.step(Actions::Discrete(&[1]), &mut out).unwrap();
        assert_eq!((out.terminated[0], out.rewards[0]), (true, 0.0));
    }
}
