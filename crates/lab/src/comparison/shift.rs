//! Distribution shift: fitted to one traffic, scored on another.
//!
//! Left out: a judgement; the matrix is read row by row against its diagonal.

use super::{Cell, metric_of, run::blocks};
use crate::statistics::{Estimate, estimate};
use serde::{Deserialize, Serialize};

/// One field of the matrix: an autoscaler that was calibrated or trained on one traffic, over the test days of
/// another, with intervals over days and seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftCell {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Traffic that it was fitted to.
    pub fitted_on: String,
    /// Traffic that it was scored on.
    pub scored_on: String,
    /// Shared score.
    pub shared: Estimate,
    /// Share of time with the SLO violated, percent.
    pub violation_percent: Estimate,
    /// Cost relative to demand's.
    pub cost_over_demand: Estimate,
}

/// The field for `cells`, which are all of one autoscaler on one traffic.
pub fn shift_cell(autoscaler: &str, fitted_on: &str, scored_on: &str, cells: &[&Cell]) -> ShiftCell {
    let over = |key| {
        let metric = metric_of(key);
        metric.possible(estimate(&blocks(cells, |score| (metric.of)(score).unwrap_or_default())))
    };
    ShiftCell {
        autoscaler: autoscaler.to_owned(),
        fitted_on: fitted_on.to_owned(),
        scored_on: scored_on.to_owned(),
        shared: over("shared_score"),
        violation_percent: over("violation_percent"),
        cost_over_demand: over("cost_over_demand"),
    }
}
