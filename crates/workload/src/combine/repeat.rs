//! The start of a source over and over.

use crate::{ArrivalRate, Result, error::require_positive, rate::mean_of};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = inner(t mod period)`, for negative `t` too; has no end.
#[derive(Clone, Debug)]
pub struct Repeat<R> {
    inner: R,
    period: f64,
    /// Requests of one whole period.
    whole: f64,
}

impl<R: ArrivalRate> Repeat<R> {
    /// Repeats the first `period` of `inner`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a period that is not above zero.
    pub fn new(inner: R, period: Seconds) -> Result<Self> {
        require_positive("period_secs", period.0)?;
        let whole = inner.mean(Seconds(0.0), period).0 * period.0;
        Ok(Self { inner, period: period.0, whole })
    }

    /// Requests between `from` and `to` of one period.
    fn part(&self, from: f64, to: f64) -> f64 {
        if to > from { self.inner.mean(Seconds(from), Seconds(to)).0 * (to - from) } else { 0.0 }
    }

    fn requests(&self, from: f64, to: f64) -> f64 {
        let (first, last) = ((from / self.period).floor(), (to / self.period).floor());
        let (a, b) = (from - first * self.period, to - last * self.period);
        if first == last {
            self.part(a, b)
        } else {
            self.part(a, self.period) + (last - first - 1.0) * self.whole + self.part(0.0, b)
        }
    }
}

impl<R: ArrivalRate> ArrivalRate for Repeat<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        self.inner.rate(Seconds(t.0.rem_euclid(self.period)))
    }

    /// As exact as the inner mean; whole periods cost nothing.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests(from.0, to.0), || self.rate(from))
    }
}
