//! Means over gradient steps, for the log.
//!
//! Left out: figures that are known only when the log is written.

use crate::on_policy::Log;

/// Sums and counts by key, in the order in which the keys first came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    entries: Vec<(&'static str, f64, u64)>,
}

impl Terms {
    /// Takes in one value.
    pub fn add(&mut self, key: &'static str, value: f64) {
        match self.entries.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1),
            None => self.entries.push((key, value, 1)),
        }
    }

    /// Moves the means to `log` and starts anew; a key without values is absent.
    pub(super) fn take(&mut self, log: &mut Log) {
        for (key, sum, count) in self.entries.iter_mut().filter(|(.., count)| *count > 0) {
            log.push(((*key).into(), *sum / *count as f64));
            (*sum, *count) = (0.0, 0);
        }
    }

    /// The last mean of a key since the log was written; none without values.
    pub fn mean(&self, key: &str) -> Option<f64> {
        let (_, sum, count) = self.entries.iter().find(|(known, _, count)| *known == key && *count > 0)?;
        Some(sum / *count as f64)
    }
}
