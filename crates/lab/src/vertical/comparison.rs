//! Everybody plays every container of every recording; means, and differences from the baseline on the same containers.
//!
//! Left out: what the differences show ([`super::judgement`]), and how they look.

use super::{
    cases::{CaseConfig, Recording},
    judgement::{self, OverallTest, Shown},
    learned::Trained,
    registry::{self, BASELINE, Fitted, Fitting, KnownVertical},
    score::{METRICS, Metric, Score, scored},
};
use crate::{
    Error, Result,
    contenders::Settings,
    parallel,
    statistics::{Estimate, Stratum, estimate},
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Schema of the JSON form.
const SCHEMA: &str = "trimtab-usage/1";

/// One container with one autoscaler over the test, or over one day of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the recording.
    pub recording: String,
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Name of the container.
    pub container: String,
    /// Day of the test, where days are what an interval is made of.
    pub day: Option<usize>,
    /// How it fared.
    pub score: Score,
}

/// One measure of one autoscaler on one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Key of the measure.
    pub metric: String,
    /// Mean with its interval.
    pub value: Estimate,
}

/// One autoscaler on one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Name of the recording.
    pub recording: String,
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// How it was fitted; empty where it was not.
    pub fitted: String,
    /// Measures that apply.
    pub columns: Vec<Column>,
}

/// Candidate less baseline on the same containers of one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Name of the recording.
    pub recording: String,
    /// Name of the candidate.
    pub candidate: String,
    /// Key of the measure.
    pub metric: String,
    /// The difference, in the measure's unit.
    pub difference: Estimate,
    /// What its interval shows.
    pub shown: Shown,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingSummary {
    /// Name.
    pub name: String,
    /// How it was read.
    pub remark: String,
    /// Number of containers.
    pub containers: usize,
    /// Mean hours of test of a container.
    pub test_hours: f64,
    /// What an interval is made of: `containers`, or `days` of the only one.
    pub blocks: String,
}

/// A whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageComparison {
    /// Name and version of this form.
    pub schema: String,
    /// Command that repeats it.
    pub command: String,
    /// How containers were run.
    pub config: CaseConfig,
    /// Who the others are judged against.
    pub baseline: Option<String>,
    /// Autoscalers in the order asked for, each with what it is.
    pub autoscalers: Vec<(String, String)>,
    /// What was played.
    pub recordings: Vec<RecordingSummary>,
    /// Means.
    pub rows: Vec<UsageRow>,
    /// Differences from the baseline.
    pub paired: Vec<Paired>,
    /// Tests over all containers of all recordings.
    pub overall: Vec<OverallTest>,
    /// Every run.
    pub cells: Vec<Cell>,
}

/// Who takes part.
struct Entrant {
    name: String,
    who: Who,
}

enum Who {
    Known(&'static KnownVertical, Settings),
    Trained(Box<Trained>),
}

impl Entrant {
    fn find(asked: &str) -> Result<Self> {
        let (word, settings) = asked.split_once(':').unwrap_or((asked, ""));
        let path = Path::new(asked);
        if registry::KNOWN.iter().all(|known| known.name != word) && path.is_dir() {
            let trained = Trained::load(path)?;
            return Ok(Self { name: trained.name.clone(), who: Who::Trained(Box::new(trained)) });
        }
        let known = registry::find(word)?;
        let settings = Settings::parse_for(known.name, known.parameters, settings)?;
        Ok(Self { name: asked.to_owned(), who: Who::Known(known, settings) })
    }

    fn is_baseline(&self) -> bool {
        matches!(self.who, Who::Known(known, _) if known.name == BASELINE)
    }

    fn description(&self) -> String {
        match &self.who {
            Who::Known(known, _) => known.description.to_owned(),
            Who::Trained(trained) => trained.description.clone(),
        }
    }

