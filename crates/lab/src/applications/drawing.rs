//! The call graph of an application as a picture (SVG): callers left of those they call, traffic from the left.
//!
//! Services stand in columns by their longest way from outside, ordered within a column so that calls cross little (by the mean
//! place of their callers, a few times forth and back). A label on a call says how often it is made in a request, where that is not once.
//!
//! Left out: graphs of so many services that a page cannot hold them; the picture grows.

use std::fmt::Write;
use trimtab_model::{Application, ServiceId};

const BOX_WIDTH: f64 = 168.0;
const BOX_HEIGHT: f64 = 46.0;
const COLUMN_GAP: f64 = 92.0;
const ROW_GAP: f64 = 22.0;
const MARGIN: f64 = 24.0;
/// Room for the title.
const HEAD: f64 = 46.0;
/// Letters of a service's name that fit into its box.
const NAME_LETTERS: usize = 22;
/// Sweeps of the ordering, forth and back.
const SWEEPS: usize = 8;

const STYLE: &str = "text{font-family:system-ui,sans-serif;fill:#1f2328}.n{fill:#eef4fb;stroke:#0072b2;stroke-width:1.4}.t{font-size:15px;font-weight:600}.s{font-size:12.5px;font-weight:600;text-anchor:middle}.d{font-size:11px;fill:#57606a;text-anchor:middle}.e{fill:none;stroke:#6e7781;stroke-width:1.3;marker-end:url(#a)}.l{font-size:10.5px;fill:#57606a;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px}";

/// The picture.
pub fn drawing(application: &Application) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write_drawing(&mut svg, application);
    svg
}

fn write_drawing(w: &mut String, application: &Application) -> std::fmt::Result {
    let columns = columns(application);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let inner = rows * (BOX_HEIGHT + ROW_GAP) - ROW_GAP;
    // The first column is left to what comes from outside.
    let width = 2.0 * MARGIN + 40.0 + columns.len() as f64 * (BOX_WIDTH + COLUMN_GAP);
    let height = HEAD + inner + 2.0 * MARGIN;
    let mut place = vec![(0.0, 0.0); application.services.len()];
    for (column, services) in columns.iter().enumerate() {
        let own = services.len() as f64 * (BOX_HEIGHT + ROW_GAP) - ROW_GAP;
        for (row, service) in services.iter().enumerate() {
            let x = MARGIN + 40.0 + COLUMN_GAP + column as f64 * (BOX_WIDTH + COLUMN_GAP);
            let y = HEAD + MARGIN + 0.5 * (inner - own) + row as f64 * (BOX_HEIGHT + ROW_GAP);
            place[*service] = (x, y);
        }
    }
    writeln!(
        w,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\"><title>Call graph of {0}</title><style>{STYLE}</style><defs><marker id=\"a\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#6e7781\"/></marker></defs><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        escaped(&application.name)
    )?;
    let title =
        format!("{}: {} services, {} calls", application.name, place.len(), application.edges().len());
    writeln!(w, "<text class=\"t\" x=\"{MARGIN}\" y=\"{}\">{}</text>", MARGIN + 8.0, escaped(&title))?;
    write_edges(w, application, &place)?;
    for (service, (x, y)) in application.services.iter().zip(&place) {
        let middle = x + 0.5 * BOX_WIDTH;
        let detail = format!(
            "{} m · {}–{} replicas",
            service.allocation.cpu_request.0, service.replicas.min, service.replicas.max
        );
        writeln!(
            w,
            "<g><title>{0}</title><rect class=\"n\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"7\"/><text class=\"s\" x=\"{middle:.1}\" y=\"{1:.1}\">{2}</text><text class=\"d\" x=\"{middle:.1}\" y=\"{3:.1}\">{detail}</text></g>",
            escaped(&service.name),
            y + 19.0,
            escaped(&shortened(&service.name)),
            y + 36.0,
        )?;
    }
    writeln!(w, "</svg>")
}

