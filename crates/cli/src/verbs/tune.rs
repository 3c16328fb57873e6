//! `trimtab tune`: a search for an autoscaler's best settings ([`autoscaler`], [`vertical`]), or for good hyper-parameters of learning.

mod autoscaler;
mod vertical;

use crate::{
    choices::{ACTIONS, ALGORITHMS, GOALS, PRUNERS, SAMPLERS},
    destination, interrupt, invocation,
    invocation::quoted,
    output::{Ending, Output},
    progress::Display,
    recorded::RecordedArgs,
    settings::{ConfigArgs, Settings, ThreadsArgs, TrafficArgs},
};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Mutex,
};
use toml::Value;
use trimtab_lab::{
    Error, RunConfig, files,
    search::{MedianConfig, Pruner, Sampler, Space, State, Study, StudyConfig, Trial},
    tuning::{Task, Tuning, default_space},
    vertical::tuning::is_vertical,
};

/// Rows of the table that is printed.
const ROWS: usize = 5;

/// Search for an autoscaler's best settings, or for hyper-parameters that train a better policy
#[derive(Args, Debug)]
#[command(after_help = "\
With the name of an autoscaler (trimtab autoscaler list), its settings are searched for on the
training days: the least CPU within the budget of SLO violations
(inner.calibration.violation_budget), with as many simulated hours as a learned policy gets by the
configuration (total_timesteps × episode.hold × episode.interval_secs), or --hours. For hpa: the
same settings for all services, and a target each. What was found is scored on the test days. In
the directory are then report.html, kubernetes.yaml to apply (hpa, keda), best.toml, and
result.json; trimtab compare --autoscalers takes the directory. Put the name first: --trace takes
all words that follow.

With --usage, the autoscaler is a vertical one: one setting for all recorded containers, searched for on
the first part of their series and played to the second (--train-share) beside the default. kubernetes.yaml
has a VerticalPodAutoscaler for each container (vpa, vpa_in_place), and the flags that the recommender
needs as a comment: percentiles, margins and half-lives are no fields of the object. --hours are then
hours of containers; the default suffices for 120 settings.

Without a name, hyper-parameters of learning are searched for. A trial trains one policy for each
seed and scores them on training days that are held out: requested CPU over that of the calibrated
HPA, plus 10 times the share of SLO windows violated beyond the budget. Less is better; the HPA
has 1.

The same command goes on from where it was stopped, also after a crash, and with more --trials or
--hours.

Examples:
  trimtab tune hpa --env online_boutique --trace shop.csv
  kubectl apply -f studies/online_boutique-hpa/kubernetes.yaml
  trimtab tune vpa --usage planetlab/,bitbrains.csv
  trimtab tune --env online_boutique --algorithm ppo --trials 50 --timesteps 100000 --seeds 3
  trimtab train --config studies/online_boutique-ppo/best.toml --run-dir runs/tuned")]
pub(crate) struct TuneArgs {
    /// Autoscaler whose settings are searched for; without one, hyper-parameters of learning are
    autoscaler: Option<String>,
    /// Where to write [default: studies/ENV-AUTOSCALER, studies/RECORDING-AUTOSCALER or studies/ENV-ALGORITHM]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Environment: one of `trimtab env list`, or an application file [default: `online_boutique`]
    #[arg(long, visible_alias = "app", value_name = "NAME|FILE")]
    env: Option<String>,
    /// Simulated hours to search with [default: as many as a learned policy gets, or 120 settings with --usage]
    #[arg(long, value_name = "N", requires = "autoscaler", help_heading = "Autoscalers")]
    hours: Option<f64>,
    /// Simulations of each test day, or training runs of each trial, with seeds 0 to N - 1
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Learning algorithm [default: ppo]
    #[arg(long, value_parser = ALGORITHMS, conflicts_with = "autoscaler", help_heading = "Learning")]
    algorithm: Option<String>,
    /// What the environment is after
    #[arg(long, value_parser = GOALS, conflicts_with = "autoscaler", help_heading = "Learning")]
    goal: Option<String>,
    /// What the policy may do
    #[arg(long, value_parser = ACTIONS, conflicts_with = "autoscaler", help_heading = "Learning")]
    action: Option<String>,
    /// Trials in all
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "autoscaler", help_heading = "Learning")]
    trials: u64,
    /// Environment steps of each training run
    #[arg(
        long,
        visible_alias = "total-timesteps",
        value_name = "N",
        conflicts_with = "autoscaler",
        help_heading = "Learning"
    )]
    timesteps: Option<u64>,
    /// Evaluations of each training run; a trial can be ended at each
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000), conflicts_with = "autoscaler", help_heading = "Learning")]
    evaluations: u64,
    #[command(flatten)]
    threads: ThreadsArgs,
    /// Files or folders of recorded use of CPU and memory: tune a vertical autoscaler on them
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "autoscaler", conflicts_with_all = ["env", "trace", "config", "set"], help_heading = "Recorded use")]
    usage: Vec<PathBuf>,
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// How is searched.
#[derive(Args, Debug)]
#[command(next_help_heading = "Search")]
struct SearchArgs {
    /// Where to look next
    #[arg(long, value_parser = SAMPLERS, default_value = "tpe")]
    sampler: String,
    /// Which trials to end early: those worse than the median, or none
    #[arg(long, value_parser = PRUNERS, default_value = "median")]
    pruner: String,
    /// Parameters and their ranges (TOML) [default: the autoscaler's or the algorithm's own]
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// Seed of the search
    #[arg(long, value_name = "S", default_value_t = 0)]
    search_seed: u64,
    /// Trials that are proposed together, and run side by side as far as there are threads; part of what is searched
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    batch: u64,
}

