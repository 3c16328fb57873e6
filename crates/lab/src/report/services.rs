//! Replicas of each service over one day, candidate against baseline: one small chart a service.
//!
//! Left out: the other autoscalers, which would hide the two that matter.

use super::axis::Axis;
use super::palette::{Cast, Role, key};
use super::plot::Frame;
use super::timeline::{hours, layered, steps, weight};
use crate::comparison::{Timeline, Track};
use maud::{Markup, html};

/// The small charts with their caption; nothing where no track knows its replicas.
pub(super) fn figure(timeline: &Timeline, services: &[String], cast: &Cast<'_>) -> Markup {
    let tracks = shown(timeline, cast);
    if services.is_empty() || tracks.iter().all(|t| t.replicas.is_empty()) {
        return html! {};
    }
    html! {
        figure.dashed {
            h4 { "Replicas of each service on " (timeline.day) }
            div.keys { @for track in tracks.iter().rev() { (key(cast.look(&track.autoscaler), &track.autoscaler)) } }
            div.thirds {
                @for (index, service) in services.iter().enumerate() {
                    div { h5 { (service) } (chart(timeline, &tracks, index, cast)) }
                }
            }
            figcaption { "Where the difference comes from. Every chart has its own vertical scale from zero; hours of the day are UTC." }
        }
    }
}

/// Candidate and baseline on top of it, or everybody where the comparison has no pair.
fn shown<'a>(timeline: &'a Timeline, cast: &Cast<'_>) -> Vec<&'a Track> {
    let tracks = layered(timeline, cast);
    let pair: Vec<&Track> =
        tracks.iter().copied().filter(|t| cast.role(&t.autoscaler) != Role::Other).collect();
    if pair.is_empty() { tracks } else { pair }
}

fn chart(timeline: &Timeline, tracks: &[&Track], service: usize, cast: &Cast<'_>) -> Markup {
    let of = |track: &Track| track.replicas.get(service).cloned().unwrap_or_default();
    let y = Axis::from_zero(tracks.iter().flat_map(|t| of(t)).map(f64::from), 3);
    Frame { width: 292, height: 130, left: 34, x_title: "", x: hours(timeline, 4), y }.draw(|canvas| {
        for track in tracks {
            let width = weight(cast.role(&track.autoscaler)) - 0.5;
            canvas.line(steps(timeline, &of(track)), cast.look(&track.autoscaler).colour, width);
        }
    })
}
