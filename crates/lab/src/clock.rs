//! The lab's only clock. What it measures goes to keys under `time/` and to people, never into a result.

use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
