//! gym-hpa's observation table: a date, then of every deployment replicas, desired replicas, CPU, memory, traffic in and out, and the
//! application's latency.
//!
//! The originals append such rows without a header and ship tables with one; both are read. With a header columns are found by
//! name, in any order, and further ones are passed over. Rows that cannot be used are left out and counted ([`Report`]). Numbers are
//! cut to whole ones, as the originals do, but for the latency.
//!
//! Left out: the desired replicas of a table, which follow from the rest, and every latency but the first deployment's: all are the
//! same.

use super::{Deployment, Reading};
use crate::{Error, Result, error::nearest, files};
use std::path::Path;

/// Columns of a deployment, as they follow its name.
pub const PARTS: [&str; 7] =
    ["num_pods", "desired_replicas", "cpu_usage", "mem_usage", "traffic_in", "traffic_out", "latency"];
/// Places in [`PARTS`] of those that are read, besides the latency.
const READ: [usize; 5] = [0, 2, 3, 4, 5];
const LATENCY: usize = 6;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Of every deployment.
    pub readings: Vec<Reading>,
    /// In ms.
    pub latency: f64,
}

/// What became of a file's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows kept.
    pub rows: usize,
    /// Rows left out because a number is missing or is none.
    pub without_number: usize,
    /// Rows left out because replicas are out of the bounds.
    pub out_of_bounds: usize,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Rows, in the order of the file.
    pub rows: Vec<Row>,
    /// What became of the file.
    pub report: Report,
}

/// Names of the columns for some deployments.
pub fn columns(deployments: &[Deployment]) -> Vec<String> {
    let of = |deployment: &Deployment| PARTS.map(|part| format!("{}_{part}", deployment.name));
    std::iter::once("date".to_owned()).chain(deployments.iter().flat_map(of)).collect()
}

/// A row of the table.
pub fn fields(date: &str, deployments: &[Deployment], readings: &[Reading], latency: f64) -> Vec<String> {
    let mut fields = vec![date.to_owned()];
    for (deployment, reading) in deployments.iter().zip(readings) {
        let Reading { pods, cpu, memory, received, transmitted } = *reading;
        let numbers = [pods, deployment.desired(reading), cpu, memory, received, transmitted];
        fields.extend(numbers.map(|number| number.to_string()));
        fields.push(format!("{latency:.3}"));
    }
    fields
}

/// A date of the table's form, so many seconds into the year 2000: simulated time has no calendar.
pub fn clock(secs: f64) -> String {
    let whole = secs.max(0.0) as u64;
    let (day, second) = (whole / 86_400 + 1, whole % 86_400);
    format!("2000-01-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

impl Table {
    /// Reads a file for some deployments.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Run`] naming file and column.
    pub fn read(path: &str, deployments: &[Deployment]) -> Result<Self> {
        let path = Path::new(path);
        Self::parse(&files::read_text(path)?, deployments).map_err(|message| Error::run(path, message))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub fn parse(text: &str, deployments: &[Deployment]) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
        let first = lines.peek().ok_or("is empty, expected rows")?;
        let named = columns(deployments);
        let places = if first.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            let found = first.split(',').count();
            if found != named.len() {
                let expected = named.len();
                return Err(format!(
                    "has no header and {found} columns, expected {expected} of {} deployments",
                    deployments.len()
                ));
            }
            (0..named.len()).collect()
        } else {
            let header: Vec<&str> = first.split(',').map(str::trim).collect();
            lines.next();
            places(&header, &named)?
        };
        let (mut rows, mut report) = (Vec::new(), Report::default());
        for line in lines {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            match row(&fields, &places, deployments) {
                Ok(row) => rows.push(row),
                Err(Defect::Number) => report.without_number += 1,
                Err(Defect::Bounds) => report.out_of_bounds += 1,
            }
        }
        report.rows = rows.len();
        if rows.is_empty() {
            let Report { without_number, out_of_bounds, .. } = report;
            return Err(format!(
                "has no row that can be used: {without_number} with a number missing, {out_of_bounds} with replicas out of the bounds"
            ));
        }
        Ok(Self { rows, report })
    }
}

impl Report {
    /// What a reader must know, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!("{} rows", self.rows)];
        for (count, why) in [
            (self.without_number, "a number is missing"),
            (self.out_of_bounds, "replicas are out of the bounds"),
        ] {
            if count > 0 {
                notes.push(format!("{count} rows left out: {why}"));
            }
        }
        notes
    }
}

/// Why a row is left out.
enum Defect {
    Number,
    Bounds,
}

fn places(header: &[&str], named: &[String]) -> Result<Vec<usize>, String> {
    if let Some((_, twice)) = header.iter().enumerate().find(|(at, name)| header[..*at].contains(name)) {
        return Err(format!("has column {twice:?} twice, expected each once"));
    }
    let find = |(at, name): (usize, &String)| {
        let needed = at == 0 || READ.contains(&((at - 1) % PARTS.len())) || at == 1 + LATENCY;
        match header.iter().position(|found| found == name) {
            Some(place) => Ok(place),
            None if at == 0 || !needed => Ok(usize::MAX),
            None => Err(format!(
                "has no column {name:?}{}, expected {} columns",
                nearest(name, header),
                named.len()
            )),
        }
    };
    named.iter().enumerate().map(find).collect()
}

fn row(fields: &[&str], places: &[usize], deployments: &[Deployment]) -> Result<Row, Defect> {
    let number = |at: usize| -> Result<f64, Defect> {
        let text = places.get(at).and_then(|place| fields.get(*place)).ok_or(Defect::Number)?;
        text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0).ok_or(Defect::Number)
    };
    let mut readings = Vec::with_capacity(deployments.len());
    for (at, deployment) in deployments.iter().enumerate() {
        let first = 1 + at * PARTS.len();
        let [pods, cpu, memory, received, transmitted] = {
            let mut numbers = [0; READ.len()];
            for (to, part) in numbers.iter_mut().zip(READ) {
                *to = number(first + part)? as u32;
            }
            numbers
        };
        if !(deployment.min..=deployment.max).contains(&pods) {
            return Err(Defect::Bounds);
        }
        readings.push(Reading { pods, cpu, memory, received, transmitted });
    }
    Ok(Row { readings, latency: number(1 + LATENCY)? })
}
