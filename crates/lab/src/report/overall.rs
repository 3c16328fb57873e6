//! Everybody over all traffic: what tests show, interquartile means, probabilities of improvement, and the performance
//! profiles.
//!
//! Left out: single traffics (`results`, `metrics`).

use super::axis::Axis;
use super::number::{bounds, decimals, fixed, signed, typeset};
use super::palette::{Cast, key};
use super::plot::Frame;
use super::results::count;
use crate::comparison::{Analysis, Better, Comparison, PairTest, Shown, metric_of};
use crate::evaluation::DecisionTime;
use crate::statistics::Estimate;
use maud::{Markup, html};

/// Metrics of the table, by key.
const SHOWN: [&str; 5] =
    ["shared_score", "violation_percent", "cost_over_demand", "used_core_hours", "churn"];

/// The whole section; nothing where nobody ran.
pub(super) fn section(comparison: &Comparison, analysis: &Analysis, cast: &Cast<'_>) -> Markup {
    if analysis.aggregate.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Over all traffic" }
            @if !analysis.sentences.is_empty() {
                ul.findings { @for sentence in &analysis.sentences { li { (typeset(sentence)) } } }
                p.note {
                    "Differences are means over traffic with 95 % intervals; p is Wilcoxon's signed-rank test with Holm's correction for all "
                    (count(analysis.tests.len(), "test")) " of this page. A difference is claimed where p is at most 0.05 and the interval leaves out zero."
                    @if let Some(least) = analysis.least_p() {
                        " The pairs of runs there are would give no p below " (small(least)) ": too few for any claim over all traffic."
                    }
                }
            }
            (middles(comparison, analysis, cast))
            (profiles(analysis, cast))
            (tests(analysis))
            (decision_times(&comparison.time))
        }
    }
}

/// Interquartile means, with the probability of improvement beside them.
fn middles(comparison: &Comparison, analysis: &Analysis, cast: &Cast<'_>) -> Markup {
    let names: Vec<&str> = comparison.autoscalers.iter().map(|a| a.name.as_str()).collect();
    let columns: Vec<Vec<(String, String, bool)>> =
        SHOWN.iter().map(|k| column(analysis, &names, k)).collect();
    let better =
        |name: &str| analysis.improvement.iter().find(|i| i.candidate == name).map(|i| i.probability);
    html! {
        h3 { "Interquartile means of all runs" }
        div.wide { table.results {
            thead { tr {
                th scope="col" { "autoscaler" }
                @for metric in SHOWN.map(metric_of) { th scope="col" { (metric.heading) br; span.unit { (metric.unit) } } }
                @if analysis.baseline.is_some() {
                    th scope="col" { "improvement" br; span.unit { "probability" } }
                }
            } }
            tbody { @for (row, name) in names.iter().enumerate() {
                tr.candidate[cast.role(name) == super::palette::Role::Candidate] {
                    th scope="row" { (name) }
                    @for column in &columns {
                        td.best[column[row].2] {
                            span.mean { (typeset(&column[row].0)) } br; span.interval { (typeset(&column[row].1)) }
                        }
                    }
                    @if analysis.baseline.is_some() {
                        td { @if let Some(chance) = better(name) {
                            span.mean { (fixed(chance.mean, 2)) } br; span.interval { (bounds(&chance, 2)) }
                        } }
                    }
                }
            } }
        } }
        p.note { "Means of the middle half of all runs (traffic, day, seed), with stratified bootstrap intervals. The best of a column is shaded. " @if let Some(baseline) = &analysis.baseline { "Improvement is the probability that a run scores higher on the shared score than one of " (baseline) " on the same traffic; 0.5 is no better and no worse." } }
    }
}

/// Middle, interval, and whether it is the best, of one metric.
fn column(analysis: &Analysis, names: &[&str], key: &str) -> Vec<(String, String, bool)> {
    let found: Vec<Option<Estimate>> = names.iter().map(|name| analysis.iqm(name, key)).collect();
    let middles = || found.iter().flatten().map(|e| e.mean).filter(|m| m.is_finite());
    let (low, high) = (middles().fold(f64::INFINITY, f64::min), middles().fold(f64::NEG_INFINITY, f64::max));
    let good = if metric_of(key).better == Better::Higher { high } else { low };
    let places = decimals(middles().fold(0.0, |most, m| m.abs().max(most)));
    let entry = |estimate: &Option<Estimate>| match estimate {
        Some(e) => (fixed(e.mean, places), bounds(e, places), low < high && e.mean == good),
        None => ("–".to_owned(), String::new(), false),
    };
    found.iter().map(entry).collect()
}

