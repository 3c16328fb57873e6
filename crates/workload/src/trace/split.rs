//! Which part of a trace to train on and which to keep for the test: by whole days, never by rows.

use super::{Period, Trace, selection};
use crate::{Error, Result, error::require};
use std::ops::Range;

/// Training and test periods of a trace, disjoint, each in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// To train and to calibrate on.
    pub train: Vec<Period>,
    /// To score on, unseen before.
    pub test: Vec<Period>,
}

impl Split {
    /// Share of the days that [`Trace::split`] trains on unless told otherwise.
    pub const TRAIN_SHARE: f64 = 0.7;

    /// Interval ranges of the training periods, such as [`Trace::peak_of`] takes.
    pub fn train_intervals(&self) -> Vec<Range<usize>> {
        self.train.iter().map(|period| period.intervals.clone()).collect()
    }
}

impl Trace {
    /// Days named by their number or date, such as `0..5`, `0,2,7..9` or `1998-06-05..=1998-06-12`, out of
    /// `days` ([`Trace::days`], or [`Trace::sound_days`] to leave out the suspect ones). As in Rust, `a..b`
    /// ends before `b` and `a..=b` includes it.
    ///
    /// # Errors
    /// [`Error::Days`] for text that is not of this form or for a name that none of `days` bears.
    pub fn pick_days(days: &[Period], spec: &str) -> Result<Vec<Period>> {
        selection::pick(days, spec)
    }

    /// The first `share` of `days` to train on, rounded to whole days, and the later ones to test on; at
    /// least one each. With fewer than two days the whole trace is cut in two at `share` of its time instead.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a share that is not between 0 and 1, or a trace of a single interval.
    pub fn split(&self, days: &[Period], share: f64) -> Result<Split> {
        require(share > 0.0 && share < 1.0, "share", "a number between 0 and 1", share)?;
        let cut = |n: usize| ((share * n as f64).round() as usize).clamp(1, n - 1);
        if days.len() >= 2 {
            let (train, test) = days.split_at(cut(days.len()));
            return Ok(Split { train: train.to_vec(), test: test.to_vec() });
        }
        let n = self.counts.len();
        require(n >= 2, "trace", "at least two intervals, to split", n)?;
        let percent = (100.0 * share).round();
        let train = self.period(format!("first {percent} %"), None, None, 0..cut(n));
        let test = self.period(format!("last {} %", 100.0 - percent), None, None, cut(n)..n);
        Ok(Split { train: vec![train], test: vec![test] })
    }

    /// Training and test days by name, see [`Trace::pick_days`].
    ///
    /// # Errors
    /// [`Error::Days`] as there, and [`Error::Overlap`] for a day that is in both.
    pub fn split_by_name(days: &[Period], train: &str, test: &str) -> Result<Split> {
        let split = Split { train: Self::pick_days(days, train)?, test: Self::pick_days(days, test)? };
        match split.test.iter().find(|day| split.train.contains(day)) {
            Some(day) => Err(Error::Overlap { day: day.label.clone() }),
            None => Ok(split),
        }
    }
}
