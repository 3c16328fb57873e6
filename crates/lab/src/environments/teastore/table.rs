//! Measurements of `TeaStore`: the table that ships, and the published formats of others.
//!
//! * The random walk (`data.log`, `teastore_data.csv`): fields separated by spaces below a header in which names occur
//!   twice, so that columns are read by position; CPU in millicores, heap in MB. Headers may come again in between.
//! * Anything with commas is read by name: `replica,cpu,cpu_usage` and any of `heap previous_tps expected_tps
//!   memory_usage inc_tps out_tps cost num_request response_time`, in any order; CPU in tenths of a core, heap in 100 MB, response times in ms.
//!   Other columns are passed over. The latency and dashboard tables are of this kind.
//!
//! A number that is missing (`NaN`, `nan` or nothing) stays missing. Rows that cannot be used are left out and counted ([`Report`]):
//! those without state or used CPU, and those whose state is not on the grid.
//!
//! Left out: what a row is worth, see `reward`.

use crate::{Error, Result, files};
use std::path::Path;

const SHIPPED: &[u8] = include_bytes!("../../../../../data/teastore.bin");
const MAGIC: &[u8] = b"TEASTORE";

/// First columns of the random walk, by position.
const WALK: [&str; 10] =
    ["re", "heap", "cpu", "inc_tps", "out_tps", "max_sess", "curr_sess", "cpu", "ram", "cost"];
/// All columns of the random walk.
const WALK_FIELDS: usize = 17;

/// What can be known of a row besides its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Packets received a second, mean over pods.
    Received,
    /// Packets sent a second, mean over pods.
    Transmitted,
    /// CPU used by a pod, in cores.
    UsedCpu,
    /// Memory used by a pod, in GB.
    UsedMemory,
    /// Cost of all pods in USD an hour.
    Cost,
    /// Requests served a second.
    Requests,
    /// Requests asked for a second.
    Expected,
    /// Requests asked for a second in the step before.
    Previous,
    /// Mean response time in ms.
    Response,
}

impl Column {
    /// Every column, in the order of [`Row::values`].
    pub const ALL: [Self; 9] = [
        Self::Received,
        Self::Transmitted,
        Self::UsedCpu,
        Self::UsedMemory,
        Self::Cost,
        Self::Requests,
        Self::Expected,
        Self::Previous,
        Self::Response,
    ];

    /// What the published files with commas call it.
    pub fn published(self) -> &'static str {
        match self {
            Self::Received => "inc_tps",
            Self::Transmitted => "out_tps",
            Self::UsedCpu => "cpu_usage",
            Self::UsedMemory => "memory_usage",
            Self::Cost => "cost",
            Self::Requests => "num_request",
            Self::Expected => "expected_tps",
            Self::Previous => "previous_tps",
            Self::Response => "response_time",
        }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Replicas.
    pub replicas: u8,
    /// CPU limit in 100 millicores.
    pub cpu: u8,
    /// Heap in 100 MB; 0 in a table without it.
    pub heap: u8,
    /// What was measured, by [`Column`]; `NaN` where it is missing.
    pub values: [f64; Column::ALL.len()],
}

impl Row {
    /// One of its values.
    pub fn get(&self, column: Column) -> f64 {
        self.values[column as usize]
    }
}

/// What became of a file's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows kept.
    pub rows: usize,
    /// Headers that came again.
    pub repeated_headers: usize,
    /// Rows left out because replicas, CPU or heap are missing or on no step of the grid.
    pub off_grid: usize,
    /// Rows left out because the used CPU is missing.
    pub without_cpu: usize,
    /// Rows kept without a value of a column.
    pub missing: Vec<(&'static str, usize)>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Measurements, in the order of the file.
    pub rows: Vec<Row>,
    /// What became of the file.
    pub report: Report,
}

