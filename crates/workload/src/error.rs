//! What can be wrong with a trace or with a described workload.

use std::fmt::Display;

/// Which of the two columns of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The time of a row.
    Time,
    /// The number of requests in a row.
    Count,
}

impl Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Count => "count",
        })
    }
}

/// A problem phrased so that the author of the trace or of the description can fix it. Lines count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No rows at all, or a header only.
    #[error("the trace is empty, expected at least two rows")]
    Empty,
    /// One row, which has no step.
    #[error("line {line}: the only row of the trace, expected at least two")]
    TooFewRows {
        /// Its line.
        line: usize,
    },
    /// A cell that is not what its column holds.
    #[error("line {line}: {field} {found}, expected {expected}")]
    Cell {
        /// Its line.
        line: usize,
        /// Its column.
        field: Field,
        /// What would have been right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A row with more or fewer cells than the first.
    #[error("line {line}: {found} columns, expected {expected} as in the first row")]
    RowWidth {
        /// Its line.
        line: usize,
        /// Columns of the first row.
        expected: usize,
        /// Columns of this row.
        found: usize,
    },
    /// More than two columns, and nothing says which ones count.
    #[error(
        "line {line}: {found} columns, expected two, or the names of the time and count columns among: {known}"
    )]
    Columns {
        /// The first line.
        line: usize,
        /// Columns there.
        found: usize,
        /// Their names, or "no header".
        known: String,
    },
    /// A column name that the header lacks.
    #[error("no column {name:?}, expected one of: {known}")]
    UnknownColumn {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A time before that of the row above.
    #[error("line {line}: time {found} is before that of the row above, expected rows sorted by time")]
    Unsorted {
        /// Its line.
        line: usize,
        /// The time there.
        found: String,
    },
    /// A time equal to that of the row above.
    #[error("line {line}: time {found} repeats that of the row above, expected one row for each time")]
    Repeated {
        /// Its line.
        line: usize,
        /// The time there.
        found: String,
    },
    /// A row that is not a whole number of steps after the first.
    #[error("line {line}: time {found} is {off_secs} s off the grid, expected one row every {step_secs} s")]
    Irregular {
        /// Its line.
        line: usize,
        /// The time there.
        found: String,
        /// Distance from the nearest grid point, in seconds.
        off_secs: f64,
        /// The step, in seconds.
        step_secs: f64,
    },
    /// A text that looks like no recording of use.
    #[error(
        "the text looks like none of the usage formats, expected a header with cpu_cores or cpu_millicores, or the format as an \
         option"
    )]
    UsageFormat,
    /// A column that a recording of use lacks.
    #[error("no column {name}, which a recording of use needs, among: {known}")]
    UsageColumn {
        /// Names it may have.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A single column without a step.
    #[error("the trace has one column and no times, expected its time step as an option")]
    NoStep,
    /// So long that it is rather a misread column than a trace.
    #[error(
        "the trace spans {intervals} steps of {step_secs} s, expected at most {most}; is the time unit right?"
    )]
    TooLong {
        /// Steps from the first to the last row.
        intervals: f64,
        /// The step, in seconds.
        step_secs: f64,
        /// Most allowed.
        most: usize,
    },
    /// A setting outside its range.
    #[error("{key}: expected {expected}, found {found}")]
    Parameter {
        /// Path of the setting, such as `parts[1].of.sigma`.
        key: String,
        /// What would have been right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A choice of days that the trace cannot fulfil.
    #[error("days {spec:?}: {found}, expected {expected}")]
    Days {
        /// The choice.
        spec: String,
        /// What would have been right.
        expected: String,
        /// What is wrong.
        found: String,
    },
    /// A day that is in both the training and the test days.
    #[error("{day} is both a training and a test day, expected days in one of the two")]
    Overlap {
        /// Its label.
        day: String,
    },
    /// A name that no trace has.
    #[error("no trace {name:?}, expected one of: {known}")]
    UnknownTrace {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
}

/// Result of reading a trace or building a workload.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Puts `part.` before the key of a setting, so that nested descriptions name the whole path.
    pub(crate) fn within(self, part: impl Display) -> Self {
        match self {
            Self::Parameter { key, expected, found } => {
                Self::Parameter { key: format!("{part}.{key}"), expected, found }
            }
            other => other,
        }
    }
}

/// [`Error::Parameter`] unless `holds`.
pub(crate) fn require(
    holds: bool,
    key: impl Into<String>,
    expected: &'static str,
    found: impl Display,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Parameter { key: key.into(), expected, found: found.to_string() }) }
}

/// [`Error::Parameter`] unless `value` is finite and zero or more.
pub(crate) fn require_rate(key: &'static str, value: f64) -> Result<()> {
    require(value.is_finite() && value >= 0.0, key, "a finite number of zero or more", value)
}

/// [`Error::Parameter`] unless `value` is finite and above zero.
pub(crate) fn require_positive(key: &'static str, value: f64) -> Result<()> {
    require(value.is_finite() && value > 0.0, key, "a finite number above zero", value)
}
