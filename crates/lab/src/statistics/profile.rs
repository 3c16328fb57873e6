//! Performance profiles: which share of runs scores above each of many thresholds.
//!
//! Left out: drawing.

use super::{Bootstrap, Estimate, Stratum};

/// For each of `thresholds`, the share of runs that score above it, mean over strata, with pointwise intervals by the
/// stratified bootstrap (run-score distributions, Agarwal et al. 2021, section 4.2).
pub fn profile(strata: &[Stratum], thresholds: &[f64]) -> Vec<Estimate> {
    let mut sorted = Vec::new();
    Bootstrap::default().estimates(strata, thresholds.len(), |strata, out| {
        out.fill(0.0);
        for stratum in strata {
            sorted.clear();
            sorted.extend(stratum.iter().flatten().copied());
            sorted.sort_unstable_by(f64::total_cmp);
            for (share, threshold) in out.iter_mut().zip(thresholds) {
                let above = sorted.len() - sorted.partition_point(|score| score <= threshold);
                *share += above as f64 / (sorted.len() * strata.len()) as f64;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_falls_from_everybody_to_nobody_and_weighs_strata_alike() {
        let strata = vec![vec![vec![1.0, 2.0, 3.0, 4.0]], vec![vec![2.0, 2.0]]];
        let shares: Vec<f64> =
            profile(&strata, &[0.0, 1.0, 2.0, 9.0]).iter().map(|estimate| estimate.mean).collect();
        assert_eq!(shares, [1.0, 0.875, 0.25, 0.0]);
    }
}
