//! Forecasts of the request rate, minute by minute: what a predictive autoscaler looks ahead with.
//!
//! Each model is a file: [`seasonal_naive`], [`holt_winters`], [`dsp`]. All of them first learn from past days and
//! then go on learning from what is seen. They are our own: the ETS of the `augurs` crates fits a whole series at a
//! time, while an autoscaler needs to take in one minute more at a constant cost and with a season of 1,440 minutes.
//!
//! Left out: intervals around a forecast.

pub mod dsp;
pub mod holt_winters;
pub mod seasonal_naive;

pub use dsp::{Dsp, DspConfig};
pub use holt_winters::{HoltWinters, HoltWintersConfig};
pub use seasonal_naive::{SeasonalNaive, SeasonalNaiveConfig};

use crate::RateSeries;
use trimtab_model::{Seconds, Time};

/// Length of the slots that rates are averaged over and forecast for.
pub const SLOT: Seconds = Seconds(60.0);

/// A model of the request rate.
pub trait Forecaster: Clone + Send {
    /// Takes in the mean rate of the slot that starts at `at`. Slots come in order of time; gaps are allowed.
    fn observe(&mut self, at: Time, rate: f64);

    /// The rate expected at `at`, finite and zero or more; `None` before the model can say anything.
    fn expect(&self, at: Time) -> Option<f64>;

    /// Takes in past days, in order of time.
    fn learn(&mut self, history: &[RateSeries]) {
        feed(self, history);
    }

    /// The largest rate expected in the slots that `[from, until]` touches.
    fn peak(&self, from: Time, until: Time) -> Option<f64> {
        let (first, last) = (slot_of(from), slot_of(until));
        (first..=last).filter_map(|slot| self.expect(start_of(slot))).reduce(f64::max)
    }
}

/// Observes every slot of past days.
fn feed(model: &mut impl Forecaster, history: &[RateSeries]) {
    for series in history {
        let slots = ((series.end() - series.start).0 / SLOT.0).floor() as usize;
        for slot in 0..slots {
            let at = series.start + Seconds(SLOT.0 * slot as f64);
            if let Some(rate) = series.at(at) {
                model.observe(at, rate);
            }
        }
    }
}

/// Number of the slot that `time` lies in, since the epoch.
pub(crate) fn slot_of(time: Time) -> i64 {
    (time.0 / SLOT.0).floor() as i64
}

/// Start of a slot.
pub(crate) fn start_of(slot: i64) -> Time {
    Time(SLOT.0 * slot as f64)
}

/// Means of the slots that samples fall into, one slot after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlotMean {
    slot: i64,
    sum: f64,
    count: u32,
}

impl SlotMean {
    /// Takes in a sample; returns start and mean of the slot that it closes, if it closes one.
    pub fn add(&mut self, time: Time, value: f64) -> Option<(Time, f64)> {
        let slot = slot_of(time);
        let closed = (self.count > 0 && slot > self.slot)
            .then(|| (start_of(self.slot), self.sum / f64::from(self.count)));
        if self.count == 0 || slot > self.slot {
            *self = Self { slot, sum: 0.0, count: 0 };
        }
        self.sum += value;
        self.count += 1;
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_closed_by_the_first_sample_after_it() {
        let mut mean = SlotMean::default();
        assert_eq!(mean.add(Time(120.0), 1.0), None);
        assert_eq!(mean.add(Time(135.0), 3.0), None);
        assert_eq!(mean.add(Time(180.0), 9.0), Some((Time(120.0), 2.0)));
        assert_eq!(mean.add(Time(600.0), 4.0), Some((Time(180.0), 9.0)));
    }
}
