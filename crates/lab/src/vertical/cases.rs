//! Containers to play: from files and folders to series with what they start with and where the test begins.
//!
//! Left out: what the formats look like (`trimtab_workload::usage`).

use crate::{Error, Result, files};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use trimtab_control::vertical::{LEAST, list};
use trimtab_control::vpa::{Amount, ContainerResources, ReplayConfig, ResourceList, Span, Stamp, UsagePoint};
use trimtab_model::Seconds;
use trimtab_workload::{UsageOptions, UsageReading, UsageSeries, read_usage};

/// How containers are run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaseConfig {
    /// How recordings are read.
    pub reading: UsageOptions,
    /// Share of each series before the test, in which rules are fitted and learn, 0 to 1.
    pub train_share: f64,
    /// Seconds between two measurements, and between two decisions.
    pub interval_secs: f64,
    /// Seconds that a killed or recreated container is down.
    pub restart_secs: f64,
    /// CPU limit over CPU request.
    pub cpu_limit_ratio: f64,
    /// Memory limit over memory request.
    pub memory_limit_ratio: f64,
}

impl Default for CaseConfig {
    fn default() -> Self {
        Self {
            reading: UsageOptions::default(),
            train_share: 0.5,
            interval_secs: 60.0,
            restart_secs: 30.0,
            cpu_limit_ratio: 2.0,
            memory_limit_ratio: 1.0,
        }
    }
}

impl CaseConfig {
    /// # Errors
    /// A number out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |key: &str, right: bool, expected: &str, found: f64| {
            let message = format!("is {found}, expected {expected}");
            if right { Ok(()) } else { Err(Error::config(key, message)) }
        };
        let share = self.train_share;
        check("train_share", (0.0..1.0).contains(&share) && share > 0.0, "a number between 0 and 1", share)?;
        let interval = self.interval_secs;
        check("interval_secs", (1.0..=86_400.0).contains(&interval), "a number from 1 to 86400", interval)?;
        let restart = self.restart_secs;
        check("restart_secs", (0.0..=86_400.0).contains(&restart), "a number from 0 to 86400", restart)?;
        for (key, ratio) in
            [("cpu_limit_ratio", self.cpu_limit_ratio), ("memory_limit_ratio", self.memory_limit_ratio)]
        {
            check(key, (1.0..=1000.0).contains(&ratio), "a number from 1 to 1000", ratio)?;
        }
        Ok(())
    }
}

/// A container of a recording.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name within the recording.
    pub container: String,
    /// Its use.
    pub points: Vec<UsagePoint>,
    /// Whether memory was recorded.
    pub has_memory: bool,
    /// How it is played, what it starts with among it.
    pub replay: ReplayConfig,
    /// When the test begins.
    pub split: Stamp,
}

impl Case {
    /// A series with what it starts with and where its test begins.
    pub fn of(series: &UsageSeries, config: &CaseConfig) -> Self {
        let start = Stamp::from(series.points[0].at);
        let split = start.plus(Span::from(Seconds(series.length().0 * config.train_share)));
        let training = || series.points.iter().filter(|point| Stamp::from(point.at) < split);
        let peak = |value: fn(&UsagePoint) -> f64| training().map(value).fold(0.0, f64::max);
        // Where nobody says what it was given, it starts with the peak of the training part.
        let given = |size: f64, peak: f64| if size > 0.0 { size } else { peak };
        let cores = given(series.size.cores, peak(|point| point.cpu_cores));
        let bytes = given(series.size.memory_bytes, peak(|point| point.memory_bytes));
        let requests = [Amount::from_cores(cores).max(LEAST[0]), Amount::truncated(bytes).max(LEAST[1])];
        Self {
            container: series.name.clone(),
            points: series.points.clone(),
            has_memory: series.has_memory,
            replay: ReplayConfig {
                interval: Span::from(Seconds(config.interval_secs)),
                restart: Span::from(Seconds(config.restart_secs)),
                ..ReplayConfig::new(resources(requests, config))
            },
            split,
        }
    }

