//! The page of a tuned vertical autoscaler: the setting and its YAML, how it fared on the second part beside the default, and how the search
//! went.
//!
//! Left out: pieces that other pages have, too ([`super::usage`], [`super::study`], [`super::autoscaler`]).

use super::{
    STYLE,
    autoscaler::{cluster, hours, parameters},
    number::{fixed, typeset},
    palette,
    results::count,
    study, usage,
};
use crate::{
    contenders::Settings,
    search::Study,
    tuning::autoscaler::Manifests,
    vertical::{KnownVertical, tuning::TunedVertical},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The whole page as HTML.
pub fn vertical(
    tuned: &TunedVertical,
    known: &KnownVertical,
    best: &Settings,
    study: &Study,
    manifests: &Manifests,
) -> String {
    let comparison = &tuned.comparison;
    let recordings: Vec<&str> = comparison.recordings.iter().map(|r| r.name.as_str()).collect();
    let title = format!("Tuning {} on {}", known.name, recordings.join(", "));
    let rows = known.searched().map(|p| (p, known.default_of(p), best.get(p.name)));
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
                (statement(tuned))
                @for sentence in usage::sentences(comparison) { p.sentence { (typeset(&sentence)) } }
                @if best.is_empty() { p.sentence { "No setting was found that loses less than the default." } }
                h2 { "The setting" }
                (parameters(rows))
                h3 { "In a comparison" }
                pre.copy { "trimtab compare --usage " (tuned.task.usage.join(",")) " --autoscalers " (known.name) "," (tuned.best.name) }
                (cluster(manifests))
                h2 { "On the second part of each series" }
                (usage::overall(comparison))
                @for recording in &comparison.recordings { (usage::section(comparison, &recording.name)) }
                h2 { "The search" }
                p.note { "A trial's score is the mean loss over containers on the first part of their series; less is better." }
                @if !study.ranked().is_empty() {
                    (study::history(study.trials()))
                    (study::importance(study))
                    (study::slices(study))
                    h3 { "Best trials" }
                    (study::best_trials(study, &study.ranked()))
                }
                (study::failures(study.trials()))
                h3 { "What was searched" }
                pre { (study.space().to_toml()) }
                (usage::making(comparison))
            } }
        }
    }
    .into_string()
}

/// What was done, in a paragraph.
fn statement(tuned: &TunedVertical) -> Markup {
    let containers: usize = tuned.comparison.recordings.iter().map(|recording| recording.containers).sum();
    html! {
        p.lead {
            (count(tuned.hours.settings, "setting")) " of " b { (tuned.task.autoscaler) } " were played to "
            (count(containers, "container")) " in " b { (hours(tuned.hours.search)) " simulated hours" } " of " (hours(tuned.hours.budget))
            ", on the first " (fixed(100.0 * tuned.task.config.train_share, 0)) " % of each series. There the mean loss came to "
            b { (fixed(tuned.best.training_loss, 2)) } ", with the defaults to " (fixed(tuned.default.training_loss, 2))
            ". The rest of each series is scored below."
        }
    }
}
