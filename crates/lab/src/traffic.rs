//! Traffic for an experiment: a recording, scaled to an application, cut into days to train on and days to
//! test on.
//!
//! The scale comes from the training days alone: their highest minute needs a given share of the largest
//! allowed capacity. What the test days then bring is as unknown to the experiment as in production.

mod synthetic;

use crate::{Error, Result, files};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};
use trimtab_model::{Application, PerSecond, Seconds, Time};
use trimtab_workload::{
    ArrivalRate, Replay, Trace, gallery, read, shipped,
    trace::{Period, ReadOptions, Split, Suspicion},
};

/// Where traffic comes from and how it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficConfig {
    /// A shipped recording (`worldcup98`, `nasa_http`), a synthetic workload (`bursts`, `flash_crowd`, …), or a file of two
    /// columns, time and count, whatever their names.
    pub source: String,
    /// Days to train on, by number or date (`0..5`, `0,2,7..9`, `1998-06-05..=1998-06-12`); empty: recommended, else the first 70 %.
    pub train: String,
    /// Days to test on; empty: recommended, else the rest.
    pub test: String,
    /// Share of the largest allowed capacity that the highest interval of the training days needs; 0: unscaled.
    pub peak_share: f64,
    /// Seconds between two rows of a file; 0: found.
    pub step_secs: f64,
    /// Name of the time column, for files of more than two; empty: found.
    pub time_column: String,
    /// Name of the count column, for files of more than two; empty: found.
    pub count_column: String,
}

impl Default for TrafficConfig {
    fn default() -> Self {
        Self {
            source: "worldcup98".to_owned(),
            train: String::new(),
            test: String::new(),
            peak_share: 0.7,
            step_secs: 0.0,
            time_column: String::new(),
            count_column: String::new(),
        }
    }
}

/// A stretch of traffic. Time zero of `rate` is its start; before it, the rate is what really came before.
#[derive(Clone)]
pub struct Day {
    /// Date or number.
    pub label: String,
    /// When it starts, for calendar features.
    pub start: Time,
    /// How long it lasts.
    pub length: Seconds,
    /// Requests per second.
    pub rate: Arc<dyn ArrivalRate>,
}

/// Traffic of an experiment.
#[derive(Clone)]
pub struct Traffic {
    /// Short name.
    pub name: String,
    /// One sentence about its origin.
    pub description: String,
    /// To calibrate and train on.
    pub train: Vec<Day>,
    /// To score on.
    pub test: Vec<Day>,
    /// Highest interval of the training days after scaling.
    pub train_peak: PerSecond,
    /// Highest interval of the test days after scaling.
    pub test_peak: PerSecond,
    /// Days that were left out because the recorder or the server was down, in words.
    pub left_out: Vec<String>,
}

impl Traffic {
    /// Reads, scales and splits.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Trace`] with the file's name and the line, or [`Error::Config`] for a share out of range.
    pub fn load(config: &TrafficConfig, application: &Application) -> Result<Self> {
        if !(0.0..=10.0).contains(&config.peak_share) {
            let message = format!("is {}, expected a number from 0 to 10", config.peak_share);
            return Err(Error::config("traffic.peak_share", message));
        }
        if let Some(named) = synthetic::find(&config.source) {
            return synthetic::load(&named, config, application);
        }
        let place = |source| Error::Trace { file: config.source.clone(), source };
        let known = shipped::ALL.iter().find(|s| s.name == config.source);
        let mut trace = recording(config)?;
        let description =
            known.map_or_else(|| format!("read from {}", config.source), |s| s.description.to_owned());
        let days = trace.sound_days(&Suspicion::default());
        let left_out = trace.suspects(&Suspicion::default()).iter().map(ToString::to_string).collect();
        let split = split(config, known, &trace, &days).map_err(place)?;
        let train_ranges = split.train_intervals();
        if config.peak_share > 0.0 {
            let peak = trace.peak_of(&train_ranges).0;
            let wanted = config.peak_share * application.largest_capacity();
            if peak <= 0.0 || !wanted.is_finite() {
                let message =
                    format!("the highest interval of its training days has {peak} requests/s, expected more");
                return Err(Error::config(&config.source, message));
            }
            trace = trace.scaled(wanted / peak).map_err(place)?;
        }
        let test_ranges: Vec<_> = split.test.iter().map(|p| p.intervals.clone()).collect();
        let replay = Replay::new(&trace);
        let origin = trace.origin().seconds();
        let days = |periods: &[Period]| -> Result<Vec<Day>> {
            let day = |period: &Period| {
                Ok(Day {
                    label: period.label.clone(),
                    start: Time(origin + period.offset.0),
                    length: period.length,
                    rate: Arc::new(replay.period(period).map_err(place)?),
                })
            };
            periods.iter().map(day).collect()
        };
        Ok(Self {
            name: Path::new(&config.source)
                .file_stem()
                .map_or_else(|| config.source.clone(), |stem| stem.to_string_lossy().into_owned()),
            description,
            train_peak: trace.peak_of(&train_ranges),
            test_peak: trace.peak_of(&test_ranges),
            train: days(&split.train)?,
            test: days(&split.test)?,
            left_out,
        })
    }
}

