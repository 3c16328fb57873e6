//! Wilcoxon's signed-rank test of paired differences, two-sided.
//!
//! Left out: one-sided tests; who would be better is not known beforehand.

use super::doubled_ranks;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedRank {
    /// Differences other than zero.
    pub pairs: usize,
    /// Sum of the ranks of positive differences.
    pub positive_ranks: f64,
    /// Chance of ranks this lopsided, or more, where neither side is better.
    pub p_value: f64,
    /// Effect size, −1…1: the share of ranks of positive differences less that of negative ones (matched-pairs rank-biserial
    /// correlation, Kerby 2014).
    pub rank_biserial: f64,
}

/// Up to so many pairs the distribution is counted out, ties included.
const EXACT_PAIRS: usize = 50;

/// Tests whether `differences` lie around zero. Zeros are left out (Wilcoxon 1945). Up to 50 pairs the distribution is
/// exact, given the ties; beyond, normal with corrections for ties and continuity. Without pairs, `p_value` is 1.
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0 && d.is_finite()).collect();
    let sizes: Vec<f64> = kept.iter().map(|d| d.abs()).collect();
    let ranks = doubled_ranks(&sizes);
    let total: usize = ranks.iter().sum();
    let positive: usize = ranks.iter().zip(&kept).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    if total == 0 {
        return SignedRank { pairs: 0, positive_ranks: 0.0, p_value: 1.0, rank_biserial: 0.0 };
    }
    let p_value = if kept.len() <= EXACT_PAIRS { exact(&ranks, positive) } else { normal(&ranks, positive) };
    SignedRank {
        pairs: kept.len(),
        positive_ranks: positive as f64 / 2.0,
        p_value,
        rank_biserial: 2.0 * positive as f64 / total as f64 - 1.0,
    }
}

/// Each rank is positive or negative with equal chance: how often is the sum as far out?
fn exact(ranks: &[usize], positive: usize) -> f64 {
    let total: usize = ranks.iter().sum();
    let mut chance = vec![0.0; total + 1];
    chance[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        for sum in (0..=reached).rev() {
            chance[sum] *= 0.5;
            chance[sum + rank] += chance[sum];
        }
        reached += rank;
    }
    let outer = positive.min(total - positive);
    (2.0 * chance[..=outer].iter().sum::<f64>()).min(1.0)
}

fn normal(ranks: &[usize], positive: usize) -> f64 {
    let mean = ranks.iter().sum::<usize>() as f64 / 4.0;
    // The sum of squared ranks over four is the variance, ties included.
    let variance: f64 = ranks.iter().map(|&rank| (rank as f64 / 2.0).powi(2)).sum::<f64>() / 4.0;
    let distance = ((positive as f64 / 2.0 - mean).abs() - 0.5).max(0.0);
    2.0 * Normal::standard().cdf(-distance / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_pairs_on_one_side_are_one_of_thirty_two_on_each_side() {
        let found = signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((found.p_value, found.rank_biserial, found.pairs), (2.0 / 32.0, 1.0, 5));
    }

    #[test]
    fn nothing_but_zeros_shows_nothing() {
        assert_eq!(signed_rank(&[0.0, 0.0]).p_value, 1.0);
        assert_eq!(signed_rank(&[]).pairs, 0);
    }

    #[test]
    fn the_sign_of_all_differences_does_not_change_the_p_value() {
        let differences = [0.3, -1.2, 2.2, 2.2, -0.1, 0.0, 4.0];
        let turned: Vec<f64> = differences.iter().map(|d| -d).collect();
        assert_eq!(signed_rank(&differences).p_value, signed_rank(&turned).p_value);
        assert_eq!(signed_rank(&differences).rank_biserial, -signed_rank(&turned).rank_biserial);
    }

    #[test]
    fn the_normal_form_meets_the_exact_one_where_it_takes_over() {
        let differences: Vec<f64> =
            (1..=50).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 } * f64::from(i)).collect();
        let ranks = doubled_ranks(&differences.iter().map(|d| d.abs()).collect::<Vec<_>>());
        let positive = ranks.iter().zip(&differences).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
        assert!((exact(&ranks, positive) / normal(&ranks, positive) - 1.0).abs() < 0.05);
    }
}
