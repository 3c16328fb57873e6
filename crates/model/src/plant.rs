//! The seam behind which a simulated cluster, a recording and a live cluster are the same.

use crate::{decision::Decision, decision::Receipt, quantity::Time, snapshot::Snapshot};

/// Something that can be observed and steered.
pub trait Plant {
    /// What can go wrong; `Infallible` for a simulation.
    type Error;

    /// Writes what can be seen now into `seen`, reusing its buffers.
    ///
    /// # Errors
    /// When nothing can be seen at all; a single metric that is missing is `None` instead.
    fn observe(&mut self, seen: &mut Snapshot) -> Result<(), Self::Error>;

    /// Carries out `decision`.
    ///
    /// # Errors
    /// When the plant cannot be reached; a part that it will not do is in the receipt instead.
    fn apply(&mut self, decision: &Decision) -> Result<Receipt, Self::Error>;

    /// Lets time pass until `until`: a simulation computes it, a live plant sleeps.
    ///
    /// # Errors
    /// When the plant is lost meanwhile.
    fn wait(&mut self, until: Time) -> Result<(), Self::Error>;
}
