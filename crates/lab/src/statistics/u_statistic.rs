//! Mann and Whitney's U statistic and the probability of improvement.
//!
//! Left out: a p-value of U; runs are paired by day and seed, and [`super::signed_rank`] uses that.

use super::{Bootstrap, Estimate, Stratum};

/// Pairs of one of `ours` and one of `theirs` in which ours is larger; equal ones count half.
pub fn u_statistic(ours: &[f64], theirs: &[f64]) -> f64 {
    let mut sorted = theirs.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    ours.iter()
        .map(|x| {
            let below = sorted.partition_point(|y| y < x);
            let up_to = sorted.partition_point(|y| y <= x);
            (below + up_to) as f64 / 2.0
        })
        .sum()
}

/// Probability that a run of `ours` scores higher than one of `theirs` on the same stratum, mean over strata, with its
/// stratified bootstrap interval (Agarwal et al. 2021, section 4.3). Strata are paired by position, and both sides of a
/// stratum are resampled apart from each other, as `rliable` does.
pub fn probability_of_improvement(ours: &[Stratum], theirs: &[Stratum]) -> Estimate {
    let both: Vec<(&Stratum, &Stratum)> = ours
        .iter()
        .zip(theirs)
        .filter(|(a, b)| [a, b].iter().all(|side| side.iter().any(|block| !block.is_empty())))
        .collect();
    let strata: Vec<Stratum> = both.iter().flat_map(|(a, b)| [(*a).clone(), (*b).clone()]).collect();
    Bootstrap::default().estimate(&strata, |flat| {
        let chance =
            |pair: &[Vec<f64>]| u_statistic(&pair[0], &pair[1]) / (pair[0].len() * pair[1].len()) as f64;
        flat.chunks_exact(2).map(chance).sum::<f64>() / (flat.len() / 2) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_count_half() {
        assert_eq!(u_statistic(&[1.0, 2.0, 3.0], &[2.0, 2.0]), 3.0);
    }

    #[test]
    fn better_in_every_run_is_certain_and_alike_is_one_half() {
        let low = vec![vec![vec![1.0, 2.0, 3.0]], vec![vec![5.0, 6.0, 7.0]]];
        let high = vec![vec![vec![4.0, 5.0, 6.0]], vec![vec![8.0, 9.0, 9.5]]];
        let sure = probability_of_improvement(&high, &low);
        assert_eq!((sure.mean, sure.low), (1.0, 1.0));
        assert_eq!(probability_of_improvement(&low, &low).mean, 0.5);
    }
}
