//! A pole on a cart (Barto, Sutton & Anderson 1983), to the equations and bounds of Gymnasium's `CartPole-v1`.
//!
//! Left out: rendering.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const GRAVITY: f64 = 9.8;
const CART_MASS: f64 = 1.0;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = CART_MASS + POLE_MASS;
/// Half of the pole's length.
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const STEP_SECONDS: f64 = 0.02;
const MAX_ANGLE: f64 = 12.0 * std::f64::consts::TAU / 360.0;
const MAX_POSITION: f64 = 2.4;
const MAX_STEPS: u32 = 500;

/// Balance a pole by pushing its cart left (0) or right (1).
///
/// | observation | | ends beyond |
/// |---|---|---|
/// | 0 | position | ±2.4 |
/// | 1 | velocity | |
/// | 2 | angle, rad | ±12° |
/// | 3 | angular velocity | |
///
/// Reward 1 for every step, the last one included; truncated after 500 steps. A start draws all four numbers from
/// ±0.05.
pub type CartPole = Batch<Pole>;

/// Rules of [`CartPole`].
#[derive(Clone, Copy, Debug)]
pub struct Pole;

impl CartPole {
    /// `n_envs` poles; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(Pole, n_envs)
    }
}

impl Task for Pole {
    /// Position, velocity, angle, angular velocity.
    type State = [f64; 4];
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 4, ActionSpace::Discrete(2))
    }

    fn max_steps(&self) -> Option<u32> {
        Some(MAX_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> [f64; 4] {
        std::array::from_fn(|_| rng.random_range(-0.05..0.05))
    }

    fn observe(&self, state: &[f64; 4], obs: &mut [f32]) {
        obs.iter_mut().zip(state).for_each(|(obs, x)| *obs = *x as f32);
    }

    fn step(&self, state: &mut [f64; 4], actions: &[u32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        push(state, if actions[0] == 1 { FORCE } else { -FORCE });
        signals.rewards[0] = 1.0;
        state[0].abs() > MAX_POSITION || state[2].abs() > MAX_ANGLE
    }
}

/// One Euler step under a force, in Gymnasium's order of operations: a pole near its upright position multiplies
/// differences in the last bit.
fn push(state: &mut [f64; 4], force: f64) {
    let [x, velocity, angle, angular] = *state;
    let (sin, cos) = angle.sin_cos();
    let pole = POLE_MASS * LENGTH;
    let term = (force + pole * (angular * angular) * sin) / TOTAL_MASS;
    let angular_acceleration =
        (GRAVITY * sin - cos * term) / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS));
    let acceleration = term - pole * angular_acceleration * cos / TOTAL_MASS;
    *state = [
        x + STEP_SECONDS * velocity,
        velocity + STEP_SECONDS * acceleration,
        angle + STEP_SECONDS * angular,
        angular + STEP_SECONDS * angular_acceleration,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn steps_are_those_of_gymnasium() {
        // Gymnasium 1.x, CartPole-v1, from the same state with the same pushes.
        let expected = [
            (FORCE, [0.104_000_000_000_000_01, 0.394_374_934_218_220_34, 0.044, -0.576_504_148_481_473_5]),
            (
                -FORCE,
                [
                    0.111_887_498_684_364_41,
                    0.198_664_741_298_794_7,
                    0.032_469_917_030_370_53,
                    -0.270_291_158_071_099_4,
                ],
            ),
            (
                -FORCE,
                [
                    0.115_860_793_510_340_32,
                    0.003_094_846_742_743_323_5,
                    0.027_064_093_868_948_546,
                    0.032_453_534_286_243_76,
                ],
            ),
            (
                FORCE,
                [
                    0.115_922_690_445_195_18,
                    0.197_818_442_894_763_14,
                    0.027_713_164_554_673_42,
                    -0.251_569_022_999_796_94,
                ],
            ),
            (
                FORCE,
                [
                    0.119_879_059_303_090_44,
                    0.392_533_921_594_598_45,
                    0.022_681_784_094_677_48,
                    -0.535_383_461_774_942_3,
                ],
            ),
        ];
        let mut state = [0.1, 0.2, 0.05, -0.3];
        for (force, expected) in expected {
            push(&mut state, force);
            for (found, expected) in state.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{state:?}");
            }
        }
    }

    #[test]
    fn falling_terminates_and_starts_anew() {
        let mut env = CartPole::new(2);
        let mut out = StepBuffers::new(env.spec());
        env.reset(3, &mut out.obs);
        for step in 0..200 {
            env.step(Actions::Discrete(&[1, step % 2]), &mut out).unwrap();
            if out.terminated[0] {
                assert!(!out.truncated[0] && step < 12);
                assert!(out.final_obs[2].abs() > MAX_ANGLE as f32);
                assert!(out.obs[..4].iter().all(|x| x.abs() <= 0.05));
                return;
            }
        }
        panic!("a cart that is always pushed right must drop its pole");
    }

    #[test]
    fn restored_poles_go_on_as_before() {
        let mut env = CartPole::new(3);
        let (mut out, mut other) = (StepBuffers::new(env.spec()), StepBuffers::new(env.spec()));
        env.reset(1, &mut out.obs);
        (0..40).for_each(|i| env.step(Actions::Discrete(&[i % 2, 1, 0]), &mut out).unwrap());
        let mut restored = CartPole::new(3);
        restored.restore(&env.save()).unwrap();
        for i in 0..40 {
            env.step(Actions::Discrete(&[1, i % 2, 0]), &mut out).unwrap();
            restored.step(Actions::Discrete(&[1, i % 2, 0]), &mut other).unwrap();
            assert_eq!(out.obs, other.obs);
        }
        assert!(CartPole::new(2).restore(&env.save()).is_err());
        assert!(env.restore(b"[").is_err());
    }
}