impl Table {
    /// The table in `path`, or the one that ships if that is empty.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Run`] naming file, line and column.
    pub fn of(path: &str) -> Result<Self> {
        if path.is_empty() {
            return Ok(Self::shipped());
        }
        let path = Path::new(path);
        Self::parse(&files::read_text(path)?).map_err(|message| Error::run(path, message))
    }

    /// The random walk that ships.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn shipped() -> Self {
        let head = MAGIC.len() + 4;
        assert!(SHIPPED.starts_with(MAGIC), "the table that ships is whole");
        let count = u32::from_le_bytes(SHIPPED[MAGIC.len()..head].try_into().expect("four bytes")) as usize;
        let mut at = head;
        let mut column = |bytes: usize| {
            let part = &SHIPPED[at..at + count * bytes];
            at += count * bytes;
            move |row: usize, unit: f64| {
                let part = &part[row * bytes..(row + 1) * bytes];
                let missing = part.iter().all(|byte| *byte == 0xff);
                let whole = part.iter().rev().fold(0u32, |whole, byte| whole << 8 | u32::from(*byte));
                // Divided, so that the number is the nearest one to the decimal that was published.
                if missing { f64::NAN } else { f64::from(whole) / unit }
            }
        };
        let (replicas, heap, cpu) = (column(1), column(1), column(1));
        let (received, transmitted) = (column(4), column(4));
        let (_largest_sessions, _sessions) = (column(2), column(2));
        let (used_cpu, used_memory, cost) = (column(2), column(2), column(2));
        let row = |row| {
            let mut values = [f64::NAN; Column::ALL.len()];
            values[Column::Received as usize] = received(row, 1e3);
            values[Column::Transmitted as usize] = transmitted(row, 1e3);
            values[Column::UsedCpu as usize] = used_cpu(row, 1e4);
            values[Column::UsedMemory as usize] = used_memory(row, 1e4);
            values[Column::Cost as usize] = cost(row, 1e4);
            let state = |column: &dyn Fn(usize, f64) -> f64| column(row, 1.0) as u8;
            Row { replicas: state(&replicas), cpu: state(&cpu), heap: state(&heap), values }
        };
        Self::finish((0..count).map(row).collect(), Report::default())
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// A sentence that names line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, header) = lines.next().ok_or("is empty, expected a header and rows")?;
        let format = Format::of(header)?;
        let (mut rows, mut report) = (Vec::new(), Report::default());
        for (at, line) in lines {
            if line.trim() == header.trim() {
                report.repeated_headers += 1;
                continue;
            }
            let (state, values) =
                format.read(line).map_err(|message| format!("line {}: {message}", at + 1))?;
            match state.map(on_grid) {
                [Some(replicas), Some(cpu), Some(heap)] if replicas > 0 && cpu > 0 => {
                    if values[Column::UsedCpu as usize].is_nan() {
                        report.without_cpu += 1;
                    } else {
                        rows.push(Row { replicas, cpu, heap, values });
                    }
                }
                _ => report.off_grid += 1,
            }
        }
        if rows.is_empty() {
            return Err("has no row that can be used".to_owned());
        }
        Ok(Self::finish(rows, report))
    }

    fn finish(rows: Vec<Row>, mut report: Report) -> Self {
        report.rows = rows.len();
        let table = Self { rows, report };
        let missing = |column: Column| table.rows.iter().filter(|row| row.get(column).is_nan()).count();
        let missing = Column::ALL.map(|column| (column.published(), missing(column)));
        let some = |(_, count): &(&str, usize)| (1..table.rows.len()).contains(count);
        let missing = missing.into_iter().filter(some).collect();
        Self { report: Report { missing, ..table.report }, rows: table.rows }
    }

    /// Whether any row has a value of `column`.
    pub fn has(&self, column: Column) -> bool {
        self.rows.iter().any(|row| !row.get(column).is_nan())
    }
}

