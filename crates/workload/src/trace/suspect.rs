//! Days on which the recorder or the server was down, to be left out by whoever asks.
//!
//! A long run of exact zeros on a busy service is an outage; on a quiet one it is the night, so the limits
//! are settings.

use super::{Period, Trace};
use std::{fmt::Display, ops::Range};
use trimtab_model::Seconds;

/// From which length on a run makes its day suspect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspicion {
    /// Run of missing intervals, seconds.
    pub missing: Seconds,
    /// Run of intervals without a request, seconds; infinite never suspects one.
    pub zeros: Seconds,
}

impl Default for Suspicion {
    /// Half an hour of nothing recorded, or an hour of no requests.
    fn default() -> Self {
        Self { missing: Seconds(1800.0), zeros: Seconds(3600.0) }
    }
}

/// What is suspect about a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Nothing was recorded.
    Missing,
    /// No request arrived.
    Zeros,
}

/// A day with a long run.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The day.
    pub period: Period,
    /// What is wrong with it.
    pub defect: Defect,
    /// Its longest run of that, as intervals of the trace.
    pub run: Range<usize>,
    /// Length of the run within the day.
    pub length: Seconds,
}

impl Display for Suspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.defect {
            Defect::Missing => "without data",
            Defect::Zeros => "without a request",
        };
        write!(f, "{}: {:.0} min {what}", self.period.label, self.length.0 / 60.0)
    }
}

impl Trace {
    /// The whole days that have a run of missing data or of zeros as long as `suspicion` or longer. A day
    /// with both is listed once, for missing data.
    pub fn suspects(&self, suspicion: &Suspicion) -> Vec<Suspect> {
        let is_zero = |i: usize| self.counts[i] == 0.0 && !self.is_missing(i);
        let mut suspects = Vec::new();
        for period in self.days() {
            let days = period.intervals.clone();
            let found = [
                (Defect::Missing, longest_run(days.clone(), |i| self.is_missing(i)), suspicion.missing),
                (Defect::Zeros, longest_run(days, is_zero), suspicion.zeros),
            ]
            .into_iter()
            .find(|(_, run, limit)| !run.is_empty() && run.len() as f64 * self.step >= limit.0);
            if let Some((defect, run, _)) = found {
                let length = Seconds(run.len() as f64 * self.step);
                suspects.push(Suspect { period, defect, run, length });
            }
        }
        suspects
    }

    /// The whole days without the suspect ones, numbered as in [`Trace::days`].
    pub fn sound_days(&self, suspicion: &Suspicion) -> Vec<Period> {
        let suspects = self.suspects(suspicion);
        let mut days = self.days();
        days.retain(|day| suspects.iter().all(|suspect| suspect.period.day != day.day));
        days
    }
}

fn longest_run(range: Range<usize>, holds: impl Fn(usize) -> bool) -> Range<usize> {
    let mut longest = range.start..range.start;
    let mut start = range.start;
    for i in range {
        if !holds(i) {
            start = i + 1;
        } else if i + 1 - start > longest.len() {
            longest = start..i + 1;
        }
    }
    longest
}
