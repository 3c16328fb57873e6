//! A constrained task with a known optimum: which offers to take when every one costs the same.
//!
//! Left out: anything sequential; actions do not change what comes next.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::lane_rng;
use crate::env::{ActionSpace, Actions, EnvSpec, StepBuffers, StepError, VecEnv};

const EPISODE_STEPS: u32 = 50;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    offer: f32,
    steps: u32,
    rng: Pcg64,
}

/// Each step shows an offer, uniform in `[0, 1)`. Taking it (1) earns its value and costs a toll of 1; leaving it (0)
/// earns and costs nothing. Episodes are truncated after 50 steps.
///
/// With the mean toll bounded by `d ≤ 1`, the best policy takes every offer above `1 − d`; it earns `d − d²/2` a
/// step, and the constraint's multiplier is `1 − d`.
#[derive(Clone, Debug)]
pub struct Toll {
    spec: EnvSpec,
    lanes: Vec<Lane>,
}

impl Toll {
    /// `n_envs` independent lanes; to be reset before the first step.
    pub fn new(n_envs: usize) -> Self {
        let spec = EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: 1,
            action_space: ActionSpace::Discrete(2),
            costs: vec!["toll"],
            masked: false,
            varying: false,
        };
        let lanes = (0..n_envs).map(|env| Lane { offer: 0.0, steps: 0, rng: lane_rng(0, env) }).collect();
        Self { spec, lanes }
    }
}

impl VecEnv for Toll {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        for (env, (lane, obs)) in self.lanes.iter_mut().zip(obs).enumerate() {
            lane.rng = lane_rng(seed, env);
            (lane.offer, lane.steps) = (lane.rng.random(), 0);
            *obs = lane.offer;
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        let outside = |row, action| StepError::OutsideSpace { row, action, expected: "0 or 1".into() };
        let actions = match actions {
            Actions::Discrete(actions) => actions,
            Actions::Continuous(actions) => {
                return Err(outside(0, actions.first().copied().unwrap_or(f32::NAN)));
            }
        };
        for (env, (lane, action)) in self.lanes.iter_mut().zip(actions).enumerate() {
            (out.rewards[env], out.costs[env]) = match action {
                0 => (0.0, 0.0),
                1 => (lane.offer, 1.0),
                other => return Err(outside(env, *other as f32)),
            };
            (lane.offer, lane.steps) = (lane.rng.random(), lane.steps + 1);
            out.obs[env] = lane.offer;
            (out.terminated[env], out.truncated[env]) = (false, lane.steps == EPISODE_STEPS);
            if out.truncated[env] {
                out.final_obs[env] = lane.offer;
                (lane.offer, lane.steps) = (lane.rng.random(), 0);
                out.obs[env] = lane.offer;
            }
        }
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.lanes).unwrap_or_default()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let lanes: Vec<Lane> = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if lanes.len() != self.lanes.len() {
            return Err(format!("expected {} environments, found {}", self.lanes.len(), lanes.len()));
        }
        self.lanes = lanes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
