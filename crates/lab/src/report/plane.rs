//! The plane of cost and SLO violations: everybody's mean with its intervals, every run behind it, and a
//! close-up of candidate and baseline.
//!
//! Left out: a frontier; a handful of autoscalers does not make one.

use super::axis::Axis;
use super::column::{percent, rows};
use super::label::spots;
use super::palette::{Cast, Role};
use super::plot::{Canvas, Frame, Place};
use crate::comparison::{Cell, Comparison, Summary};
use crate::statistics::Estimate;
use maud::{Markup, html};

const COST: &str = "cost, requested core-hours a day";

/// An autoscaler's mean and interval in both directions; violations in percent of time.
struct Mean<'a> {
    name: &'a str,
    cost: Estimate,
    violations: Estimate,
}

/// Both pictures with their caption.
pub(super) fn figure(comparison: &Comparison, traffic: &str, cast: &Cast<'_>) -> Markup {
    let mut means: Vec<Mean<'_>> = rows(comparison, traffic).into_iter().filter_map(Mean::of).collect();
    means.sort_by_key(|m| cast.role(m.name));
    let cells: Vec<&Cell> = comparison.cells.iter().filter(|c| c.traffic == traffic).collect();
    let pair: Vec<&Mean<'_>> = means.iter().filter(|m| cast.role(m.name) != Role::Other).collect();
    html! {
        figure.named {
            h4 { "Cost against SLO violations, percent of time" }
            (overview(&means, &cells, cast))
            @if pair.len() == 2 && pair.len() < means.len() {
                h5 { "Close-up of " (pair[0].name) " and " (pair[1].name) }
                (close_up(&pair, &cells, cast))
            }
            figcaption {
                "Lower left is better: cheaper and fewer violations. Big marks are means over all test days and seeds, crosses their 95 % intervals, faint marks single runs (a day with a seed)."
                @if pair.len() == 2 && pair.len() < means.len() { " The close-up leaves out runs beyond its edges." }
            }
        }
    }
}

impl<'a> Mean<'a> {
    fn of(summary: &'a Summary) -> Option<Self> {
        let (cost, violations) = (summary.core_hours, percent(summary.violation_share));
        let known = cost.mean.is_finite() && violations.mean.is_finite();
        known.then_some(Self { name: &summary.autoscaler, cost, violations })
    }
}

fn overview(means: &[Mean<'_>], cells: &[&Cell], cast: &Cast<'_>) -> Markup {
    let runs = || cells.iter().map(|c| place(c));
    let costs = means.iter().flat_map(|m| ends(m.cost)).chain(runs().map(|r| r.0));
    let violations = means.iter().flat_map(|m| ends(m.violations)).chain(runs().map(|r| r.1));
    let means: Vec<&Mean<'_>> = means.iter().collect();
    plane(&means, cells, cast, 420, Axis::over(costs, 8), Axis::from_zero(violations, 8))
}

fn close_up(pair: &[&Mean<'_>], cells: &[&Cell], cast: &Cast<'_>) -> Markup {
    let costs = pair.iter().flat_map(|m| ends(m.cost));
    let violations = pair.iter().flat_map(|m| ends(m.violations));
    plane(pair, cells, cast, 320, Axis::over(costs, 8), Axis::from_zero(violations, 5))
}

fn plane(means: &[&Mean<'_>], cells: &[&Cell], cast: &Cast<'_>, height: i32, x: Axis, y: Axis) -> Markup {
    Frame { width: 900, height, left: 58, x_title: COST, x, y }.draw(|canvas| {
        for cell in cells.iter().filter(|c| means.iter().any(|m| m.name == c.autoscaler)) {
            let look = cast.look(&cell.autoscaler);
            if canvas.shows(place(cell)) {
                canvas.point(place(cell), look.marker, 3.0, look.colour, 0.35);
            }
        }
        for mean in means {
            let look = cast.look(mean.name);
            let at = (mean.cost.mean, mean.violations.mean);
            for (from, to) in cross(mean) {
                canvas.rule(from, to, look.colour, 2.0);
            }
            canvas.point(at, look.marker, 6.0, look.colour, 1.0);
        }
        name(canvas, means);
    })
}

/// Writes everybody's name beside its mean; the candidate, drawn last, has the first choice of a spot.
fn name(canvas: &Canvas<'_, '_>, means: &[&Mean<'_>]) {
    let at = |p: (f64, f64)| canvas.place(p.0, p.1);
    let names: Vec<&str> = means.iter().rev().map(|m| m.name).collect();
    let anchors: Vec<Place> =
        means.iter().rev().filter_map(|m| at((m.cost.mean, m.violations.mean))).collect();
    let crosses: Vec<(Place, Place)> =
        means.iter().flat_map(|m| cross(m)).filter_map(|(from, to)| Some((at(from)?, at(to)?))).collect();
    for ((spot, name), anchor) in
        spots(&names, &anchors, &crosses, canvas.corners()).iter().zip(&names).zip(&anchors)
    {
        if let Some(end) = spot.leader {
            canvas.leader(*anchor, end);
        }
        canvas.text(name, spot.text);
    }
}

/// The two strokes of an interval cross.
fn cross(mean: &Mean<'_>) -> [((f64, f64), (f64, f64)); 2] {
    let (x, y) = (mean.cost, mean.violations);
    [((x.low, y.mean), (x.high, y.mean)), ((x.mean, y.low), (x.mean, y.high))]
}

fn ends(estimate: Estimate) -> [f64; 3] {
    [estimate.low, estimate.mean, estimate.high]
}

/// Where a run lies.
fn place(cell: &Cell) -> (f64, f64) {
    (cell.score.core_hours, cell.score.violation_share * 100.0)
}
