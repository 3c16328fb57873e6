//! [`CartPole`](super::CartPole) with its velocities hidden, so that a policy has to remember what it saw.
//!
//! Left out: the dynamics, which are [`Pole`]'s.

use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::cartpole::Pole;
use super::single;
use crate::env::{ActionSpace, EnvSpec};

/// As [`CartPole`](super::CartPole), seen through position (0) and angle (1) alone: `CartPoleNoVel-v1` of
/// `rl-baselines3-zoo`.
pub type CartPoleNoVel = Batch<PoleNoVel>;

/// Rules of [`CartPoleNoVel`].
#[derive(Clone, Copy, Debug)]
pub struct PoleNoVel;

impl CartPoleNoVel {
    /// `n_envs` poles; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(PoleNoVel, n_envs)
    }
}

impl Task for PoleNoVel {
    /// Position, velocity, angle, angular velocity.
    type State = [f64; 4];
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, 2, ActionSpace::Discrete(2))
    }

    fn max_steps(&self) -> Option<u32> {
        Pole.max_steps()
    }

    fn start(&self, rng: &mut Pcg64) -> [f64; 4] {
        Pole.start(rng)
    }

    fn observe(&self, state: &[f64; 4], obs: &mut [f32]) {
        (obs[0], obs[1]) = (state[0] as f32, state[2] as f32);
    }

    fn step(&self, state: &mut [f64; 4], actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        Pole.step(state, actions, rng, signals)
    }
}

#[cfg(test)]
mod tests {
    use super::super::CartPole;
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn it_is_cartpole_seen_through_position_and_angle() {
        let (mut hidden, mut full) = (CartPoleNoVel::new(2), CartPole::new(2));
        let (mut seen, mut all) = (StepBuffers::new(hidden.spec()), StepBuffers::new(full.spec()));
        hidden.reset(5, &mut seen.obs);
        full.reset(5, &mut all.obs);
        for step in 0..100 {
            let actions = [step / 2 % 2, step % 2];
            hidden.step(Actions::Discrete(&actions), &mut seen).unwrap();
            full.step(Actions::Discrete(&actions), &mut all).unwrap();
            assert_eq!(seen.obs, [all.obs[0], all.obs[2], all.obs[4], all.obs[6]]);
            assert_eq!((&seen.rewards, &seen.terminated), (&all.rewards, &all.terminated));
        }
    }
}
