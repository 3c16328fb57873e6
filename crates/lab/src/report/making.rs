//! How the comparison was made and what its numbers mean, down to every run: enough to doubt it and to repeat it.
//!
//! Left out: results in words.

use super::number::{fixed, typeset};
use crate::comparison::{Cell, Comparison, METRICS, Score};
use maud::{Markup, html};

/// Days, autoscalers, command and configuration.
pub(super) fn how(comparison: &Comparison) -> Markup {
    html! {
        h2 { "How this was made" }
        h3 { "Days" }
        div.wide { table.days {
            thead { tr { th { "traffic" } th { "trained and calibrated on" } th { "scored on" } th { "peak, requests per second" } } }
            tbody { @for traffic in &comparison.traffic { tr {
                th scope="row" { (traffic.name) }
                td { (days(&traffic.train_days)) }
                td { (days(&traffic.test_days)) }
                td { (format!("{:.0} in training, {:.0} in the test", traffic.train_peak, traffic.test_peak)) }
            } } }
        } }
        h3 { "Autoscalers" }
        dl { @for autoscaler in &comparison.autoscalers { dt { (autoscaler.name) } dd { (autoscaler.description) } } }
        h3 { "To repeat it" }
        pre { (comparison.command) }
        p { "Equal seeds give equal figures, but for the time to decide. Everything on this page is also in " code { "report.json" } " and " code { "comparison.json" } " beside it." }
        details { summary { "Configuration, as resolved" } pre { (comparison.config) } }
    }
}

/// Names of days, none of them broken at its hyphens.
fn days(names: &[String]) -> Markup {
    html! { @for (index, name) in names.iter().enumerate() {
        @if index > 0 { ", " }
        span.day { (name) }
    } }
}

/// What each term means.
pub(super) fn glossary(comparison: &Comparison) -> Markup {
    let terms: [(&str, String); 10] = [
        ("cost", "CPU that the pods of all services requested, in cores, times the hours they ran: what the cluster has to set aside, used or not.".to_owned()),
        ("SLO violated", format!("Share of 15 s windows in which more than 5 % of the requests took longer than {} ms.", comparison.slo_ms)),
        ("p95", "95 % of a day's requests were answered faster than this; mean over days.".to_owned()),
        ("pods", "Mean number of pods over the day, all services together.".to_owned()),
        ("scaling actions", "How often a service's number of replicas was changed: fewer is calmer.".to_owned()),
        ("reward", "What a learned policy was trained to raise. It weighs the other columns against each other and can be compared within one traffic only.".to_owned()),
        ("12.3 [11.9, 12.8]", "A mean and its 95 % interval. Days are drawn again and again with replacement, each with all its seeds; the interval reaches as far into the means so found as Student's t asks for so few days. With a single day it speaks of other seeds only; a single run has none.".to_owned()),
        ("difference", "Candidate less baseline on the same day with the same seed, so that a busy day does not blur it (a baseline with one seed stands against every seed). “No difference shown” means that the interval holds zero; it does not show that both are equal.".to_owned()),
        ("demand", "The fewest replicas of each service that keep the SLO at a moment's rate of requests, found in the same simulated cluster: what a clairvoyant autoscaler without start-up times would run.".to_owned()),
        ("seed", "Start of everything random in a run. For a learned policy also that of its training: every seed is a policy of its own.".to_owned()),
    ];
    html! {
        h2 { "What the numbers mean" }
        dl { @for (term, meaning) in terms { dt { (term) } dd { (meaning) } } }
        details { summary { "Every metric" } dl { @for metric in &METRICS { dt { (metric.heading) } dd { (metric.meaning) } } } }
    }
}

/// A figure of a run: heading, value, decimals.
type Figure = (&'static str, fn(&Score) -> f64, usize);

const FIGURES: [Figure; 11] = [
    ("core\u{2011}h", |s| s.core_hours, 2),
    ("pods", |s| s.pods, 2),
    ("SLO violated, %", |s| s.violation_share * 100.0, 3),
    ("slow or failed, %", |s| s.bad_request_share * 100.0, 3),
    ("failed, %", |s| s.failed_share * 100.0, 3),
    ("severity", |s| s.severity, 4),
    ("mean, ms", |s| s.mean_ms, 1),
    ("p95, ms", |s| s.p95_ms, 1),
    ("p99, ms", |s| s.p99_ms, 1),
    ("actions", |s| s.scaling_actions, 0),
    ("reward", |s| s.reward, 2),
];

/// Every run's scores.
pub(super) fn runs(cells: &[Cell]) -> Markup {
    html! {
        h2 { "Every run" }
        details {
            summary { "Scores of all " (cells.len()) " runs" }
            div.wide { table.runs {
                thead { tr {
                    th { "traffic" } th.name { "day" } th { "seed" } th.name { "autoscaler" }
                    @for (heading, _, _) in FIGURES { th { (heading) } }
                } }
                tbody { @for cell in cells { tr {
                    td.name { (cell.traffic) } td.name { (cell.day) } td { (cell.seed) } td.name { (cell.autoscaler) }
                    @for (_, of, decimals) in FIGURES { td { (typeset(&fixed(of(&cell.score), decimals))) } }
                } } }
            } }
            p.note { "Slow: over the SLO's bound. Severity: mean over windows of how far p95 was above the bound, relative to it." }
        }
    }
}