/// See [`TuneArgs`].
pub(crate) fn run(args: &TuneArgs, output: Output) -> Result<Ending> {
    match &args.autoscaler {
        Some(name) if is_vertical(name, !args.usage.is_empty())? => vertical::run(name, args, output),
        Some(name) => autoscaler::run(name, args, output),
        None => learning(args, output),
    }
}

fn learning(args: &TuneArgs, output: Output) -> Result<Ending> {
    let config = Settings::new(&args.config)?
        .text("--env", "env", args.env.as_ref())
        .text("--algorithm", "algorithm", args.algorithm.as_ref())
        .text("--goal", "goal", args.goal.as_ref())
        .text("--action", "action", args.action.as_ref())
        .number("--timesteps", "total_timesteps", args.timesteps)
        .traffic(&args.traffic)
        .resolve()?;
    let space = space(args.search.space.as_deref(), || default_space(&config))?;
    let dir = args.dir.clone().unwrap_or_else(|| default_dir(&config, config.algorithm.name()));
    let task = Task { seeds: args.seeds, evaluations: args.evaluations, config };
    task.check(&space)?;
    destination::check(&dir)?;
    let stop = interrupt::stop_flag()?;
    let display = Display::new(output);
    let resumed = dir.join("study.toml").exists();
    let mut study = Study::open(&dir, study_config(&args.search)?, space)?;
    if resumed && !study.trials().is_empty() {
        output.remark(&format!("{}: goes on after {} trials", dir.display(), study.trials().len()));
    }
    let threads = args.threads.get();
    let tuning = Tuning::open(task, &dir, threads, &stop, &mut |what, fraction| {
        display.stage("calibration", what, fraction);
    });
    let tuning = match tuning {
        Err(Error::Interrupted) => {
            drop(display);
            return report(&study, &dir, args.trials, false, output);
        }
        tuning => tuning?,
    };
    let told = Mutex::new((study.trials().len() as u64, study.ranked().first().map(|t| (*t).clone())));
    let tell = |trial: &Trial| {
        // Nothing that holds the lock can panic.
        let Ok(mut told) = told.lock() else { return };
        told.0 += 1;
        let better = trial.value.is_some_and(|v| told.1.as_ref().and_then(|b| b.value).is_none_or(|b| v < b));
        if better {
            told.1 = Some(trial.clone());
        }
        display.stage(
            "tuning",
            &so_far(told.0, args.trials, told.1.as_ref()),
            told.0 as f64 / args.trials as f64,
        );
    };
    study.run(args.trials, threads, &stop, &|attempt| tuning.attempt(attempt), &tell)?;
    drop(display);
    tuning.write(&study, &dir, &invocation::as_typed())?;
    report(&study, &dir, args.trials, true, output)
}

fn default_dir(config: &RunConfig, what: &str) -> PathBuf {
    let stem =
        Path::new(&config.env).file_stem().map_or_else(|| "study".into(), |stem| stem.to_string_lossy());
    study_dir(&stem, what)
}