    /// What it uses of CPU and memory, once an interval from its start to its end, whatever its limits.
    pub fn measurements(&self) -> impl Iterator<Item = (Stamp, [Amount; 2])> {
        let (first, last) = (&self.points[0], &self.points[self.points.len() - 1]);
        let (from, until) = (Stamp::from(first.at), Stamp::from(last.at));
        measurements(&self.points, self.replay.interval, from, until)
    }

    /// What it starts with, as CPU and memory requests.
    pub fn given(&self) -> [Amount; 2] {
        let requests: &ResourceList = &self.replay.resources.requests;
        [
            Amount(requests.cpu.unwrap_or_default().milli()),
            Amount(requests.memory.unwrap_or_default().units()),
        ]
    }
}

/// Use of CPU and memory once an interval, from `from` until before `until`, each point held until the next.
pub(crate) fn measurements(
    points: &[UsagePoint],
    interval: Span,
    from: Stamp,
    until: Stamp,
) -> impl Iterator<Item = (Stamp, [Amount; 2])> {
    let mut place = points.partition_point(|point| Stamp::from(point.at) <= from).saturating_sub(1);
    let instants = std::iter::successors(Some(from), move |at| Some(at.plus(interval)));
    instants.take_while(move |at| *at < until).map(move |at| {
        while points.get(place + 1).is_some_and(|next| Stamp::from(next.at) <= at) {
            place += 1;
        }
        let point = &points[place];
        (at, [Amount::from_cores(point.cpu_cores), Amount::truncated(point.memory_bytes)])
    })
}

/// Requests with limits in the configured proportion.
pub(super) fn resources(requests: [Amount; 2], config: &CaseConfig) -> ContainerResources {
    let limits = [requests[0].scaled(config.cpu_limit_ratio), requests[1].scaled(config.memory_limit_ratio)];
    ContainerResources { requests: list(requests), limits: list(limits) }
}

/// One `--usage`: a file or a folder.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name: that of the folder or the file.
    pub name: String,
    /// What is worth knowing of how it was read.
    pub remark: String,
    /// Its containers.
    pub cases: Vec<Case>,
}

/// Reads a recording: a file, or every file of a folder.
///
/// # Errors
/// A file that cannot be read or holds no recording, with its name; a folder without files.
pub fn load(path: &Path, config: &CaseConfig) -> Result<Recording> {
    config.validate()?;
    let mut paths = if path.is_dir() { entries(path)? } else { vec![path.to_owned()] };
    paths.sort();
    if paths.is_empty() {
        return Err(Error::run(path, "has no files, expected recordings of use"));
    }
    let several = paths.len() > 1;
    let mut cases = Vec::new();
    let mut readings = Vec::new();
    for path in &paths {
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let text = files::read_text(path)?;
        let reading = read_usage(&stem, &text, &config.reading)
            .map_err(|source| Error::Trace { file: path.display().to_string(), source })?;
        for series in &reading.series {
            let mut case = Case::of(series, config);
            if several && case.container != stem {
                case.container = format!("{stem}/{}", case.container);
            }
            cases.push(case);
        }
        readings.push(reading);
    }
    let name =
        path.file_stem().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    Ok(Recording { name, remark: remark(&readings), cases })
}

/// Files of a folder that are not hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |source| Error::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !hidden {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn remark(readings: &[UsageReading]) -> String {
    let mut formats: Vec<&str> = readings.iter().map(|reading| reading.format.name()).collect();
    formats.dedup();
    let mut text = format!("format {}", formats.join(", "));
    let rows: usize = readings.iter().map(|reading| reading.rows_left_out).sum();
    if rows > 0 {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "; {rows} rows without a sensible value left out");
    }
    let series: usize = readings.iter().map(|reading| reading.series_left_out).sum();
    if series > 0 {
        let _ = write!(text, "; {series} series of a single point left out");
    }
    if let Some(size) = readings.iter().find_map(|reading| reading.assumed) {
        let _ = write!(
            text,
            "; 100 % is taken for {} core{}",
            size.cores,
            if size.cores == 1.0 { "" } else { "s" }
        );
        if size.memory_bytes > 0.0 {
            let _ = write!(text, " and {} GB", size.memory_bytes / 1e9);
        }
    }
    text
}
