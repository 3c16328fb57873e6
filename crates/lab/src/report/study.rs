//! The page of a study: how the search went, which parameters matter, and each parameter against the objective.
//!
//! Left out: how a trial's figure comes about, which is the task's.

use super::{
    STYLE,
    axis::Axis,
    number,
    palette::{self, BASELINE, CANDIDATE, Look, Marker, TRAFFIC, key},
    plot::{Canvas, Frame},
    results::count,
};
use crate::{
    search::{Domain, Parameter, State, Study, Trial, importances},
    tuning::Task,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use toml::Value;

/// Rows of the table of best trials.
const ROWS: usize = 10;
/// Share of the trials whose values the vertical axes hold; a few bad ones would flatten all others.
const SHOWN: f64 = 0.9;

/// The whole page as HTML.
pub fn study(task: &Task, study: &Study, command: &str) -> String {
    let trials = study.trials();
    let ranked = study.ranked();
    let title = format!("Tuning {} on {}", algorithm(task), task.config.env);
    let ended = |state: State| trials.iter().filter(|trial| trial.state == state).count();
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
                p.lead {
                    (count(trials.len(), "trial")) " (" (ended(State::Complete)) " whole, " (ended(State::Pruned))
                    " ended early, " (ended(State::Failed)) " impossible), each with " (count(task.seeds as usize, "seed"))
                    " of " (task.config.total_timesteps) " environment steps. "
                    @if let Some(best) = ranked.first() {
                        "The best is " b { "trial " (best.number) } " with a score of " b { (score(best.value)) } "."
                    } @else { "No trial is whole yet." }
                }
                p.note {
                    "The score is the requested CPU of the policy over that of the calibrated HPA on training days that were held out, plus "
                    (task.config.validation.violation_weight) " times the share of SLO windows violated beyond the budget: less is better, and the HPA has 1."
                }
                @if !ranked.is_empty() {
                    h2 { "The search" }
                    (history(trials))
                    h2 { "Parameters" }
                    (importance(study))
                    (slices(study))
                    h2 { "Best trials" }
                    (best_trials(study, &ranked))
                }
                (failures(trials))
                h2 { "How it was made" }
                pre { (command) }
                pre { (study.space().to_toml()) }
            } }
        }
    }
    .into_string()
}

fn algorithm(task: &Task) -> String {
    let name = Value::try_from(task.config.algorithm).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_uppercase()
}

fn score(value: Option<f64>) -> String {
    number::fixed(value.unwrap_or(f64::NAN), 4)
}

