//! One source after the other, each on its own clock: days picked from a trace, phases of a test.

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive},
    rate::mean_of,
};
use trimtab_model::{PerSecond, Seconds};

/// Part `i` from the end of part `i − 1` on, its own clock starting at 0 there. The first part also stands
/// for all time before, the last for all time after.
pub struct Concatenate {
    parts: Vec<Box<dyn ArrivalRate>>,
    /// Start of each part, then the end of the last.
    starts: Vec<f64>,
}

impl Concatenate {
    /// Lines up parts, each for the length beside it.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for no parts or a length that is not above zero.
    pub fn new(parts: Vec<(Box<dyn ArrivalRate>, Seconds)>) -> Result<Self> {
        require(!parts.is_empty(), "parts", "at least one", "none")?;
        let mut starts = vec![0.0];
        let mut own = Vec::with_capacity(parts.len());
        for (i, (part, length)) in parts.into_iter().enumerate() {
            require_positive("length_secs", length.0).map_err(|e| e.within(format_args!("parts[{i}]")))?;
            starts.push(starts[i] + length.0);
            own.push(part);
        }
        Ok(Self { parts: own, starts })
    }

    fn index(&self, t: f64) -> usize {
        let inner = &self.starts[1..self.parts.len()];
        inner.partition_point(|&start| start <= t)
    }

    fn requests(&self, from: f64, to: f64) -> f64 {
        let (mut t, mut requests) = (from, 0.0);
        for i in self.index(from)..self.parts.len() {
            let end = if i + 1 == self.parts.len() { to } else { self.starts[i + 1].min(to) };
            if end <= t {
                break;
            }
            let own = |t: f64| Seconds(t - self.starts[i]);
            requests += self.parts[i].mean(own(t), own(end)).0 * (end - t);
            t = end;
        }
        requests
    }
}

impl ArrivalRate for Concatenate {
    fn rate(&self, t: Seconds) -> PerSecond {
        let i = self.index(t.0);
        self.parts[i].rate(Seconds(t.0 - self.starts[i]))
    }

    /// As exact as its parts.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests(from.0, to.0), || self.rate(from))
    }

    /// Sum of the lengths.
    fn duration(&self) -> Option<Seconds> {
        self.starts.last().map(|&end| Seconds(end))
    }
}
