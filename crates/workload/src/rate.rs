//! The role that every source of traffic plays.
//!
//! Left out: endpoints and the drawing of single arrivals; a consumer that needs counts draws them from
//! [`ArrivalRate::mean`] times the length of its interval.

use std::sync::Arc;
use trimtab_model::{PerSecond, Seconds};

/// The rate at which requests arrive, as a function of the time since the workload's own start.
///
/// # Guarantees
/// Every implementation of this crate is a pure function of its construction arguments (seed included) and of
/// `t`, is defined for every finite `t`, returns a finite rate of zero or more, and neither allocates nor
/// locks.
pub trait ArrivalRate: Send + Sync {
    /// Requests per second at `t`.
    fn rate(&self, t: Seconds) -> PerSecond;

    /// Mean requests per second over `[from, to)`; the rate at `from` where the interval is empty.
    ///
    /// The default takes the rate in the middle of the interval; implementations that know their integral
    /// answer exactly and say so.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        self.rate(Seconds(if to.0 > from.0 { f64::midpoint(from.0, to.0) } else { from.0 }))
    }

    /// How long the workload lasts; `None` if it has no end. The function is defined beyond it nevertheless.
    fn duration(&self) -> Option<Seconds> {
        None
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<R: ArrivalRate + ?Sized> ArrivalRate for $pointer {
            fn rate(&self, t: Seconds) -> PerSecond {
                (**self).rate(t)
            }
            fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
                (**self).mean(from, to)
            }
            fn duration(&self) -> Option<Seconds> {
                (**self).duration()
            }
        }
    )*};
}
forward!(Box<R>, Arc<R>, &R);

/// Mean over `[from, to)` from the number of requests that arrive there; `at` is asked for an empty interval.
pub(crate) fn mean_of(
    from: Seconds,
    to: Seconds,
    requests: impl FnOnce() -> f64,
    at: impl FnOnce() -> PerSecond,
) -> PerSecond {
    let length = to.0 - from.0;
    if length > 0.0 { PerSecond((requests() / length).max(0.0)) } else { at() }
}
