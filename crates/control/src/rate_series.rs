//! Requests per second as an evenly spaced series: what a forecaster learns from and what an oracle knows.
//!
//! Left out: where the numbers come from.

use trimtab_model::{Seconds, Time};

/// Mean rates of consecutive intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct RateSeries {
    /// Start of the first interval.
    pub start: Time,
    /// Length of an interval, above 0.
    pub step: Seconds,
    /// Requests per second, one number an interval, finite and zero or more.
    pub rates: Vec<f64>,
}

impl RateSeries {
    /// End of the last interval.
    pub fn end(&self) -> Time {
        self.start + Seconds(self.step.0 * self.rates.len() as f64)
    }

    /// The rate of the interval that `time` lies in; `None` outside the series.
    pub fn at(&self, time: Time) -> Option<f64> {
        let place = ((time - self.start).0 / self.step.0).floor();
        if place < 0.0 { None } else { self.rates.get(place as usize).copied() }
    }

    /// The largest rate of the intervals that `[from, until]` touches; `None` where it touches none.
    pub fn peak(&self, from: Time, until: Time) -> Option<f64> {
        let place = |time: Time| ((time - self.start).0 / self.step.0).floor();
        let (first, last) = (place(from).max(0.0), place(until));
        if last < 0.0 || first >= self.rates.len() as f64 || last < first {
            return None;
        }
        let last = (last as usize).min(self.rates.len() - 1);
        self.rates[first as usize..=last].iter().copied().reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_taken_over_every_interval_that_is_touched() {
        let series = RateSeries { start: Time(100.0), step: Seconds(10.0), rates: vec![1.0, 5.0, 2.0] };
        assert_eq!(series.end(), Time(130.0));
        assert_eq!((series.at(Time(109.0)), series.at(Time(110.0))), (Some(1.0), Some(5.0)));
        assert_eq!((series.at(Time(99.0)), series.at(Time(130.0))), (None, None));
        assert_eq!(series.peak(Time(100.0), Time(109.0)), Some(1.0));
        assert_eq!(series.peak(Time(100.0), Time(110.0)), Some(5.0));
        assert_eq!(series.peak(Time(0.0), Time(1e9)), Some(5.0));
        assert_eq!(series.peak(Time(0.0), Time(99.0)), None);
        assert_eq!(series.peak(Time(130.0), Time(140.0)), None);
    }
}
