//! The last step of training a continuous `trim` policy: one number that sets where on its own cost–violation
//! curve the policy works.
//!
//! Learning happens with exploration noise, use without: a policy that meets its constraint with noise is off it
//! without. So the finished policy is run without noise on the training days, and a constant is added to its
//! shift of the target until it is as cheap as it can be at a given share of the inner HPA's violations. The HPA
//! was given the same treatment on the same days ([`crate::calibration`]).

use crate::{
    Result,
    config::RunConfig,
    evaluation::{Detail, Scenario},
    parallel, policy_file,
    traffic::Day,
};
use trimtab_nn::ActorCritic;
use trimtab_sim::Tally;

/// Halvings of the interval that the constant is sought in; the last step is 0.4 / 2⁵ of the action's range.
const HALVINGS: usize = 5;

/// The policy with its constant, and the constant.
///
/// # Errors
/// A configuration that cannot work.
pub fn settle(
    policy: &ActorCritic,
    config: &RunConfig,
    scenario: &Scenario,
    days: &[Day],
    threads: usize,
) -> Result<(ActorCritic, f32)> {
    let budget = config.inner.violation_share * config.settle_share;
    let shifted = |by: f32| {
        let mut shifted = policy.clone();
        shifted.shift_output(0, by);
        shifted
    };
    let violations = |by: f32| -> Result<f64> {
        let policy = shifted(by);
        let tallies: Vec<Result<Tally>> = parallel::map(days.len(), threads, |day| {
            let mut autoscaler = policy_file::learned(policy.clone(), config, &scenario.application)?;
            // The seeds of the calibration: the same arrivals.
            let run = scenario.run_day(&mut autoscaler, &days[day], 1_000 + day as u64, Detail::Sums)?;
            Ok(run.tally)
        });
        let mut sum = Tally::default();
        for tally in tallies {
            sum += tally?;
        }
        Ok(sum.violation_share())
    };
    // Raising the targets saves replicas and costs violations, so the share grows with the constant.
    let (mut low, mut high) = (-0.4f32, 0.4f32);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if violations(middle)? <= budget {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok((shifted(low), low))
}
