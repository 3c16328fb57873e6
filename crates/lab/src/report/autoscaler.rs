//! The page of a tuned autoscaler: the setting to use and its YAML, what it saves on days never seen, what each parameter
//! does alone, and how the search went.
//!
//! Left out: how a trial's figure comes about, which is the tuning's.

use super::{
    STYLE, alone, making,
    number::{bounds, decimals, fixed, signed, typeset},
    pairs,
    palette::{self, Cast},
    plane,
    results::{self, count},
    study,
};
use crate::{
    contenders::{self, Parameter, in_text},
    search::Study,
    statistics::Estimate,
    tuning::autoscaler::{Candidate, Manifests, TunedAutoscaler},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use toml::Value;

/// Cores of the node that savings are put into.
const NODE_CORES: f64 = 4.0;

/// The whole page as HTML.
pub fn autoscaler(tuned: &TunedAutoscaler, study: &Study, manifests: &Manifests) -> String {
    let comparison = &tuned.comparison;
    let cast = Cast::new(comparison);
    let title = format!("Tuning {} on {}", tuned.autoscaler, comparison.application);
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
                div.verdicts {
                    @for paired in tuned.verdicts() { (results::verdict(paired)) }
                    @if tuned.best().settings().is_empty() {
                        div.verdict { p.sentence { "No setting was found that is to be preferred to the default." } }
                    }
                }
                (savings(tuned))
                h2 { "The setting" }
                (setting(tuned))
                (kinds(tuned))
                h3 { "In a comparison" }
                pre.copy { "trimtab compare --autoscalers " (tuned.autoscaler) "," (tuned.best().name) }
                (cluster(manifests))
                h2 { "On days never seen" }
                @for traffic in &comparison.traffic { (results::table(comparison, traffic, &cast)) }
                p.note {
                    "Means with 95 % intervals over test days and seeds. " b { "tuned" } " is the setting above; “only …” is the default with one parameter at its best value alone. All of them were chosen on the training days: with fewer days than here, or other traffic, violations on test days may lie beyond the budget of "
                    (percent(tuned.violation_budget, 1)) "."
                }
                @for traffic in &comparison.traffic {
                    (plane::figure(comparison, &traffic.name, &cast))
                    @for paired in tuned.verdicts().filter(|p| p.traffic == traffic.name) {
                        (pairs::figure(comparison, paired, &cast))
                    }
                }
                (alone::section(tuned, study.space()))
                h2 { "The search" }
                p.note {
                    "A trial's score is its cost over the default's on the same training days, plus 100 times the share of SLO windows violated beyond the budget. The setting that is kept is the cheapest one within the budget. Days come from the busiest on, and a trial ends once it can hardly be preferred any more."
                }
                @if !study.ranked().is_empty() {
                    (study::history(study.trials()))
                    (study::importance(study))
                    (study::slices(study))
                    h3 { "Best trials" }
                    (study::best_trials(study, &study.ranked()))
                }
                (study::failures(study.trials()))
                section { (making::how(comparison)) }
                h3 { "What was searched" }
                pre { (study.space().to_toml()) }
                section { (making::glossary(comparison)) }
                section { (making::runs(&comparison.cells)) }
            } }
        }
    }
    .into_string()
}

fn percent(share: f64, decimals: usize) -> String {
    format!("{} %", fixed(100.0 * share, decimals))
}

/// Hours without decimals, thousands apart.
pub(super) fn hours(number: f64) -> String {
    let digits = fixed(number, 0);
    let (head, tail) = digits.split_at(digits.len().saturating_sub(3));
    if head.is_empty() { tail.to_owned() } else { format!("{head},{tail}") }
}

/// What was done, in a paragraph.
fn statement(tuned: &TunedAutoscaler) -> Markup {
    let comparison = &tuned.comparison;
    let days: usize = comparison.traffic.iter().map(|t| t.train_days.len()).sum();
    let names: Vec<&str> = comparison.traffic.iter().map(|t| t.name.as_str()).collect();
    html! {
        p.lead {
            (count(tuned.hours.settings, "setting")) " of " b { (tuned.autoscaler) } " were simulated on "
            (count(days, "training day")) " of " (names.join(" and ")) ", in "
            b { (hours(tuned.hours.search)) " simulated hours" } " of " (hours(tuned.hours.budget))
            ". Wanted: the least CPU with at most " b { (percent(tuned.violation_budget, 1)) }
            " of the 15 s windows beyond the SLO (p95 at or below " (comparison.slo_ms) " ms)."
        }
    }
}

