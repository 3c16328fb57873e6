//! What a measurement is worth: named terms, and the weighted sums of them that were published.
//!
//! Sources: app2scale's environments (`min_max` and `cost_only` of the offline one, `online`, the weighted ones of the versions 2 to 5 of its
//! client, `tanh_response` of its third offline environment) and its dashboard (`dashboard`, `dashboard_response`). Where a version measured
//! performance by a wrong number of requests, the right one is here.
//!
//! Left out: the penalty of an action that cannot be carried out.

use super::table::{Column, Row, Table};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A term of the reward of a row.
#[derive(Clone, Copy, Debug)]
pub struct RowTerm {
    /// Name.
    pub name: &'static str,
    /// Its formula.
    pub meaning: &'static str,
    /// Columns without which there is none.
    pub needs: &'static [Column],
    value: Value,
}

impl RowTerm {
    /// Whether it can be had of rows with the columns that there are (`has`), with or without a whole table.
    pub(super) fn possible(&self, has: impl Fn(Column) -> bool, table: bool) -> bool {
        self.needs.iter().all(|column| has(*column)) && (table || matches!(self.value, Value::Row(_)))
    }
}

/// How a term comes about.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// From the row alone.
    Row(fn(&Row) -> f64),
    /// From the row and the scales of the whole table.
    Scaled(fn(&Row, &Scales) -> f64),
}

/// Every term. Replicas `n`, CPU limit `c` in cores, heap `h` in GB; `u` = used CPU over `c`, at most 1; `p` = requests over
/// expected requests, at most 1.
pub const TERMS: [RowTerm; 17] = [
    RowTerm {
        name: "throughput",
        meaning: "packets sent, from 0 at the least of the table to 1 at the largest",
        needs: &[Column::Transmitted],
        value: Value::Scaled(|row, scales| scales.transmitted.min_max(row.get(Column::Transmitted))),
    },
    RowTerm {
        name: "cost",
        meaning: "minus the cost, from 0 at the least of the table to −1 at the largest",
        needs: &[Column::Cost],
        value: Value::Scaled(|row, scales| -scales.cost.min_max(row.get(Column::Cost))),
    },
    RowTerm {
        name: "throughput_z",
        meaning: "packets sent, in standard deviations from the mean of the table",
        needs: &[Column::Transmitted],
        value: Value::Scaled(|row, scales| scales.transmitted.z(row.get(Column::Transmitted))),
    },
    RowTerm {
        name: "cost_z",
        meaning: "minus the cost, in standard deviations from the mean of the table",
        needs: &[Column::Cost],
        value: Value::Scaled(|row, scales| -scales.cost.z(row.get(Column::Cost))),
    },
    RowTerm {
        name: "throughput_online",
        meaning: "packets sent / 7253",
        needs: &[Column::Transmitted],
        value: Value::Row(|row| row.get(Column::Transmitted) / 7253.0),
    },
    RowTerm {
        name: "cost_online",
        meaning: "− cost / 0.27",
        needs: &[Column::Cost],
        value: Value::Row(|row| -row.get(Column::Cost) / 0.27),
    },
    RowTerm {
        name: "performance",
        meaning: "p",
        needs: &[Column::Requests, Column::Expected],
        value: Value::Row(performance),
    },
    RowTerm {
        name: "utilization",
        meaning: "mean of u and of used memory / h, each at most 1",
        needs: &[Column::UsedMemory],
        value: Value::Row(utilization),
    },
    RowTerm {
        name: "performance_utilization",
        meaning: "`performance` × `utilization`",
        needs: &[Column::Requests, Column::Expected, Column::UsedMemory],
        value: Value::Row(|row| performance(row) * utilization(row)),
    },
    RowTerm {
        name: "response",
        meaning: "1 below 20 ms, else 20 ms / response time",
        needs: &[Column::Response],
        value: Value::Row(|row| at_most_one(20.0 / row.get(Column::Response))),
    },
    RowTerm {
        name: "tanh_response",
        meaning: "(tanh(20 − response time in ms) + 1) / 2",
        needs: &[Column::Response],
        value: Value::Row(|row| f64::midpoint((20.0 - row.get(Column::Response)).tanh(), 1.0)),
    },
    RowTerm {
        name: "a_sarsa",
        meaning: "(1 − e^(−(1 − t / 20) / 2)) / (1 − min(`utilization`, 0.99)) with the response time t in ms, at least −2; below 20 ms with t = 0",
        needs: &[Column::Response, Column::UsedMemory],
        value: Value::Row(|row| {
            let time = row.get(Column::Response);
            let slowness = if time < 20.0 { 1.0 } else { 1.0 - time / 20.0 };
            let value = (1.0 - (-0.5 * slowness).exp()) / (1.0 - utilization(row).min(0.99));
            if value.is_nan() { value } else { value.max(-2.0) }
        }),
    },
    RowTerm {
        name: "unserved",
        meaning: "−e^(1 − p) where p < 1, else 0",
        needs: &[Column::Requests, Column::Expected],
        value: Value::Row(|row| gated(performance(row))),
    },
    RowTerm {
        name: "idle",
        meaning: "−e^(1 − u) where u < 1, else 0",
        needs: &[Column::UsedCpu],
        value: Value::Row(|row| gated(cpu_utilization(row))),
    },
    RowTerm {
        name: "slow",
        meaning: "−e^((ln t − log10 50) / 2) where the response time t is over 50 ms, else 0 (two kinds of logarithm, as published)",
        needs: &[Column::Response],
        value: Value::Row(|row| {
            let time = row.get(Column::Response);
            if time <= 50.0 { 0.0 } else { -(0.5 * (time.ln() - 50f64.log10())).exp() }
        }),
    },
    RowTerm {
        name: "cpu_limit",
        meaning: "−e^((10 c − 4) / 5)",
        needs: &[],
        value: Value::Row(|row| -((f64::from(row.cpu) - 4.0) / 5.0).exp()),
    },
    RowTerm {
        name: "replicas",
        meaning: "−e^((n − 1) / 2)",
        needs: &[],
        value: Value::Row(|row| -((f64::from(row.replicas) - 1.0) / 2.0).exp()),
    },
];

