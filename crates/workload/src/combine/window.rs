//! A piece of a source as a workload of its own: a day of a trace.

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive},
};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = inner(start + t)`, lasting `length`.
///
/// It is a view: outside its length it shows what `inner` holds there, so that a warm-up before the window
/// sees the traffic that really came before.
#[derive(Clone, Debug)]
pub struct Window<R> {
    inner: R,
    start: f64,
    length: f64,
}

impl<R: ArrivalRate> Window<R> {
    /// Looks at `inner` from `start` for `length`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a start that is not finite or a length that is not above zero.
    pub fn new(inner: R, start: Seconds, length: Seconds) -> Result<Self> {
        require(start.0.is_finite(), "start_secs", "a finite number", start.0)?;
        require_positive("length_secs", length.0)?;
        Ok(Self { inner, start: start.0, length: length.0 })
    }
}

impl<R: ArrivalRate> ArrivalRate for Window<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        self.inner.rate(Seconds(self.start + t.0))
    }

    /// As exact as the inner mean.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        self.inner.mean(Seconds(self.start + from.0), Seconds(self.start + to.0))
    }

    fn duration(&self) -> Option<Seconds> {
        Some(Seconds(self.length))
    }
}
