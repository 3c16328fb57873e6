//! What is fitted to the training part of a recording: the best constant of each container, and two flags of the VPA for all.
//!
//! Left out: the test part, which nothing here looks at.

use super::{
    cases::{Case, CaseConfig, resources},
    score::{Score, given, trained},
};
use crate::{Result, parallel};
use trimtab_control::{
    vertical::{ContainerVpa, ExactConfig, LEAST},
    vpa::{Amount, ContainerResources, LimitRanges, Stamp, Unchanging, Vertical},
};

/// Quantiles of the training part's use that a constant request may be.
const QUANTILES: [f64; 7] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0];
/// Factors on them.
const MARGINS: [f64; 4] = [1.0, 1.05, 1.15, 1.3];
/// Margins of the VPA that are tried.
const VPA_MARGINS: [f64; 4] = [0.0, 0.05, 0.15, 0.3];
/// Target percentiles of CPU that are tried.
const VPA_PERCENTILES: [f64; 4] = [0.8, 0.9, 0.95, 0.99];

/// The constant request with the least loss on the training part: memory first, then CPU.
///
/// # Errors
/// A series that cannot be played.
pub(super) fn best_constant(case: &Case, config: &CaseConfig) -> Result<ContainerResources> {
    let before = |point: &&trimtab_model::UsagePoint| Stamp::from(point.at) < case.split;
    let cpu = sorted(case.points.iter().filter(before).map(|point| point.cpu_cores * 1000.0));
    let memory = sorted(case.points.iter().filter(before).map(|point| point.memory_bytes));
    let mut best = [candidate(&cpu, 1.0, 1.0), candidate(&memory, 1.0, 1.0)];
    for slot in [1, 0] {
        let values = if slot == 0 { &cpu } else { &memory };
        let mut least = f64::INFINITY;
        let mut chosen = best[slot];
        for quantile in QUANTILES {
            for margin in MARGINS {
                let mut requests = best;
                requests[slot] = candidate(values, quantile, margin).max(LEAST[slot]);
                let loss = loss(case, resources(requests, config), &mut Unchanging)?;
                if loss < least {
                    (least, chosen) = (loss, requests[slot]);
                }
            }
        }
        best[slot] = chosen;
    }
    Ok(resources(best, config))
}

fn candidate(sorted: &[f64], quantile: f64, margin: f64) -> Amount {
    let place = ((sorted.len() as f64 * quantile).ceil() as usize).saturating_sub(1);
    let value = sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0);
    Amount::truncated((value * margin).ceil())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The loss of a rule on the training part of a case.
///
/// # Errors
/// A series that cannot be played.
pub(super) fn loss(case: &Case, start: ContainerResources, scaler: &mut dyn Vertical) -> Result<f64> {
    let tally = trained(case, start, scaler)?;
    Ok(Score::of(&tally, given(case), case.has_memory).loss)
}

/// `base` with the margin and the CPU percentile that have the least mean loss on the training parts of all cases.
///
/// # Errors
/// A series that cannot be played.
pub(super) fn best_vpa(cases: &[Case], base: &ExactConfig, threads: usize) -> Result<ExactConfig> {
    let points: Vec<ExactConfig> = VPA_MARGINS
        .into_iter()
        .flat_map(|safety_margin| {
            VPA_PERCENTILES.map(|target_cpu_percentile| ExactConfig {
                safety_margin,
                target_cpu_percentile,
                ..base.clone()
            })
        })
        .collect();
    let losses = parallel::map(points.len(), threads, |i| -> Result<f64> {
        let mut sum = 0.0;
        for case in cases {
            let mut vpa = ContainerVpa::exact(&points[i], LimitRanges::default())?;
            sum += loss(case, case.replay.resources, &mut vpa)?;
        }
        Ok(sum)
    });
    let mut best = (f64::INFINITY, base.clone());
    for (point, loss) in points.into_iter().zip(losses) {
        let loss = loss?;
        if loss < best.0 {
            best = (loss, point);
        }
    }
    Ok(best.1)
}