/// Share of runs above each score.
fn profiles(analysis: &Analysis, cast: &Cast<'_>) -> Markup {
    let mut profiles: Vec<_> = analysis.profiles.iter().collect();
    profiles.sort_by_key(|p| cast.role(&p.autoscaler));
    let Some(first) = profiles.first() else { return html! {} };
    let x = Axis::over(first.thresholds.iter().copied(), 8);
    let frame =
        Frame { width: 900, height: 340, left: 58, x_title: "shared score", x, y: Axis::over([0.0, 1.0], 5) };
    let picture = frame.draw(|canvas| {
        for profile in &profiles {
            let colour = cast.look(&profile.autoscaler).colour;
            let edges: Vec<(f64, f64, f64)> = profile
                .thresholds
                .iter()
                .zip(&profile.shares)
                .map(|(&at, share)| (at, share.low.max(0.0), share.high.min(1.0)))
                .collect();
            if profiles.len() <= 4 {
                canvas.band(&edges, colour);
            }
            let line = profile.thresholds.iter().zip(&profile.shares).map(|(&at, share)| (at, share.mean));
            canvas.line(line, colour, 2.0);
        }
    });
    html! {
        figure.dashed {
            h4 { "Performance profiles: share of runs with a higher score" }
            div.keys { @for p in profiles.iter().rev() { (key(cast.look(&p.autoscaler), &p.autoscaler)) } }
            (picture)
            figcaption {
                "The higher a line, the more runs score above the value below it; 1 is demand itself. "
                @if profiles.len() <= 4 { "Bands are pointwise 95 % intervals." }
                @else { "Their pointwise 95 % intervals are in report.json; so many bands would hide each other." }
            }
        }
    }
}

fn tests(analysis: &Analysis) -> Markup {
    let row = |test: &PairTest| {
        let places = if test.unit == "%" { 1 } else { 3 };
        let shown = match test.shown {
            Shown::Lower => "lower",
            Shown::Higher => "higher",
            Shown::Nothing => "no difference shown",
        };
        html! { tr {
            th scope="row" { (test.candidate) }
            td.name { (metric_of(test.metric).heading) }
            td { (typeset(&signed(test.difference.mean, places))) " " (test.unit) br; span.interval { (typeset(&bounds(&test.difference, places))) } }
            td { (test.pairs) }
            td { (typeset(&signed(test.rank_biserial, 2))) }
            td { (small(test.p_value)) }
            td { (small(test.p_holm)) }
            td.name { (shown) }
        } }
    };
    html! { @if let Some(baseline) = &analysis.baseline {
        details {
            summary { "Every test against " (baseline) }
            div.wide { table.results {
                thead { tr {
                    th { "candidate" } th.name { "metric" } th { "difference" } th { "pairs" } th { "effect size" } th { "p" }
                    th { "p, Holm" } th.name { "shown" }
                } }
                tbody { @for test in &analysis.tests { (row(test)) } }
            } }
            p.note { "Pairs share traffic, day and seed; where a traffic has several test days, a day's mean over seeds is one pair. Effect size: matched-pairs rank-biserial correlation, from −1 (always lower) to 1 (always higher)." }
        }
    } }
}

/// A p-value as text.
fn small(p: f64) -> String {
    if p < 0.0005 { "< 0.001".to_owned() } else { fixed(p, 3) }
}

fn decision_times(times: &[DecisionTime]) -> Markup {
    html! { @if !times.is_empty() {
        h3 { "Time to decide" }
        div.wide { table.results {
            thead { tr {
                th { "autoscaler" } th { "decisions" }
                th { "mean" br; span.unit { "µs" } } th { "median" br; span.unit { "µs" } } th { "p99" br; span.unit { "µs" } }
            } }
            tbody { @for time in times { tr {
                th scope="row" { (time.autoscaler) } td { (time.decisions) }
                td { (fixed(time.mean_us, 2)) } td { (fixed(time.p50_us, 2)) } td { (fixed(time.p99_us, 2)) }
            } } }
        } }
        p.note { "A decision is for all services at once. These are the only figures that differ when the comparison is repeated; they depend on the machine and on what else ran on it." }
    } }
}
