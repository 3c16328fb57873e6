//! Kubernetes quantities: `250m`, `1.5`, `128Mi`, `2e3`.
//!
//! Source: `apimachinery/pkg/api/resource`. A quantity is a decimal number with a suffix; what is smaller than 10⁻⁹ is
//! rounded up, away from zero.
//!
//! Left out: arithmetic; what is computed with is integers in thousandths.

/// A number read from, or to be written as, a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    nanos: i128,
}

const NANO: i128 = 1_000_000_000;
const MILLI: i128 = 1_000_000;

/// Suffixes and what they stand for, in nanos.
const SUFFIXES: [(&str, i128); 16] = [
    ("n", 1),
    ("u", 1_000),
    ("m", MILLI),
    ("", NANO),
    ("k", 1_000 * NANO),
    ("M", MILLI * NANO),
    ("G", NANO * NANO),
    ("T", NANO * NANO * 1_000),
    ("P", NANO * NANO * MILLI),
    ("E", NANO * NANO * NANO),
    ("Ki", NANO << 10),
    ("Mi", NANO << 20),
    ("Gi", NANO << 30),
    ("Ti", NANO << 40),
    ("Pi", NANO << 50),
    ("Ei", NANO << 60),
];

impl Quantity {
    /// A quantity of `milli` thousandths.
    pub fn from_milli(milli: i64) -> Self {
        Self { nanos: i128::from(milli) * MILLI }
    }

    /// The quantity nearest to `value`, in steps of 10⁻⁹.
    pub fn from_f64(value: f64) -> Self {
        Self { nanos: (value * 1e9).round() as i128 }
    }

    /// Reads a quantity; `None` for text that is none or that is out of range.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let (number, suffix) = digits.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (unit, exponent) = match SUFFIXES.iter().find(|(name, _)| *name == suffix) {
            Some((_, unit)) => (*unit, 0),
            None => (NANO, suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?),
        };
        let fraction = fraction.trim_end_matches('0');
        let mantissa: i128 = match [whole, fraction].concat().as_str() {
            "" => 0,
            digits => digits.parse().ok()?,
        };
        let power = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let scaled = mantissa.checked_mul(unit)?;
        let factor = 10_i128.checked_pow(power.unsigned_abs())?;
        let nanos = if power >= 0 { scaled.checked_mul(factor)? } else { div_up(scaled, factor) };
        Some(Self { nanos: if negative { -nanos } else { nanos } })
    }

    /// The quantity in thousandths, rounded away from zero; `None` beyond 64 bits.
    pub fn milli(self) -> Option<i64> {
        let up = div_up(self.nanos.abs(), MILLI);
        i64::try_from(if self.nanos < 0 { -up } else { up }).ok()
    }

    /// The number as Kubernetes computes it: an integer times a power of ten, both as floating-point numbers.
    pub fn approximate(self) -> f64 {
        let (mantissa, exponent) = self.canonical();
        if exponent == 0 { mantissa as f64 } else { mantissa as f64 * power_of_ten(exponent) }
    }

    /// Integer and power of ten, the power as large as it can be among -9, -6 … 18.
    fn canonical(self) -> (i128, i32) {
        let (mut mantissa, mut exponent) = (self.nanos, -9);
        while mantissa != 0 && mantissa % 1000 == 0 && exponent < 18 {
            (mantissa, exponent) = (mantissa / 1000, exponent + 3);
        }
        if mantissa == 0 { (0, 0) } else { (mantissa, exponent) }
    }

    /// The canonical text of a number of bytes, with `Ki`, `Mi`, … where they fit.
    pub fn binary(self) -> String {
        let mut whole = self.nanos / NANO;
        if self.nanos % NANO != 0 || whole == 0 {
            return self.to_string();
        }
        let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
        let mut suffix = suffixes.next().unwrap_or_default();
        while whole % 1024 == 0 {
            let Some(larger) = suffixes.next() else { break };
            (whole, suffix) = (whole / 1024, larger);
        }
        format!("{whole}{suffix}")
    }
}

impl std::fmt::Display for Quantity {
    /// The canonical text: an integer with the largest decimal suffix that fits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mantissa, exponent) = self.canonical();
        let suffix = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][((exponent + 9) / 3) as usize];
        write!(f, "{mantissa}{suffix}")
    }
}

fn div_up(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + i128::from(dividend % divisor != 0)
}

/// The floating-point number nearest to the power.
fn power_of_ten(exponent: i32) -> f64 {
    [1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e12, 1e15, 1e18][((exponent + 9) / 3) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_scales_the_number() {
        let milli = |text: &str| Quantity::parse(text).and_then(Quantity::milli);
        assert_eq!(milli("250m"), Some(250));
        assert_eq!(milli("1.5"), Some(1500));
        assert_eq!(milli(".5"), Some(500));
        assert_eq!(milli("128Mi"), Some(128 * 1024 * 1024 * 1000));
        assert_eq!(milli("2e3"), Some(2_000_000));
        assert_eq!(milli("2E-1"), Some(200));
        assert_eq!(milli("1E"), None);
        assert_eq!(milli("-3k"), Some(-3_000_000));
        for wrong in ["", "m", "1.2.3", "1 ", "1kk", "--1", "1e", "."] {
            assert_eq!(Quantity::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn less_than_a_thousandth_is_rounded_away_from_zero() {
        assert_eq!(Quantity::parse("1u").and_then(Quantity::milli), Some(1));
        assert_eq!(Quantity::parse("-1500u").and_then(Quantity::milli), Some(-2));
    }

    #[test]
    fn the_canonical_text_has_the_largest_suffix_that_fits() {
        let text = |text: &str| Quantity::parse(text).unwrap().to_string();
        assert_eq!(text("0.05"), "50m");
        assert_eq!(text("1000"), "1k");
        assert_eq!(text("1500m"), "1500m");
        assert_eq!(text("0"), "0");
        assert_eq!(Quantity::from_milli(2_097_152_000).binary(), "2Mi");
        assert_eq!(Quantity::from_milli(1_500).binary(), "1500m");
    }

    #[test]
    fn a_floating_point_number_is_the_canonical_integer_times_its_power_of_ten() {
        assert_eq!(Quantity::parse("0.3").unwrap().approximate(), 300.0 * 1e-3);
        assert_eq!(Quantity::from_f64(0.07).approximate(), 70.0 * 1e-3);
        assert_eq!(Quantity::parse("2").unwrap().approximate(), 2.0);
    }
}
