//! The same traffic, stronger or weaker.

use crate::{ArrivalRate, Result, error::require_rate};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = factor · inner(t)`.
#[derive(Clone, Debug)]
pub struct Scale<R> {
    inner: R,
    factor: f64,
}

impl<R: ArrivalRate> Scale<R> {
    /// Multiplies `inner` by `factor`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a factor that is negative or not finite.
    pub fn new(inner: R, factor: f64) -> Result<Self> {
        require_rate("factor", factor)?;
        Ok(Self { inner, factor })
    }
}

impl<R: ArrivalRate> ArrivalRate for Scale<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.factor * self.inner.rate(t).0)
    }

    /// As exact as the inner mean.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        PerSecond(self.factor * self.inner.mean(from, to).0)
    }

    fn duration(&self) -> Option<Seconds> {
        self.inner.duration()
    }
}
