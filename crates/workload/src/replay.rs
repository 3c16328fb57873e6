//! A recorded trace as an arrival rate.
//!
//! Left out: looping (use [`crate::combine::Repeat`]) and single days (use [`crate::combine::Window`] on a
//! shared replay, so that many lanes read one copy).

use crate::{
    ArrivalRate, Result, Trace,
    combine::Window,
    rate::mean_of,
    trace::{Period, Reconstruction},
};
use std::sync::Arc;
use trimtab_model::{PerSecond, Seconds};

/// The trace's traffic, `t = 0` at its first interval; none before and none after it.
///
/// Within each interval the rate is a line whose integral is the interval's count and whose ends stay between
/// the rates of the neighbours ([`Reconstruction`]), so no peak is invented. Missing intervals are bridged by
/// a straight line between their neighbours. A copy shares the data.
#[derive(Clone, Debug)]
pub struct Replay {
    rates: Arc<Reconstruction>,
}

impl Replay {
    /// Prepares the trace: one pass, three numbers an interval.
    pub fn new(trace: &Trace) -> Self {
        Self { rates: Arc::new(Reconstruction::bridged(trace)) }
    }

    /// The part of the replay that a period of the same trace covers.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a period without intervals; no trace has one.
    pub fn period(&self, period: &Period) -> Result<Window<Self>> {
        Window::new(self.clone(), period.offset, period.length)
    }
}

impl ArrivalRate for Replay {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.rates.rate(t.0))
    }

    /// Exact, in constant time.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(
            from,
            to,
            || self.rates.requests_until(to.0) - self.rates.requests_until(from.0),
            || self.rate(from),
        )
    }

    fn duration(&self) -> Option<Seconds> {
        Some(Seconds(self.rates.length()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn replay(counts: &[f64], missing: Vec<std::ops::Range<usize>>) -> Replay {
        let origin = Origin::Relative(Seconds(0.0));
        Replay::new(&Trace::new(origin, Seconds(60.0), counts.to_vec(), missing).unwrap())
    }

    #[test]
    fn every_interval_keeps_its_count() {
        let counts = [60.0, 120.0, 0.0, 600.0, 30.0];
        let replay = replay(&counts, vec![]);
        for (i, count) in counts.iter().enumerate() {
            let from = 60.0 * i as f64;
            let mean = replay.mean(Seconds(from), Seconds(from + 60.0)).0;
            assert!((mean * 60.0 - count).abs() < 1e-9, "{i}: {mean}");
        }
        assert_eq!(replay.duration(), Some(Seconds(300.0)));
    }

    #[test]
    fn a_steady_climb_is_one_line_inside_and_flat_at_the_ends() {
        // Rates 1, 2, 3, 4 requests/s: inside, the line through the middles.
        let replay = replay(&[60.0, 120.0, 180.0, 240.0], vec![]);
        let rates = [30.0, 60.0, 90.0, 120.0, 150.0, 179.0, 239.0].map(|t| replay.rate(Seconds(t)).0);
        let expected = [1.0, 1.5, 2.0, 2.5, 3.0, 3.0 + 29.0 / 60.0, 4.0];
        for (rate, expected) in rates.iter().zip(expected) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
    }

    #[test]
    fn an_isolated_peak_is_not_raised() {
        let replay = replay(&[0.0, 60.0, 0.0], vec![]);
        assert_eq!(
            [59.0, 61.0, 90.0, 119.0, 121.0].map(|t| replay.rate(Seconds(t)).0),
            [0.0, 1.0, 1.0, 1.0, 0.0]
        );
    }

    #[test]
    fn missing_intervals_are_bridged_and_not_taken_for_zero() {
        let missing = std::iter::once(1..3).collect();
        let replay = replay(&[60.0, 0.0, 0.0, 240.0], missing);
        let means = [60.0, 120.0].map(|t| replay.mean(Seconds(t), Seconds(t + 60.0)).0);
        assert!((means[0] - 2.0).abs() < 1e-12 && (means[1] - 3.0).abs() < 1e-12, "{means:?}");
    }

    #[test]
    fn there_is_no_traffic_outside_the_trace() {
        let replay = replay(&[60.0, 60.0], vec![]);
        assert_eq!([-0.1, 120.0, 1e9].map(|t| replay.rate(Seconds(t)).0), [0.0; 3]);
        assert_eq!(replay.mean(Seconds(-60.0), Seconds(60.0)).0, 0.5);
    }
}