/// A published reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `throughput` and `cost`.
    #[default]
    MinMax,
    /// `throughput_z` and `cost_z`.
    ZScore,
    /// `cost` alone.
    CostOnly,
    /// `throughput_online` and `cost_online`.
    Online,
    /// 0.9 `performance` and 0.1 `utilization`.
    #[serde(rename = "weighted_90_10")]
    Weighted90,
    /// 0.8 and 0.2.
    #[serde(rename = "weighted_80_20")]
    Weighted80,
    /// 0.6 and 0.4.
    #[serde(rename = "weighted_60_40")]
    Weighted60,
    /// 0.4 `performance`, 0.4 `response` and 0.2 `utilization`.
    #[serde(rename = "response_80_20")]
    Response80,
    /// `performance_utilization`.
    Product,
    /// 0.2 `utilization`, 0.6 `performance` and 0.2 `tanh_response`.
    TanhResponse,
    /// `a_sarsa`.
    ASarsa,
    /// 0.4 `unserved`, 0.3 `idle`, 0.1 `cpu_limit` and 0.2 `replicas`.
    Dashboard,
    /// 0.45 `unserved`, 0.2 `idle`, 0.2 `slow`, 0.05 `cpu_limit` and 0.1 `replicas`.
    DashboardResponse,
}

/// Terms and their weights.
pub type Weighted = &'static [(&'static str, f64)];

/// Every published reward: its name in a configuration, and its terms.
pub const PRESETS: [(Preset, &str, Weighted); 13] = [
    (Preset::MinMax, "min_max", &[("throughput", 1.0), ("cost", 1.0)]),
    (Preset::ZScore, "z_score", &[("throughput_z", 1.0), ("cost_z", 1.0)]),
    (Preset::CostOnly, "cost_only", &[("cost", 1.0)]),
    (Preset::Online, "online", &[("throughput_online", 1.0), ("cost_online", 1.0)]),
    (Preset::Weighted90, "weighted_90_10", &[("performance", 0.9), ("utilization", 0.1)]),
    (Preset::Weighted80, "weighted_80_20", &[("performance", 0.8), ("utilization", 0.2)]),
    (Preset::Weighted60, "weighted_60_40", &[("performance", 0.6), ("utilization", 0.4)]),
    (Preset::Response80, "response_80_20", &[("performance", 0.4), ("response", 0.4), ("utilization", 0.2)]),
    (Preset::Product, "product", &[("performance_utilization", 1.0)]),
    (
        Preset::TanhResponse,
        "tanh_response",
        &[("utilization", 0.2), ("performance", 0.6), ("tanh_response", 0.2)],
    ),
    (Preset::ASarsa, "a_sarsa", &[("a_sarsa", 1.0)]),
    (
        Preset::Dashboard,
        "dashboard",
        &[("unserved", 0.4), ("idle", 0.3), ("cpu_limit", 0.1), ("replicas", 0.2)],
    ),
    (
        Preset::DashboardResponse,
        "dashboard_response",
        &[("unserved", 0.45), ("idle", 0.2), ("slow", 0.2), ("cpu_limit", 0.05), ("replicas", 0.1)],
    ),
];