/// The recording itself, neither scaled nor cut.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest recording, [`Error::Read`], or [`Error::Trace`] with the file's name and the line.
pub fn recording(config: &TrafficConfig) -> Result<Trace> {
    let place = |source| Error::Trace { file: config.source.clone(), source };
    match shipped::ALL.iter().find(|s| s.name == config.source) {
        Some(shipped) => shipped.trace().map_err(place),
        None => read_file(config),
    }
}

fn read_file(config: &TrafficConfig) -> Result<Trace> {
    let path = Path::new(&config.source);
    if path.extension().is_none() && !path.exists() {
        return Err(Error::unknown("traffic", &config.source, gallery::all().iter().map(|named| named.name)));
    }
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let options = ReadOptions {
        time_column: named(&config.time_column),
        count_column: named(&config.count_column),
        step: (config.step_secs > 0.0).then_some(Seconds(config.step_secs)),
        ..ReadOptions::default()
    };
    let text = files::read_text(path)?;
    read(&text, &options).map_err(|source| Error::Trace { file: config.source.clone(), source })
}

fn split(
    config: &TrafficConfig,
    shipped: Option<&shipped::Shipped>,
    trace: &Trace,
    days: &[Period],
) -> Result<Split, trimtab_workload::Error> {
    let recommended = |given: &str, ours: Option<&'static str>| {
        if given.is_empty() { ours.map(str::to_owned) } else { Some(given.to_owned()) }
    };
    let train = recommended(&config.train, shipped.map(|s| s.train));
    let test = recommended(&config.test, shipped.map(|s| s.test));
    match (train, test) {
        (Some(train), Some(test)) => Trace::split_by_name(days, &train, &test),
        (None, None) => trace.split(days, Split::TRAIN_SHARE),
        (Some(train), None) => {
            let train = Trace::pick_days(days, &train)?;
            let test = days.iter().filter(|d| !train.contains(d)).cloned().collect();
            Ok(Split { train, test })
        }
        (None, Some(test)) => {
            let test = Trace::pick_days(days, &test)?;
            let train = days.iter().filter(|d| !test.contains(d)).cloned().collect();
            Ok(Split { train, test })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications;

    #[test]
    fn the_training_peak_needs_the_given_share_of_the_largest_capacity() {
        let shop = applications::load("online_boutique").unwrap();
        let traffic = Traffic::load(&TrafficConfig::default(), &shop).unwrap();
        assert!((traffic.train_peak.0 - 0.7 * shop.largest_capacity()).abs() < 1e-6);
        assert_eq!((traffic.train.len(), traffic.test.len()), (9, 5));
    }

    #[test]
    fn a_file_with_other_column_names_is_split_by_its_days() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.csv");
        let rows: Vec<String> =
            (0..4 * 1440).map(|m| format!("{},{}", 60 * m, 100 + (m % 1440) / 10)).collect();
        std::fs::write(&path, format!("when,hits\n{}\n", rows.join("\n"))).unwrap();
        let config =
            TrafficConfig { source: path.to_string_lossy().into_owned(), ..TrafficConfig::default() };
        let shop = applications::load("online_boutique").unwrap();
        let traffic = Traffic::load(&config, &shop).unwrap();
        assert_eq!((traffic.name.as_str(), traffic.train.len(), traffic.test.len()), ("shop", 3, 1));
    }

    #[test]
    fn a_bad_line_is_named_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.csv");
        std::fs::write(&path, "time,count\n0,5\n60,-3\n120,4\n").unwrap();
        let config =
            TrafficConfig { source: path.to_string_lossy().into_owned(), ..TrafficConfig::default() };
        let shop = applications::load("online_boutique").unwrap();
        let error = Traffic::load(&config, &shop).err().unwrap();
        let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(text.contains("bad.csv") && text.contains("line 3") && text.contains("-3"), "{text}");
    }
}
