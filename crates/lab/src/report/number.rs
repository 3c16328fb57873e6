//! Numbers as text: fixed decimals, intervals, and a dash where a figure is missing.
//!
//! Left out: how many decimals a figure deserves, which its column or axis knows.

use crate::statistics::Estimate;

/// What stands for a figure that is missing or not finite.
const MISSING: &str = "–";

/// `value` with `decimals` places; never a negative zero.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// `value` with its sign, for differences; zero has none.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if value > 0.0 && value.is_finite() && !is_zero { format!("+{text}") } else { text }
}

/// `[low, high]` of an estimate; empty where either is missing.
pub(super) fn bounds(estimate: &Estimate, decimals: usize) -> String {
    if !(estimate.low.is_finite() && estimate.high.is_finite()) {
        return String::new();
    }
    format!("[{}, {}]", fixed(estimate.low, decimals), fixed(estimate.high, decimals))
}

/// Decimals that give a figure of this magnitude three or four significant digits.
pub(super) fn decimals(magnitude: f64) -> usize {
    match magnitude.abs() {
        m if m >= 1000.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        _ => 3,
    }
}

/// With a true minus sign, for type that has one.
pub(super) fn typeset(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_zero_has_no_sign() {
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(signed(0.001, 2), "0.00");
        assert_eq!(signed(-0.25, 1), "-0.2");
        assert_eq!(signed(0.25, 2), "+0.25");
    }

    #[test]
    fn a_missing_figure_is_a_dash_without_an_interval() {
        let missing = Estimate { mean: f64::NAN, low: f64::NAN, high: f64::INFINITY };
        assert_eq!(fixed(missing.mean, 1), "–");
        assert_eq!(signed(f64::INFINITY, 1), "–");
        assert_eq!(bounds(&missing, 1), "");
    }
}
