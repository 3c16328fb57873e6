//! How one autoscaler did in one run, and what each of these figures is.
//!
//! Left out: how they come about (`evaluation`), and what they amount to over many runs (`analysis`).

use crate::{evaluation::Elasticity, statistics::Estimate};
use serde::{Deserialize, Serialize};

/// How one autoscaler did on one day with one seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Requested core-hours.
    pub core_hours: f64,
    /// Used core-hours.
    pub used_core_hours: f64,
    /// Requested GiB-hours of memory.
    pub gib_hours: f64,
    /// Node-hours; absent where the plant has no nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_hours: Option<f64>,
    /// Requested core-hours over those that demand needs ([`crate::demand`]).
    pub cost_over_demand: f64,
    /// Mean number of pods.
    pub pods: f64,
    /// Share of 15 s windows (the SLO's) whose p95 was over the bound, 0…1.
    pub violation_share: f64,
    /// Share of requests that failed or were slower than the bound, 0…1.
    pub bad_request_share: f64,
    /// Share of requests that failed, 0…1.
    pub failed_share: f64,
    /// Requests answered within the bound, per second.
    pub goodput: f64,
    /// Mean over windows of `max(0, p95 / bound − 1)`.
    pub severity: f64,
    /// Mean response time in milliseconds.
    pub mean_ms: f64,
    /// Median over all requests of the day, in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile over all requests of the day, in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile over all requests of the day, in milliseconds.
    pub p99_ms: f64,
    /// How supply followed demand.
    pub elasticity: Elasticity,
    /// Changes of a service's replica count.
    pub scaling_actions: f64,
    /// Pods started and pods stopped.
    pub churn: f64,
    /// Changes of a service's replica count against the direction of the last one, within five minutes of it.
    pub reversals: f64,
    /// Sum of the changes of pods' CPU limits, in cores.
    pub limit_changes: f64,
    /// Sum of reward over the day, with the terms and weights of the environment.
    pub reward: f64,
    /// Shared score ([`shared_score`]): 1 is demand itself, 0 the most replicas all the time.
    pub shared: f64,
}

/// What a unit of violated time (0…1) costs in the shared score, in units of the cost of demand.
pub const VIOLATION_WEIGHT: f64 = 10.0;
/// What a turnover of all pods an hour costs, in the same units.
pub const CHURN_WEIGHT: f64 = 0.05;

/// What the shared score is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Share of time with the SLO violated.
    pub violation_share: f64,
    /// Cost relative to demand's.
    pub cost: f64,
    /// Pods started and stopped an hour, relative to demand's mean number of pods.
    pub turnover: f64,
}

impl Loss {
    fn sum(&self) -> f64 {
        VIOLATION_WEIGHT * self.violation_share + self.cost + CHURN_WEIGHT * self.turnover
    }
}

/// `(L(most) − L) / (L(most) − L(demand))` with the loss `L = 10 · violated time + cost / cost of demand + 0.05 ·
/// turnover`: 1 for supply that is demand at every moment, 0 for the most replicas all the time, below 0 for less
/// than that. It puts runs of different traffic on one scale.
pub fn shared_score(ours: Loss, demand: Loss, most: Loss) -> f64 {
    let room = most.sum() - demand.sum();
    if room > 1e-6 { (most.sum() - ours.sum()) / room } else { 0.0 }
}

/// Which end of a metric is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The lower the better.
    Lower,
    /// The higher the better.
    Higher,
    /// Neither end is good in itself.
    Neither,
}

/// One figure of a [`Score`], as reports show it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name in `report.json`.
    pub key: &'static str,
    /// Heading in tables.
    pub heading: &'static str,
    /// Unit in tables.
    pub unit: &'static str,
    /// Its good end.
    pub better: Better,
    /// Its value in that unit; absent where it does not apply.
    pub of: fn(&Score) -> Option<f64>,
    /// What it means.
    pub meaning: &'static str,
}

