//! Axes with ticks at round values and labels in the reader's terms: numbers, hours of the day, names.
//!
//! Left out: drawing; plotters takes an axis as one of its ranges.

use super::number;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// One axis of a chart. A value that is not finite has no place on it.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    labels: Labels,
}

/// How a tick reads.
#[derive(Clone, Debug)]
enum Labels {
    Number { divisor: f64, suffix: &'static str, decimals: usize },
    Log,
    Powers,
    Hours,
    Names(Vec<String>),
}

impl Axis {
    /// A linear axis that holds all `values`, in about `intervals` steps.
    pub(super) fn over(values: impl IntoIterator<Item = f64>, intervals: usize) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = if high > low {
            (low, high)
        } else {
            let pad = (low.abs() * 0.05).max(0.5);
            (low - pad, high + pad)
        };
        let step = round_step((high - low) / intervals as f64);
        let first = (low / step + 1e-9).floor();
        let last = (high / step - 1e-9).ceil();
        Self::linear((first as i64..=last as i64).map(|i| i as f64 * step).collect(), step)
    }

    /// A linear axis from zero that holds all `values`.
    pub(super) fn from_zero(values: impl IntoIterator<Item = f64>, intervals: usize) -> Self {
        let high = extent(values).map_or(0.0, |(_, high)| high);
        Self::over([0.0, if high > 0.0 { high } else { 1.0 }], intervals)
    }

    /// A logarithmic axis that holds all positive `values`, with ticks at 1, 2 and 5 times powers of ten.
    pub(super) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values.into_iter().filter(|&v| v > 0.0)).unwrap_or((1.0, 10.0));
        let (low, high) = (low.clamp(1e-9, 1e12), high.clamp(1e-9, 1e12));
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let multiples: &[f64] = if high / low > 3e3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let round: Vec<f64> =
            decades.flat_map(|d| multiples.iter().map(move |m| m * 10f64.powi(d))).collect();
        let below = round.iter().rposition(|&t| t <= low * (1.0 + 1e-9)).unwrap_or(0);
        let above = round.iter().position(|&t| t >= high * (1.0 - 1e-9)).unwrap_or(round.len() - 1);
        let above = above.max(below + 1).min(round.len() - 1);
        Self {
            low: round[below],
            high: round[above],
            ticks: round[below..=above].to_vec(),
            labels: Labels::Log,
        }
    }

    /// A logarithmic axis from `low` to `high`, both above zero, with at most five ticks, at powers of ten.
    pub(super) fn powers(low: f64, high: f64) -> Self {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let every = ((last - first) as usize).div_ceil(4).max(1);
        let ticks = (first..=last).step_by(every).map(|power| 10f64.powi(power)).collect();
        Self { low: 10f64.powi(first), high: 10f64.powi(last), ticks, labels: Labels::Powers }
    }

    /// Hours since midnight, from 0 to `end`, in at most `intervals` steps.
    pub(super) fn hours(end: f64, intervals: usize) -> Self {
        let end = if end.is_finite() && end > 0.0 { end } else { 24.0 };
        let steps = [1.0 / 12.0, 0.25, 0.5, 1.0, 3.0, 6.0, 12.0];
        let step = steps.into_iter().find(|s| end / s <= intervals as f64).unwrap_or(24.0);
        let ticks = (0..=(end / step + 1e-9).floor() as usize).map(|i| i as f64 * step).collect();
        Self { low: 0.0, high: end, ticks, labels: Labels::Hours }
    }

    /// One place for each name, the first at 0.
    pub(super) fn names(names: Vec<String>) -> Self {
        let ticks = (0..names.len()).map(|i| i as f64).collect();
        Self { low: -0.6, high: names.len() as f64 - 0.4, ticks, labels: Labels::Names(names) }
    }

    fn linear(ticks: Vec<f64>, step: f64) -> Self {
        let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
        let (divisor, suffix) = match low.abs().max(high.abs()) {
            most if most >= 1e6 => (1e6, "M"),
            most if most >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let decimals = (-(step / divisor).log10().floor()).clamp(0.0, 9.0) as usize;
        Self { low, high, ticks, labels: Labels::Number { divisor, suffix, decimals } }
    }

    /// Whether `value` lies between the ends.
    pub(super) fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The least and the greatest value.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where `value` lies between the ends, 0…1; what a logarithm cannot show lies at the lower end.
    fn share(&self, value: f64) -> f64 {
        match self.labels {
            Labels::Log | Labels::Powers => {
                (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
            }
            _ => (value - self.low) / (self.high - self.low),
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        match &self.labels {
            Labels::Number { suffix: "k" | "M", .. } if *value == 0.0 => "0".to_owned(),
            Labels::Number { divisor, suffix, decimals } => {
                number::typeset(&format!("{}{suffix}", number::fixed(value / divisor, *decimals)))
            }
            Labels::Log => number::fixed(*value, (1e-9 - value.log10()).ceil().clamp(0.0, 9.0) as usize),
            Labels::Powers => number::typeset(&format!("{value:e}")),
            Labels::Hours => clock(*value),
            Labels::Names(names) => names.get(value.round().max(0.0) as usize).cloned().unwrap_or_default(),
        }
    }
}

/// `HH:MM`; the midnight that ends the first day is 24:00.
fn clock(hours: f64) -> String {
    let minutes = (hours * 60.0).round() as u64;
    let hour = if minutes == 24 * 60 { 24 } else { minutes / 60 % 24 };
    format!("{hour:02}:{:02}", minutes % 60)
}

/// Least and greatest of the finite values.
fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |ends, v| match ends {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// The least of 1, 2 and 5 times a power of ten that is at least `span`.
fn round_step(span: f64) -> f64 {
    let power = 10f64.powf(span.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= span * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.format_ext(t)).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        assert_eq!(labels(&Axis::over([0.13, 0.87], 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::from_zero([31_000.0], 4)), ["0", "10k", "20k", "30k", "40k"]);
        assert_eq!(labels(&Axis::log([120.0, 900.0])), ["100", "200", "500", "1000"]);
        assert_eq!(labels(&Axis::powers(1e-8, 0.1)), ["1e−8", "1e−6", "1e−4", "1e−2"]);
        assert_eq!(labels(&Axis::hours(24.0, 8))[..3], ["00:00", "03:00", "06:00"]);
        assert_eq!(labels(&Axis::hours(24.0, 8)).last().map(String::as_str), Some("24:00"));
    }

    #[test]
    fn nothing_to_show_and_a_single_value_still_make_an_axis() {
        for axis in [
            Axis::over([], 5),
            Axis::over([f64::NAN, f64::INFINITY], 5),
            Axis::over([7.0], 5),
            Axis::from_zero([0.0], 4),
            Axis::log([0.0, f64::NAN]),
            Axis::log([100.0]),
            Axis::hours(0.0, 8),
            Axis::hours(f64::NAN, 8),
        ] {
            let (low, high) = axis.ends();
            assert!(low < high && axis.ticks.len() >= 2, "{:?}", axis.ticks);
        }
        assert!(!Axis::over([7.0], 5).contains(f64::NAN));
    }
}
