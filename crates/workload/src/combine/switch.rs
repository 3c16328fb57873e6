//! One source until an instant, another from then on, both on the same clock: a migration, an incident.

use crate::{ArrivalRate, Result, error::require};
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = before(t)` for `t < at`, else `after(t)`; lasts as long as `after`.
#[derive(Clone, Debug)]
pub struct Switch<A, B> {
    at: f64,
    before: A,
    after: B,
}

impl<A: ArrivalRate, B: ArrivalRate> Switch<A, B> {
    /// Goes over from `before` to `after` at `at`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for an instant that is not finite.
    pub fn new(at: Seconds, before: A, after: B) -> Result<Self> {
        require(at.0.is_finite(), "at_secs", "a finite number", at.0)?;
        Ok(Self { at: at.0, before, after })
    }
}

impl<A: ArrivalRate, B: ArrivalRate> ArrivalRate for Switch<A, B> {
    fn rate(&self, t: Seconds) -> PerSecond {
        if t.0 < self.at { self.before.rate(t) } else { self.after.rate(t) }
    }

    /// As exact as its parts.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        if to.0 <= self.at && from.0 < self.at {
            self.before.mean(from, to)
        } else if from.0 >= self.at {
            self.after.mean(from, to)
        } else {
            let at = Seconds(self.at);
            let share = (self.at - from.0) / (to.0 - from.0);
            PerSecond(share * self.before.mean(from, at).0 + (1.0 - share) * self.after.mean(at, to).0)
        }
    }

    fn duration(&self) -> Option<Seconds> {
        self.after.duration()
    }
}
