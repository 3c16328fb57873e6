//! The picture of one container's workload: memory and CPU over time, with what it requests and its limits.
//!
//! Left out: a legend; the titles of the axes say which line is which.

use super::axis::Axis;
use super::palette::{BASELINE, CANDIDATE, TRAFFIC};
use super::plot::Frame;
use trimtab_workload::{UsageSeries, usage::generate::ContainerSpec};

/// Size of one picture on the page, in CSS pixels.
const SIZE: (i32, i32) = (900, 260);

/// An SVG file with a white ground: memory above, CPU below.
pub fn usage_figure(series: &UsageSeries, container: &ContainerSpec) -> String {
    let start = series.points[0].at;
    let hours = |at: trimtab_model::Time| (at - start).0 / 3600.0;
    let panel = |title: &str, value: fn(&trimtab_model::UsagePoint) -> f64, request: f64, limit: f64| {
        let used = series.points.iter().map(value);
        let frame = Frame {
            width: SIZE.0,
            height: SIZE.1,
            left: 70,
            x_title: title,
            x: Axis::from_zero([hours(series.points[series.points.len() - 1].at)], 8),
            y: Axis::from_zero(used.chain([request, limit]), 6),
        };
        frame
            .draw(|canvas| {
                canvas.level(limit, TRAFFIC, 1.5);
                canvas.level(request, BASELINE.colour, 2.0);
                let line = series.points.iter().map(|point| (hours(point.at), value(point)));
                canvas.line(line, CANDIDATE.colour, 1.5);
            })
            .into_string()
    };
    let panels = [
        panel(
            "hours; memory in MB: used (orange), requested (blue), limit (grey)",
            |point| point.memory_bytes / 1e6,
            container.requests.memory,
            container.limits.memory,
        ),
        panel(
            "hours; CPU in millicores: used (orange), requested (blue), limit (grey)",
            |point| point.cpu_cores * 1000.0,
            container.requests.cpu,
            container.limits.cpu,
        ),
    ];
    let (width, height) = (2 * SIZE.0, 2 * SIZE.1);
    let lower = panels[1].replacen("<svg ", &format!("<svg y=\"{height}\" "), 1);
    format!(
        "<svg width=\"{width}\" height=\"{total}\" viewBox=\"0 0 {width} {total}\" xmlns=\"http://www.w3.org/2000/svg\"><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>{}{lower}</svg>\n",
        panels[0],
        total = 2 * height
    )
}
