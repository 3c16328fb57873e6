//! The role that everything which decides plays.

use trimtab_model::{Decision, Snapshot};

/// Turns what is seen into a proposal; the [guardrails](crate::Guardrails) have the last word.
///
/// # Guarantees
/// Equal sequences of snapshots after a [`reset`](Self::reset) give equal proposals.
pub trait Autoscaler: Send {
    /// Writes a proposal for every service. `proposal` arrives empty and sized.
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision);

    /// Forgets everything seen.
    fn reset(&mut self);
}
