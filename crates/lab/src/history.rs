//! Days of traffic as series of rates: what forecasters and timetables learn from, and what an oracle knows.
//!
//! Left out: which days those are; who asks passes training days only, but for the oracle.

use crate::traffic::Day;
use trimtab_control::{RateSeries, forecast::SLOT};
use trimtab_model::Seconds;

/// Each day in slots of a minute, in the order of the days.
pub fn history(days: &[Day]) -> Vec<RateSeries> {
    days.iter().map(|day| series(day, Seconds(0.0), day.length, SLOT)).collect()
}

/// Mean rates of `day` from `from` to `until` after its start.
pub(crate) fn series(day: &Day, from: Seconds, until: Seconds, step: Seconds) -> RateSeries {
    let count = ((until.0 - from.0) / step.0).floor().max(0.0) as usize;
    let mean = |i: usize| {
        let begin = from.0 + step.0 * i as f64;
        day.rate.mean(Seconds(begin), Seconds(begin + step.0)).0
    };
    RateSeries { start: day.start + from, step, rates: (0..count).map(mean).collect() }
}
