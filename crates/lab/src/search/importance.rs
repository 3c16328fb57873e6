//! How much each parameter alone says about the value of a trial.
//!
//! The whole trials are put into groups of similar values of the parameter (each choice, or four of equal size); the
//! figure is the share of the variance between the groups in all variance (the correlation ratio η²), less what chance
//! alone would give groups of that size (ε², Kelley 1935), and never below zero. Left out: what parameters do together.

use super::{
    space::{Domain, Space},
    study::Trial,
};

/// Groups of numbers.
const GROUPS: usize = 4;

/// A figure from 0 to 1 for each parameter of `space`, in its order; all 0 with fewer than eight whole trials.
pub fn importances(space: &Space, trials: &[Trial]) -> Vec<f64> {
    let whole: Vec<(Vec<f64>, f64)> = trials
        .iter()
        .filter_map(|trial| Some((space.coordinates(&trial.point)?, trial.value?)))
        .filter(|(_, value)| value.is_finite())
        .collect();
    let parameters = space.parameters().iter().enumerate();
    parameters
        .map(|(at, parameter)| {
            let mut pairs: Vec<(f64, f64)> = whole.iter().map(|(x, value)| (x[at], *value)).collect();
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
            let groups: Vec<&[(f64, f64)]> = match parameter.domain {
                Domain::Choice(_) => pairs.chunk_by(|a, b| a.0 == b.0).collect(),
                _ => pairs.chunks(pairs.len().div_ceil(GROUPS).max(1)).collect(),
            };
            explained(&groups)
        })
        .collect()
}

fn explained(groups: &[&[(f64, f64)]]) -> f64 {
    let count: usize = groups.iter().map(|group| group.len()).sum();
    if count < 2 * GROUPS || groups.len() < 2 || count <= groups.len() {
        return 0.0;
    }
    let mean = |values: &[(f64, f64)]| values.iter().map(|v| v.1).sum::<f64>() / values.len() as f64;
    let squares =
        |values: &[(f64, f64)], around: f64| values.iter().map(|v| (v.1 - around).powi(2)).sum::<f64>();
    let all: Vec<(f64, f64)> = groups.concat();
    let total = squares(&all, mean(&all));
    let within: f64 = groups.iter().map(|group| squares(group, mean(group))).sum();
    let chance = (count - 1) as f64 / (count - groups.len()) as f64;
    if total > 0.0 { (1.0 - chance * within / total).max(0.0) } else { 0.0 }
}