fn write_edges(w: &mut String, application: &Application, place: &[(f64, f64)]) -> std::fmt::Result {
    let mut entries = vec![0.0; place.len()];
    for endpoint in &application.endpoints {
        entries[endpoint.service] += endpoint.weight;
    }
    for (service, share) in entries.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let (x, y) = (place[service].0, place[service].1 + 0.5 * BOX_HEIGHT);
        let label = if entries.iter().filter(|share| **share > 0.0).count() > 1 {
            format!("{:.0} %", 100.0 * share)
        } else {
            "requests".to_owned()
        };
        writeln!(
            w,
            "<path class=\"e\" d=\"M{:.1} {y:.1}H{x:.1}\"/><text class=\"l\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            x - 70.0,
            x - 42.0,
            y - 6.0
        )?;
    }
    let visits = application.visits();
    for (from, to, calls) in application.edges() {
        let (x1, y1) = (place[from].0 + BOX_WIDTH, place[from].1 + 0.5 * BOX_HEIGHT);
        let (x2, y2) = (place[to].0, place[to].1 + 0.5 * BOX_HEIGHT);
        let bend = 0.5 * (x2 - x1).max(40.0);
        writeln!(
            w,
            "<path class=\"e\" d=\"M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\"/>",
            x1 + bend,
            x2 - bend
        )?;
        let times = calls / visits[from];
        if (times - 1.0).abs() > 0.005 {
            // Three quarters along the curve, where few others run.
            let along = |a: f64, b: f64, c: f64, d: f64| (a + 9.0 * b + 27.0 * c + 27.0 * d) / 64.0;
            let (x, y) = (along(x1, x1 + bend, x2 - bend, x2), along(y1, y1, y2, y2));
            writeln!(w, "<text class=\"l\" x=\"{x:.1}\" y=\"{:.1}\">×{times:.2}</text>", y - 3.0)?;
        }
    }
    Ok(())
}

/// Services by column, each column from top to bottom.
fn columns(application: &Application) -> Vec<Vec<ServiceId>> {
    let edges = application.edges();
    let mut depth = vec![0usize; application.services.len()];
    // An application that was read has no cycle.
    for caller in application.call_order().unwrap_or_default() {
        for (_, callee, _) in edges.iter().filter(|edge| edge.0 == caller) {
            depth[*callee] = depth[*callee].max(depth[caller] + 1);
        }
    }
    let deepest = depth.iter().copied().max().unwrap_or(0);
    let mut columns = vec![Vec::new(); deepest + 1];
    for (service, depth) in depth.iter().enumerate() {
        columns[*depth].push(service);
    }
    let mut row = vec![0.0; depth.len()];
    let number = |columns: &[Vec<ServiceId>], row: &mut [f64]| {
        for column in columns {
            // Places are shares of the column, so that columns of different lengths compare.
            for (at, service) in column.iter().enumerate() {
                row[*service] = (at as f64 + 0.5) / column.len() as f64;
            }
        }
    };
    number(&columns, &mut row);
    for sweep in 0..SWEEPS {
        let forth = sweep % 2 == 0;
        for step in 1..=deepest {
            let column = if forth { step } else { deepest - step };
            let mean = |service: ServiceId| {
                let beside = edges.iter().filter_map(|(from, to, _)| {
                    let (own, other) = if forth { (*to, *from) } else { (*from, *to) };
                    (own == service).then_some(row[other])
                });
                let (sum, count) = beside.fold((0.0, 0.0), |(sum, count), place| (sum + place, count + 1.0));
                if count > 0.0 { sum / count } else { row[service] }
            };
            let mut services: Vec<(f64, ServiceId)> =
                columns[column].iter().map(|service| (mean(*service), *service)).collect();
            services.sort_by(|a, b| a.0.total_cmp(&b.0));
            columns[column] = services.into_iter().map(|(_, service)| service).collect();
            number(&columns, &mut row);
        }
    }
    columns
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_LETTERS {
        return name.to_owned();
    }
    name.chars().take(NAME_LETTERS - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications::load;

    #[test]
    fn callers_stand_left_of_those_they_call_and_nothing_overlaps() {
        for name in ["online_boutique", "redis", "chained_services", "teastore", "generated-40-3"] {
            let application = load(name).unwrap();
            let columns = columns(&application);
            let column = |service: usize| columns.iter().position(|own| own.contains(&service)).unwrap();
            for (from, to, _) in application.edges() {
                assert!(column(from) < column(to), "{name}: {from} → {to}");
            }
            assert_eq!(columns.iter().map(Vec::len).sum::<usize>(), application.services.len());
        }
    }

    #[test]
    fn every_service_and_call_is_drawn() {
        let application = load("online_boutique").unwrap();
        let svg = drawing(&application);
        assert!(application.services.iter().all(|service| svg.contains(&service.name)));
        assert_eq!(svg.matches("class=\"e\"").count(), 15 + 1);
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    }
}
