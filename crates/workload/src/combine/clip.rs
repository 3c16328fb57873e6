//! Traffic kept between bounds: an admission limit above, health checks below.

use crate::{
    ArrivalRate, Result,
    error::{require, require_rate},
};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = clamp(inner(t), min, max)`.
#[derive(Clone, Debug)]
pub struct Clip<R> {
    inner: R,
    min: f64,
    max: f64,
}

impl<R: ArrivalRate> Clip<R> {
    /// Keeps `inner` within `min` and `max`; `max` may be infinite.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a negative `min` or a `max` below it.
    pub fn new(inner: R, min: PerSecond, max: PerSecond) -> Result<Self> {
        require_rate("min", min.0)?;
        require(max.0 >= min.0, "max", "at least `min`", max.0)?;
        Ok(Self { inner, min: min.0, max: max.0 })
    }
}

impl<R: ArrivalRate> ArrivalRate for Clip<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.inner.rate(t).0.clamp(self.min, self.max))
    }

    /// The clipped mean: as exact as the inner one unless the rate crosses a bound within the interval.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        PerSecond(self.inner.mean(from, to).0.clamp(self.min, self.max))
    }

    fn duration(&self) -> Option<Seconds> {
        self.inner.duration()
    }
}