/// A value as it is written in tables and below axes.
fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) if *number != 0.0 && !(1e-3..1e4).contains(&number.abs()) => {
            format!("{number:.2e}")
        }
        Value::Float(number) => {
            let text = format!("{number:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is known of a trial: its value, or the last report of one that was ended early.
fn known(trial: &Trial) -> Option<f64> {
    trial.value.or(trial.reports.last().map(|report| report.1)).filter(|value| value.is_finite())
}

/// The axis of scores, which leaves out the worst.
fn score_axis<'a>(trials: impl Iterator<Item = &'a Trial>) -> Axis {
    let mut values: Vec<f64> = trials.filter_map(|trial| trial.value).collect();
    values.sort_by(f64::total_cmp);
    values.truncate(((values.len() as f64 * SHOWN).ceil() as usize).max(1));
    Axis::over(values, 4)
}

/// Puts a trial in a chart; above its upper end as a triangle there.
fn mark(canvas: &Canvas<'_, '_>, axis: &Axis, x: f64, trial: &Trial) {
    let Some(value) = known(trial) else { return };
    let (_, high) = axis.ends();
    let look = if trial.value.is_some() { BASELINE } else { PRUNED };
    let (marker, radius) = if value > high { (Marker::Triangle, 4.0) } else { (look.marker, 4.0) };
    canvas.point((x, value.min(high)), marker, radius, look.colour, 0.7);
}

const PRUNED: Look = Look { colour: TRAFFIC, marker: Marker::Diamond, ..BASELINE };

/// The score of each trial, and the best so far.
pub(super) fn history(trials: &[Trial]) -> Markup {
    let y = score_axis(trials.iter());
    let x = Axis::from_zero(trials.iter().map(|trial| trial.number as f64), 6);
    let mut best = f64::INFINITY;
    let best_so_far: Vec<(f64, f64)> = trials
        .iter()
        .filter_map(|trial| {
            best = best.min(trial.value.unwrap_or(f64::INFINITY));
            best.is_finite().then_some((trial.number as f64, best))
        })
        .flat_map(|(number, best)| [(number, best), (number + 1.0, best)])
        .collect();
    let axis = y.clone();
    html! {
        figure {
            h4 { "Score of each trial" }
            div.keys {
                (key(CANDIDATE, "best so far"))
                span.key { "■ whole" }
                span.key { "◆ ended early" }
                span.key { "▲ beyond the axis" }
            }
            (Frame { width: 900, height: 260, left: 58, x_title: "trial", x, y }.draw(|canvas| {
                for trial in trials {
                    mark(canvas, &axis, trial.number as f64, trial);
                }
                canvas.line(best_so_far.iter().copied(), CANDIDATE.colour, 2.0);
            }))
            figcaption { "A trial that was ended early stands at the last score it reported." }
        }
    }
}

/// What each parameter alone says about the score.
pub(super) fn importance(study: &Study) -> Markup {
    let shares = importances(study.space(), study.trials());
    let mut rows: Vec<(&str, f64)> =
        study.space().parameters().iter().map(|p| p.name.as_str()).zip(shares).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    html! {
        figure {
            h4 { "What each parameter alone says about the score" }
            div.wide { table.days {
                thead { tr { th { "parameter" } th { "share of the variance" } th { "" } } }
                tbody { @for (name, share) in rows {
                    tr {
                        td { (name) }
                        td { (number::fixed(100.0 * share, 0)) " %" }
                        td { svg viewBox="0 0 300 10" width="300" height="10" aria-hidden="true" {
                            rect x="0" y="0" width=(number::fixed(300.0 * share.min(1.0), 1)) height="10" fill="#0072B2" {}
                        } }
                    }
                } }
            } }
            figcaption {
                "Share of the variance of the whole trials' scores between groups of similar values (four, or one a choice), less what chance would give. What parameters do together is not in it; with few trials the figures are rough."
            }
        }
    }
}

/// The score over each parameter.
pub(super) fn slices(study: &Study) -> Markup {
    html! {
        figure {
            h4 { "Score over each parameter" }
            div.thirds { @for (at, parameter) in study.space().parameters().iter().enumerate() {
                div { h5 { (parameter.name) } (slice(study, at, parameter)) }
            } }
        }
    }
}

fn slice(study: &Study, at: usize, parameter: &Parameter) -> Markup {
    let place = |trial: &Trial| -> Option<f64> {
        let coordinate = study.space().coordinates(&trial.point)?[at];
        Some(match parameter.domain {
            Domain::Float { log: true, .. } | Domain::Integer { log: true, .. } => coordinate.exp(),
            _ => coordinate,
        })
    };
    let x = match &parameter.domain {
        Domain::Choice(choices) => Axis::names(choices.iter().map(shown).collect()),
        Domain::Float { low, high, log: true } => Axis::powers(*low, *high),
        Domain::Float { low, high, log: false } => Axis::over([*low, *high], 4),
        Domain::Integer { low, high, log: true } => Axis::log([*low as f64, *high as f64]),
        Domain::Integer { low, high, log: false } => Axis::over([*low as f64, *high as f64], 4),
    };
    let y = score_axis(study.trials().iter());
    let axis = y.clone();
    Frame { width: 290, height: 190, left: 52, x_title: "", x, y }.draw(|canvas| {
        for trial in study.trials() {
            if let Some(x) = place(trial) {
                mark(canvas, &axis, x, trial);
            }
        }
    })
}

/// The best trials with their points.
pub(super) fn best_trials(study: &Study, ranked: &[&Trial]) -> Markup {
    let parameters = study.space().parameters();
    html! {
        div.wide { table {
            thead { tr { th { "trial" } th { "score" } @for parameter in parameters { th { (parameter.name) } } } }
            tbody { @for trial in ranked.iter().take(ROWS) {
                tr {
                    td.name { (trial.number) }
                    td { (score(trial.value)) }
                    @for parameter in parameters { td { (trial.point.get(&parameter.name).map(shown).unwrap_or_default()) } }
                }
            } }
        } }
    }
}

/// Trials that could not be tried, and why.
pub(super) fn failures(trials: &[Trial]) -> Markup {
    let failed = || trials.iter().filter(|trial| trial.state == State::Failed);
    html! {
        @if failed().next().is_some() {
            details {
                summary { "Impossible trials" }
                ul { @for trial in failed() { li { "trial " (trial.number) ": " (trial.error.as_deref().unwrap_or_default()) } } }
            }
        }
    }
}