impl Report {
    /// What a reader must know, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let Self { rows, repeated_headers, off_grid, without_cpu, missing } = self;
        let mut notes = vec![format!("{rows} rows of measurements")];
        let mut note = |count: &usize, what: &str| {
            if *count > 0 {
                notes.push(format!("{count} {what}"));
            }
        };
        note(repeated_headers, "headers that came again, passed over");
        note(off_grid, "rows left out: replicas, CPU or heap missing or on no step of the grid");
        note(without_cpu, "rows left out: no used CPU");
        for (column, count) in missing {
            note(count, &format!("rows without {column}: a reward that needs it is 0"));
        }
        notes
    }
}

/// A whole number of steps; `None` for anything else.
fn on_grid(steps: f64) -> Option<u8> {
    (steps.fract() == 0.0 && (0.0..=255.0).contains(&steps)).then_some(steps as u8)
}

/// Where a file's columns are.
enum Format {
    Walk,
    Named { fields: usize, state: [Option<usize>; 3], values: [Option<usize>; Column::ALL.len()] },
}

impl Format {
    fn of(header: &str) -> Result<Self, String> {
        if !header.contains(',') {
            let names: Vec<&str> = header.split_whitespace().collect();
            if names.len() != WALK_FIELDS || names[..WALK.len()] != WALK {
                return Err(format!(
                    "has the header {:?}, expected names separated by commas, or {WALK_FIELDS} columns beginning {}",
                    header.trim(),
                    WALK.join(" ")
                ));
            }
            return Ok(Self::Walk);
        }
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        let find = |name: &str| {
            let mut at = names.iter().enumerate().filter(|(_, known)| **known == name).map(|(at, _)| at);
            match (at.next(), at.next()) {
                (_, Some(_)) => Err(format!("has column {name:?} twice, expected each name once")),
                (found, None) => Ok(found),
            }
        };
        let needed = |name: &str| match find(name)? {
            None => Err(format!("has no column {name:?}, expected one beside {}", names.join(", "))),
            found => Ok(found),
        };
        let mut values = [None; Column::ALL.len()];
        for column in Column::ALL {
            values[column as usize] = find(column.published())?;
        }
        needed(Column::UsedCpu.published())?;
        Ok(Self::Named {
            fields: names.len(),
            state: [needed("replica")?, needed("cpu")?, find("heap")?],
            values,
        })
    }

    /// Replicas, CPU and heap in steps, and the values.
    fn read(&self, line: &str) -> Result<([f64; 3], [f64; Column::ALL.len()]), String> {
        let mut values = [f64::NAN; Column::ALL.len()];
        match self {
            Self::Walk => {
                let fields: Vec<&str> = line.split_whitespace().collect();
                counted(fields.len(), WALK_FIELDS)?;
                let number = |at: usize| number(fields[at], WALK[at]);
                for (column, at) in [
                    (Column::Received, 3),
                    (Column::Transmitted, 4),
                    (Column::UsedCpu, 7),
                    (Column::UsedMemory, 8),
                    (Column::Cost, 9),
                ] {
                    values[column as usize] = number(at)?;
                }
                Ok(([number(0)?, number(2)? / 100.0, number(1)? / 100.0], values))
            }
            Self::Named { fields: expected, state, values: places } => {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                counted(fields.len(), *expected)?;
                for column in Column::ALL {
                    if let Some(at) = places[column as usize] {
                        values[column as usize] = number(fields[at], column.published())?;
                    }
                }
                let mut found = [0.0; 3];
                for ((found, at), name) in found.iter_mut().zip(state).zip(["replica", "cpu", "heap"]) {
                    if let Some(at) = at {
                        *found = number(fields[*at], name)?;
                    }
                }
                Ok((found, values))
            }
        }
    }
}

fn counted(found: usize, expected: usize) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("has {found} fields, expected {expected}")) }
}

fn number(field: &str, column: &str) -> Result<f64, String> {
    if field.is_empty() || field.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let number: f64 =
        field.parse().map_err(|_| format!("column {column} is {field:?}, expected a number or NaN"))?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(format!("column {column} is {field:?}, expected a number or NaN"))
    }
}

#[cfg(test)]
mod tests;
