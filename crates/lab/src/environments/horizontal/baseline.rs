//! What a learned policy is held against: a constant allocation, the best one that a search finds, and replicas that follow the
//! desired ones. All act through the action space that the policy has, from the same starts.
//!
//! Left out: random actions, which [`crate::environments::evaluate`] has, and autoscalers that need more than an observation.

use super::Simulated;
use crate::{
    Result,
    initial::replicas_for,
    statistics::{Estimate, estimate},
};
use trimtab_model::Application;
use trimtab_rl::{Actions, StepBuffers, VecEnv};

/// A rule that wants replicas.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Always the same ones.
    Allocation(Vec<u32>),
    /// The desired ones.
    Desired,
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Mean return of an episode, with its interval.
    pub mean_return: Estimate,
    /// Mean of the latency over its bound.
    pub signal: f64,
    /// Mean replicas of all deployments together.
    pub pods: f64,
    /// Returns of the episodes.
    pub returns: Vec<f64>,
}

/// What a unit of the mean latency over its bound costs in a search under a constraint: more than any replicas could.
const EXCESS_PRICE: f64 = 1e3;

/// Runs `rounds` episodes of every environment in the batch, reset with `seed`, by a rule.
///
/// # Errors
/// None for a rule with as many replicas as there are deployments.
pub fn follow(env: &mut Simulated, rule: &Rule, seed: u64, rounds: u32) -> Result<Score> {
    let spec = env.spec().clone();
    let mut out = StepBuffers::new(&spec);
    env.reset(seed, &mut out.obs);
    let steps = env.rules().steps;
    let (mut returns, mut signal, mut pods) = (Vec::new(), 0.0, 0.0);
    let mut sums = vec![0.0; spec.n_envs];
    let mut actions = Vec::new();
    for _ in 0..rounds {
        sums.fill(0.0);
        for _ in 0..steps {
            actions.clear();
            for lane in 0..spec.n_envs {
                let readings = env.readings(lane);
                let has: Vec<u32> = readings.iter().map(|reading| reading.pods).collect();
                pods += has.iter().map(|pods| f64::from(*pods)).sum::<f64>();
                let wanted = match rule {
                    Rule::Allocation(wanted) => wanted.clone(),
                    Rule::Desired => {
                        let pairs = env.rules().deployments.iter().zip(readings);
                        pairs.map(|(deployment, reading)| deployment.desired(reading)).collect()
                    }
                };
                actions.extend(env.rules().towards(&has, &wanted));
            }
            env.step(Actions::Discrete(&actions), &mut out)
                .map_err(|source| crate::Error::config("baseline", source.to_string()))?;
            sums.iter_mut().zip(&out.rewards).for_each(|(sum, reward)| *sum += f64::from(*reward));
            signal += out.costs.iter().map(|cost| f64::from(*cost)).sum::<f64>();
        }
        returns.extend_from_slice(&sums);
    }
    let all = f64::from(steps * rounds) * spec.n_envs as f64;
    Ok(Score {
        mean_return: estimate(std::slice::from_ref(&returns)),
        signal: signal / all,
        pods: pods / all,
        returns,
    })
}

/// The constant allocation with the best mean return that a descent along the deployments finds, from that of a few rates of
/// traffic on. With `constrained`, of those whose mean latency is within its bound. Scored on `rounds` episodes of every environment
/// in the batch, with `seed`.
///
/// # Errors
/// As [`follow`].
pub fn best_allocation(
    env: &mut Simulated,
    application: &Application,
    constrained: bool,
    seed: u64,
    rounds: u32,
) -> Result<Vec<u32>> {
    let bounds: Vec<(u32, u32)> =
        env.rules().deployments.iter().map(|deployment| (deployment.min, deployment.max)).collect();
    let mut score = |allocation: &[u32]| -> Result<f64> {
        let score = follow(env, &Rule::Allocation(allocation.to_vec()), seed, rounds)?;
        let excess = if constrained { (score.signal - 1.0).max(0.0) } else { 0.0 };
        Ok(score.mean_return.mean - EXCESS_PRICE * excess)
    };
    let mut best = (f64::NEG_INFINITY, vec![1; bounds.len()]);
    for share in [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9] {
        let mut allocation = vec![1; bounds.len()];
        replicas_for(application, share * application.largest_capacity(), 0.7, &mut allocation);
        let reached = score(&allocation)?;
        if reached > best.0 {
            best = (reached, allocation);
        }
    }
    loop {
        let before = best.0;
        for (at, (min, max)) in bounds.iter().enumerate() {
            for step in [1i64, -1, 2, -2] {
                let wanted = i64::from(best.1[at]) + step;
                if !(i64::from(*min)..=i64::from(*max)).contains(&wanted) {
                    continue;
                }
                let mut allocation = best.1.clone();
                allocation[at] = wanted as u32;
                let reached = score(&allocation)?;
                if reached > best.0 {
                    best = (reached, allocation);
                }
            }
        }
        if best.0 <= before {
            return Ok(best.1);
        }
    }
}
