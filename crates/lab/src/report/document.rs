//! The report as data: what the page shows, under names of its own and with the version of its schema.
//!
//! Left out: series for drawing and learning curves, which are in `comparison.json`.

use crate::comparison::{
    Analysis, AutoscalerSummary, Better, Cell, Comparison, METRICS, MergedLatency, Paired, ShiftCell,
    TrafficSummary,
};
use crate::evaluation::DecisionTime;
use serde::Serialize;

/// Name and version of the schema; a change that breaks readers gets the next number.
pub const SCHEMA: &str = "trimtab-report/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    title: &'a str,
    application: &'a str,
    slo_p95_ms: f64,
    command: &'a str,
    traffic: &'a [TrafficSummary],
    autoscalers: &'a [AutoscalerSummary],
    metrics: Vec<Described>,
    /// Keys of metrics that apply to no run.
    not_applicable: Vec<&'static str>,
    runs: &'a [Cell],
    by_traffic_paired: &'a [Paired],
    /// Percentiles over all requests of all runs.
    merged_latency: &'a [MergedLatency],
    analysis: &'a Analysis,
    shift: &'a [ShiftCell],
    /// The only part that differs from run to run.
    time: Time<'a>,
}

#[derive(Serialize)]
struct Described {
    key: &'static str,
    heading: &'static str,
    unit: &'static str,
    better: Better,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Time<'a> {
    decision: &'a [DecisionTime],
}

/// The report as JSON text, its `schema` first.
///
/// # Panics
/// Never: a report has a JSON form.
pub fn document(comparison: &Comparison, analysis: &Analysis) -> String {
    let described = METRICS.iter().map(|m| Described {
        key: m.key,
        heading: m.heading,
        unit: m.unit,
        better: m.better,
        meaning: m.meaning,
    });
    let applies_to_none =
        |m: &&crate::comparison::Metric| comparison.cells.iter().all(|c| (m.of)(&c.score).is_none());
    let document = Document {
        schema: SCHEMA,
        title: &comparison.title,
        application: &comparison.application,
        slo_p95_ms: comparison.slo_ms,
        command: &comparison.command,
        traffic: &comparison.traffic,
        autoscalers: &comparison.autoscalers,
        metrics: described.collect(),
        not_applicable: METRICS.iter().filter(applies_to_none).map(|m| m.key).collect(),
        runs: &comparison.cells,
        by_traffic_paired: &comparison.paired,
        merged_latency: &comparison.latency,
        analysis,
        shift: &comparison.shift,
        time: Time { decision: &comparison.time },
    };
    serde_json::to_string_pretty(&document).expect("a report has a JSON form")
}

/// How long decisions took, as an earlier [`document`] has it; nothing of any other text.
pub fn time_of(document: &str) -> Vec<DecisionTime> {
    let read = || -> Option<Vec<DecisionTime>> {
        let mut value: serde_json::Value = serde_json::from_str(document).ok()?;
        let known = value.get("schema")?.as_str() == Some(SCHEMA);
        known.then(|| serde_json::from_value(value["time"]["decision"].take()).ok()).flatten()
    };
    read().unwrap_or_default()
}
