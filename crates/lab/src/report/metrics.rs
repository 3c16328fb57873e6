//! Every metric of one traffic, a row for each, and the percentiles of all requests.
//!
//! Left out: the few metrics that matter most (`results`).

use super::number::{bounds, decimals, fixed, typeset};
use crate::comparison::{Analysis, Better, Comparison, METRICS, Metric};
use crate::statistics::Estimate;
use maud::{Markup, html};

/// The table, folded.
pub(super) fn table(comparison: &Comparison, analysis: &Analysis, traffic: &str) -> Markup {
    let names: Vec<&str> = comparison.autoscalers.iter().map(|a| a.name.as_str()).collect();
    html! {
        details {
            summary { "Every metric on " (traffic) }
            div.wide { table.results.every {
                thead { tr { th scope="col" { "metric" } @for name in &names { th scope="col" { (name) } } } }
                tbody {
                    @for metric in &METRICS { (row(analysis, traffic, &names, metric)) }
                    (merged(comparison, traffic, &names))
                }
            } }
        }
    }
}

fn row(analysis: &Analysis, traffic: &str, names: &[&str], metric: &Metric) -> Markup {
    let found: Vec<Option<Estimate>> = names.iter().map(|n| analysis.mean(traffic, n, metric.key)).collect();
    let means = || found.iter().flatten().map(|e| e.mean).filter(|m| m.is_finite());
    let (low, high) = (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
    let good = match metric.better {
        Better::Lower => low,
        Better::Higher => high,
        Better::Neither => f64::NAN,
    };
    let places = decimals(means().fold(0.0, |most, m| m.abs().max(most)));
    html! { tr {
        th scope="row" { (metric.heading) " " span.unit { (metric.unit) } }
        @for estimate in &found {
            @match estimate {
                Some(e) => td.best[low < high && e.mean == good] {
                    span.mean { (typeset(&fixed(e.mean, places))) } br; span.interval { (typeset(&bounds(e, places))) }
                },
                None => td { span.unit { "not applicable" } },
            }
        }
    } }
}

/// Percentiles over all requests of all runs, which have no interval.
fn merged(comparison: &Comparison, traffic: &str, names: &[&str]) -> Markup {
    let of = |name: &str| comparison.latency.iter().find(|l| l.traffic == traffic && l.autoscaler == name);
    let row = |heading: &str, of_one: fn(&crate::comparison::MergedLatency) -> f64| {
        // Of the fastest, because a single day of overload would leave the others without a digit.
        let least = names.iter().filter_map(|name| of(name)).map(of_one).fold(f64::INFINITY, f64::min);
        let places = decimals(least);
        html! { tr {
            th scope="row" { (heading) " of all runs' requests " span.unit { "ms" } }
            @for name in names { td { @if let Some(found) = of(name) { (fixed(of_one(found), places)) } } }
        } }
    };
    html! { @if names.iter().any(|name| of(name).is_some()) {
        (row("p50", |l| l.p50_ms)) (row("p95", |l| l.p95_ms)) (row("p99", |l| l.p99_ms))
    } }
}
