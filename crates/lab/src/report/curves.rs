//! A learning curve of an algorithm on a control task, over many seeds and beside a peer's, as a picture of its own.
//!
//! Left out: a legend, which the page around it gives in words.

use super::axis::Axis;
use super::palette::OURS_AND_PEERS;
use super::plot::Frame;
use crate::learning_curves::Point;

/// Our curve and, where it is not empty, the peer's: a line through the middle of the seeds, in a band of its interval.
/// An SVG file with a white ground.
pub fn learning_curve(ours: &[Point], peers: &[Point]) -> String {
    let both = || ours.iter().chain(peers);
    let x = Axis::from_zero(both().map(|point| point.steps as f64), 5);
    let y = Axis::over(both().flat_map(|point| [point.low, point.high]), 5);
    let frame = Frame { width: 640, height: 300, left: 58, x_title: "environment steps", x, y };
    let picture = frame.draw(|canvas| {
        for (points, colour) in [peers, ours].into_iter().zip(OURS_AND_PEERS.into_iter().rev()) {
            let edges: Vec<(f64, f64, f64)> =
                points.iter().map(|point| (point.steps as f64, point.low, point.high)).collect();
            canvas.band(&edges, colour);
            canvas.line(points.iter().map(|point| (point.steps as f64, point.iqm)), colour, 2.0);
        }
    });
    picture.into_string().replacen('>', "><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>", 1)
}
