//! Quantities with their units in the type.
//!
//! Left out: parsing of Kubernetes quantity strings, which belongs to the edge that reads them.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// CPU in thousandths of a core (Kubernetes' `m`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Millicores(pub u32);

impl Millicores {
    /// The same amount in whole cores.
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bytes(pub u64);

impl Bytes {
    /// `n` mebibytes (Kubernetes' `Mi`).
    pub const fn mebibytes(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    /// The same amount in gibibytes.
    pub fn gibibytes(self) -> f64 {
        self.0 as f64 / (1024.0 * 1024.0 * 1024.0)
    }
}

/// Events per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct PerSecond(pub f64);

/// A length of time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Seconds(pub f64);

impl Seconds {
    /// The same length in milliseconds.
    pub fn millis(self) -> f64 {
        self.0 * 1000.0
    }
}

/// An instant: seconds since the Unix epoch. Whole seconds are exact, so window comparisons are too.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Time(pub f64);

impl Sub for Time {
    type Output = Seconds;
    fn sub(self, earlier: Self) -> Seconds {
        Seconds(self.0 - earlier.0)
    }
}

impl Add<Seconds> for Time {
    type Output = Self;
    fn add(self, length: Seconds) -> Self {
        Self(self.0 + length.0)
    }
}

impl Sub<Seconds> for Time {
    type Output = Self;
    fn sub(self, length: Seconds) -> Self {
        Self(self.0 - length.0)
    }
}
