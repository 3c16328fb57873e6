//! What each parameter does alone: its best value with what that saves, and the cost over all values that were tried.
//!
//! Left out: what parameters do together.

use super::{
    autoscaler::difference,
    axis::Axis,
    number::{fixed, signed, typeset},
    palette::{BASELINE, CANDIDATE, Look, Marker, TRAFFIC},
    plot::Frame,
};
use crate::{
    contenders::in_text,
    search::{Domain, Space},
    tuning::autoscaler::{Alone, Tried, TunedAutoscaler},
};
use maud::{Markup, html};

/// Values whose cost is beyond this, over the default's, are drawn at it.
const DRAWN: f64 = 1.15;

/// Within the budget.
const WITHIN: Look = BASELINE;
/// Beyond it.
const BEYOND: Look = Look { marker: Marker::Triangle, ..CANDIDATE };

/// The section.
pub(super) fn section(tuned: &TunedAutoscaler, space: &Space) -> Markup {
    let budget = tuned.violation_budget;
    html! {
        h2 { "One parameter at a time" }
        p.lead {
            @match tuned.costliest() {
                Some(alone) => {
                    "The default that costs most is " b { (alone.parameter) " = " (in_text(&alone.default)) }
                    ": with " b { (in_text(&alone.best)) } " instead, and nothing else changed, " (tuned.autoscaler) " costs "
                    b { (typeset(&signed(100.0 * (alone.figures.cost - 1.0), 1))) " %" } " on the training days within the same budget of violations."
                }
                None => "No parameter has a value that alone is to be preferred to its default.",
            }
        }
        div.wide { table.days {
            thead { tr {
                th { "parameter" } th { "default" } th { "best alone" } th { "cost, training days" } th { "violated, training days" }
                @for traffic in &tuned.comparison.traffic { th { "test days, " (traffic.name) } }
            } }
            tbody { @for alone in sorted(&tuned.alone) {
                tr.candidate[tuned.costliest.as_ref() == Some(&alone.parameter)] {
                    th scope="row" { (alone.parameter) br; span.unit { (alone.unit) } }
                    td { (in_text(&alone.default)) }
                    @if alone.is_better() {
                        td { b { (in_text(&alone.best)) } }
                        td { (typeset(&signed(100.0 * (alone.figures.cost - 1.0), 1))) " %" }
                        td { (fixed(100.0 * alone.figures.violation_share, 2)) " %" }
                        @for traffic in &tuned.comparison.traffic {
                            td { @for paired in tuned.paired_alone(alone).filter(|p| p.traffic == traffic.name) {
                                (difference(&paired.cost_percent, 1, "%")) br;
                                span.unit { "violated " (difference(&paired.violation_points, 2, "points")) }
                            } }
                        }
                    } @else {
                        td { "the default" }
                        td { "0.0 %" }
                        td { (fixed(100.0 * alone.figures.violation_share, 2)) " %" }
                        @for _ in &tuned.comparison.traffic { td { "–" } }
                    }
                }
            } }
        } }
        figure {
            h4 { "Cost over each parameter alone, percent of the default's" }
            div.keys {
                span.key { (mark("#0072B2")) "within the budget" }
                span.key { (mark("#D55E00")) "beyond it" }
                span.key { "│ default" }
            }
            div.thirds { @for alone in &tuned.alone {
                @if let Some(parameter) = space.parameters().iter().find(|p| p.name == alone.parameter) {
                    div { h5 { (alone.parameter) @if !alone.unit.is_empty() { ", " (alone.unit) } } (curve(alone, &parameter.domain, budget)) }
                }
            } }
            figcaption {
                "On the training days, each parameter alone, all others at their defaults. A value that could hardly be preferred any more was given up after its first days and is compared on those. Costs beyond "
                (fixed(100.0 * DRAWN, 0)) " % stand at the upper edge."
            }
        }
    }
}

/// A sample of a point.
fn mark(colour: &str) -> Markup {
    html! { svg.sample viewBox="0 0 20 20" width="10" height="10" aria-hidden="true" {
        @if colour == "#0072B2" { rect x="3" y="3" width="14" height="14" fill=(colour) {} }
        @else { polygon points="10,2 18,17 2,17" fill=(colour) {} }
    } }
}

/// What saves most first.
fn sorted(all: &[Alone]) -> Vec<&Alone> {
    let mut sorted: Vec<&Alone> = all.iter().collect();
    sorted.sort_by(|a, b| a.figures.cost.total_cmp(&b.figures.cost));
    sorted
}

fn curve(alone: &Alone, domain: &Domain, budget: f64) -> Markup {
    let x = match domain {
        Domain::Choice(choices) => Axis::names(choices.iter().map(in_text).collect()),
        Domain::Float { low, high, log: true } => Axis::powers(*low, *high),
        Domain::Float { low, high, log: false } => Axis::over([*low, *high], 4),
        Domain::Integer { low, high, log: true } => Axis::log([*low as f64, *high as f64]),
        Domain::Integer { low, high, log: false } => Axis::over([*low as f64, *high as f64], 4),
    };
    let place = |tried: &Tried| {
        let number = tried.value.as_float().or(tried.value.as_integer().map(|n| n as f64));
        let choice = || match domain {
            Domain::Choice(choices) => choices.iter().position(|c| *c == tried.value).unwrap_or(0) as f64,
            _ => 0.0,
        };
        (number.unwrap_or_else(choice), 100.0 * tried.figures.cost.min(DRAWN))
    };
    let y = Axis::over(alone.tried.iter().map(|tried| place(tried).1), 4);
    let (low, high) = y.ends();
    Frame { width: 290, height: 190, left: 44, x_title: "", x, y }.draw(|canvas| {
        canvas.line(alone.tried.iter().map(place), TRAFFIC, 1.0);
        for tried in &alone.tried {
            if tried.value == alone.default {
                let (x, _) = place(tried);
                canvas.rule((x, low), (x, high), TRAFFIC, 1.5);
            }
            let look = if tried.figures.violation_share <= budget { WITHIN } else { BEYOND };
            let size = if tried.value == alone.best { 6.0 } else { 3.5 };
            canvas.point(place(tried), look.marker, size, look.colour, 0.9);
        }
    })
}