impl Preset {
    /// Its terms and their weights.
    pub fn weights(self) -> BTreeMap<String, f64> {
        let (_, _, terms) = PRESETS[self as usize];
        terms.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }
}

/// The reward of every row of `table` with the given weights; 0 where a number that it needs is missing, as published.
///
/// # Errors
/// [`Error::Unknown`] for a term that does not exist, [`Error::Config`] for a column that the table does not have.
pub fn rewards(table: &Table, weights: &BTreeMap<String, f64>) -> Result<Vec<f64>> {
    let reward = Reward::new(weights, |column| table.has(column), Some(Scales::of(table)))?;
    Ok(table.rows.iter().map(|row| reward.of(row)).collect())
}

/// A weighted sum of terms.
#[derive(Clone, Debug)]
pub(super) struct Reward {
    terms: Vec<(Value, f64)>,
    scales: Option<Scales>,
}

impl Reward {
    /// `has`: the columns there are; `scales`: those of the table, where there is one.
    ///
    /// # Errors
    /// As [`rewards`]; also for a term that is scaled by a table where there is none.
    pub(super) fn new(
        weights: &BTreeMap<String, f64>,
        has: impl Fn(Column) -> bool,
        scales: Option<Scales>,
    ) -> Result<Self> {
        let mut terms = Vec::new();
        for (name, weight) in weights {
            let term = TERMS
                .iter()
                .find(|term| term.name == name)
                .ok_or_else(|| Error::unknown("reward term", name, TERMS.iter().map(|term| term.name)))?;
            if !weight.is_finite() {
                let message = format!("is {weight}, expected a finite number");
                return Err(Error::config(format!("teastore.weights.{name}"), message));
            }
            if let Some(column) = term.needs.iter().find(|column| !has(**column)) {
                let message = format!(
                    "needs column {} for term {name}, which the table has not, expected another reward or a table with it",
                    column.published()
                );
                return Err(Error::config("teastore.reward", message));
            }
            if matches!(term.value, Value::Scaled(_)) && scales.is_none() {
                let message = format!("has term {name}, which is scaled by a table, expected another reward");
                return Err(Error::config("teastore.reward", message));
            }
            terms.push((term.value, *weight));
        }
        Ok(Self { terms, scales })
    }

    /// The reward of a row; 0 where a number that it needs is missing.
    pub(super) fn of(&self, row: &Row) -> f64 {
        let value = |value: &Value| match (value, &self.scales) {
            (Value::Row(of), _) => of(row),
            (Value::Scaled(of), Some(scales)) => of(row, scales),
            (Value::Scaled(_), None) => f64::NAN,
        };
        let sum: f64 = self.terms.iter().map(|(term, weight)| weight * value(term)).sum();
        if sum.is_nan() { 0.0 } else { sum }
    }
}

/// Scales of the columns that are scaled by the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    transmitted: Scale,
    cost: Scale,
}

#[derive(Clone, Copy, Debug)]
struct Scale {
    least: f64,
    largest: f64,
    mean: f64,
    /// With `n - 1`.
    deviation: f64,
}

impl Scales {
    fn of(table: &Table) -> Self {
        let scale = |column| {
            let values = || table.rows.iter().map(move |row| row.get(column)).filter(|value| !value.is_nan());
            let count = values().count() as f64;
            let mean = values().sum::<f64>() / count;
            let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
            Scale {
                least: values().fold(f64::INFINITY, f64::min),
                largest: values().fold(f64::NEG_INFINITY, f64::max),
                mean,
                deviation: (squares / (count - 1.0)).sqrt(),
            }
        };
        Self { transmitted: scale(Column::Transmitted), cost: scale(Column::Cost) }
    }
}

impl Scale {
    fn min_max(&self, value: f64) -> f64 {
        (value - self.least) / (self.largest - self.least)
    }

    fn z(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}

/// The least of a value and 1; missing where the value is.
fn at_most_one(value: f64) -> f64 {
    if value > 1.0 { 1.0 } else { value }
}

fn performance(row: &Row) -> f64 {
    at_most_one(row.get(Column::Requests) / row.get(Column::Expected))
}

fn cpu_utilization(row: &Row) -> f64 {
    at_most_one(row.get(Column::UsedCpu) / (f64::from(row.cpu) / 10.0))
}

fn utilization(row: &Row) -> f64 {
    let memory = at_most_one(row.get(Column::UsedMemory) / (f64::from(row.heap) / 10.0));
    f64::midpoint(cpu_utilization(row), memory)
}

fn gated(share: f64) -> f64 {
    if share >= 1.0 { 0.0 } else { -(1.0 - share).exp() }
}
