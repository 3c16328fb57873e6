//! Lines of a trace file as cells: separators, the header, and which columns hold time and count.
//!
//! Left out: quoted cells that contain a line break, and what the cells mean ([`super::read`]).

use super::parse_time;
use crate::{Error, Result};

/// A line that is neither blank nor a `#` comment, with its number from 1.
pub(super) struct Row<'a> {
    pub(super) line: usize,
    pub(super) cells: Vec<&'a str>,
}

/// The table of a file.
pub(super) struct Table<'a> {
    /// Names of the columns; empty without a header.
    pub(super) header: Vec<&'a str>,
    /// Rows below the header.
    pub(super) rows: Vec<Row<'a>>,
    /// Whether every line ends in `;`, as LIMBO writes them.
    pub(super) terminated: bool,
}

/// Positions of the columns; no time in a file of counts alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Columns {
    pub(super) time: Option<usize>,
    pub(super) count: usize,
}

impl<'a> Table<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let lines = || {
            text.trim_start_matches('\u{feff}')
                .lines()
                .enumerate()
                .map(|(i, line)| (i + 1, line.trim()))
                .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        };
        let (_, first) = lines().next().ok_or(Error::Empty)?;
        let terminated = lines().all(|(_, line)| line.ends_with(';'));
        let content = |line: &'a str| if terminated { line.trim_end_matches(';') } else { line };
        let separator = [',', ';', '\t'].into_iter().find(|&c| content(first).contains(c)).unwrap_or(',');
        let mut rows: Vec<Row> =
            lines().map(|(line, text)| Row { line, cells: cells(content(text), separator) }).collect();
        let header = if is_header(&rows[0]) { rows.remove(0).cells } else { Vec::new() };
        let width = rows.first().map_or(header.len(), |row| row.cells.len());
        let expected = if header.is_empty() { width } else { header.len() };
        match rows.iter().find(|row| row.cells.len() != expected) {
            Some(row) => Err(Error::RowWidth { line: row.line, expected, found: row.cells.len() }),
            None => Ok(Self { header, rows, terminated }),
        }
    }

    /// Finds the columns by name, or by position where there are at most two.
    pub(super) fn columns(&self, time: Option<&str>, count: Option<&str>) -> Result<Columns> {
        let width = self.rows.first().map_or(self.header.len(), |row| row.cells.len());
        let known = || {
            if self.header.is_empty() { "no header".to_owned() } else { self.header.join(", ") }
        };
        let named = |name: &str| {
            let exact = self.header.iter().position(|column| *column == name);
            exact
                .or_else(|| self.header.iter().position(|column| column.eq_ignore_ascii_case(name)))
                .ok_or_else(|| Error::UnknownColumn { name: name.to_owned(), known: known() })
        };
        let (time, count) = (time.map(named).transpose()?, count.map(named).transpose()?);
        match (time, count, width) {
            (Some(time), Some(count), _) => Ok(Columns { time: Some(time), count }),
            (None, None, 1) => Ok(Columns { time: None, count: 0 }),
            (None, None, 2) => Ok(Columns { time: Some(0), count: 1 }),
            (Some(time), None, 2) => Ok(Columns { time: Some(time), count: 1 - time }),
            (None, Some(count), 2) => Ok(Columns { time: Some(1 - count), count }),
            (None, Some(count), 1) => Ok(Columns { time: None, count }),
            _ => Err(Error::Columns {
                line: self.rows.first().map_or(1, |row| row.line),
                found: width,
                known: known(),
            }),
        }
    }
}

/// A first row is a header if none of its cells is a number or a time and at least one has a letter.
fn is_header(row: &Row<'_>) -> bool {
    row.cells.iter().all(|cell| cell.parse::<f64>().is_err() && parse_time(cell).is_none())
        && row.cells.iter().any(|cell| cell.chars().any(char::is_alphabetic))
}

/// Splits a line at separators outside double quotes and takes spaces and quotes off each cell.
fn cells(line: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    line.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(|cell| cell.trim().trim_matches('"').trim())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_blank_lines_and_a_byte_order_mark_are_understood() {
        let table =
            Table::parse("\u{feff}# a comment\n\"time, UTC\",\"count\"\n\n\"0\", 5\r\n60,6\n").unwrap();
        assert_eq!(table.header, ["time, UTC", "count"]);
        assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(table.rows[0].cells, ["0", "5"]);
    }

    #[test]
    fn separators_are_comma_semicolon_or_tab() {
        for text in ["0,5\n1,6", "0;5\n1;6", "0\t5\n1\t6", "0,5;\n1,6;", "0;5;\n1;6;"] {
            let table = Table::parse(text).unwrap();
            assert_eq!(table.rows[1].cells, ["1", "6"], "{text:?}");
        }
    }

    #[test]
    fn three_columns_need_names() {
        let table = Table::parse("t,host,n\n0,a,5\n1,a,6").unwrap();
        let message = table.columns(None, None).err().map(|e| e.to_string());
        let expected =
            "line 2: 3 columns, expected two, or the names of the time and count columns among: t, host, n";
        assert_eq!(message.as_deref(), Some(expected));
        assert_eq!(table.columns(Some("T"), Some("n")), Ok(Columns { time: Some(0), count: 2 }));
        let message = table.columns(Some("t"), Some("count")).err().map(|e| e.to_string());
        assert_eq!(message.as_deref(), Some("no column \"count\", expected one of: t, host, n"));
    }

    #[test]
    fn a_row_of_another_width_is_an_error() {
        let message = Table::parse("t,n\n0,5\n1,6,7\n").err().map(|e| e.to_string());
        assert_eq!(message.as_deref(), Some("line 3: 3 columns, expected 2 as in the first row"));
    }
}
