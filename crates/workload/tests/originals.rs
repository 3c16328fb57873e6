//! The reader against real files: the shipped data must be their excerpt, and each format must be read in
//! full.
//!
//! The originals are not in the repository. `TRIMTAB_SHARED` names the folder that holds `data/traces`;
//! without it a sibling folder of the repository is tried, and where that is absent too the test says so and
//! is skipped.

use std::path::PathBuf;
use trimtab_model::{Seconds, Time};
use trimtab_workload::{
    Origin, Trace, read, shipped,
    trace::{ReadOptions, Suspicion, TimeUnit},
};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test may ask where the originals are, and says so if it is skipped"
)]
fn original(test: &str, path: &str) -> Option<String> {
    let folder = std::env::var("TRIMTAB_SHARED")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = folder.join("data/traces").join(path);
    let text = std::fs::read_to_string(&file);
    if let Err(error) = &text {
        eprintln!("skipped: {test}: {}: {error}", file.display());
    }
    text.ok()
}

fn july_1995() -> ReadOptions {
    ReadOptions { start: Some(Time(804_556_800.0)), ..ReadOptions::default() }
}

/// Whether `part` is the stretch of `whole` at its dates.
fn is_excerpt(part: &Trace, whole: &Trace) -> bool {
    let shift = (part.origin().seconds() - whole.origin().seconds()) / whole.step().0;
    let from = shift as usize;
    part.counts() == &whole.counts()[from..from + part.counts().len()]
}

#[test]
fn the_world_cup_series_is_read_in_full_and_the_shipped_days_are_its_excerpt() {
    let test = "the_world_cup_series_is_read_in_full_and_the_shipped_days_are_its_excerpt";
    let Some(text) = original(test, "worldcup98/requests_per_minute.csv") else { return };
    let trace = read(&text, &ReadOptions::default()).unwrap();
    assert_eq!(trace.origin(), Origin::Calendar(Time(893_971_800.0))); // 30 April 1998, 21:30
    assert_eq!(trace.step(), Seconds(60.0));
    // Published for all 88 days: 1,352,804,107. This file ends on 30 June.
    let total = text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(trace.total(), total.sum::<u64>() as f64);
    assert_eq!(trace.total(), 1_024_417_671.0);
    assert_eq!(trace.missing().len(), 7);
    assert_eq!(trace.missing().iter().map(ExactSizeIterator::len).sum::<usize>(), 10);
    assert_eq!(trace.days().len(), 61);
    assert_eq!(trace.suspects(&Suspicion::default()), []);
    assert!(is_excerpt(&shipped::find("worldcup98").unwrap().trace().unwrap(), &trace));
}

#[test]
fn the_nasa_series_is_read_in_full_and_its_outage_is_suspect() {
    let test = "the_nasa_series_is_read_in_full_and_its_outage_is_suspect";
    let Some(text) = original(test, "nasa_http/requests_per_minute.csv") else { return };
    let trace = read(&text, &july_1995()).unwrap();
    assert_eq!((trace.total(), trace.days().len(), trace.step()), (1_986_121.0, 31, Seconds(60.0)));
    let suspects = trace.suspects(&Suspicion::default());
    let labels: Vec<_> = suspects.iter().map(|suspect| suspect.period.label.as_str()).collect();
    assert_eq!(labels, ["1995-07-29", "1995-07-30"]);
    assert_eq!(trace.sound_days(&Suspicion::default()).len(), 29);
    assert!(is_excerpt(&shipped::find("nasa_http").unwrap().trace().unwrap(), &trace));
}

#[test]
fn one_integer_a_line_is_read_with_a_step() {
    let test = "one_integer_a_line_is_read_with_a_step";
    let Some(text) = original(test, "autothrottle_1h/bursty.txt") else { return };
    let options = ReadOptions { step: Some(Seconds(1.0)), ..ReadOptions::default() };
    let trace = read(&text, &options).unwrap();
    assert_eq!((trace.counts().len(), trace.counts()[0], trace.counts()[4]), (3600, 157.0, 161.0));
    let minutes = trace.resample(Seconds(60.0)).unwrap();
    assert_eq!((minutes.counts().len(), minutes.total()), (60, trace.total()));
}

#[test]
fn limbo_lines_are_read_in_hours() {
    let test = "limbo_lines_are_read_in_hours";
    let Some(text) = original(test, "limbo/wikipedia_trace.txt") else { return };
    let options = ReadOptions { time_unit: Some(TimeUnit::Hours), ..ReadOptions::default() };
    let trace = read(&text, &options).unwrap();
    assert_eq!((trace.counts().len(), trace.origin()), (1483, Origin::Relative(Seconds(0.0))));
    assert_eq!(trace.days().len(), 61);
}

#[test]
fn one_row_a_day_is_read_by_its_dates() {
    let test = "one_row_a_day_is_read_by_its_dates";
    let Some(text) = original(test, "transactions_daily.csv") else { return };
    match read(&text, &ReadOptions::default()) {
        Ok(trace) => assert_eq!(trace.step(), Seconds(86_400.0)),
        Err(error) => panic!("{error}"),
    }
}
