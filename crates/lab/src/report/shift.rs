//! Distribution shift: a matrix for each autoscaler, rows what it was fitted to, columns what it met.
//!
//! Left out: who needs no fitting; it meets every traffic in the same way.

use super::number::{bounds, fixed, typeset};
use crate::comparison::{Comparison, ShiftCell};
use maud::{Markup, html};

/// The section; nothing where no shift was scored.
pub(super) fn section(comparison: &Comparison) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for cell in &comparison.shift {
        if !names.contains(&cell.autoscaler.as_str()) {
            names.push(&cell.autoscaler);
        }
    }
    if names.is_empty() {
        return html! {};
    }
    let traffic: Vec<&str> = comparison.traffic.iter().map(|t| t.name.as_str()).collect();
    html! {
        section {
            h2 { "When traffic is not what it was fitted to" }
            p.note { "Rows: the traffic an autoscaler was calibrated or trained on. Columns: the traffic it was scored on. Each field has the shared score with its 95 % interval, and below it the time with the SLO violated and the cost relative to demand's. Shaded fields lie on the diagonal: fitted and scored on the same traffic (other days). A row that falls off away from it does not carry over." }
            @for name in &names {
                h3 { (name) }
                div.wide { table.results.shift {
                    thead { tr { th scope="col" { "fitted to" } @for to in &traffic { th scope="col" { (to) } } } }
                    tbody { @for from in &traffic { tr {
                        th scope="row" { (from) }
                        @for to in &traffic { (field(comparison, name, from, to)) }
                    } } }
                } }
            }
        }
    }
}

fn field(comparison: &Comparison, name: &str, from: &str, to: &str) -> Markup {
    let found = |cell: &&ShiftCell| cell.autoscaler == name && cell.fitted_on == from && cell.scored_on == to;
    let Some(cell) = comparison.shift.iter().find(found) else { return html! { td {} } };
    html! { td.best[from == to] {
        span.mean { (typeset(&fixed(cell.shared.mean, 3))) } " " span.interval { (typeset(&bounds(&cell.shared, 3))) }
        br;
        span.interval { (fixed(cell.violation_percent.mean, 2)) " % violated, cost × " (fixed(cell.cost_over_demand.mean, 2)) }
    } }
}
