//! What the differences show: on one recording by their intervals, over all recordings by Wilcoxon's test with Holm's
//! correction and the interval together.
//!
//! Pairs share recording, container and day. On a recording of one container the pairs are its days, and an interval says nothing
//! of other containers; over all recordings a container is one pair, with the mean of its days.
//!
//! Left out: means ([`super::comparison`]).

use super::{
    comparison::{Cell, Paired, UsageComparison},
    score::{METRICS, Metric},
};
use crate::statistics::{Estimate, SignedRank, estimate, holm, mean, signed_rank};
use serde::{Deserialize, Serialize};

/// Level of the tests.
const LEVEL: f64 = 0.05;
/// Measures that are tested over all recordings: those whose unit means the same on each.
const OVERALL: [&str; 3] = ["loss", "restarts", "oom_kills"];

/// Smallest difference that is worth a word, in any unit: less than the tables print.
const NEGLIGIBLE: f64 = 1e-3;

/// What a difference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The candidate has less.
    Lower,
    /// The candidate has more.
    Higher,
    /// No difference shown.
    Nothing,
}

impl Shown {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::Nothing => "no difference shown",
        }
    }

    fn of(difference: &Estimate, pairs: usize) -> Self {
        match difference {
            // A single pair has no interval.
            _ if pairs < 2 => Self::Nothing,
            d if d.mean.abs() < NEGLIGIBLE => Self::Nothing,
            d if d.high < 0.0 => Self::Lower,
            d if d.low > 0.0 => Self::Higher,
            _ => Self::Nothing,
        }
    }
}

/// A test over all containers of all recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverallTest {
    /// Name of the candidate.
    pub candidate: String,
    /// Key of the measure.
    pub metric: String,
    /// Candidate less baseline, mean over containers.
    pub difference: Estimate,
    /// Containers.
    pub pairs: usize,
    /// Wilcoxon's test.
    pub test: SignedRank,
    /// p after Holm's correction over all candidates and measures.
    pub p_holm: f64,
    /// What interval and test show together.
    pub shown: Shown,
}

/// Differences of the same recording, container and day: candidate less baseline, with recording and container.
fn differences<'a>(
    comparison: &'a UsageComparison,
    candidate: &str,
    baseline: &str,
    metric: &Metric,
) -> Vec<(&'a Cell, f64)> {
    let of = |name: &str| -> Vec<&'a Cell> {
        comparison.cells.iter().filter(|cell| cell.autoscaler == name).collect()
    };
    let theirs = of(baseline);
    let matching = |mine: &&'a Cell| {
        let same = |cell: &&&Cell| {
            cell.recording == mine.recording && cell.container == mine.container && cell.day == mine.day
        };
        let other = theirs.iter().find(same)?;
        Some((*mine, (metric.of)(&mine.score)? - (metric.of)(&other.score)?))
    };
    of(candidate).iter().filter_map(matching).collect()
}

fn candidates<'a>(comparison: &'a UsageComparison, baseline: &str) -> Vec<&'a str> {
    let names = comparison.autoscalers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| *name != baseline).collect()
}

/// Every candidate against the baseline on each recording.
pub(super) fn paired(comparison: &UsageComparison, baseline: &str) -> Vec<Paired> {
    let mut paired = Vec::new();
    for recording in &comparison.recordings {
        for candidate in candidates(comparison, baseline) {
            for metric in &METRICS {
                let found = differences(comparison, candidate, baseline, metric);
                let own = found.iter().filter(|(cell, _)| cell.recording == recording.name);
                let blocks: Vec<Vec<f64>> = own.map(|(_, difference)| vec![*difference]).collect();
                if blocks.is_empty() {
                    continue;
                }
                let difference = estimate(&blocks);
                paired.push(Paired {
                    recording: recording.name.clone(),
                    candidate: candidate.to_owned(),
                    metric: metric.key.to_owned(),
                    shown: Shown::of(&difference, blocks.len()),
                    difference,
                });
            }
        }
    }
    paired
}

/// Every candidate against the baseline over all containers.
pub(super) fn overall(comparison: &UsageComparison, baseline: &str) -> Vec<OverallTest> {
    let mut tests = Vec::new();
    for candidate in candidates(comparison, baseline) {
        for metric in METRICS.iter().filter(|metric| OVERALL.contains(&metric.key)) {
            let found = differences(comparison, candidate, baseline, metric);
            let values: Vec<f64> = found
                .chunk_by(|a, b| a.0.recording == b.0.recording && a.0.container == b.0.container)
                .map(|days| mean(&days.iter().map(|(_, difference)| *difference).collect::<Vec<_>>()))
                .collect();
            let blocks: Vec<Vec<f64>> = values.iter().map(|value| vec![*value]).collect();
            let difference = estimate(&blocks);
            tests.push(OverallTest {
                candidate: candidate.to_owned(),
                metric: metric.key.to_owned(),
                difference,
                pairs: values.len(),
                test: signed_rank(&values),
                p_holm: 1.0,
                shown: Shown::of(&difference, values.len()),
            });
        }
    }
    let corrected = holm(&tests.iter().map(|test| test.test.p_value).collect::<Vec<_>>());
    for (test, p_holm) in tests.iter_mut().zip(corrected) {
        test.p_holm = p_holm;
        if p_holm > LEVEL {
            test.shown = Shown::Nothing;
        }
    }
    tests
}
