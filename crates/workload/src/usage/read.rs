//! From the text of a recording to series.
//!
//! Rows may come in any order. A row without a sensible value (empty, not finite, negative, or a percentage above 100 where the
//! format has those for "unknown") is left out and counted; of two rows at one instant the first counts.
//!
//! Left out: quoted cells with commas in them, which no published recording has.

use super::{Size, UsageFormat, UsageSeries};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_model::{Seconds, Time, UsagePoint};

/// What the reader cannot find out by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageOptions {
    /// The format. Default: what the text looks like.
    pub format: Option<UsageFormat>,
    /// Cores that 100 % stands for. Default: the format's assumption.
    pub cores: Option<f64>,
    /// Bytes that 100 % stands for. Default: the format's assumption.
    pub memory_bytes: Option<f64>,
    /// Distance of rows without times. Default: five minutes for `PlanetLab`, one for tables.
    #[serde(rename = "step_secs")]
    pub step: Option<Seconds>,
}

/// What a text held.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageReading {
    /// Its format.
    pub format: UsageFormat,
    /// Series of at least two points, in order of their names.
    pub series: Vec<UsageSeries>,
    /// Rows left out because a value was missing or out of range.
    pub rows_left_out: usize,
    /// Series left out because they had fewer than two points.
    pub series_left_out: usize,
    /// What 100 % was taken for, where that is an assumption.
    pub assumed: Option<Size>,
}

/// One row, in its format's units.
struct Row<'a> {
    name: &'a str,
    secs: f64,
    cpu: f64,
    memory: Option<f64>,
}

/// Reads a recording. `name` is that of a series whose format does not name it, as a file's without its extension.
///
/// # Errors
/// [`Error::UsageFormat`] for a text that looks like none of the formats, [`Error::UsageColumn`] for a header without a column
/// that it needs, [`Error::Empty`] where no series of two points is left.
pub fn read_usage(name: &str, text: &str, options: &UsageOptions) -> Result<UsageReading> {
    let format = options.format.or_else(|| UsageFormat::sniff(text)).ok_or(Error::UsageFormat)?;
    let mut table = Rows::new(format, name, text, options)?;
    let assumed = format.assumed_size();
    let scale = Size {
        cores: options.cores.or(assumed.map(|size| size.cores)).unwrap_or(1.0),
        memory_bytes: options.memory_bytes.or(assumed.map(|size| size.memory_bytes)).unwrap_or(1.0),
    };
    let mut found: BTreeMap<&str, Found> = BTreeMap::new();
    let mut rows_left_out = 0;
    for line in table.lines() {
        match table.row(line).filter(|row| table.sensible(row)) {
            Some(row) => {
                let entry = found.entry(row.name).or_default();
                entry.has_memory |= row.memory.is_some();
                entry.points.push(UsagePoint {
                    at: Time(row.secs),
                    cpu_cores: row.cpu * table.unit.cores * scale.cores,
                    memory_bytes: row.memory.unwrap_or(0.0) * table.unit.memory_bytes * scale.memory_bytes,
                });
            }
            None => rows_left_out += 1,
        }
    }
    let total = found.len();
    let size = table.size.unwrap_or(if assumed.is_some() { scale } else { Size::default() });
    let series: Vec<UsageSeries> =
        found.into_iter().filter_map(|(name, found)| found.series(name, size)).collect();
    if series.is_empty() {
        return Err(Error::Empty);
    }
    let told = options.cores.is_some() && options.memory_bytes.is_some();
    Ok(UsageReading {
        format,
        series_left_out: total - series.len(),
        series,
        rows_left_out,
        assumed: assumed.filter(|_| !told).map(|_| scale),
    })
}

#[derive(Default)]
struct Found {
    points: Vec<UsagePoint>,
    has_memory: bool,
}

