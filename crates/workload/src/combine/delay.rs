//! The same traffic, later.

use crate::{ArrivalRate, Result, error::require};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = inner(t − by)`; before `by` whatever `inner` says of negative times (a trace: nothing).
#[derive(Clone, Debug)]
pub struct Delay<R> {
    inner: R,
    by: f64,
}

impl<R: ArrivalRate> Delay<R> {
    /// Shifts `inner` by `by`, zero or more; [`super::Window`] is the other direction.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a delay that is negative or not finite.
    pub fn new(inner: R, by: Seconds) -> Result<Self> {
        require(by.0.is_finite() && by.0 >= 0.0, "by_secs", "a finite number of zero or more", by.0)?;
        Ok(Self { inner, by: by.0 })
    }
}

impl<R: ArrivalRate> ArrivalRate for Delay<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        self.inner.rate(Seconds(t.0 - self.by))
    }

    /// As exact as the inner mean.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        self.inner.mean(Seconds(from.0 - self.by), Seconds(to.0 - self.by))
    }

    fn duration(&self) -> Option<Seconds> {
        self.inner.duration().map(|length| Seconds(length.0 + self.by))
    }
}
