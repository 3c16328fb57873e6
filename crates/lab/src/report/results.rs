//! What came out, in words and figures: the verdicts in a box and the main table of each traffic.
//!
//! Left out: pictures, and judging; the verdicts are the comparison's own.

use super::column::{COLUMNS, rows};
use super::number::{signed, typeset};
use super::palette::{Cast, Role};
use crate::comparison::{Comparison, Paired, TrafficSummary};
use crate::statistics::Estimate;
use maud::{Markup, html};

/// The verdicts, each with the two differences that it rests on.
pub(super) fn verdicts(comparison: &Comparison) -> Markup {
    html! {
        div.verdicts {
            @for paired in &comparison.paired { (verdict(paired)) }
            @if comparison.paired.is_empty() { p.sentence { "No pair of autoscalers was compared: there is no verdict." } }
        }
    }
}

/// A verdict with its two differences.
pub(super) fn verdict(paired: &Paired) -> Markup {
    html! {
        div.verdict {
            p.sentence { (paired.verdict) }
            p.chips {
                (chip("cost", &paired.cost_percent, 1, "%"))
                (chip("SLO violations", &paired.violation_points, 2, "points"))
            }
        }
    }
}

/// A difference with what its interval shows, in words as well as in colour.
fn chip(what: &str, difference: &Estimate, decimals: usize, unit: &str) -> Markup {
    let (class, word) = match difference {
        d if d.high < 0.0 => ("chip better", "lower"),
        d if d.low > 0.0 => ("chip worse", "higher"),
        _ => ("chip open", "no difference shown"),
    };
    html! {
        span class=(class) {
            b { (what) " " (word) }
            " " (typeset(&signed(difference.mean, decimals))) " " (unit)
        }
    }
}

/// The main table of one traffic.
pub(super) fn table(comparison: &Comparison, traffic: &TrafficSummary, cast: &Cast<'_>) -> Markup {
    let rows = rows(comparison, &traffic.name);
    let columns: Vec<_> = COLUMNS.iter().map(|c| c.entries(&rows)).collect();
    html! {
        h3 { (traffic.name) }
        p.note {
            (count(traffic.test_days.len(), "unseen day")) " at up to "
            (format!("{:.0}", traffic.test_peak)) " requests per second. " (traffic.source)
        }
        div.wide { table.results {
            thead { tr {
                th scope="col" { "autoscaler" }
                @for column in &COLUMNS { th scope="col" { (column.heading) br; span.unit { (column.unit) } } }
            } }
            tbody { @for (index, row) in rows.iter().enumerate() {
                tr.candidate[cast.role(&row.autoscaler) == Role::Candidate] {
                    th scope="row" { (row.autoscaler) }
                    @for column in &columns {
                        td.best[column[index].best] {
                            span.mean { (typeset(&column[index].mean)) }
                            br;
                            span.interval { (typeset(&column[index].interval)) }
                        }
                    }
                }
            } }
        } }
    }
}

/// `1 seed`, `2 seeds`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
