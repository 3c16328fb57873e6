//! The page and the table of a comparison on recorded use.
//!
//! Left out: judging (`vertical::judgement`), and anything of horizontal comparisons.

use super::{
    STYLE,
    axis::Axis,
    label::spots,
    number::{bounds, decimals, fixed, signed, typeset},
    palette::{self, BASELINE, CANDIDATE, Look, seed_look},
    plot::{Frame, Place},
    results::count,
};
use crate::{
    statistics::Estimate,
    vertical::{METRICS, Metric, OverallTest, Paired, Shown, UsageComparison},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fmt::Write;

/// Columns of figures side by side in a terminal.
const BAND: usize = 3;
/// Longer names are cut.
const NAME_WIDTH: usize = 34;

/// The whole page as HTML.
pub fn usage_page(comparison: &UsageComparison) -> String {
    let title = "Vertical autoscalers on recorded use";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(palette::dashes())) }
            }
            body { main {
                h1 { (title) }
                (lead(comparison))
                @for sentence in sentences(comparison) { p.sentence { (typeset(&sentence)) } }
                (overall(comparison))
                @for recording in &comparison.recordings { (section(comparison, &recording.name)) }
                (making(comparison))
            } }
        }
    }
    .into_string()
}

fn lead(comparison: &UsageComparison) -> Markup {
    let containers: usize = comparison.recordings.iter().map(|recording| recording.containers).sum();
    html! {
        p.lead {
            (count(comparison.autoscalers.len(), "vertical autoscaler")) " set the requests of "
            (count(containers, "container")) " from " (count(comparison.recordings.len(), "recording"))
            ". The first " (format!("{:.0} %", 100.0 * comparison.config.train_share))
            " of each series is for learning and fitting, the rest is scored. Less is better in every column."
        }
    }
}

/// What is shown on the loss, one sentence for each recording and candidate, and one over all of them.
pub(super) fn sentences(comparison: &UsageComparison) -> Vec<String> {
    let Some(baseline) = &comparison.baseline else { return Vec::new() };
    let judged = |shown: Shown, candidate: &str| match shown {
        Shown::Lower => format!("{candidate} loses less than {baseline}"),
        Shown::Higher => format!("{candidate} loses more than {baseline}"),
        Shown::Nothing => format!("no difference shown between {candidate} and {baseline}"),
    };
    let figures = |d: &Estimate| {
        format!("loss {} points [{}, {}]", signed(d.mean, 2), signed(d.low, 2), signed(d.high, 2))
    };
    let one = |paired: &Paired| {
        format!(
            "{}: {} ({}).",
            paired.recording,
            judged(paired.shown, &paired.candidate),
            figures(&paired.difference)
        )
    };
    let all = |test: &OverallTest| {
        format!(
            "all recordings: {} ({}, {} containers, p = {} after Holm).",
            judged(test.shown, &test.candidate),
            figures(&test.difference),
            test.pairs,
            fixed(test.p_holm, 3)
        )
    };
    let own = comparison.paired.iter().filter(|paired| paired.metric == "loss").map(one);
    let overall = comparison.overall.iter().filter(|test| test.metric == "loss").map(all);
    let several = comparison.recordings.len() > 1;
    own.chain(overall.filter(|_| several)).collect()
}

pub(super) fn section(comparison: &UsageComparison, recording: &str) -> Markup {
    let Some(summary) = comparison.recordings.iter().find(|r| r.name == recording) else { return html! {} };
    let metrics: Vec<&Metric> = METRICS.iter().filter(|m| applies(comparison, recording, m)).collect();
    html! {
        section {
            h2 { (recording) }
            p.note {
                (count(summary.containers, "container")) ", " (format!("{:.0}", summary.test_hours)) " h of test each; " (summary.remark) "."
                @if summary.blocks == "days" { " Intervals are over the days of this one container and say nothing of others." }
            }
            div.wide { table.results {
                thead { tr {
                    th scope="col" { "autoscaler" }
                    @for metric in &metrics { th scope="col" { (metric.heading) br; span.unit { (metric.unit) } } }
                } }
                tbody { @for (name, _) in &comparison.autoscalers { tr {
                    th scope="row" { (name) }
                    @for metric in &metrics { (cell(comparison, recording, name, metric)) }
                } } }
            } }
            (plane(comparison, recording))
            @if let Some(baseline) = &comparison.baseline { (differences(comparison, recording, baseline, &metrics)) }
        }
    }
}

