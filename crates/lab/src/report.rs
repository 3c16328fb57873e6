//! The report of a comparison: one self-contained page with pictures, and the same table for the terminal.
//!
//! So are the page of a study ([`study`]) and those of a tuned autoscaler ([`autoscaler`], [`vertical()`]). A page loads nothing: styles and pictures are inside it. Left out: writing files, judging (the verdicts
//! are the comparison's own) and interaction.

mod alone;
mod autoscaler;
mod axis;
mod column;
mod curves;
mod document;
mod episodes;
#[cfg(test)]
pub(crate) mod fixture;
mod label;
mod learning;
mod making;
mod metrics;
mod number;
mod overall;
mod pairs;
mod palette;
mod plane;
mod plot;
mod results;
mod services;
mod shift;
mod study;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod usage;
mod usage_figure;
mod vertical;

pub use autoscaler::autoscaler;
pub use curves::learning_curve;
pub use document::{SCHEMA, document, time_of};
pub use episodes::episode_rewards;
pub use study::study;
pub use table::table;
pub use usage::{usage_page, usage_table};
pub use usage_figure::usage_figure;
pub use vertical::vertical;

use crate::comparison::{Analysis, Comparison, LearningCurve, TrafficSummary};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use palette::Cast;
use results::count;

const STYLE: &str = include_str!("report/style.css");

/// The whole page as HTML, with what all runs amount to. A part whose data is missing (no learning curves, no timelines, no pairs) is left out;
/// a figure that is not finite is a dash in tables and a gap in lines.
pub fn render(comparison: &Comparison, analysis: &Analysis) -> String {
    let cast = Cast::new(comparison);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (comparison.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(palette::dashes())) }
            }
            body { main {
                h1 { (comparison.title) }
                (statement(comparison))
                (results::verdicts(comparison))
                h2 { "Results" }
                @for traffic in &comparison.traffic {
                    (results::table(comparison, traffic, &cast))
                    (metrics::table(comparison, analysis, &traffic.name))
                }
                p.note {
                    "Means with 95 % intervals over test days and seeds. The best mean of a column is shaded; only the verdicts above say whether a difference is more than chance."
                    @if comparison.traffic.iter().any(|t| t.test_days.len() == 1) { " With a single test day an interval says nothing about other days." }
                }
                (overall::section(comparison, analysis, &cast))
                (shift::section(comparison))
                @for traffic in &comparison.traffic { (pictures(comparison, traffic, &cast)) }
                section { (making::how(comparison)) }
                section { (making::glossary(comparison)) }
                section { (making::runs(&comparison.cells)) }
            } }
        }
    }
    .into_string()
}

/// What was compared, in a paragraph.
fn statement(comparison: &Comparison) -> Markup {
    let mut seeds: Vec<u64> = comparison.cells.iter().map(|c| c.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let names: Vec<&str> = comparison.autoscalers.iter().map(|a| a.name.as_str()).collect();
    let days: Vec<String> = comparison
        .traffic
        .iter()
        .map(|t| format!("{} of {}", count(t.test_days.len(), "day"), t.name))
        .collect();
    html! {
        p.lead {
            (count(names.len(), "autoscaler")) " (" (names.join(", ")) ") ran "
            b { (comparison.application) } ", " (count(comparison.services.len(), "service"))
            ", in a simulated cluster on traffic that none of them was fitted to: "
            (listed(&days)) ", each with " (count(seeds.len(), "seed"))
            ". They have to keep the 95th percentile of response time at or below "
            b { (comparison.slo_ms) " ms" } " in every 15 s window, with as little CPU as they can."
        }
    }
}

/// All pictures of one traffic.
fn pictures(comparison: &Comparison, traffic: &TrafficSummary, cast: &Cast<'_>) -> Markup {
    let name = traffic.name.as_str();
    let curves: Vec<&LearningCurve> = comparison.learning.iter().filter(|c| c.traffic == name).collect();
    html! {
        section {
            h2 { (name) " in pictures" }
            @for timeline in comparison.timelines.iter().filter(|t| t.traffic == name) {
                (timeline::figures(timeline, comparison.slo_ms, cast))
            }
            (plane::figure(comparison, name, cast))
            (learning::figure(&curves))
            @for timeline in comparison.timelines.iter().filter(|t| t.traffic == name) {
                (services::figure(timeline, &comparison.services, cast))
            }
            @for paired in comparison.paired.iter().filter(|p| p.traffic == name) {
                (pairs::figure(comparison, paired, cast))
            }
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
