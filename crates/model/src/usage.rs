//! What one container used over time: the point that recorded usage is made of.
//!
//! Left out: reading recordings (`trimtab-workload`) and playing them (`trimtab-control`).

use crate::Time;
use serde::{Deserialize, Serialize};

/// Use of one container from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsagePoint {
    /// From when.
    pub at: Time,
    /// Cores.
    pub cpu_cores: f64,
    /// Bytes.
    pub memory_bytes: f64,
}