fn applies(comparison: &UsageComparison, recording: &str, metric: &Metric) -> bool {
    comparison.autoscalers.iter().any(|(name, _)| comparison.value(recording, name, metric.key).is_some())
}

/// Decimals of a measure on a recording.
fn places(comparison: &UsageComparison, recording: &str, metric: &Metric) -> usize {
    let means = comparison
        .autoscalers
        .iter()
        .filter_map(|(name, _)| comparison.value(recording, name, metric.key).map(|value| value.mean.abs()));
    decimals(means.fold(0.0, f64::max)).max(1)
}

fn cell(comparison: &UsageComparison, recording: &str, name: &str, metric: &Metric) -> Markup {
    let places = places(comparison, recording, metric);
    html! {
        @match comparison.value(recording, name, metric.key) {
            Some(value) => td {
                span.mean { (typeset(&fixed(value.mean, places))) }
                br;
                span.interval { (typeset(&bounds(&value, places))) }
            },
            None => td { "–" },
        }
    }
}

fn differences(comparison: &UsageComparison, recording: &str, baseline: &str, metrics: &[&Metric]) -> Markup {
    let found = |candidate: &str, metric: &Metric| {
        comparison
            .paired
            .iter()
            .find(|p| p.recording == recording && p.candidate == candidate && p.metric == metric.key)
    };
    html! {
        details {
            summary { "Differences from " (baseline) " on the same containers" }
            div.wide { table.results {
                thead { tr {
                    th { "candidate" }
                    @for metric in metrics { th { (metric.heading) br; span.unit { (metric.unit) } } }
                } }
                tbody { @for (name, _) in comparison.autoscalers.iter().filter(|(name, _)| name != baseline) { tr {
                    th scope="row" { (name) }
                    @for metric in metrics {
                        td { @if let Some(paired) = found(name, metric) {
                            @let places = places(comparison, recording, metric);
                            (typeset(&signed(paired.difference.mean, places))) br;
                            span.interval { (typeset(&bounds(&paired.difference, places))) } br;
                            span.unit { (paired.shown.words()) }
                        } @else { "–" } }
                    }
                } } }
            } }
        }
    }
}

pub(super) fn overall(comparison: &UsageComparison) -> Markup {
    let heading = |key: &str| METRICS.iter().find(|m| m.key == key).map_or("", |m| m.heading);
    html! { @if comparison.recordings.len() > 1 && !comparison.overall.is_empty() {
        section {
            h2 { "Over all recordings" }
            div.wide { table.results {
                thead { tr {
                    th { "candidate" } th.name { "measure" } th { "difference" } th { "containers" } th { "effect size" } th { "p" }
                    th { "p, Holm" } th.name { "shown" }
                } }
                tbody { @for test in &comparison.overall { tr {
                    th scope="row" { (test.candidate) }
                    td.name { (heading(&test.metric)) }
                    td { (typeset(&signed(test.difference.mean, 2))) br; span.interval { (typeset(&bounds(&test.difference, 2))) } }
                    td { (test.pairs) }
                    td { (typeset(&signed(test.test.rank_biserial, 2))) }
                    td { (fixed(test.test.p_value, 3)) }
                    td { (fixed(test.p_holm, 3)) }
                    td.name { (test.shown.words()) }
                } } }
            } }
            p.note { "Wilcoxon's signed-rank test over containers, corrected with Holm over all rows of this table. A difference is shown where the corrected p is at most 0.05 and the interval leaves out zero." }
        }
    } }
}

