//! The command line's only clock: how long something took, and how often a person is told.

use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
