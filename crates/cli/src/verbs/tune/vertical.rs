//! `trimtab tune AUTOSCALER --usage`: a search for a vertical autoscaler's best settings on recorded use, and what came of it.

use super::{TuneArgs, space, study_config, study_dir};
use crate::{
    destination, interrupt, invocation,
    invocation::quoted,
    output::{Ending, Output},
    progress::{Display, thousands},
};
use anyhow::Result;
use serde_json::json;
use std::{
    fmt::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};
use trimtab_lab::{
    report::usage_table,
    vertical::{
        self, Recording,
        tuning::{Task, TunedVertical, Tuning, default_space},
    },
};

/// See [`TuneArgs`].
pub(super) fn run(name: &str, args: &TuneArgs, output: Output) -> Result<Ending> {
    let default = default_space(name)?;
    let space = space(args.search.space.as_deref(), || Ok(default))?;
    let config = args.recorded.config();
    let recordings: Vec<Recording> =
        args.usage.iter().map(|path| vertical::load(path, &config)).collect::<Result<_, _>>()?;
    let names: Vec<&str> = recordings.iter().map(|recording| recording.name.as_str()).collect();
    let dir = args.dir.clone().unwrap_or_else(|| study_dir(&names.join("-"), name));
    let usage = args.usage.iter().map(|path| path.display().to_string()).collect();
    let task = Task { autoscaler: name.to_owned(), usage, config };
    let tuning = Tuning::new(task, recordings, args.hours, space)?;
    destination::check(&dir)?;
    let stop = interrupt::stop_flag()?;
    if tuning.open(&dir)? {
        output.remark(&format!("{}: goes on with what is there", dir.display()));
    }
    let display = Display::new(output);
    let least = Mutex::new(f64::INFINITY);
    let tell = |fraction: f64, loss: Option<f64>| {
        // A number is whole at any moment.
        let mut least = least.lock().unwrap_or_else(PoisonError::into_inner);
        *least = least.min(loss.unwrap_or(f64::INFINITY));
        let best = if least.is_finite() { format!("least loss {least:.2}") } else { String::new() };
        display.detailed(name, "searching", fraction, &best);
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

fn report(tuned: &TunedVertical, dir: &Path, output: Output) -> Result<()> {
    let yaml = Some(dir.join("kubernetes.yaml")).filter(|path| path.exists());
    let value = json!({
        "dir": dir,
        "finished": true,
        "autoscaler": tuned.best.name,
        "hours": tuned.hours,
        "default": tuned.default,
        "best": tuned.best,
        "paired": tuned.comparison.paired,
        "overall": tuned.comparison.overall,
        "kubernetes": yaml,
        "report": dir.join("report.html"),
        "result": dir.join("result.json"),
    });
    output.result(&value, || {
        let hours = &tuned.hours;
        let whole = |hours: f64| thousands(hours.round() as u64);
        let mut text = format!(
            "{} settings in {} of {} simulated hours\nmean loss on the first part: {:.2}, of the default {:.2}\n\n{}\n",
            hours.settings,
            whole(hours.search),
            whole(hours.budget),
            tuned.best.training_loss,
            tuned.default.training_loss,
            usage_table(&tuned.comparison)
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "setting: {}", tuned.best.name);
        match &yaml {
            Some(yaml) => {
                let yaml = quoted(&yaml.to_string_lossy());
                let _ = writeln!(
                    text,
                    "to use it: set the recommender's flags that {yaml} names, put your names, kubectl apply -f {yaml}"
                );
            }
            None => text.push_str("It is no Kubernetes object, so there is no YAML to apply.\n"),
        }
        let _ = writeln!(text, "report: {}", dir.join("report.html").display());
        text
    })
}
