//! The lab's only clock. What it measures goes to keys under `time/`, to event files and to people, never into a result.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970; 0 on a machine whose clock is before that.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look at the clock")]
pub(crate) fn unix_secs() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
