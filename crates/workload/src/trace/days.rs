//! Whole days of a trace.
//!
//! A day runs from midnight to midnight of the trace's clock (UTC for a calendar, its own zero else). Left
//! out: time zones and which days to use ([`super::Split`], [`super::Suspect`]).

use super::{Origin, Trace};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::ops::Range;
use trimtab_model::Seconds;

pub(super) const DAY: f64 = 86_400.0;

/// A stretch of a trace: a whole day, or a piece of a trace that is too short to have days.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// What to call it: `1998-06-12`, `day 3` or `first 70 %`.
    pub label: String,
    /// Its position among the whole days of the trace, from 0; `None` for a piece that is no day.
    pub day: Option<usize>,
    /// Its date, where the trace has a calendar.
    pub date: Option<Date>,
    /// Its intervals.
    pub intervals: Range<usize>,
    /// From the start of the trace to its first interval.
    pub offset: Seconds,
    /// Length of its intervals together.
    pub length: Seconds,
}

impl Trace {
    /// The whole days, in order. A day with missing intervals is among them, see [`Trace::suspects`]; a day
    /// that the trace only begins or ends in is not.
    pub fn days(&self) -> Vec<Period> {
        let origin = self.origin.seconds();
        // The first interval that starts at or after an instant; 1e-6 of a step forgives rounding.
        let first_from = |t: f64| ((t - origin) / self.step - 1e-6).ceil().max(0.0) as usize;
        let first_day = ((origin - 1e-6 * self.step) / DAY).ceil();
        let last_day = ((origin + self.duration().0 + 1e-6 * self.step) / DAY).floor();
        let mut days = Vec::new();
        let mut day = first_day;
        while day < last_day {
            let intervals = first_from(day * DAY)..first_from((day + 1.0) * DAY);
            if !intervals.is_empty() && intervals.end <= self.counts.len() {
                let date = match self.origin {
                    Origin::Calendar(_) => date_of(day),
                    Origin::Relative(_) => None,
                };
                let index = days.len();
                let label = date.map_or_else(|| format!("day {index}"), |date| date.to_string());
                days.push(self.period(label, Some(index), date, intervals));
            }
            day += 1.0;
        }
        days
    }

    pub(super) fn period(
        &self,
        label: String,
        day: Option<usize>,
        date: Option<Date>,
        intervals: Range<usize>,
    ) -> Period {
        let offset = Seconds(self.step * intervals.start as f64);
        let length = Seconds(self.step * intervals.len() as f64);
        Period { label, day, date, intervals, offset, length }
    }
}

fn date_of(day: f64) -> Option<Date> {
    let midnight = Timestamp::from_second((day * DAY) as i64).ok()?;
    Some(midnight.to_zoned(TimeZone::UTC).date())
}
