//! Whole millicores and bytes, as the recommender calculates with them.
//!
//! Every conversion from floating point truncates and is held to [0, 10¹⁴]; margins and multipliers are truncated one by
//! one, which is why they may not be multiplied out. Source: `pkg/recommender/model/types.go` of the VPA.
//! Left out: fractions of a byte, which only the display form has ([`Quantity`](super::Quantity)).

use serde::{Deserialize, Serialize};

/// Largest amount that floating point becomes.
const LARGEST: f64 = 1e14;

/// Millicores of CPU or bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amount(pub i64);

impl Amount {
    /// Truncates `value`, at least 0 and at most 10¹⁴.
    pub fn truncated(value: f64) -> Self {
        Self(value.clamp(0.0, LARGEST) as i64)
    }

    /// Millicores of a number of cores.
    pub fn from_cores(cores: f64) -> Self {
        Self::truncated(cores * 1000.0)
    }

    /// Cores of a number of millicores.
    pub fn cores(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The amount times `factor`, truncated.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::truncated(self.0 as f64 * factor)
    }

    /// The smallest multiple of `step` that is not less; nothing for a step that is not positive.
    pub fn rounded_up_to(self, step: i64) -> Option<Self> {
        (step > 0).then(|| Self((self.0 as f64 / step as f64).ceil() as i64 * step))
    }
}

/// A number of bytes with two decimals of the largest binary unit it fills, in hundredths of that unit.
///
/// Returns the hundredths, the unit in bytes and its suffix; below one kibibyte the unit is the byte itself.
pub(crate) fn hundredths_of_unit(bytes: i64) -> (i128, i64, &'static str) {
    const UNITS: [(i64, &str); 4] = [(1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    match UNITS.into_iter().find(|&(unit, _)| bytes >= unit) {
        None => (i128::from(bytes) * 100, 1, ""),
        Some((unit, suffix)) => {
            // Half to even, as printing with two decimals rounds a binary fraction.
            let scaled = i128::from(bytes) * 100;
            let (whole, rest) = (scaled / i128::from(unit), scaled % i128::from(unit) * 2);
            let up = rest > i128::from(unit) || (rest == i128::from(unit) && whole % 2 == 1);
            (whole + i128::from(up), unit, suffix)
        }
    }
}

/// A number of bytes for people, such as `6.05Gi`.
pub fn humanized(bytes: i64) -> String {
    let (hundredths, unit, suffix) = hundredths_of_unit(bytes);
    if unit == 1 {
        format!("{bytes}")
    } else {
        format!("{}.{:02}{suffix}", hundredths / 100, hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floating_point_is_truncated_and_held_in_range() {
        assert_eq!(Amount::from_cores(0.069_946), Amount(69));
        assert_eq!(Amount::truncated(-3.0), Amount(0));
        assert_eq!(Amount::truncated(f64::INFINITY), Amount(100_000_000_000_000));
        assert_eq!(Amount(12).scaled(1.1), Amount(13));
    }

    #[test]
    fn rounding_goes_up_to_a_multiple() {
        assert_eq!(Amount(101).rounded_up_to(10), Some(Amount(110)));
        assert_eq!(Amount(100).rounded_up_to(10), Some(Amount(100)));
        assert_eq!(Amount(100).rounded_up_to(0), None);
    }

    #[test]
    fn people_read_two_decimals_rounded_half_to_even() {
        assert_eq!(humanized(1537), "1.50Ki");
        assert_eq!(humanized(1152), "1.12Ki");
        assert_eq!(humanized(6_499_152_537), "6.05Gi");
        assert_eq!(humanized(512), "512");
    }
}