impl Metric {
    /// `estimate` without what no run could have: an interval of few runs may reach below zero or beyond all time.
    pub fn possible(&self, estimate: Estimate) -> Estimate {
        let least = if matches!(self.key, "shared_score" | "reward") { f64::NEG_INFINITY } else { 0.0 };
        let most = if self.unit.starts_with("% of time") || self.unit.starts_with("% of requests") {
            100.0
        } else {
            f64::INFINITY
        };
        Estimate { low: estimate.low.max(least), high: estimate.high.min(most), ..estimate }
    }
}

const fn metric(
    key: &'static str,
    heading: &'static str,
    unit: &'static str,
    better: Better,
    of: fn(&Score) -> Option<f64>,
    meaning: &'static str,
) -> Metric {
    Metric { key, heading, unit, better, of, meaning }
}

use Better::{Higher, Lower, Neither};

/// Every metric of a run, those about the SLO first.
pub const METRICS: [Metric; 26] = [
    metric(
        "shared_score",
        "shared score",
        "1 = demand",
        Higher,
        |s| Some(s.shared),
        "One number for all traffic: 1 is an allocation that is exactly what the traffic needs at every moment, 0 the most replicas all the time, less than 0 worse than that. The loss behind it is 10 × violated time + cost relative to demand's + 0.05 × turnover of pods an hour.",
    ),
    metric(
        "violation_percent",
        "SLO violated",
        "% of time",
        Lower,
        |s| Some(100.0 * s.violation_share),
        "Share of SLO windows whose p95 was over the bound.",
    ),
    metric(
        "bad_request_percent",
        "slow or failed",
        "% of requests",
        Lower,
        |s| Some(100.0 * s.bad_request_share),
        "Share of requests that failed or took longer than the bound.",
    ),
    metric(
        "failed_percent",
        "failed",
        "% of requests",
        Lower,
        |s| Some(100.0 * s.failed_share),
        "Share of requests that were given up.",
    ),
    metric(
        "severity",
        "severity",
        "p95 over bound − 1",
        Lower,
        |s| Some(s.severity),
        "Mean over SLO windows of how far p95 was above the bound, relative to it.",
    ),
    metric(
        "goodput",
        "goodput",
        "requests/s",
        Higher,
        |s| Some(s.goodput),
        "Requests answered within the bound, per second.",
    ),
    metric("mean_ms", "mean", "ms", Lower, |s| Some(s.mean_ms), "Mean response time."),
    metric(
        "p50_ms",
        "p50",
        "ms",
        Lower,
        |s| Some(s.p50_ms),
        "Half of a day's requests were answered faster.",
    ),
    metric(
        "p95_ms",
        "p95",
        "ms",
        Lower,
        |s| Some(s.p95_ms),
        "95 % of a day's requests were answered faster.",
    ),
    metric(
        "p99_ms",
        "p99",
        "ms",
        Lower,
        |s| Some(s.p99_ms),
        "99 % of a day's requests were answered faster.",
    ),
    metric(
        "requested_core_hours",
        "cost on requests",
        "core-h/day",
        Lower,
        |s| Some(s.core_hours),
        "CPU that pods requested, times the hours they ran: what the cluster has to set aside.",
    ),
    metric(
        "used_core_hours",
        "cost on usage",
        "core-h/day",
        Lower,
        |s| Some(s.used_core_hours),
        "CPU that pods really used.",
    ),
    metric(
        "requested_gib_hours",
        "memory",
        "GiB-h/day",
        Lower,
        |s| Some(s.gib_hours),
        "Memory that pods requested, times the hours they ran.",
    ),
    metric(
        "node_hours",
        "node-hours",
        "h/day",
        Lower,
        |s| s.node_hours,
        "Hours of nodes. The simulated cluster has no nodes, so that it does not apply there.",
    ),
    metric(
        "cost_over_demand",
        "cost over demand",
        "ratio",
        Lower,
        |s| Some(s.cost_over_demand),
        "Cost on requests relative to that of demand: the smallest allocation that keeps the SLO at each moment's rate, in the same simulated cluster.",
    ),
    metric("pods", "pods", "mean", Lower, |s| Some(s.pods), "Mean number of pods, all services together."),
    metric(
        "under_accuracy",
        "under-provisioned",
        "% of demand",
        Lower,
        |s| Some(s.elasticity.under_accuracy),
        "SPEC elasticity θU: replicas missing relative to demand, mean over time and services.",
    ),
    metric(
        "over_accuracy",
        "over-provisioned",
        "% of demand",
        Lower,
        |s| Some(s.elasticity.over_accuracy),
        "SPEC elasticity θO: replicas too many relative to demand, mean over time and services.",
    ),
    metric(
        "under_time",
        "time under",
        "% of time",
        Lower,
        |s| Some(s.elasticity.under_time),
        "SPEC elasticity τU: share of time with replicas missing, mean over services.",
    ),
    metric(
        "over_time",
        "time over",
        "% of time",
        Lower,
        |s| Some(s.elasticity.over_time),
        "SPEC elasticity τO: share of time with replicas too many, mean over services.",
    ),
    metric(
        "instability",
        "instability",
        "% of time",
        Lower,
        |s| Some(s.elasticity.instability),
        "SPEC elasticity υ: share of time in which supply and demand do not move in the same direction, mean over services.",
    ),
    metric(
        "scaling_actions",
        "scaling actions",
        "per day",
        Lower,
        |s| Some(s.scaling_actions),
        "How often a service's number of replicas was changed.",
    ),
    metric("churn", "churn", "pods/day", Lower, |s| Some(s.churn), "Pods started plus pods stopped."),
    metric(
        "reversals",
        "reversals",
        "per day",
        Lower,
        |s| Some(s.reversals),
        "Changes of a service's replicas against the direction of the last one, within five minutes of it.",
    ),
    metric(
        "limit_changes",
        "CPU limits moved",
        "cores/day",
        Lower,
        |s| Some(s.limit_changes),
        "Sum of the changes of pods' CPU limits.",
    ),
    metric(
        "reward",
        "reward",
        "per day",
        Neither,
        |s| Some(s.reward),
        "What a learned policy was trained to raise; comparable within one traffic only.",
    ),
];

