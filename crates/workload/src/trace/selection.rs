//! Days named in text: `0..5`, `0,2,7..9`, `1998-06-05..=1998-06-12`.
//!
//! Left out: what the days are for ([`super::Split`]).

use super::Period;
use crate::{Error, Result};
use jiff::civil::Date;
use std::cmp::Ordering;

/// Picks days by a comma-separated list of numbers, dates and ranges of either. A number is [`Period::day`].
/// As in Rust, `a..b` ends before `b` and `a..=b` includes it; `a..` goes to the last day and `..b` starts at
/// the first.
pub(super) fn pick(days: &[Period], spec: &str) -> Result<Vec<Period>> {
    let fail = |expected: String, found: String| Error::Days { spec: spec.to_owned(), expected, found };
    let mut picked: Vec<Period> = Vec::new();
    for item in spec.split(',').map(str::trim) {
        let (from, to, inclusive) = match item.split_once("..") {
            None => (item, item, true),
            Some((from, to)) => match to.strip_prefix('=') {
                Some(to) => (from, to, true),
                None => (from, to, false),
            },
        };
        let bound = |text: &str| {
            Bound::parse(text.trim()).ok_or_else(|| {
                let expected =
                    "numbers such as 0..5 or dates such as 1998-06-05..=1998-06-12, separated by commas";
                let found =
                    if text.trim().is_empty() { "an empty item".to_owned() } else { format!("{text:?}") };
                fail(expected.to_owned(), found)
            })
        };
        let open_end = item.contains("..") && to.trim().is_empty() && !inclusive;
        let open_start = item.contains("..") && from.trim().is_empty() && !to.trim().is_empty();
        let from = if open_start { None } else { Some(bound(from)?) };
        let to = if open_end { None } else { Some(bound(to)?) };

        let dated = [from, to].iter().flatten().any(|bound| matches!(bound, Bound::Date(_)));
        if dated && days.iter().all(|day| day.date.is_none()) {
            return Err(fail("day numbers".to_owned(), "dates, and the trace has no calendar".to_owned()));
        }
        let matches = |day: &&Period| {
            from.is_none_or(|from| from.order(day).is_some_and(Ordering::is_le))
                && to.is_none_or(|to| {
                    to.order(day).is_some_and(|order| order.is_gt() || inclusive && order.is_eq())
                })
        };
        if !days.iter().any(|day| matches(&day)) {
            return Err(fail(format!("days among {}", listed(days)), format!("{item:?} is none of them")));
        }
        for day in days.iter().filter(matches) {
            if !picked.contains(day) {
                picked.push(day.clone());
            }
        }
    }
    picked.sort_by_key(|day| day.intervals.start);
    Ok(picked)
}

/// The days there are, from the first to the last.
fn listed(days: &[Period]) -> String {
    match days {
        [] => "none: the trace has no whole day".to_owned(),
        [only] => only.label.clone(),
        [first, .., last] => format!("{} to {}", first.label, last.label),
    }
}

#[derive(Clone, Copy)]
enum Bound {
    Number(usize),
    Date(Date),
}

impl Bound {
    fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Number).ok().or_else(|| text.parse().map(Self::Date).ok())
    }

    /// Where the bound stands against a day.
    fn order(self, day: &Period) -> Option<Ordering> {
        match self {
            Self::Number(number) => day.day.map(|day| number.cmp(&day)),
            Self::Date(date) => day.date.map(|day| date.cmp(&day)),
        }
    }
}
