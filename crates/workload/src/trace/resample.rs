//! The same requests counted in intervals of another length.

use super::{Reconstruction, Trace};
use crate::{
    Error, Result,
    error::{require, require_positive},
};
use std::ops::Range;
use trimtab_model::Seconds;

/// Most intervals that a trace may have.
pub(super) const MOST_INTERVALS: usize = 20_000_000;

impl Trace {
    /// Counts in intervals of `step`, from the same start.
    ///
    /// # Guarantees
    /// No request is lost or made: all counts together stay the same (to rounding), and so does every stretch
    /// that starts and ends on both grids. Finer counts follow [`Reconstruction`] and are fractions. An
    /// interval of which any part is missing, or lies beyond the end, is missing and keeps what was seen of
    /// it.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a step that is not above zero, [`Error::TooLong`] for one that is too small.
    pub fn resample(&self, step: Seconds) -> Result<Self> {
        require_positive("step", step.0)?;
        let exact = self.duration().0 / step.0;
        if exact > MOST_INTERVALS as f64 {
            return Err(Error::TooLong { intervals: exact.ceil(), step_secs: step.0, most: MOST_INTERVALS });
        }
        require(step.0.is_finite(), "step", "a finite number above zero", step.0)?;
        // A last sliver thinner than rounding is not an interval.
        let whole = (exact + 1e-9).floor() as usize;
        let partial = exact - whole as f64 > 1e-9;
        let len = (whole + usize::from(partial)).max(1);

        let requests = Reconstruction::exact(self);
        let mut before = 0.0;
        let counts = (1..=len)
            .map(|i| {
                let until = if i == len {
                    requests.requests_until(f64::INFINITY)
                } else {
                    requests.requests_until(i as f64 * step.0)
                };
                let count = (until - before).max(0.0);
                before = until;
                count
            })
            .collect();
        let mut missing: Vec<Range<usize>> = Vec::new();
        let own = self.missing.iter().map(|gap| {
            let scale = self.step / step.0;
            let start = (gap.start as f64 * scale + 1e-9).floor() as usize;
            let end = (gap.end as f64 * scale - 1e-9).ceil() as usize;
            start.min(len - 1)..end.clamp(start.min(len - 1) + 1, len)
        });
        for gap in own.chain(partial.then(|| len - 1..len)) {
            match missing.last_mut() {
                Some(last) if gap.start <= last.end => last.end = last.end.max(gap.end),
                _ => missing.push(gap),
            }
        }
        Self::new(self.origin, step, counts, missing)
    }
}
