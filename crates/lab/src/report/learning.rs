//! Learning curves: what training did to return, cost and violations, a line for each seed.
//!
//! Left out: smoothing; the points are already means over recent episodes.

use super::axis::Axis;
use super::palette::{key, seed_look};
use super::plot::Frame;
use crate::comparison::{LearningCurve, LearningPoint};
use maud::{Markup, html};

/// One chart: its heading and what it shows of a point.
struct Panel {
    heading: &'static str,
    of: fn(&LearningPoint) -> Option<f64>,
    scale: fn(Vec<f64>) -> Axis,
}

const PANELS: [Panel; 4] = [
    Panel { heading: "return of an episode", of: |p| Some(p.episode_return), scale: |v| Axis::over(v, 4) },
    Panel {
        heading: "SLO violated, % of time",
        of: |p| Some(p.violation_share * 100.0),
        scale: |v| Axis::from_zero(v, 4),
    },
    Panel {
        heading: "cost, relative to one replica each",
        of: |p| Some(p.cost),
        scale: |v| Axis::over(v, 4),
    },
    Panel { heading: "multiplier of the constraint", of: |p| p.multiplier, scale: |v| Axis::from_zero(v, 4) },
];

/// The charts of a traffic's training runs with their caption; nothing where nothing learned.
pub(super) fn figure(curves: &[&LearningCurve]) -> Markup {
    let known: Vec<&Panel> = PANELS
        .iter()
        .filter(|panel| {
            curves.iter().flat_map(|c| &c.points).any(|p| (panel.of)(p).is_some_and(f64::is_finite))
        })
        .collect();
    if known.is_empty() {
        return html! {};
    }
    let constrained = curves.iter().flat_map(|c| &c.points).any(|p| p.multiplier.is_some());
    html! {
        figure.dashed {
            h4 { "Learning, over environment steps" }
            div.keys { @for (index, curve) in curves.iter().enumerate() { (key(seed_look(index), &format!("seed {}", curve.seed))) } }
            div.halves { @for panel in known { div { h5 { (panel.heading) } (chart(panel, curves)) } } }
            figcaption {
                "Training on the training days only; one line for each seed. Lines that end together mean that the result does not hang on luck."
                @if constrained {
                    " The multiplier is the price of a violation: it rises while there are more of them than the constraint allows and falls once there are fewer."
                }
            }
        }
    }
}

fn chart(panel: &Panel, curves: &[&LearningCurve]) -> Markup {
    let points = || curves.iter().flat_map(|c| &c.points);
    let x = Axis::from_zero(points().map(|p| p.timesteps as f64), 4);
    let y = (panel.scale)(points().filter_map(|p| (panel.of)(p)).collect());
    Frame { width: 440, height: 210, left: 58, x_title: "", x, y }.draw(|canvas| {
        for (index, curve) in curves.iter().enumerate() {
            let line = curve.points.iter().map(|p| (p.timesteps as f64, (panel.of)(p).unwrap_or(f64::NAN)));
            canvas.line(line, seed_look(index).colour, 2.0);
        }
    })
}
