//! Failures of a service's replicas, as the topology of `chained_services` gives them.
//!
//! The topology names, for each service, probabilities for each replica and step, and no more; nobody has published code
//! that reads them. They are taken as k8s-hpa's and KARMA's texts describe the events:
//!
//! * *error*: this share of the calls is answered with an error, so that errors grow with the load;
//! * *degraded*: the replica has half its capacity for some steps;
//! * *failure*: the replica is down until the next step, and for as long as its start takes.
//!
//! Left out: warnings, which change nothing, and failures of nodes.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Settings of failures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultsConfig {
    /// Let services with `faults` fail.
    pub enabled: bool,
    /// Seconds of a step, the time that the probabilities are for.
    pub step_secs: f64,
    /// Share of its capacity that a degraded replica has.
    pub degraded_capacity: f64,
    /// Steps for which a replica stays degraded.
    pub degraded_steps: u32,
}

impl Default for FaultsConfig {
    fn default() -> Self {
        Self { enabled: false, step_secs: 15.0, degraded_capacity: 0.5, degraded_steps: 4 }
    }
}

impl FaultsConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key, value: f64, right: bool, expected| {
            if right && value.is_finite() {
                Ok(())
            } else {
                Err(Error::Config { key, expected, found: value.to_string() })
            }
        };
        check("faults.step_secs", self.step_secs, self.step_secs > 0.0, "a number above zero")?;
        let share = self.degraded_capacity;
        check("faults.degraded_capacity", share, share > 0.0 && share <= 1.0, "above 0 and at most 1")
    }
}
