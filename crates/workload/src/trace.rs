//! Recorded traffic: counts of requests in intervals of one length.
//!
//! A missing interval is not an interval without requests: a trace lists its missing ranges, and the count
//! there is what was seen of them (usually nothing), never an estimate. Left out: files; see [`read`] for
//! text.

mod columns;
mod days;
mod read;
mod reconstruction;
mod resample;
mod selection;
mod split;
mod suspect;
mod timestamp;

pub use days::Period;
pub use read::{Gaps, ReadOptions, Stamp, Values, read};
pub use reconstruction::Reconstruction;
pub use split::Split;
pub use suspect::{Defect, Suspect, Suspicion};
pub use timestamp::{TimeUnit, parse_time};

use crate::{
    Result,
    error::{require, require_positive, require_rate},
};
use std::ops::Range;
use trimtab_model::{PerSecond, Seconds, Time};

/// When the first interval of a trace starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// On the calendar, read as UTC; days have dates.
    Calendar(Time),
    /// This long after the trace's own zero; days have numbers only.
    Relative(Seconds),
}

impl Origin {
    /// Seconds since the zero of the clock in question; days start at its multiples of 86,400.
    pub fn seconds(self) -> f64 {
        match self {
            Self::Calendar(time) => time.0,
            Self::Relative(offset) => offset.0,
        }
    }
}

/// Counts of requests in consecutive intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    origin: Origin,
    step: f64,
    counts: Vec<f64>,
    missing: Vec<Range<usize>>,
}

impl Trace {
    /// A trace from its parts. `missing` are ranges of intervals, in order and apart.
    ///
    /// # Errors
    /// [`crate::Error`] for no counts, a count that is negative or not finite, a step that is not above zero,
    /// or missing ranges that are not as described.
    pub fn new(origin: Origin, step: Seconds, counts: Vec<f64>, missing: Vec<Range<usize>>) -> Result<Self> {
        require(origin.seconds().is_finite(), "origin", "a finite time", origin.seconds())?;
        require_positive("step", step.0)?;
        require(!counts.is_empty(), "counts", "at least one", "none")?;
        for (i, count) in counts.iter().enumerate() {
            require(
                count.is_finite() && *count >= 0.0,
                format!("counts[{i}]"),
                "a finite number of zero or more",
                count,
            )?;
        }
        let mut end = 0;
        for range in &missing {
            let fits = range.start >= end && range.start < range.end && range.end <= counts.len();
            require(fits, "missing", "ranges in order, apart and within the trace", format!("{range:?}"))?;
            end = range.end;
        }
        Ok(Self { origin, step: step.0, counts, missing })
    }

    /// When the first interval starts.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Length of an interval.
    pub fn step(&self) -> Seconds {
        Seconds(self.step)
    }

    /// Requests of each interval; what was seen of it where the interval is missing.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Ranges of intervals of which not everything was seen.
    pub fn missing(&self) -> &[Range<usize>] {
        &self.missing
    }

    /// Whether not all of an interval was seen.
    pub fn is_missing(&self, interval: usize) -> bool {
        let next = self.missing.partition_point(|range| range.end <= interval);
        self.missing.get(next).is_some_and(|range| range.contains(&interval))
    }

    /// Intervals times step.
    pub fn duration(&self) -> Seconds {
        Seconds(self.step * self.counts.len() as f64)
    }

    /// All requests seen.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The highest rate of any interval that is not missing, averaged over the interval.
    pub fn peak(&self) -> PerSecond {
        self.peak_of(std::slice::from_ref(&(0..self.counts.len())))
    }

    /// [`Self::peak`] of some ranges of intervals, such as those of the training days. Ends beyond the trace
    /// are cut.
    pub fn peak_of(&self, ranges: &[Range<usize>]) -> PerSecond {
        let peak = ranges
            .iter()
            .flat_map(|range| range.start..range.end.min(self.counts.len()))
            .filter(|&i| !self.is_missing(i))
            .fold(0.0, |peak: f64, i| peak.max(self.counts[i]));
        PerSecond(peak / self.step)
    }

    /// Mean rate of the intervals that are not missing; 0 if all are.
    pub fn mean(&self) -> PerSecond {
        let seen = (0..self.counts.len()).filter(|&i| !self.is_missing(i));
        let (n, sum) = seen.fold((0.0, 0.0), |(n, sum), i| (n + 1.0, sum + self.counts[i]));
        PerSecond(if n > 0.0 { sum / (n * self.step) } else { 0.0 })
    }

    /// All counts times `factor`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a factor that is negative or not finite.
    pub fn scaled(mut self, factor: f64) -> Result<Self> {
        require_rate("factor", factor)?;
        for count in &mut self.counts {
            *count *= factor;
        }
        Ok(self)
    }

    /// Scaled so that [`Self::peak`] is `peak`. To scale by the training days alone, divide by their
    /// [`Self::peak_of`] and use [`Self::scaled`].
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a peak that is negative or not finite, or a trace without a single
    /// request.
    pub fn scaled_to_peak(self, peak: PerSecond) -> Result<Self> {
        require_rate("peak", peak.0)?;
        let own = self.peak().0;
        require(own > 0.0, "trace", "at least one request, to scale by", "none")?;
        self.scaled(peak.0 / own)
    }

    /// The same requests in `1/factor` of the time, so rates rise by `factor`. The calendar no longer holds:
    /// the origin becomes relative, and a former day is shorter than a day.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a factor that is not above zero.
    pub fn compressed(mut self, factor: f64) -> Result<Self> {
        require_positive("factor", factor)?;
        self.origin = Origin::Relative(Seconds(0.0));
        self.step /= factor;
        Ok(self)
    }

    /// Some consecutive intervals as a trace of their own.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for an empty range or one beyond the trace.
    pub fn select(&self, range: Range<usize>) -> Result<Self> {
        let fits = range.start < range.end && range.end <= self.counts.len();
        require(fits, "range", "a range of intervals within the trace", format!("{range:?}"))?;
        let shift = self.step * range.start as f64;
        let origin = match self.origin {
            Origin::Calendar(time) => Origin::Calendar(time + Seconds(shift)),
            Origin::Relative(offset) => Origin::Relative(Seconds(offset.0 + shift)),
        };
        let missing = self
            .missing
            .iter()
            .map(|gap| gap.start.max(range.start)..gap.end.min(range.end))
            .filter(|gap| gap.start < gap.end)
            .map(|gap| gap.start - range.start..gap.end - range.start)
            .collect();
        Ok(Self { origin, step: self.step, counts: self.counts[range].to_vec(), missing })
    }
}

#[cfg(test)]
mod tests;