/// What the setting is worth.
fn savings(tuned: &TunedAutoscaler) -> Markup {
    html! {
        @for saved in &tuned.savings {
            @let before = tuned.comparison.summaries.iter().find(|s| s.traffic == saved.traffic && s.autoscaler == tuned.autoscaler);
            @let cores = saved.cores;
            @let places = decimals(cores.mean);
            p {
                b { (saved.traffic) ": " (typeset(&fixed(cores.mean, places))) " cores fewer" } " "
                (typeset(&bounds(&cores, places))) " on average"
                @if let Some(before) = before { " of " (fixed(before.core_hours.mean / 24.0, places)) }
                ", which is " (hours(saved.core_hours_a_month.mean)) " core-hours a month, or "
                (hours(saved.core_hours_a_month.mean / NODE_CORES)) " hours of a node with " (NODE_CORES)
                " cores, if what is freed is given back. On these days never seen "
                (percent(saved.violation_share.mean, 2)) " of the windows were violated, "
                b { @if saved.violation_share.mean <= tuned.violation_budget { "within" } @else { "beyond" } }
                " the budget of " (percent(tuned.violation_budget, 1)) "."
            }
        }
    }
}

/// Parameters with default and best value.
fn setting(tuned: &TunedAutoscaler) -> Markup {
    let Ok(known) = contenders::find(tuned.autoscaler) else { return html! {} };
    let best = tuned.best();
    let rows = known.searched().map(|p| (p, known.default_of(p), best.settings().get(p.name)));
    html! {
        (parameters(rows))
        @if let Some(targets) = best.settings().get("targets").and_then(|v| v.as_str()) {
            p.note { "Targets of single services, in percent of the CPU request; the others have the one for all:" }
            div.wide { table.days { tbody {
                @for row in targets.split('/').collect::<Vec<_>>().chunks(4) { tr {
                    @for pair in row { @if let Some((service, target)) = pair.split_once(':') { td { (service) " " b { (target) } } } }
                } }
            } } }
        }
    }
}

/// Each parameter with its default and, where it has another, its tuned value.
pub(super) fn parameters<'a>(
    rows: impl Iterator<Item = (&'static Parameter, Value, Option<&'a Value>)>,
) -> Markup {
    html! {
        div.wide { table.days {
            thead { tr { th { "parameter" } th { "default" } th { "tuned" } th { "unit" } th { "what it is" } } }
            tbody { @for (parameter, default, tuned) in rows {
                tr.candidate[tuned.is_some()] {
                    th scope="row" { (parameter.name) }
                    td { (in_text(&default)) }
                    td { @match tuned {
                        Some(value) => b { (in_text(value)) },
                        None => span.unit { (in_text(&default)) },
                    } }
                    td { (parameter.unit) }
                    td { (parameter.meaning) }
                }
            } }
        } }
    }
}

/// One setting for all against a target each, where both were searched for.
fn kinds(tuned: &TunedAutoscaler) -> Markup {
    let [common, each] = &tuned.found[..] else { return html! {} };
    let said = |candidate: &Candidate| {
        format!(
            "{} core-hours a day with {} of windows violated",
            fixed(candidate.figures.core_hours, 2),
            percent(candidate.figures.violation_share, 2)
        )
    };
    html! {
        p {
            "On the training days " b { "one target for all services" } " came to " (said(common)) ", "
            @if tuned.best == 1 {
                b { "a target for each service" } " to " (said(each)) ": a target each won."
            } @else if common.settings() == each.settings() {
                "and no targets of single services were found that are to be preferred: one for all won."
            } @else {
                b { "a target for each service" } " to " (said(each)) ": one for all won."
            }
            " The default came to " (said(&tuned.default)) "."
        }
    }
}

/// The manifests.
pub(super) fn cluster(manifests: &Manifests) -> Markup {
    html! {
        h3 { "In a cluster" }
        @match manifests {
            Manifests::Yaml(text) => {
                p.note { "kubectl apply -f kubernetes.yaml; a click selects all of it." }
                pre.copy.tall tabindex="0" { (text) }
            }
            Manifests::None(why) => p { (why) },
        }
    }
}

/// `−9.8 % [−11.2, −8.4]`.
pub(super) fn difference(estimate: &Estimate, decimals: usize, unit: &str) -> String {
    typeset(&format!("{} {unit} {}", signed(estimate.mean, decimals), bounds(estimate, decimals)))
}