/// The metric called `key`.
///
/// # Panics
/// For a key that is not in [`METRICS`].
pub fn metric_of(key: &str) -> &'static Metric {
    METRICS.iter().find(|metric| metric.key == key).expect("the key is one of the table's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_score_is_one_for_demand_and_zero_for_the_most() {
        let loss = |violation_share, cost, turnover| Loss { violation_share, cost, turnover };
        let (demand, most) = (loss(0.0, 1.0, 2.0), loss(0.0, 4.1, 0.0));
        assert_eq!(shared_score(demand, demand, most), 1.0);
        assert_eq!(shared_score(most, demand, most), 0.0);
        // A tenth of the time violated costs as much as demand itself.
        assert!((shared_score(loss(0.1, 2.1, 0.0), demand, most) - 1.0 / 3.0).abs() < 1e-9);
        assert!(shared_score(loss(1.0, 1.0, 0.0), demand, most) < 0.0);
        assert_eq!(shared_score(demand, demand, demand), 0.0);
    }

    #[test]
    fn an_interval_ends_where_nothing_more_is_possible() {
        let wide = Estimate { mean: 50.0, low: -300.0, high: 400.0 };
        assert_eq!(metric_of("violation_percent").possible(wide), Estimate { low: 0.0, high: 100.0, ..wide });
        assert_eq!(metric_of("p95_ms").possible(wide), Estimate { low: 0.0, ..wide });
        assert_eq!(metric_of("reward").possible(wide), wide);
    }

    #[test]
    fn every_metric_has_a_key_of_its_own() {
        for (i, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..i].iter().all(|other| other.key != metric.key), "{}", metric.key);
            assert_eq!(metric_of(metric.key).heading, metric.heading);
        }
    }
}
