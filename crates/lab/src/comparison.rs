//! A comparison of autoscalers on traffic that none of them was fitted to: the data behind tables, verdicts
//! and reports. It is plain data, written as JSON beside the report.

mod analysis;
mod run;
mod score;
mod shift;
mod verdict;

pub use analysis::{Aggregate, Analysis, Improvement, MetricRow, PairTest, Profile, Shown};
pub use run::{Build, Contender, Scored, compare, summarize};
pub use score::{
    Better, CHURN_WEIGHT, Loss, METRICS, Metric, Score, VIOLATION_WEIGHT, metric_of, shared_score,
};
pub use shift::{ShiftCell, shift_cell};
pub use verdict::judge;

use crate::{evaluation::DecisionTime, statistics::Estimate};
use serde::{Deserialize, Serialize};

/// One run: an autoscaler on one day with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Name of the traffic.
    pub traffic: String,
    /// Name of the day.
    pub day: String,
    /// Seed of the run: for a learned policy it is also that of its training.
    pub seed: u64,
    /// How it did.
    pub score: Score,
}

/// An autoscaler over all test days and seeds of one traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Name of the traffic.
    pub traffic: String,
    /// Requested core-hours a day.
    pub core_hours: Estimate,
    /// Mean number of pods.
    pub pods: Estimate,
    /// Share of windows over the SLO, 0…1.
    pub violation_share: Estimate,
    /// Share of requests that failed or were slow, 0…1.
    pub bad_request_share: Estimate,
    /// 95th percentile of response time in milliseconds, mean over days.
    pub p95_ms: Estimate,
    /// Changes of a service's replica count a day.
    pub scaling_actions: Estimate,
    /// Sum of reward a day.
    pub reward: Estimate,
}

/// Two autoscalers on the same days and seeds: candidate less baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Name of the traffic.
    pub traffic: String,
    /// Name of the candidate.
    pub candidate: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Difference in requested core-hours, in percent of the baseline's.
    pub cost_percent: Estimate,
    /// Difference in the share of windows over the SLO, in percentage points.
    pub violation_points: Estimate,
    /// One sentence that says who won, or that no difference was shown.
    pub verdict: String,
}

/// One autoscaler over one day, for drawing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Pods in all, one number a point.
    pub pods: Vec<f32>,
    /// p95 in milliseconds, the largest within each point.
    pub p95_ms: Vec<f32>,
    /// Requested cores.
    pub cores: Vec<f32>,
    /// Replicas of each service, `[service][point]`.
    pub replicas: Vec<Vec<f32>>,
}

/// What happened on one test day, for drawing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Name of the traffic.
    pub traffic: String,
    /// Name of the day.
    pub day: String,
    /// Seed of the run.
    pub seed: u64,
    /// Seconds between two points.
    pub point_secs: f64,
    /// Requests per second.
    pub rate: Vec<f32>,
    /// One entry for each autoscaler.
    pub tracks: Vec<Track>,
}

/// A point of a learning curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LearningPoint {
    /// Environment steps so far.
    pub timesteps: u64,
    /// Mean return of recent episodes.
    pub episode_return: f64,
    /// Mean requested cores over the cores of all services at one replica.
    pub cost: f64,
    /// Share of windows over the SLO, 0…1.
    pub violation_share: f64,
    /// Lagrange multiplier; absent without a constraint.
    pub multiplier: Option<f64>,
}

/// One training run's learning curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearningCurve {
    /// Name of the traffic.
    pub traffic: String,
    /// Seed of the run.
    pub seed: u64,
    /// Points in order.
    pub points: Vec<LearningPoint>,
}

/// What the autoscalers met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficSummary {
    /// Name of the traffic.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// Days used for calibration and training.
    pub train_days: Vec<String>,
    /// Days used for scoring.
    pub test_days: Vec<String>,
    /// Largest rate of the training days, in requests per second, after scaling.
    pub train_peak: f64,
    /// Largest rate of the test days, in requests per second, after scaling.
    pub test_peak: f64,
}

/// An autoscaler that takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutoscalerSummary {
    /// Name.
    pub name: String,
    /// What it is and how it was fitted, a sentence for each traffic or one for all.
    pub description: String,
}

/// Response times of all runs of an autoscaler on one traffic, from their joined histograms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedLatency {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Name of the traffic.
    pub traffic: String,
    /// Median over all requests, milliseconds.
    pub p50_ms: f64,
    /// 95th percentile over all requests, milliseconds.
    pub p95_ms: f64,
    /// 99th percentile over all requests, milliseconds.
    pub p99_ms: f64,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Heading.
    pub title: String,
    /// Name of the application.
    pub application: String,
    /// Names of its services.
    pub services: Vec<String>,
    /// The SLO's bound on p95 in milliseconds.
    pub slo_ms: f64,
    /// What they met.
    pub traffic: Vec<TrafficSummary>,
    /// Who took part.
    pub autoscalers: Vec<AutoscalerSummary>,
    /// Every run.
    pub cells: Vec<Cell>,
    /// By autoscaler and traffic.
    pub summaries: Vec<Summary>,
    /// Candidate against baseline, by traffic.
    pub paired: Vec<Paired>,
    /// For drawing: one day of each traffic.
    pub timelines: Vec<Timeline>,
    /// Learning curves, where something learned.
    pub learning: Vec<LearningCurve>,
    /// Percentiles over all runs, by autoscaler and traffic.
    #[serde(default)]
    pub latency: Vec<MergedLatency>,
    /// Fitted to one traffic and scored on another, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shift: Vec<ShiftCell>,
    /// How long decisions took. Not in `comparison.json`, whose bytes follow from its inputs; `report.json` has it.
    #[serde(skip)]
    pub time: Vec<DecisionTime>,
    /// Configuration that the run was made with, as TOML.
    pub config: String,
    /// Command that repeats it.
    pub command: String,
}
