//! The files of a made-up or recorded workload of one container: what the smart-vpa system's generator writes, as text.
//!
//! `info.json` (type, notes, steps, seed, rule), `container.json`, `workload.csv` (times, memory and CPU in one table, which
//! [`trimtab_workload::read_usage`] reads) and `figure.svg`. Left out: its pickles.

use crate::{Error, Result, files, report};
use serde::Serialize;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use trimtab_workload::{
    UsageSeries,
    usage::generate::{ContainerSpec, UsageShape, UsageWorkload},
};

/// What `info.json` says.
#[derive(Serialize)]
struct Info<'a> {
    workload_type: &'a str,
    notes: &'a str,
    timesteps: usize,
    time_interval: f64,
    seed: Option<u64>,
    /// Whether it is a synthetic stand-in for a recording.
    synthetic_stand_in: bool,
    /// The rule, or the file it was read from.
    config: serde_json::Value,
}

/// Where a workload comes from.
pub enum Source<'a> {
    /// A rule.
    Rule(&'a UsageWorkload),
    /// A recording's file.
    Recording(&'a Path),
}

/// Writes a workload of type `kind` into the next free folder of `root` (its name is the number of entries there). Returns that folder.
///
/// # Errors
/// What keeps a file from being written.
///
/// # Panics
/// Never: every description has a JSON form.
pub fn write(
    root: &Path,
    kind: &str,
    series: &UsageSeries,
    container: &ContainerSpec,
    source: &Source<'_>,
) -> Result<PathBuf> {
    files::create_dir(root)?;
    let dir = next(root)?;
    files::create_dir(&dir)?;
    let steps = series.points.len();
    let interval = series.points[1].at - series.points[0].at;
    let info = match source {
        Source::Rule(workload) => Info {
            workload_type: kind,
            notes: &workload.notes,
            timesteps: steps,
            time_interval: workload.time_interval,
            seed: Some(workload.seed),
            synthetic_stand_in: matches!(workload.config, UsageShape::StandIn(_)),
            config: serde_json::to_value(&workload.config).expect("a rule has a JSON form"),
        },
        Source::Recording(path) => Info {
            workload_type: kind,
            notes: "",
            timesteps: steps,
            time_interval: interval.0,
            seed: None,
            synthetic_stand_in: false,
            config: serde_json::json!({ "recording": path.display().to_string(), "container": series.name }),
        },
    };
    files::write_atomic(&dir.join("info.json"), json(&info).as_bytes())?;
    files::write_atomic(&dir.join("container.json"), json(container).as_bytes())?;
    files::write_atomic(&dir.join("workload.csv"), table(series).as_bytes())?;
    files::write_atomic(&dir.join("figure.svg"), report::usage_figure(series, container).as_bytes())?;
    Ok(dir)
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("every description has a JSON form");
    text.push('\n');
    text
}

/// The first folder called after a number from the number of entries on that is not there yet.
fn next(root: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(root).map_err(|source| Error::Read { path: root.to_owned(), source })?;
    let mut number = entries.count();
    while root.join(number.to_string()).exists() {
        number += 1;
    }
    Ok(root.join(number.to_string()))
}

fn table(series: &UsageSeries) -> String {
    let mut text = String::from("time_secs,memory_mb,cpu_millicores\n");
    let start = series.points[0].at;
    for point in &series.points {
        let (memory, cpu) = (point.memory_bytes / 1e6, point.cpu_cores * 1000.0);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{},{}", (point.at - start).0, memory.round(), cpu.round());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_workload::{UsageOptions, read_usage};

    #[test]
    fn what_is_written_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let workload = UsageWorkload::example("sinusoidal").unwrap();
        let series = workload.build().unwrap();
        let source = Source::Rule(&workload);
        let first = write(root.path(), "sinusoidal", &series, &workload.container, &source).unwrap();
        let second = write(root.path(), "sinusoidal", &series, &workload.container, &source).unwrap();
        assert_eq!((first, second.clone()), (root.path().join("0"), root.path().join("1")));
        let text = files::read_text(&second.join("workload.csv")).unwrap();
        let reading = read_usage("w", &text, &UsageOptions::default()).unwrap();
        let points = &reading.series[0].points;
        assert_eq!(points.len(), 100);
        for (read, made) in points.iter().zip(&series.points) {
            assert_eq!((read.at, read.memory_bytes), (made.at, made.memory_bytes));
            assert!((read.cpu_cores - made.cpu_cores).abs() < 1e-12, "{read:?} {made:?}");
        }
        let info: serde_json::Value =
            serde_json::from_str(&files::read_text(&second.join("info.json")).unwrap()).unwrap();
        assert_eq!((&info["timesteps"], &info["synthetic_stand_in"]), (&100.into(), &false.into()));
        assert!(files::read_text(&second.join("figure.svg")).unwrap().starts_with("<svg"));
        let container = files::read_text(&second.join("container.json")).unwrap();
        assert!(container.contains("container_name"), "{container}");
    }
}
