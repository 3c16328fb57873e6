//! The columns of the main table, the same on the page and in the terminal.
//!
//! Left out: how a row is laid out; `results` does that for the page and `table` for the terminal.

use super::number;
use crate::comparison::{Comparison, Summary};
use crate::statistics::Estimate;

/// Which end of a column is the good one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Better {
    Lower,
    Higher,
}

/// Decimal places of a column.
#[derive(Clone, Copy, Debug)]
enum Places {
    Always(usize),
    ByMagnitude,
}

/// One figure of a [`Summary`].
pub(super) struct Column {
    /// What it is.
    pub(super) heading: &'static str,
    /// In what unit.
    pub(super) unit: &'static str,
    of: fn(&Summary) -> Estimate,
    better: Better,
    places: Places,
}

/// A figure as text: mean and interval apart, so that they can be aligned.
pub(super) struct Entry {
    /// The mean.
    pub(super) mean: String,
    /// `[low, high]`, or nothing.
    pub(super) interval: String,
    /// Whether no other row has a better mean, and some row has a worse one.
    pub(super) best: bool,
}

/// The main table, most telling columns first.
pub(super) const COLUMNS: [Column; 6] = [
    Column {
        heading: "cost",
        unit: "core-h/day",
        of: |s| s.core_hours,
        better: Better::Lower,
        places: Places::ByMagnitude,
    },
    Column {
        heading: "SLO violated",
        unit: "% of time",
        of: |s| percent(s.violation_share),
        better: Better::Lower,
        places: Places::Always(2),
    },
    Column {
        heading: "p95",
        unit: "ms",
        of: |s| s.p95_ms,
        better: Better::Lower,
        places: Places::ByMagnitude,
    },
    Column {
        heading: "pods",
        unit: "mean",
        of: |s| s.pods,
        better: Better::Lower,
        places: Places::ByMagnitude,
    },
    Column {
        heading: "scaling actions",
        unit: "per day",
        of: |s| s.scaling_actions,
        better: Better::Lower,
        places: Places::ByMagnitude,
    },
    Column {
        heading: "reward",
        unit: "per day",
        of: |s| s.reward,
        better: Better::Higher,
        places: Places::ByMagnitude,
    },
];

/// A share 0…1 as percent.
pub(super) fn percent(share: Estimate) -> Estimate {
    Estimate { mean: share.mean * 100.0, low: share.low * 100.0, high: share.high * 100.0 }
}

/// The rows of one traffic, in the order in which the autoscalers were named.
pub(super) fn rows<'a>(comparison: &'a Comparison, traffic: &str) -> Vec<&'a Summary> {
    let position = |s: &&Summary| comparison.autoscalers.iter().position(|a| a.name == s.autoscaler);
    let mut rows: Vec<&Summary> = comparison.summaries.iter().filter(|s| s.traffic == traffic).collect();
    rows.sort_by_key(|s| position(s).unwrap_or(usize::MAX));
    rows
}

impl Column {
    /// This column of `rows`, with one number of decimals for all of them.
    pub(super) fn entries(&self, rows: &[&Summary]) -> Vec<Entry> {
        let estimates: Vec<Estimate> = rows.iter().map(|s| (self.of)(s)).collect();
        let finite = || estimates.iter().map(|e| e.mean).filter(|m| m.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let decimals = match self.places {
            Places::Always(places) => places,
            Places::ByMagnitude => number::decimals(finite().fold(0.0, |most, m| m.abs().max(most))),
        };
        let good = if self.better == Better::Lower { low } else { high };
        estimates
            .iter()
            .map(|e| Entry {
                mean: number::fixed(e.mean, decimals),
                interval: number::bounds(e, decimals),
                best: low < high && e.mean == good,
            })
            .collect()
    }
}
