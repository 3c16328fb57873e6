//! Holm's step-down correction for several tests at once.
//!
//! Left out: corrections that control the share of false discoveries; here every false claim counts.

/// Adjusted p-values in the order of `p_values` (Holm 1979): the k-th smallest times (m − k), at least as large as the
/// one before it, at most 1. Reject where the adjusted one is at most the level.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        least = least.max((p_values.len() - rank) as f64 * p_values[i]).min(1.0);
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn one_test_is_left_as_it_is_and_none_is_fine() {
        assert_eq!(holm(&[0.04]), [0.04]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_larger_p_value_never_gets_a_smaller_adjusted_one() {
        assert_eq!(holm(&[0.02, 0.01, 0.9, 0.015]), [0.045, 0.04, 0.9, 0.045]);
    }
}
