//! The main table as aligned plain text for a terminal, at most [`WIDTH`] columns wide.
//!
//! Left out: colour, and asking how wide the terminal really is.

use super::column::{COLUMNS, Column, rows};
use super::results::count;
use crate::comparison::{Comparison, Summary};

/// No line is longer than this.
pub(super) const WIDTH: usize = 100;
/// Columns of figures side by side; the others follow in a second band.
const BAND: usize = 3;
/// Longer names are cut, so that a band stays within [`WIDTH`].
const NAME_WIDTH: usize = 24;

/// The main table: a block for each traffic, a row for each autoscaler, every figure as `mean [low, high]` with
/// its 95 % interval, and below it the verdicts. Ends with a line break.
pub fn table(comparison: &Comparison) -> String {
    let mut lines: Vec<String> = Vec::new();
    for traffic in &comparison.traffic {
        lines.extend(wrap(
            &format!(
                "{}: {}, p95 SLO {} ms",
                traffic.name,
                count(traffic.test_days.len(), "unseen day"),
                comparison.slo_ms
            ),
            "",
        ));
        let rows = rows(comparison, &traffic.name);
        for band in COLUMNS.chunks(BAND) {
            lines.push(String::new());
            lines.extend(band_lines(band, &rows));
        }
        lines.push(String::new());
        for paired in comparison.paired.iter().filter(|p| p.traffic == traffic.name) {
            lines.extend(wrap(&paired.verdict, "  "));
        }
        lines.push(String::new());
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Two lines of headings and one for each row.
fn band_lines(band: &[Column], rows: &[&Summary]) -> Vec<String> {
    let mut names = vec!["autoscaler".to_owned(), String::new()];
    names.extend(rows.iter().map(|s| cut(&s.autoscaler, NAME_WIDTH)));
    let mut lines = aligned(&names);
    for column in band {
        let entries = column.entries(rows);
        let mean_width = entries.iter().map(|e| e.mean.chars().count()).max().unwrap_or(0);
        let mut texts = vec![column.heading.to_owned(), column.unit.to_owned()];
        texts.extend(entries.iter().map(|e| format!("{:>mean_width$} {}", e.mean, e.interval)));
        for (line, text) in lines.iter_mut().zip(aligned(&texts)) {
            line.push_str("  ");
            line.push_str(&text);
        }
    }
    lines.iter().map(|line| cut(line.trim_end(), WIDTH)).collect()
}

/// Padded on the right to one width.
fn aligned(texts: &[String]) -> Vec<String> {
    let width = texts.iter().map(|t| t.chars().count()).max().unwrap_or(0);
    texts.iter().map(|t| format!("{t:<width$}")).collect()
}

/// At most `width` characters, the last one an ellipsis where some were cut.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Broken between words into lines of at most [`WIDTH`], all but the first with `indent`.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("starts with a line and only grows");
        if line.trim().is_empty() || line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push_str(if line.trim().is_empty() { "" } else { " " });
            line.push_str(word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.iter().map(|line| cut(line, WIDTH)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_breaks_between_words() {
        let lines = wrap(&"word ".repeat(50), "  ");
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|l| l.chars().count() <= WIDTH));
        assert!(lines[0].starts_with("word word") && lines[1].starts_with("  word"));
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        assert_eq!(wrap(&"x".repeat(300), "")[0].chars().count(), WIDTH);
    }
}