fn study_dir(stem: &str, what: &str) -> PathBuf {
    Path::new("studies").join(format!("{stem}-{what}"))
}

/// The space in a file, or the default one.
fn space(file: Option<&Path>, default: impl FnOnce() -> trimtab_lab::Result<Space>) -> Result<Space> {
    Ok(match file {
        Some(path) => Space::parse(&path.to_string_lossy(), &files::read_text(path)?)?,
        None => default()?,
    })
}

fn study_config(args: &SearchArgs) -> Result<StudyConfig> {
    let sampler: Sampler = Value::from(args.sampler.as_str())
        .try_into()
        .with_context(|| format!("--sampler {}", args.sampler))?;
    let pruner = match args.pruner.as_str() {
        "none" => Pruner::None,
        _ => Pruner::Median(MedianConfig::default()),
    };
    Ok(StudyConfig { seed: args.search_seed, sampler, pruner, batch: args.batch })
}

fn so_far(ended: u64, total: u64, best: Option<&Trial>) -> String {
    let best = best.and_then(|trial| Some(format!("; best {:.4} (trial {})", trial.value?, trial.number)));
    format!("{ended} of {total} trials{}", best.unwrap_or_default())
}

/// Prints what was found; `written` says whether `best.toml` and the report are there.
fn report(study: &Study, dir: &Path, wanted: u64, written: bool, output: Output) -> Result<Ending> {
    let (made, ranked) = (study.trials().len(), study.ranked());
    let finished = made as u64 >= wanted;
    let there = |name: &str| written.then(|| dir.join(name));
    let best = there("best.toml").filter(|_| !ranked.is_empty());
    let value = json!({
        "dir": dir,
        "finished": finished,
        "trials": made,
        "best": ranked.first(),
        "config": best,
        "report": there("report.html"),
    });
    output.result(&value, || {
        // Writing to a string cannot fail.
        let mut text = table(study, &ranked);
        if !finished {
            let _ = writeln!(text, "stopped after {made} of {wanted} trials; the same command goes on");
        }
        if let Some(report) = there("report.html") {
            let _ = writeln!(text, "report: {}", report.display());
        }
        if let Some(best) = &best {
            let config = quoted(&best.to_string_lossy());
            let _ = writeln!(
                text,
                "To train with the best settings, on all training days:\n  trimtab train --config {config} --run-dir runs/tuned"
            );
        }
        text
    })?;
    Ok(if finished && !ranked.is_empty() { Ending::Fine } else { Ending::Short })
}

/// The best trials with their settings, and how many trials there were of each kind.
fn table(study: &Study, ranked: &[&Trial]) -> String {
    let ended = |state: State| study.trials().iter().filter(|trial| trial.state == state).count();
    let mut text = format!(
        "{} trials: {} whole, {} ended early, {} impossible\n",
        study.trials().len(),
        ended(State::Complete),
        ended(State::Pruned),
        ended(State::Failed)
    );
    let failure = study.trials().iter().find_map(|trial| trial.error.as_deref());
    if let (true, Some(failure)) = (ranked.is_empty(), failure) {
        let _ = writeln!(text, "the first impossible one: {failure}");
    }
    let best = &ranked[..ranked.len().min(ROWS)];
    if best.is_empty() {
        return text;
    }
    let column = |head: String, cell: &dyn Fn(&Trial) -> String| -> Vec<String> {
        [head].into_iter().chain(best.iter().map(|trial| cell(trial))).collect()
    };
    // One line a parameter: there are more of them than fit beside each other.
    let mut lines = vec![
        column("trial".to_owned(), &|trial| trial.number.to_string()),
        column("score".to_owned(), &|trial| format!("{:.4}", trial.value.unwrap_or(f64::NAN))),
    ];
    for parameter in study.space().parameters() {
        let name = &parameter.name;
        lines.push(column(name.clone(), &|trial| trial.point.get(name).map(shown).unwrap_or_default()));
    }
    let widths: Vec<usize> = (0..=best.len())
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            if at == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Numbers to four significant digits.
fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) if *number != 0.0 && !(1e-3..1e4).contains(&number.abs()) => {
            format!("{number:.2e}")
        }
        Value::Float(number) => format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
