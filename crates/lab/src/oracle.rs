//! The smallest allocation that meets the SLO at each rate, found on the simulated cluster, and the oracle that
//! follows the true traffic with it.
//!
//! For each of evenly spaced rates the traffic is held constant. One utilisation for all services is halved towards the
//! highest that meets the SLO; then pods are taken away one at a time, the dearest first, as long as it is still met. So
//! "smallest" means: no single pod can be spared.
//!
//! Left out: what an allocation does to the intervals after it.

use crate::{
    Result,
    evaluation::{Detail, Scenario, WARM_UP},
    history::series,
    initial::replicas_for,
    parallel,
    traffic::{Day, Traffic},
};
use std::sync::Arc;
use trimtab_control::{Fixed, Oracle, RateSeries, oracle::Level};
use trimtab_model::{Seconds, Time};
use trimtab_workload::shape::{Constant, ConstantConfig};

/// Rates that are tried, up to the highest there is.
const LEVELS: usize = 32;
/// How long each is held, after the warm-up.
const HELD: Seconds = Seconds(1800.0);
/// Halvings of the range of utilisations.
const HALVINGS: usize = 5;
/// How far the oracle sees beyond a day's end: longer than any pod takes to start.
const BEYOND: Seconds = Seconds(3600.0);

/// The oracle of a traffic's days. `budget` is the share of windows that may be over the SLO.
///
/// # Errors
/// A configuration that cannot work.
pub fn oracle(
    scenario: &Scenario,
    traffic: &Traffic,
    budget: f64,
    threads: usize,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Oracle> {
    let step = Seconds(scenario.interval_secs);
    let known = |day: &Day| series(day, Seconds(-WARM_UP.0), Seconds(day.length.0 + BEYOND.0), step);
    let future: Vec<RateSeries> = traffic.train.iter().chain(&traffic.test).map(known).collect();
    let peak = future.iter().flat_map(|series| &series.rates).copied().fold(0.0, f64::max);
    progress("oracle: the smallest allocation for each rate", 0.0);
    let levels = levels(scenario, peak.max(1e-3), budget, threads)?;
    progress("oracle: the smallest allocation for each rate", 1.0);
    Ok(Oracle::new(levels, future, step, &scenario.application)?)
}

/// The smallest allocations for rates up to `peak`. None of them is smaller than one for a lower rate.
fn levels(scenario: &Scenario, peak: f64, budget: f64, threads: usize) -> Result<Vec<Level>> {
    let rate = |i: usize| peak * (i + 1) as f64 / LEVELS as f64;
    let found = parallel::map(LEVELS, threads, |i| smallest(scenario, rate(i), budget));
    let mut levels: Vec<Level> = Vec::with_capacity(LEVELS);
    for (i, replicas) in found.into_iter().enumerate() {
        let mut replicas = replicas?;
        if let Some(before) = levels.last() {
            for (mine, before) in replicas.iter_mut().zip(&before.replicas) {
                *mine = (*mine).max(*before);
            }
        }
        levels.push(Level { rate: rate(i), replicas });
    }
    Ok(levels)
}

fn smallest(scenario: &Scenario, rate: f64, budget: f64) -> Result<Vec<u32>> {
    let application = &scenario.application;
    let services = application.services.len();
    let place = |source| crate::Error::Trace { file: "oracle".to_owned(), source };
    let constant = Constant::new(&ConstantConfig { rate }).map_err(place)?;
    let day = Day { label: "oracle".to_owned(), start: Time(0.0), length: HELD, rate: Arc::new(constant) };
    let meets = |replicas: &[u32]| -> Result<bool> {
        let mut fixed = Fixed::new(replicas.to_vec());
        let run = scenario.run_day(&mut fixed, &day, 0, Detail::Sums)?;
        Ok(run.score.violation_share <= budget)
    };
    let at = |utilization: f64| {
        let mut replicas = vec![0; services];
        replicas_for(application, rate, utilization, &mut replicas);
        replicas
    };
    // Where even a tenth is too much, the most that the bounds allow is all there is.
    let (mut low, mut high) = (0.1, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if meets(&at(middle))? {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut replicas = at(low);
    if !meets(&replicas)? {
        return Ok(replicas);
    }
    let mut order: Vec<usize> = (0..services).collect();
    order.sort_by_key(|&s| std::cmp::Reverse(application.services[s].allocation.cpu_request));
    for service in order {
        while replicas[service] > application.services[service].replicas.min {
            replicas[service] -= 1;
            if !meets(&replicas)? {
                replicas[service] += 1;
                break;
            }
        }
    }
    Ok(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunConfig, training};

    #[test]
    fn no_pod_of_a_smallest_allocation_can_be_spared_and_higher_rates_need_no_less() {
        let scenario =
            training::scenario(&RunConfig { env: "redis".to_owned(), ..RunConfig::default() }).unwrap();
        let peak = 0.5 * scenario.application.largest_capacity();
        let levels = levels(&scenario, peak, 0.01, 1).unwrap();
        for pair in levels.windows(2) {
            assert!(pair[0].replicas.iter().zip(&pair[1].replicas).all(|(a, b)| a <= b));
        }
        let bounds: Vec<_> = scenario.application.services.iter().map(|s| s.replicas).collect();
        let least = smallest(&scenario, peak, 0.01).unwrap();
        assert!(least.iter().zip(&bounds).all(|(n, b)| (b.min..=b.max).contains(n)));
        assert!(least.iter().sum::<u32>() > bounds.iter().map(|b| b.min).sum());
    }
}
