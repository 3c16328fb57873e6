//! The reader of recorded traffic.
//!
//! It takes a table of two columns, time and count, whatever their names and with or without a header; a
//! table of more columns when told which two; or one count a line when told the step. A row counts the
//! requests of one interval. Left out: files and compression (callers pass text), and logs of single
//! requests.

use super::{Origin, TimeUnit, Trace, columns::Table, parse_time, resample::MOST_INTERVALS};
use crate::{Error, Field, Result, error::require, error::require_positive};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use trimtab_model::{Seconds, Time};

/// A number of seconds from which on a numeric time is taken for a Unix epoch (5 November 1985).
const EPOCH_FROM: f64 = 5e8;

/// Which instant of its interval the time of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stamp {
    /// Its start.
    Start,
    /// Its middle, as LIMBO and the HTTP Load Generator write.
    Middle,
    /// Its end.
    End,
}

/// What a row that is not there means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gaps {
    /// Nothing was recorded.
    #[default]
    Missing,
    /// No request arrived.
    Zero,
}

/// What the second column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// Requests in the interval.
    #[default]
    Counts,
    /// Requests/s, averaged over the interval.
    Rates,
}

/// What the reader cannot or should not find out by itself. The default suits a two-column file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadOptions {
    /// Name of the time column; needed if there are more than two columns.
    pub time_column: Option<String>,
    /// Name of the count column; needed if there are more than two columns.
    pub count_column: Option<String>,
    /// Unit of numeric times. Default: what the column's name tells (`minute`, `time_ms`), else seconds, or
    /// what an epoch of that size must be.
    pub time_unit: Option<TimeUnit>,
    /// Length of an interval. Default: the most common distance of two rows. Needed for one count a line.
    #[serde(rename = "step_secs")]
    pub step: Option<Seconds>,
    /// Calendar time of a numeric zero, or of the first row of a file without times. Default: numbers of a
    /// Unix epoch's size are one, others have no calendar.
    #[serde(rename = "start_epoch_secs")]
    pub start: Option<Time>,
    /// Which instant a time is. Default: the start, or the middle if every line ends in `;` (LIMBO).
    pub stamp: Option<Stamp>,
    /// What absent rows mean.
    pub gaps: Gaps,
    /// What the count column holds.
    pub values: Values,
}

/// Reads a trace.
///
/// Times are numbers, `YYYY-MM-DD HH:MM:SS` or ISO 8601 ([`parse_time`]); cells are separated by commas,
/// semicolons or tabs; blank lines and lines that start with `#` are skipped.
///
/// # Errors
/// [`Error`], with the line where there is one, for an empty or single-row trace, a cell that is not a time
/// or a count of zero or more, times that do not rise or do not lie on the grid of the step, and columns that
/// cannot be told apart.
pub fn read(text: &str, options: &ReadOptions) -> Result<Trace> {
    if let Some(step) = options.step {
        require_positive("step", step.0)?;
    }
    let table = Table::parse(text)?;
    let columns = table.columns(options.time_column.as_deref(), options.count_column.as_deref())?;
    let mut counts = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        counts.push(parse_count(row.cells[columns.count], row.line)?);
    }
    match table.rows.as_slice() {
        [] => return Err(Error::Empty),
        [only] => return Err(Error::TooFewRows { line: only.line }),
        _ => {}
    }
    let Some(time) = columns.time else {
        let step = options.step.ok_or(Error::NoStep)?;
        let origin = options.start.map_or(Origin::Relative(Seconds(0.0)), Origin::Calendar);
        return finish(origin, step.0, counts, Vec::new(), options.values);
    };

    let times = Times::parse(&table, time, options)?;
    let step = match options.step {
        Some(step) => step.0,
        None => most_common_difference(&times.secs),
    };
    let (counts, missing) = times.lay_out(&table, time, step, &counts)?;
    let missing = if options.gaps == Gaps::Zero { Vec::new() } else { missing };
    let default = if table.terminated { Stamp::Middle } else { Stamp::Start };
    let start = times.secs[0]
        - step
            * match options.stamp.unwrap_or(default) {
                Stamp::Start => 0.0,
                Stamp::Middle => 0.5,
                Stamp::End => 1.0,
            };
    let origin =
        if times.calendar { Origin::Calendar(Time(start)) } else { Origin::Relative(Seconds(start)) };
    finish(origin, step, counts, missing, options.values)
}

