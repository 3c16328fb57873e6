//! Vertical autoscalers on recorded use: who leaves how much unused, runs how short, and restarts how often.
//!
//! [`Case`]s are containers of recordings, each with a time before which rules are fitted and after which they are scored;
//! everybody sees the whole series from its start, so a rule that learns as it goes has learned from the same past.
//! [`registry`] is the one list of rules, [`compare()`] plays all of them to all cases.
//!
//! Left out: applications of several services, and anything horizontal ([`crate::comparison`]).

mod calibration;
mod cases;
mod comparison;
mod judgement;
mod learned;
mod lstm;
mod manifests;
mod random;
pub mod registry;
mod score;
pub mod tuning;

pub(crate) use cases::measurements;
pub use cases::{Case, CaseConfig, Recording, load};
pub use comparison::{Cell, Column, Paired, UsageComparison, UsageRow, compare};
pub use judgement::{OverallTest, Shown};
pub use registry::{KNOWN, KnownVertical, find};
pub use score::{METRICS, Metric, OOM_WEIGHT, OVERRUN_WEIGHT, RESTART_WEIGHT, Score, played, scored};

#[cfg(test)]
mod tests;
