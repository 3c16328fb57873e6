//! One test day of a traffic: its requests, the pods of every autoscaler, and their latency against the SLO,
//! over the same hours.
//!
//! A day is taken to begin at midnight UTC. Left out: services one by one (`services`).

use super::axis::Axis;
use super::palette::{Cast, INK, Role, TRAFFIC, bound_key, key};
use super::plot::Frame;
use crate::comparison::{Timeline, Track};
use maud::{Markup, html};

const WIDTH: i32 = 900;
const LEFT: i32 = 58;
/// Title of every time axis.
pub(super) const HOURS: &str = "hour of the day (UTC)";

/// The three pictures with their captions.
pub(super) fn figures(timeline: &Timeline, slo_ms: f64, cast: &Cast<'_>) -> Markup {
    let names: Vec<&str> = timeline.tracks.iter().map(|t| t.autoscaler.as_str()).collect();
    let keys = html! { @for name in &names { (key(cast.look(name), name)) } };
    html! {
        figure {
            h4 { "Traffic on " (timeline.day) ", requests per second" }
            (traffic(timeline))
            figcaption { "What all of them had to serve on this test day, which none of them was fitted to. The charts below share its hours." }
        }
        figure.dashed {
            h4 { "Pods of each autoscaler" }
            div.keys { (keys) }
            (pods(timeline, cast))
            figcaption {
                "Pods of all services together, seed " (timeline.seed)
                ". Lower costs less. A line that rises before the traffic does saw it coming; one that stays high after it pays for pods that it no longer needs."
            }
        }
        figure.dashed {
            h4 { "p95 latency, milliseconds, logarithmic" }
            div.keys { (keys) (bound_key(&format!("SLO, {slo_ms} ms"))) }
            (latency(timeline, slo_ms, cast))
            figcaption { "Each point is the slowest window within it. Below the SLO's line is fine, however far; time above it counts as violated." }
        }
    }
}

/// Hours since midnight at the start of point `index`.
pub(super) fn hour(timeline: &Timeline, index: usize) -> f64 {
    index as f64 * timeline.point_secs / 3600.0
}

/// The time axis of the day, in at most `intervals` steps.
pub(super) fn hours(timeline: &Timeline, intervals: usize) -> Axis {
    let points = timeline.tracks.iter().map(|t| t.pods.len()).chain([timeline.rate.len()]).max();
    Axis::hours(hour(timeline, points.unwrap_or(0)), intervals)
}

/// Corners of a step line that holds each value until the next point. Values that repeat add no corner.
pub(super) fn steps(timeline: &Timeline, values: &[f32]) -> Vec<(f64, f64)> {
    let mut corners = Vec::new();
    let mut held = None;
    for (index, &value) in values.iter().enumerate() {
        if held != Some(value) {
            let now = hour(timeline, index);
            corners.extend(held.map(|before| (now, f64::from(before))));
            corners.push((now, f64::from(value)));
            held = Some(value);
        }
    }
    corners.extend(held.map(|last| (hour(timeline, values.len()), f64::from(last))));
    corners
}

/// The tracks in the order in which they are drawn: the candidate last, on top.
pub(super) fn layered<'a>(timeline: &'a Timeline, cast: &Cast<'_>) -> Vec<&'a Track> {
    let mut tracks: Vec<&Track> = timeline.tracks.iter().collect();
    tracks.sort_by_key(|t| cast.role(&t.autoscaler));
    tracks
}

/// Line width by role, in CSS pixels.
pub(super) fn weight(role: Role) -> f64 {
    match role {
        Role::Other => 1.5,
        Role::Baseline => 2.0,
        Role::Candidate => 2.5,
    }
}

fn traffic(timeline: &Timeline) -> Markup {
    let points: Vec<(f64, f64)> =
        timeline.rate.iter().enumerate().map(|(i, &r)| (hour(timeline, i), f64::from(r))).collect();
    let y = Axis::from_zero(points.iter().map(|p| p.1), 4);
    Frame { width: WIDTH, height: 190, left: LEFT, x_title: HOURS, x: hours(timeline, 8), y }.draw(|canvas| {
        canvas.area(&points, TRAFFIC);
        canvas.line(points.iter().copied(), TRAFFIC, 1.5);
    })
}

fn pods(timeline: &Timeline, cast: &Cast<'_>) -> Markup {
    let all = timeline.tracks.iter().flat_map(|t| &t.pods).map(|&p| f64::from(p));
    let y = Axis::from_zero(all, 5);
    Frame { width: WIDTH, height: 300, left: LEFT, x_title: HOURS, x: hours(timeline, 8), y }.draw(|canvas| {
        for track in layered(timeline, cast) {
            let width = weight(cast.role(&track.autoscaler));
            canvas.line(steps(timeline, &track.pods), cast.look(&track.autoscaler).colour, width);
        }
    })
}

fn latency(timeline: &Timeline, slo_ms: f64, cast: &Cast<'_>) -> Markup {
    let all = timeline.tracks.iter().flat_map(|t| &t.p95_ms).map(|&p| f64::from(p));
    let y = Axis::log(all.chain([slo_ms]));
    Frame { width: WIDTH, height: 320, left: LEFT, x_title: HOURS, x: hours(timeline, 8), y }.draw(|canvas| {
        for track in layered(timeline, cast) {
            let points = track.p95_ms.iter().enumerate().map(|(i, &p)| (hour(timeline, i), f64::from(p)));
            let width = weight(cast.role(&track.autoscaler)) - 0.5;
            canvas.line(points, cast.look(&track.autoscaler).colour, width);
        }
        canvas.level(slo_ms, INK, 1.5);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_line_has_corners_only_where_its_value_changes() {
        let timeline = Timeline { point_secs: 3600.0, ..Timeline::default() };
        let corners = steps(&timeline, &[2.0, 2.0, 5.0, 5.0]);
        assert_eq!(corners, [(0.0, 2.0), (2.0, 2.0), (2.0, 5.0), (4.0, 5.0)]);
        assert!(steps(&timeline, &[]).is_empty());
    }
}
