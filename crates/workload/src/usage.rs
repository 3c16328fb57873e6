//! Recorded use of CPU and memory: one series for each container, machine or virtual machine of a recording.
//!
//! [`read_usage`] takes the text of a file in one of the published formats ([`UsageFormat`]), told apart by their looks, or
//! a plain table with a header. Recordings that give percentages are scaled by the size of what was measured; where a format
//! does not say that size, an assumption does ([`UsageFormat::assumed_size`]), and every result says so.
//!
//! Left out: files, and playing a series to an autoscaler (`trimtab-control`).

mod formats;
pub mod generate;
mod read;

pub use formats::{Size, UsageFormat};
pub use generate::UsageWorkload;
pub use read::{UsageOptions, UsageReading, read_usage};

use trimtab_model::{Seconds, UsagePoint};

/// Use of one container over time.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageSeries {
    /// Name within its recording.
    pub name: String,
    /// At least two points in order of time, each at its own instant. A value holds until the next point.
    pub points: Vec<UsagePoint>,
    /// Whether memory was recorded; it is 0 where it was not.
    pub has_memory: bool,
    /// What the container had been given, in cores and bytes, as far as the recording says or the reader was told.
    pub size: Size,
}

impl UsageSeries {
    /// Time from the first to the last point.
    pub fn length(&self) -> Seconds {
        let last = self.points[self.points.len() - 1];
        last.at - self.points[0].at
    }

    /// The most cores and bytes in use at any point.
    pub fn peak(&self) -> Size {
        let largest = |value: fn(&UsagePoint) -> f64| self.points.iter().map(value).fold(0.0, f64::max);
        Size { cores: largest(|point| point.cpu_cores), memory_bytes: largest(|point| point.memory_bytes) }
    }
}

#[cfg(test)]
mod tests;
