//! The last step of training a continuous `trim` policy: one number that sets where on its own cost–violation
//! curve the policy works.
//!
//! Learning happens with exploration noise, use without: a policy that meets its constraint with noise is off it
//! without. So the finished policy is run without noise on the training days, and a constant is added to its
//! shift of the target until it costs a given share of what the inner HPA costs there. What it gained by learning
//! then shows as fewer violations. The HPA was given the same treatment on the same days ([`crate::calibration`]).

use crate::{
    Error, Result,
    config::RunConfig,
    evaluation::{Detail, Scenario},
    parallel, policy_file,
    traffic::Day,
};
use std::sync::atomic::{AtomicBool, Ordering};
use trimtab_control::Autoscaler;
use trimtab_nn::Policy;

/// Halvings of the interval that the constant is sought in; the last step is 0.4 / 2⁶ of the action's range.
const HALVINGS: usize = 6;

/// The policy with its constant, and the constant.
///
/// # Errors
/// A configuration that cannot work, or [`Error::Interrupted`] once `stop` is set.
pub fn settle(
    policy: &Policy,
    config: &RunConfig,
    scenario: &Scenario,
    days: &[Day],
    threads: usize,
    stop: &AtomicBool,
) -> Result<(Policy, f32)> {
    let application = &scenario.application;
    let shifted = |by: f32| {
        let mut shifted = policy.clone();
        shifted.shift_output(0, by);
        shifted
    };
    let inner = core_hours(scenario, days, threads, stop, &|| {
        Ok(Box::new(policy_file::inner(config, application)?) as Box<dyn Autoscaler>)
    })?;
    let budget = config.settle_cost_share * inner;
    // Raising the targets saves replicas, so the cost falls with the constant.
    let (mut low, mut high) = (-0.4f32, 0.4f32);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        let cost = core_hours(scenario, days, threads, stop, &|| {
            Ok(Box::new(policy_file::learned(shifted(middle), config, application)?) as Box<dyn Autoscaler>)
        })?;
        if cost <= budget {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok((shifted(high), high))
}

/// Requested core-hours over all days, on the arrivals that the calibration saw.
fn core_hours(
    scenario: &Scenario,
    days: &[Day],
    threads: usize,
    stop: &AtomicBool,
    build: &(dyn Fn() -> Result<Box<dyn Autoscaler>> + Sync),
) -> Result<f64> {
    let runs: Vec<Result<f64>> = parallel::map(days.len(), threads, |day| {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let run = scenario.run_day(build()?.as_mut(), &days[day], 1_000 + day as u64, Detail::Sums)?;
        Ok(run.score.core_hours)
    });
    runs.into_iter().sum()
}
