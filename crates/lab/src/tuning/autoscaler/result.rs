//! What a tuning found: settings with what they did on the training days, and the comparison on the test days.
//!
//! Left out: pictures (`report`).

use super::{
    alone::Alone,
    course::{Figures, Run},
};
use crate::{
    comparison::{Comparison, Paired},
    contenders::{Known, Settings},
    statistics::{Estimate, estimate},
};
use serde::Serialize;

/// Name and version of `result.json`; a change that breaks readers gets the next number.
pub const SCHEMA: &str = "trimtab-tuning/1";
/// The best setting's name in the comparison.
const TUNED: &str = "tuned";

/// Settings and what they did on the training days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// As `trimtab compare` takes it.
    pub name: String,
    /// Cost and violations.
    pub figures: Figures,
    #[serde(skip)]
    pub(crate) settings: Settings,
    #[serde(skip)]
    pub(super) run: Run,
}

impl Candidate {
    /// The settings that differ from the defaults.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Simulated hours; each day counts with the quarter of an hour before it that is not scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Hours {
    /// What the search was given.
    pub budget: f64,
    /// What it took.
    pub search: f64,
    /// What the analysis of single parameters took, from which the setting gained nothing.
    pub analysis: f64,
    /// Settings that the search simulated, on some days at least.
    pub settings: usize,
}

/// What the best setting saves on the test days of one traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Savings {
    /// Name of the traffic.
    pub traffic: String,
    /// Requested cores on average.
    pub cores: Estimate,
    /// Requested core-hours in a month of 730 hours.
    pub core_hours_a_month: Estimate,
    /// Share of SLO windows that the best setting violated there.
    pub violation_share: Estimate,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TunedAutoscaler {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Name of the autoscaler.
    pub autoscaler: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Largest share of SLO windows violated.
    pub violation_budget: f64,
    /// What it took.
    pub hours: Hours,
    /// The default.
    pub default: Candidate,
    /// The best with the same settings for all services, then, if searched for, the best with a target for each.
    pub found: Vec<Candidate>,
    /// Which of `found` is preferred.
    pub best: usize,
    /// Each parameter alone.
    pub alone: Vec<Alone>,
    /// The parameter whose default costs most; none where no other value of any is preferred.
    pub costliest: Option<String>,
    /// What the best setting saves on test days; empty where the default is the best.
    pub savings: Vec<Savings>,
    /// On test days.
    pub comparison: Comparison,
}

impl TunedAutoscaler {
    /// The best setting; the default where nothing is preferred to it.
    pub fn best(&self) -> &Candidate {
        &self.found[self.best]
    }

    /// The best setting against the default on the test days of each traffic.
    pub fn verdicts(&self) -> impl Iterator<Item = &Paired> {
        self.comparison.paired.iter().filter(|paired| paired.candidate == TUNED)
    }

    /// The costliest parameter.
    pub fn costliest(&self) -> Option<&Alone> {
        self.alone.iter().find(|alone| Some(&alone.parameter) == self.costliest.as_ref())
    }

    /// A parameter alone against the default on the test days of each traffic.
    pub fn paired_alone<'a>(&'a self, alone: &Alone) -> impl Iterator<Item = &'a Paired> {
        let name = name_alone(alone);
        self.comparison.paired.iter().filter(move |paired| paired.candidate == name)
    }
}

/// Joins what the stages found.
pub(super) fn joined(
    known: &'static Known,
    hours: Hours,
    default: Candidate,
    found: Vec<Candidate>,
    alone: Vec<Alone>,
    comparison: Comparison,
    violation_budget: f64,
) -> TunedAutoscaler {
    let best = preferred(&found, violation_budget);
    let costliest =
        alone.iter().filter(|alone| alone.is_better()).fold(None, |costliest: Option<&Alone>, next| {
            let beaten = |known: &Alone| next.figures.beats(known.figures, violation_budget);
            if costliest.is_none_or(beaten) { Some(next) } else { costliest }
        });
    let costliest = costliest.map(|alone| alone.parameter.clone());
    let savings = if found[best].settings.is_empty() {
        Vec::new()
    } else {
        comparison.traffic.iter().map(|t| saved(&comparison, &t.name, known.name)).collect()
    };
    TunedAutoscaler {
        schema: SCHEMA,
        autoscaler: known.name,
        description: known.description,
        violation_budget,
        hours,
        default,
        found,
        best,
        alone,
        costliest,
        savings,
        comparison,
    }
}

/// The preferred one; of equals the first.
pub(super) fn preferred(found: &[Candidate], budget: f64) -> usize {
    (1..found.len()).fold(
        0,
        |best, next| {
            if found[next].figures.beats(found[best].figures, budget) { next } else { best }
        },
    )
}

fn name_alone(alone: &Alone) -> String {
    format!("only {}", alone.settings.text())
}

/// Who is scored on the test days: the default, the best, the other kind of targets, and each parameter alone.
pub(super) fn contenders(
    known: &Known,
    found: &[Candidate],
    best: usize,
    alone: &[Alone],
) -> Vec<(String, Settings)> {
    let mut all = vec![(known.name.to_owned(), Settings::default())];
    if !found[best].settings.is_empty() {
        all.push((TUNED.to_owned(), found[best].settings.clone()));
    }
    for (number, candidate) in found.iter().enumerate() {
        let known = all.iter().any(|(_, settings)| *settings == candidate.settings);
        if !known {
            let kind = ["one target for all", "a target each"][number.min(1)];
            all.push((kind.to_owned(), candidate.settings.clone()));
        }
    }
    all.extend(alone.iter().filter(|alone| alone.is_better()).map(|a| (name_alone(a), a.settings.clone())));
    all
}

/// Default less tuned, paired by day and seed.
fn saved(comparison: &Comparison, traffic: &str, default: &str) -> Savings {
    let cells = &comparison.cells;
    let of = |name: &str| {
        cells.iter().filter(move |c| c.traffic == traffic && c.autoscaler == name).collect::<Vec<_>>()
    };
    let (tuned, before) = (of(TUNED), of(default));
    let mut days: Vec<(&str, Vec<f64>)> = Vec::new();
    for cell in tuned {
        let twin = before.iter().find(|c| c.day == cell.day && c.seed == cell.seed);
        let Some(difference) = twin.map(|twin| twin.score.core_hours - cell.score.core_hours) else {
            continue;
        };
        match days.iter_mut().find(|(day, _)| *day == cell.day) {
            Some((_, values)) => values.push(difference),
            None => days.push((&cell.day, vec![difference])),
        }
    }
    let blocks: Vec<Vec<f64>> = days.into_iter().map(|(_, values)| values).collect();
    let cores = estimate(&blocks).times(1.0 / 24.0);
    let summary = comparison.summaries.iter().find(|s| s.traffic == traffic && s.autoscaler == TUNED);
    let violation_share = summary.map(|summary| summary.violation_share).unwrap_or_default();
    Savings { traffic: traffic.to_owned(), cores, core_hours_a_month: cores.times(730.0), violation_share }
}
