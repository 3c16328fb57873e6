//! Intervals and comparisons over a few runs: means with bootstrap intervals, paired where runs share seed
//! and day.
//!
//! Left out: anything that assumes a distribution; with five days and three seeds none is known.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

const RESAMPLES: usize = 4000;

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// 2.5th percentile of resampled means.
    pub low: f64,
    /// 97.5th percentile of resampled means.
    pub high: f64,
}

impl Estimate {
    /// Whether the intervals of two estimates have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// Mean of a value observed once for each (block, repeat), with an interval by the two-level bootstrap: blocks
/// (days) are drawn with replacement, then repeats (seeds) within each. Blocks are what traffic varies over, so
/// that the interval speaks of days not seen; equal inputs give equal intervals.
pub fn estimate(blocks: &[Vec<f64>]) -> Estimate {
    let blocks: Vec<&Vec<f64>> = blocks.iter().filter(|b| !b.is_empty()).collect();
    if blocks.is_empty() {
        return Estimate::default();
    }
    let mean =
        blocks.iter().map(|b| b.iter().sum::<f64>() / b.len() as f64).sum::<f64>() / blocks.len() as f64;
    let mut rng = Pcg64Mcg::seed_from_u64(0x7472_696d);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let mut sum = 0.0;
            for _ in 0..blocks.len() {
                let block = blocks[rng.random_range(0..blocks.len())];
                let inner: f64 = (0..block.len()).map(|_| block[rng.random_range(0..block.len())]).sum();
                sum += inner / block.len() as f64;
            }
            sum / blocks.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |q: f64| means[((RESAMPLES - 1) as f64 * q).round() as usize];
    Estimate { mean, low: at(0.025).min(mean), high: at(0.975).max(mean) }
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
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let covered = (0..200)
            .filter(|_| {
                let blocks: Vec<Vec<f64>> = (0..12).map(|_| vec![rng.random::<f64>()]).collect();
                let e = estimate(&blocks);
                e.low <= 0.5 && 0.5 <= e.high
            })
            .count();
        assert!((170..=200).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn nothing_observed_is_zero() {
        assert_eq!(estimate(&[]), Estimate::default());
    }
}
