//! The result of a comparison as it is printed: table, verdicts, where the files are, how long it took.

use crate::{output::Output, progress::duration};
use anyhow::Result;
use serde::Serialize;
use std::path::{Path, PathBuf};
use trimtab_lab::{
    comparison::{Cell, Comparison, Paired, Summary, TrafficSummary},
    report,
};

#[derive(Serialize)]
struct Results<'a> {
    application: &'a str,
    slo_ms: f64,
    traffic: &'a [TrafficSummary],
    summaries: &'a [Summary],
    paired: &'a [Paired],
    cells: &'a [Cell],
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Files>,
    seconds: f64,
}

#[derive(Serialize)]
struct Files {
    comparison: PathBuf,
    report: PathBuf,
    report_json: PathBuf,
}

/// Prints `comparison`, which took `seconds` and is in `dir`, if it was written.
///
/// # Errors
/// What writing to stdout brings.
pub(crate) fn print(comparison: &Comparison, dir: Option<&Path>, seconds: f64, output: Output) -> Result<()> {
    let results = Results {
        application: &comparison.application,
        slo_ms: comparison.slo_ms,
        traffic: &comparison.traffic,
        summaries: &comparison.summaries,
        paired: &comparison.paired,
        cells: &comparison.cells,
        files: dir.map(|dir| Files {
            comparison: dir.join("comparison.json"),
            report: dir.join("report.html"),
            report_json: dir.join("report.json"),
        }),
        seconds,
    };
    output.result(&results, || {
        let mut text = report::table(comparison);
        text.push('\n');
        if let Some(files) = &results.files {
            text.push_str(&["report: ", &files.report.to_string_lossy(), "\n"].concat());
        }
        text.push_str(&["took ", &duration(seconds), "\n"].concat());
        text
    })
}
