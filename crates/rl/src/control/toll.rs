//! A constrained task with a known optimum: which offers to take when every one costs the same.
//!
//! Left out: anything sequential; actions do not change what comes next.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const EPISODE_STEPS: u32 = 50;

/// Each step shows an offer, uniform in `[0, 1)`. Taking it (1) earns its value and costs a toll of 1; leaving it (0)
/// earns and costs nothing. Episodes are truncated after 50 steps.
///
/// With the mean toll bounded by `d ≤ 1`, the best policy takes every offer above `1 − d`; it earns `d − d²/2` a
/// step, and the constraint's multiplier is `1 − d`.
pub type Toll = Batch<Offers>;

/// Rules of [`Toll`].
#[derive(Clone, Copy, Debug)]
pub struct Offers;

impl Toll {
    /// `n_envs` independent lanes; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        Self::of(Offers, n_envs)
    }
}

impl Task for Offers {
    /// The offer.
    type State = f32;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        EnvSpec { costs: vec!["toll"], ..single(n_envs, 1, ActionSpace::Discrete(2)) }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(EPISODE_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> f32 {
        rng.random()
    }

    fn observe(&self, state: &f32, obs: &mut [f32]) {
        obs[0] = *state;
    }

    fn step(&self, state: &mut f32, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        if actions[0] == 1 {
            (signals.rewards[0], signals.costs[0]) = (*state, 1.0);
        }
        *state = rng.random();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn the_threshold_policy_earns_what_is_said() {
        let (mut env, limit) = (Toll::new(10), 0.3);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        let (mut reward, mut toll, steps) = (0.0, 0.0, 5000);
        for _ in 0..steps {
            let actions: Vec<u32> = out.obs.iter().map(|offer| u32::from(*offer > 1.0 - limit)).collect();
            env.step(Actions::Discrete(&actions), &mut out).unwrap();
            reward += out.rewards.iter().sum::<f32>();
            toll += out.costs.iter().sum::<f32>();
        }
        let n = (steps * 10) as f32;
        assert!((reward / n - (limit - limit * limit / 2.0)).abs() < 0.01);
        assert!((toll / n - limit).abs() < 0.01);
    }
}