fn finish(
    origin: Origin,
    step: f64,
    mut counts: Vec<f64>,
    missing: Vec<Range<usize>>,
    values: Values,
) -> Result<Trace> {
    if values == Values::Rates {
        for rate in &mut counts {
            *rate *= step;
        }
    }
    Trace::new(origin, Seconds(step), counts, missing)
}

fn parse_count(cell: &str, line: usize) -> Result<f64> {
    match cell.parse::<f64>() {
        Ok(count) if count.is_finite() && count >= 0.0 => Ok(count),
        _ => Err(Error::Cell {
            line,
            field: Field::Count,
            expected: "a number of zero or more",
            found: shown(cell),
        }),
    }
}

/// A cell for a message.
fn shown(cell: &str) -> String {
    match cell {
        "" => "is empty".to_owned(),
        _ if cell.parse::<f64>().is_ok() => cell.to_owned(),
        _ => format!("{:?}", cell.chars().take(40).collect::<String>()),
    }
}

/// The time column in seconds, rising.
struct Times {
    secs: Vec<f64>,
    calendar: bool,
}

impl Times {
    fn parse(table: &Table<'_>, column: usize, options: &ReadOptions) -> Result<Self> {
        let first = table.rows[0].cells[column];
        let numeric = first.parse::<f64>().is_ok();
        let unit = options
            .time_unit
            .or_else(|| table.header.get(column).and_then(|name| TimeUnit::from_column(name)))
            .unwrap_or_else(|| TimeUnit::from_size(first.parse().unwrap_or(0.0)));
        let expected = if numeric { "a number" } else { "a number or a time such as 1998-06-05 12:30:00" };
        let mut secs: Vec<f64> = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let cell = row.cells[column];
            let time = if numeric {
                cell.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n * unit.secs())
            } else {
                parse_time(cell).map(|time| time.0)
            };
            let time = time.ok_or_else(|| Error::Cell {
                line: row.line,
                field: Field::Time,
                expected,
                found: shown(cell),
            })?;
            match secs.last() {
                Some(&last) if time == last => {
                    return Err(Error::Repeated { line: row.line, found: cell.to_owned() });
                }
                Some(&last) if time < last => {
                    return Err(Error::Unsorted { line: row.line, found: cell.to_owned() });
                }
                _ => secs.push(time),
            }
        }
        if let Some(start) = options.start {
            require(numeric, "start", "none, as the trace has dates of its own", start.0)?;
            for t in &mut secs {
                *t += start.0;
            }
        }
        let calendar = !numeric || options.start.is_some() || secs[0] >= EPOCH_FROM;
        Ok(Self { secs, calendar })
    }

    /// Puts each count into its interval and lists the intervals without one.
    fn lay_out(
        &self,
        table: &Table<'_>,
        column: usize,
        step: f64,
        counts: &[f64],
    ) -> Result<(Vec<f64>, Vec<Range<usize>>)> {
        let first = self.secs[0];
        let intervals = ((self.secs[self.secs.len() - 1] - first) / step).round() + 1.0;
        if intervals > MOST_INTERVALS as f64 {
            return Err(Error::TooLong { intervals, step_secs: step, most: MOST_INTERVALS });
        }
        let mut laid = Vec::with_capacity(intervals as usize);
        let mut missing = Vec::new();
        for ((row, &time), &count) in table.rows.iter().zip(&self.secs).zip(counts) {
            let place = ((time - first) / step).round();
            let off = time - first - place * step;
            // Rounding of an epoch in seconds is below a microsecond.
            if off.abs() > 1e-3 * step + 1e-6 || (place as usize) < laid.len() {
                return Err(Error::Irregular {
                    line: row.line,
                    found: row.cells[column].to_owned(),
                    off_secs: (off * 1e3).round() / 1e3,
                    step_secs: step,
                });
            }
            let place = place as usize;
            if place > laid.len() {
                missing.push(laid.len()..place);
                laid.resize(place, 0.0);
            }
            laid.push(count);
        }
        Ok((laid, missing))
    }
}

/// The most common distance of neighbours, to a microsecond; of several, the smallest.
fn most_common_difference(times: &[f64]) -> f64 {
    let mut micros: Vec<i64> = times.windows(2).map(|w| ((w[1] - w[0]) * 1e6).round() as i64).collect();
    micros.sort_unstable();
    let (mut best, mut most) = (0, 0);
    for run in micros.chunk_by(|a, b| a == b) {
        if run.len() > most {
            (best, most) = (run[0], run.len());
        }
    }
    (best as f64 * 1e-6).max(1e-6)
}

#[cfg(test)]
mod tests;