    fn fit(&self, fitting: &Fitting<'_>) -> Result<Fitted> {
        match &self.who {
            Who::Known(known, settings) => known.fit(fitting, settings),
            Who::Trained(trained) => {
                let trained = trained.clone();
                Ok(Fitted::plain(move |case| trained.build(case)))
            }
        }
    }
}

/// Plays `recordings` to everybody in `names`: rules, with settings after a colon as in `window:margin_percent=20`, or directories of
/// runs on the environment `vpa`. `progress` is told of each autoscaler that starts on a recording.
///
/// # Errors
/// [`Error::Unknown`] for a name that nobody has, a setting out of range, a series that cannot be played.
pub fn compare(
    recordings: &[Recording],
    names: &[String],
    config: &CaseConfig,
    threads: usize,
    command: String,
    progress: &dyn Fn(&str),
) -> Result<UsageComparison> {
    let entrants: Vec<Entrant> = names.iter().map(|name| Entrant::find(name)).collect::<Result<_>>()?;
    for (index, entrant) in entrants.iter().enumerate() {
        if entrants[..index].iter().any(|other| other.name == entrant.name) {
            return Err(Error::config("--autoscalers", format!("has {:?} twice", entrant.name)));
        }
    }
    let baseline = entrants.iter().find(|entrant| entrant.is_baseline()).map(|e| e.name.clone());
    played(recordings, &entrants, baseline, config, threads, command, progress)
}

/// An autoscaler with its defaults against the same with `settings`, which is called `name`.
///
/// # Errors
/// As [`compare`].
pub(super) fn duel(
    recordings: &[Recording],
    known: &'static KnownVertical,
    (name, settings): (&str, &Settings),
    config: &CaseConfig,
    threads: usize,
    command: String,
    progress: &dyn Fn(&str),
) -> Result<UsageComparison> {
    let baseline = Some(known.name.to_owned());
    let entrant = |name: &str, settings| Entrant { name: name.to_owned(), who: Who::Known(known, settings) };
    let entrants = [entrant(known.name, Settings::default()), entrant(name, settings.clone())];
    let entrants = if settings.is_empty() { &entrants[..1] } else { &entrants[..] };
    played(recordings, entrants, baseline, config, threads, command, progress)
}

fn played(
    recordings: &[Recording],
    entrants: &[Entrant],
    baseline: Option<String>,
    config: &CaseConfig,
    threads: usize,
    command: String,
    progress: &dyn Fn(&str),
) -> Result<UsageComparison> {
    let mut comparison = UsageComparison {
        schema: SCHEMA.to_owned(),
        command,
        config: config.clone(),
        baseline,
        autoscalers: entrants.iter().map(|e| (e.name.clone(), e.description())).collect(),
        recordings: recordings.iter().map(summary).collect(),
        rows: Vec::new(),
        paired: Vec::new(),
        overall: Vec::new(),
        cells: Vec::new(),
    };
    for recording in recordings {
        for entrant in entrants {
            progress(&format!("{}: {}", recording.name, entrant.name));
            let (fitted, cells) = play(recording, recordings, entrant, config, threads)?;
            comparison.rows.push(row(recording, entrant, fitted, &cells));
            comparison.cells.extend(cells);
        }
    }
    if let Some(baseline) = comparison.baseline.clone() {
        comparison.paired = judgement::paired(&comparison, &baseline);
        comparison.overall = judgement::overall(&comparison, &baseline);
    }
    Ok(comparison)
}

fn summary(recording: &Recording) -> RecordingSummary {
    let hours = |case: &super::Case| {
        let end = trimtab_control::vpa::Stamp::from(case.points[case.points.len() - 1].at);
        end.since(case.split).over(trimtab_control::vpa::Span::HOUR)
    };
    let count = recording.cases.len();
    RecordingSummary {
        name: recording.name.clone(),
        remark: recording.remark.clone(),
        containers: count,
        test_hours: recording.cases.iter().map(hours).sum::<f64>() / count.max(1) as f64,
        blocks: if count > 1 { "containers" } else { "days" }.to_owned(),
    }
}

fn play(
    recording: &Recording,
    recordings: &[Recording],
    entrant: &Entrant,
    config: &CaseConfig,
    threads: usize,
) -> Result<(String, Vec<Cell>)> {
    let fitting = Fitting { cases: &recording.cases, recordings, config, threads };
    let fitted = entrant.fit(&fitting)?;
    let by_day = recording.cases.len() == 1;
    let played = parallel::map(recording.cases.len(), threads, |index| {
        let case = &recording.cases[index];
        scored(case, fitted.start(index, case), &mut *fitted.build(case)?, by_day)
    });
    let mut cells = Vec::new();
    for (case, scores) in recording.cases.iter().zip(played) {
        for (day, score) in scores?.into_iter().enumerate() {
            cells.push(Cell {
                recording: recording.name.clone(),
                autoscaler: entrant.name.clone(),
                container: case.container.clone(),
                day: by_day.then_some(day),
                score,
            });
        }
    }
    Ok((fitted.how, cells))
}

fn row(recording: &Recording, entrant: &Entrant, fitted: String, cells: &[Cell]) -> UsageRow {
    let column = |metric: &Metric| {
        let blocks: Stratum = cells.iter().filter_map(|cell| Some(vec![(metric.of)(&cell.score)?])).collect();
        let value = (!blocks.is_empty()).then(|| estimate(&blocks))?;
        Some(Column { metric: metric.key.to_owned(), value })
    };
    UsageRow {
        recording: recording.name.clone(),
        autoscaler: entrant.name.clone(),
        fitted,
        columns: METRICS.iter().filter_map(column).collect(),
    }
}

impl UsageComparison {
    /// One measure of one autoscaler on one recording.
    pub fn value(&self, recording: &str, autoscaler: &str, metric: &str) -> Option<Estimate> {
        let row = self.rows.iter().find(|row| row.recording == recording && row.autoscaler == autoscaler)?;
        row.columns.iter().find(|column| column.metric == metric).map(|column| column.value)
    }

    /// As JSON text.
    ///
    /// # Panics
    /// Never: a comparison has a JSON form.
    pub fn document(&self) -> String {
        serde_json::to_string_pretty(self).expect("a comparison has a JSON form")
    }
}