impl Found {
    fn series(mut self, name: &str, size: Size) -> Option<UsageSeries> {
        self.points.sort_by(|a, b| a.at.0.total_cmp(&b.at.0));
        self.points.dedup_by(|later, earlier| later.at == earlier.at);
        (self.points.len() >= 2).then(|| UsageSeries {
            name: name.to_owned(),
            points: self.points,
            has_memory: self.has_memory,
            size,
        })
    }
}

/// The rows of a text and what its columns are.
struct Rows<'a> {
    format: UsageFormat,
    lines: Vec<&'a str>,
    separator: char,
    columns: Columns,
    /// The file's name, for formats of one series a file.
    name: &'a str,
    /// Seconds between rows without times, and the number of the next row.
    step: f64,
    next: usize,
    /// Cores and bytes that a value of 1 stands for, before the scale.
    unit: Size,
    /// What the recording says was provisioned.
    size: Option<Size>,
}

/// Positions of columns.
#[derive(Clone, Copy, Default)]
struct Columns {
    name: Option<usize>,
    /// A second part of the name.
    part: Option<usize>,
    time: Option<usize>,
    cpu: usize,
    memory: Option<usize>,
    /// Seconds in a unit of time.
    time_unit: f64,
}

impl<'a> Rows<'a> {
    fn new(format: UsageFormat, name: &'a str, text: &'a str, options: &UsageOptions) -> Result<Self> {
        let mut lines: Vec<&str> = text
            .trim_start_matches('\u{feff}')
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        if lines.is_empty() {
            return Err(Error::Empty);
        }
        let separator = if format == UsageFormat::Bitbrains { ';' } else { ',' };
        let percent = Size { cores: 0.01, memory_bytes: 0.01 };
        let plain = Columns { time_unit: 1.0, ..Columns::default() };
        let mut step = options.step.map_or(60.0, |step| step.0);
        let (columns, unit) = match format {
            UsageFormat::AlibabaMachine => {
                (Columns { name: Some(0), time: Some(1), cpu: 2, memory: Some(3), ..plain }, percent)
            }
            UsageFormat::AlibabaContainer => {
                (Columns { name: Some(0), time: Some(2), cpu: 3, memory: Some(4), ..plain }, percent)
            }
            UsageFormat::AzureVm => (Columns { name: Some(1), time: Some(0), cpu: 4, ..plain }, percent),
            UsageFormat::PlanetLab => {
                step = options.step.map_or(300.0, |step| step.0);
                (plain, percent)
            }
            UsageFormat::Bitbrains | UsageFormat::Borg | UsageFormat::Table => {
                let header = lines.remove(0);
                let header: Vec<String> =
                    header.split(separator).map(|cell| cell.trim().to_ascii_lowercase()).collect();
                named(format, &header)?
            }
        };
        let mut rows = Self { format, lines, separator, columns, name, step, next: 0, unit, size: None };
        if format == UsageFormat::Bitbrains {
            rows.size = rows.provisioned();
            // Percentages are those of all cores together.
            rows.unit.cores *= rows.size.map_or(1.0, |size| size.cores);
        }
        Ok(rows)
    }