/// CPU slack against CPU overrun.
fn plane(comparison: &UsageComparison, recording: &str) -> Markup {
    let mut points: Vec<(&str, Look, Estimate, Estimate)> = Vec::new();
    for (index, (name, _)) in comparison.autoscalers.iter().enumerate() {
        let value = |key: &str| comparison.value(recording, name, key);
        if let (Some(slack), Some(overrun)) = (value("cpu_slack"), value("cpu_overrun")) {
            points.push((name, look(comparison, index), slack, overrun));
        }
    }
    let x = Axis::from_zero(points.iter().map(|p| p.2.mean), 8);
    let y = Axis::from_zero(points.iter().map(|p| p.3.mean), 6);
    let frame = Frame { width: 900, height: 380, left: 58, x_title: "CPU slack, core-hours a day", x, y };
    let picture = frame.draw(|canvas| {
        for (_, look, slack, overrun) in &points {
            canvas.point((slack.mean, overrun.mean), look.marker, 6.0, look.colour, 1.0);
        }
        let names: Vec<&str> = points.iter().map(|p| p.0).collect();
        let anchors: Vec<Place> = points.iter().filter_map(|p| canvas.place(p.2.mean, p.3.mean)).collect();
        for ((spot, name), anchor) in
            spots(&names, &anchors, &[], canvas.corners()).iter().zip(&names).zip(&anchors)
        {
            if let Some(end) = spot.leader {
                canvas.leader(*anchor, end);
            }
            canvas.text(name, spot.text);
        }
    });
    html! {
        figure.named {
            h4 { "CPU overrun, core-hours a day, against slack" }
            (picture)
            figcaption { "Lower left is better. Marks are means over " @if comparison.recordings.iter().any(|r| r.name == recording && r.blocks == "days") { "days" } @else { "containers" } "; intervals are in the table." }
        }
    }
}

fn look(comparison: &UsageComparison, index: usize) -> Look {
    let baseline = comparison.baseline.as_ref() == Some(&comparison.autoscalers[index].0);
    match index {
        _ if baseline => BASELINE,
        0 => CANDIDATE,
        other => seed_look(other),
    }
}

pub(super) fn making(comparison: &UsageComparison) -> Markup {
    let config = &comparison.config;
    html! {
        section {
            h2 { "How this was made" }
            p {
                "Use is measured every " (config.interval_secs) " s and held between points. A container that is killed or recreated is down for "
                (config.restart_secs) " s. CPU limits are " (config.cpu_limit_ratio) " times, memory limits "
                (config.memory_limit_ratio) " times the request, and rules keep the proportion. Memory is not lowered in place below what is used."
            }
            h3 { "Autoscalers" }
            dl { @for (name, description) in &comparison.autoscalers {
                dt { (name) }
                dd {
                    (description)
                    @for row in comparison.rows.iter().filter(|row| row.autoscaler == *name && !row.fitted.is_empty()) {
                        " " (row.recording) ": " (row.fitted) "."
                    }
                }
            } }
            h3 { "Measures" }
            dl { @for metric in &METRICS { dt { (metric.heading) } dd { (metric.meaning) } } }
            h3 { "To repeat it" }
            pre { (comparison.command) }
        }
    }
}

/// The same as aligned plain text: a block for each recording, every figure as `mean [low, high]`, and below it what is shown on the
/// loss.
pub fn usage_table(comparison: &UsageComparison) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for summary in &comparison.recordings {
        let recording = &summary.name;
        let _ = writeln!(
            text,
            "{recording}: {}, {:.0} h of test each ({})",
            count(summary.containers, "container"),
            summary.test_hours,
            summary.remark
        );
        let metrics: Vec<&Metric> = METRICS.iter().filter(|m| applies(comparison, recording, m)).collect();
        for band in metrics.chunks(BAND) {
            text.push('\n');
            text.push_str(&band_text(comparison, recording, band));
        }
        text.push('\n');
    }
    for sentence in sentences(comparison) {
        text.push_str(&sentence);
        text.push('\n');
    }
    text
}

fn band_text(comparison: &UsageComparison, recording: &str, band: &[&Metric]) -> String {
    let mut columns: Vec<Vec<String>> = Vec::new();
    let cut = |name: &str| name.chars().take(NAME_WIDTH).collect::<String>();
    let mut names = vec!["autoscaler".to_owned(), String::new()];
    names.extend(comparison.autoscalers.iter().map(|(name, _)| cut(name)));
    columns.push(names);
    for metric in band {
        let places = places(comparison, recording, metric);
        let mut cells = vec![metric.heading.to_owned(), metric.unit.to_owned()];
        cells.extend(comparison.autoscalers.iter().map(|(name, _)| {
            comparison.value(recording, name, metric.key).map_or_else(
                || "–".to_owned(),
                |value| format!("{} {}", fixed(value.mean, places), bounds(&value, places)),
            )
        }));
        columns.push(cells);
    }
    let widths: Vec<usize> = columns
        .iter()
        .map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in 0..columns[0].len() {
        let line: Vec<String> =
            columns.iter().zip(&widths).map(|(cells, width)| format!("{:<width$}", cells[row])).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}
