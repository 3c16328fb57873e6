//! Statistics over a few runs: interquartile means, bootstrap intervals, tests for paired and unpaired runs.
//!
//! The protocol is that of Agarwal et al. 2021 (arXiv:2108.13264, `rliable`): interquartile means, stratified
//! bootstraps, performance profiles and probabilities of improvement; paired tests are Wilcoxon's with Holm's
//! correction. Every function is deterministic: equal inputs give equal intervals.
//!
//! Left out: anything that assumes a distribution of the runs; with five days and three seeds none is known.

mod bootstrap;
#[cfg(test)]
mod coverage;
mod holm;
mod profile;
#[cfg(test)]
mod reference;
mod signed_rank;
mod u_statistic;

pub use bootstrap::{Bootstrap, Stratum, Width};
pub use holm::holm;
pub use profile::profile;
pub use signed_rank::{SignedRank, signed_rank};
pub use u_statistic::{probability_of_improvement, u_statistic};

use serde::{Deserialize, Serialize};

/// A mean, or another middle, with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The middle itself, of the runs as they are.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Whether the intervals of two estimates have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// With every figure times `factor`.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        let (low, high) = (self.low * factor, self.high * factor);
        Self { mean: self.mean * factor, low: low.min(high), high: low.max(high) }
    }
}

/// Mean of a value observed once for each (block, repeat), with an interval by the bootstrap over blocks (days, each with
/// its repeats, the seeds). Blocks are what traffic varies over, so that the interval speaks of days not seen. They weigh
/// the same, however many repeats they have. With one block the interval speaks of repeats alone; a single value has an
/// interval of no width, which says nothing.
pub fn estimate(blocks: &[Vec<f64>]) -> Estimate {
    let means = |strata: &[Vec<Vec<f64>>]| {
        let blocks = &strata[0];
        blocks.iter().map(|block| mean(block)).sum::<f64>() / blocks.len() as f64
    };
    Bootstrap::default().estimate_blocks(&[blocks.to_vec()], means)
}

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Mean without the lowest and the highest quarter, each rounded down to whole values (`SciPy`'s `trim_mean(…, 0.25)`,
/// which `rliable` uses). Sorts `values`; 0 of nothing.
pub fn interquartile_mean(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 4;
    mean(&values[cut..values.len() - cut])
}

/// Interquartile mean over the runs of all strata (traffics) with its stratified bootstrap interval.
pub fn interquartile_estimate(strata: &[Stratum]) -> Estimate {
    let mut all = Vec::new();
    Bootstrap::default().estimate(strata, |strata| {
        all.clear();
        all.extend(strata.iter().flatten());
        interquartile_mean(&mut all)
    })
}

/// The ranks of `values` from 1, ties sharing the mean of theirs; times two, so that they are whole.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let tied = order[first..].iter().take_while(|&&i| values[i] == values[order[first]]).count();
        for &i in &order[first..first + tied] {
            ranks[i] = 2 * first + tied + 1;
        }
        first += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_has_an_interval_of_no_width() {
        assert_eq!(estimate(&[vec![2.0, 2.0], vec![2.0]]), Estimate { mean: 2.0, low: 2.0, high: 2.0 });
    }

    #[test]
    fn blocks_weigh_the_same_however_many_repeats_they_have() {
        assert_eq!(estimate(&[vec![0.0, 0.0, 0.0], vec![3.0]]).mean, 1.5);
    }

    #[test]
    fn nothing_observed_is_zero() {
        assert_eq!(estimate(&[]), Estimate::default());
        assert_eq!(estimate(&[vec![]]), Estimate::default());
        assert_eq!(interquartile_estimate(&[]), Estimate::default());
    }

    #[test]
    fn the_interquartile_mean_leaves_out_the_outer_quarters() {
        assert_eq!(interquartile_mean(&mut [1000.0, 2.0, 4.0, -1000.0]), 3.0);
        assert_eq!(interquartile_mean(&mut [1.0, 2.0, 6.0]), 3.0);
    }

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(doubled_ranks(&[5.0, 1.0, 5.0, 9.0]), [5, 2, 5, 8]);
    }
}