    fn lines(&self) -> Vec<&'a str> {
        self.lines.clone()
    }

    fn cells(&self, line: &'a str) -> Vec<&'a str> {
        line.split(self.separator).map(str::trim).collect()
    }

    fn row(&mut self, line: &'a str) -> Option<Row<'a>> {
        let cells = self.cells(line);
        let c = &self.columns;
        let number = |column: usize| cells.get(column).and_then(|cell| cell.parse::<f64>().ok());
        let without_time = self.next as f64 * self.step;
        self.next += 1;
        let secs = match c.time {
            Some(column) => number(column)? * c.time_unit,
            None => without_time,
        };
        let name = match (c.name, c.part) {
            // The id and what follows it up to the end of the second part, as one piece of the line.
            (Some(id), Some(part)) if part == id + 1 => between(line, cells.get(id)?, cells.get(part)?),
            (Some(id), _) => cells.get(id).copied()?,
            (None, _) => self.name,
        };
        let memory = match c.memory {
            Some(column) => Some(number(column)?),
            None => None,
        };
        Some(Row { name, secs, cpu: number(c.cpu)?, memory })
    }

    fn sensible(&self, row: &Row<'_>) -> bool {
        let most = match self.format {
            UsageFormat::AlibabaMachine | UsageFormat::AlibabaContainer => 100.0,
            _ => f64::MAX,
        };
        let fine = |value: f64| value.is_finite() && (0.0..=most).contains(&value);
        row.secs.is_finite() && fine(row.cpu) && row.memory.is_none_or(fine)
    }

    /// Cores and bytes of a Bitbrains machine, the largest of all rows.
    fn provisioned(&self) -> Option<Size> {
        let largest = |column: usize| {
            let values =
                self.lines.iter().filter_map(|line| self.cells(line).get(column)?.parse::<f64>().ok());
            values.fold(0.0, f64::max)
        };
        let (cores, mhz) = (largest(1), largest(2));
        (mhz > 0.0).then(|| Size { cores, memory_bytes: 1024.0 * largest(5) })
    }
}

/// The part of a line from one cell to another after it.
fn between<'a>(line: &'a str, first: &'a str, last: &'a str) -> &'a str {
    let start = first.as_ptr() as usize - line.as_ptr() as usize;
    let end = last.as_ptr() as usize - line.as_ptr() as usize + last.len();
    &line[start..end]
}

/// Columns of formats with a header, and what a value of 1 stands for.
fn named(format: UsageFormat, header: &[String]) -> Result<(Columns, Size)> {
    let find = |names: &[&str]| header.iter().position(|cell| names.contains(&cell.as_str()));
    let need = |names: &[&str]| {
        find(names).ok_or_else(|| Error::UsageColumn { name: names.join(" or "), known: header.join(", ") })
    };
    Ok(match format {
        UsageFormat::Bitbrains => {
            let columns = Columns {
                time: Some(need(&["timestamp [ms]"])?),
                // The header says milliseconds; the numbers are seconds.
                time_unit: 1.0,
                cpu: need(&["cpu usage [%]"])?,
                memory: Some(need(&["memory usage [kb]"])?),
                ..Columns::default()
            };
            (columns, Size { cores: 0.01, memory_bytes: 1024.0 })
        }
        UsageFormat::Borg => {
            let columns = Columns {
                name: find(&["collection_id"]),
                part: find(&["instance_index"]),
                time: Some(need(&["start_time"])?),
                time_unit: 1e-6,
                cpu: need(&["average_usage.cpus", "average_usage_cpus"])?,
                memory: find(&["average_usage.memory", "average_usage_memory"]),
            };
            (columns, Size { cores: 1.0, memory_bytes: 1.0 })
        }
        _ => {
            const CPU: [(&str, f64); 2] = [("cpu_cores", 1.0), ("cpu_millicores", 1e-3)];
            const MEMORY: [(&str, f64); 3] = [("memory_bytes", 1.0), ("memory_mb", 1e6), ("memory_gb", 1e9)];
            let one_of =
                |names: &[(&str, f64)]| names.iter().find_map(|(name, unit)| Some((find(&[name])?, *unit)));
            let missing = || Error::UsageColumn {
                name: "cpu_cores or cpu_millicores".into(),
                known: header.join(", "),
            };
            let (cpu, cores) = one_of(&CPU).ok_or_else(missing)?;
            let memory = one_of(&MEMORY);
            let columns = Columns {
                name: find(&["container"]),
                time: find(&["time_secs"]),
                time_unit: 1.0,
                cpu,
                memory: memory.map(|(column, _)| column),
                ..Columns::default()
            };
            (columns, Size { cores, memory_bytes: memory.map_or(1.0, |(_, unit)| unit) })
        }
    })
}
