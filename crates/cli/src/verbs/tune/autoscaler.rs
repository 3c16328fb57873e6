//! `trimtab tune AUTOSCALER`: a search for an autoscaler's best settings, and what came of it.

use super::{TuneArgs, default_dir, space, study_config};
use crate::{
    destination, interrupt, invocation,
    invocation::quoted,
    output::{Ending, Output},
    progress::{Display, thousands},
    settings::Settings,
};
use anyhow::Result;
use serde_json::json;
use std::{fmt::Write as _, path::Path};
use trimtab_lab::{
    comparison::Paired,
    tuning::autoscaler::{Alone, Candidate, Task, TunedAutoscaler, Tuning, default_space, hours_of_learning},
};

/// See [`TuneArgs`].
pub(super) fn run(name: &str, args: &TuneArgs, output: Output) -> Result<Ending> {
    let default = default_space(name)?;
    let config = Settings::new(&args.config)?
        .text("--env", "env", args.env.as_ref())
        .traffic(&args.traffic)
        .resolve()?;
    let space = space(args.search.space.as_deref(), || Ok(default))?;
    let dir = args.dir.clone().unwrap_or_else(|| default_dir(&config, name));
    let hours = args.hours.unwrap_or_else(|| hours_of_learning(&config));
    let task = Task { autoscaler: name.to_owned(), hours, seeds: args.seeds, config };
    let tuning = Tuning::new(task, space)?;
    destination::check(&dir)?;
    let stop = interrupt::stop_flag()?;
    if tuning.open(&dir)? {
        output.remark(&format!("{}: goes on with what is there", dir.display()));
    }
    let display = Display::new(output);
    let tell = |progress: trimtab_lab::tuning::autoscaler::Progress| {
        let best = progress.best.map(|(_, saved)| format!(", best saves {saved:.1} %"));
        let hours = thousands(progress.hours.round() as u64);
        let detail = format!("{hours} hours simulated{}", best.unwrap_or_default());
        display.detailed(name, progress.stage, progress.fraction, &detail);
    };
    let study = study_config(&args.search)?;
    let tuned = tuning.run(&dir, study, args.threads.get(), &invocation::as_typed(), &stop, &tell)?;
    drop(display);
    let Some(tuned) = tuned else {
        let value = json!({ "dir": dir, "finished": false });
        output.result(&value, || format!("{}: stopped; the same command goes on\n", dir.display()))?;
        return Ok(Ending::Short);
    };
    report(&tuned, &dir, output)?;
    Ok(Ending::Fine)
}

fn report(tuned: &TunedAutoscaler, dir: &Path, output: Output) -> Result<()> {
    let yaml = Some(dir.join("kubernetes.yaml")).filter(|path| path.exists());
    let value = json!({
        "dir": dir,
        "finished": true,
        "autoscaler": tuned.best().name,
        "violation_budget": tuned.violation_budget,
        "hours": tuned.hours,
        "default": tuned.default,
        "found": tuned.found,
        "best": tuned.best,
        "alone": tuned.alone,
        "costliest": tuned.costliest,
        "savings": tuned.savings,
        "paired": tuned.comparison.paired,
        "kubernetes": yaml,
        "report": dir.join("report.html"),
        "result": dir.join("result.json"),
    });
    output.result(&value, || {
        // Writing to a string cannot fail.
        let mut text = String::new();
        let hours = &tuned.hours;
        let _ = writeln!(
            text,
            "{} settings in {} of {} simulated hours",
            hours.settings,
            thousands(hours.search.round() as u64),
            thousands(hours.budget.round() as u64)
        );
        training(&mut text, tuned);
        text.push('\n');
        for (paired, saved) in tuned.verdicts().zip(&tuned.savings) {
            let _ = writeln!(text, "{}", paired.verdict);
            let _ = writeln!(
                text,
                "  saves {:.2} cores [{:.2}, {:.2}] on average, {} core-hours a month; {:.2} % of windows violated, {} the budget of {:.2} %",
                saved.cores.mean,
                saved.cores.low,
                saved.cores.high,
                thousands(saved.core_hours_a_month.mean.max(0.0).round() as u64),
                100.0 * saved.violation_share.mean,
                if saved.violation_share.mean <= tuned.violation_budget { "within" } else { "beyond" },
                100.0 * tuned.violation_budget
            );
        }
        if let Some(alone) = tuned.costliest() {
            costliest(&mut text, alone, tuned.paired_alone(alone));
        }
        let _ = writeln!(text, "\nsetting: {}", tuned.best().name);
        match &yaml {
            Some(yaml) => {
                let _ = writeln!(text, "to use it: kubectl apply -f {}", quoted(&yaml.to_string_lossy()));
            }
            None => text.push_str("It is no Kubernetes object, so there is no YAML to apply.\n"),
        }
        let _ = writeln!(text, "report: {}", dir.join("report.html").display());
        text
    })
}

/// What was found, on the training days.
fn training(text: &mut String, tuned: &TunedAutoscaler) {
    let mut row = |name: &str, candidate: &Candidate| {
        let figures = candidate.figures;
        let _ = writeln!(
            text,
            "  {name:<28} {:>8.2} core-hours a day, {:>5.2} % of windows violated on the training days",
            figures.core_hours,
            100.0 * figures.violation_share
        );
    };
    row("default", &tuned.default);
    match &tuned.found[..] {
        [common, each] => {
            row("one setting for all", common);
            row("and a target each", each);
            let _ = writeln!(
                text,
                "  preferred: {}",
                ["one setting for all", "a target each"][tuned.best.min(1)]
            );
        }
        _ => row("tuned", tuned.best()),
    }
}

fn costliest<'a>(text: &mut String, alone: &Alone, paired: impl Iterator<Item = &'a Paired>) {
    let shown = trimtab_lab::contenders::in_text;
    let _ = writeln!(
        text,
        "\nThe default that costs most: {} = {}; {} alone comes to {:+.1} % on the training days",
        alone.parameter,
        shown(&alone.default),
        shown(&alone.best),
        100.0 * (alone.figures.cost - 1.0)
    );
    for paired in paired {
        let (cost, points) = (&paired.cost_percent, &paired.violation_points);
        let _ = writeln!(
            text,
            "  {}, days never seen: cost {:+.1} % [{:+.1}, {:+.1}], violated {:+.2} points [{:+.2}, {:+.2}]",
            paired.traffic, cost.mean, cost.low, cost.high, points.mean, points.low, points.high
        );
    }
}
