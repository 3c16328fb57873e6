//! `trimtab evaluate`: one learned run, on an application on days it has not seen, elsewhere in whole episodes; there random
//! and constant actions too.

use crate::{
    clock, invocation,
    output::{Ending, Output},
    progress::Display,
    results,
    settings::{ConfigArgs, ScoringArgs, Settings},
    verbs::episodes::{self, EpisodeArgs},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use trimtab_lab::{
    RunConfig, applications, environments, experiment,
    run_dir::RunDir,
    traffic::{Day, Traffic, TrafficConfig},
};

/// Score one learned run: on an application on its test days or on other traffic, elsewhere in whole episodes
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trimtab evaluate --run runs/shop --trace other.csv --seeds 5
  trimtab evaluate --policy random --env teastore --episodes 200 --trace-steps steps.csv")]
pub(crate) struct EvaluateArgs {
    /// Directory of a training run, or of one run for each seed, called seed-N
    #[arg(long, value_name = "DIR", required_unless_present = "policy", conflicts_with = "policy")]
    run: Option<PathBuf>,
    /// Other traffic: shipped recordings or files of times and counts [default: the run's]
    #[arg(long, value_name = "NAME|FILE", num_args = 1..)]
    trace: Vec<String>,
    /// Days to score on, such as 7..9 or 1998-06-20..=1998-06-24 [default: the test days]
    #[arg(long, value_name = "DAYS")]
    days: Option<String>,
    #[command(flatten)]
    scoring: ScoringArgs,
    #[command(flatten)]
    episodes: EpisodeArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`EvaluateArgs`].
pub(crate) fn run(args: &EvaluateArgs, output: Output) -> Result<Ending> {
    let Some(run) = &args.run else {
        let config = args.episodes.settings(Settings::new(&args.config)?).resolve()?;
        return episodes::random_or_constant(&config, &args.episodes, output);
    };
    let own = RunDir::new(run);
    if own.exists() {
        let trained = own.config()?;
        if environments::find(&trained.env).is_some() {
            refuse_traffic(args)?;
            let base = Settings::of_run(&own, &trained, &args.config)?;
            let config = args.episodes.settings_of_run(&trained.env, base).resolve()?;
            return episodes::learned(&own, &trained, &config, &args.episodes, output);
        }
    }
    args.episodes.refuse("days of an application are scored, not episodes")?;
    args.config.refuse("a run on an application is scored as it was trained")?;
    on_days(args, run, output)
}

/// Fails for flags about traffic, which there is none of.
fn refuse_traffic(args: &EvaluateArgs) -> Result<()> {
    for (flag, given) in [("--trace", !args.trace.is_empty()), ("--days", args.days.is_some())] {
        if given {
            bail!("{flag}: the run's environment has no traffic, expected a run on an application");
        }
    }
    Ok(())
}

/// Scores a run on an application.
fn on_days(args: &EvaluateArgs, run: &Path, output: Output) -> Result<Ending> {
    let start = clock::now();
    let config = configuration(args, run)?;
    let display = Display::new(output);
    let (seeds, threads) = (args.scoring.seeds(), args.scoring.threads());
    let names = [run.to_string_lossy().into_owned()];
    let (shift, command) = (experiment::Shift::Left, invocation::as_typed());
    let comparison = experiment::comparison(&config, &names, &seeds, shift, threads, command, &|event| {
        display.event(event);
    })?;
    drop(display);
    results::print(&comparison, None, start.elapsed().as_secs_f64(), output)?;
    Ok(Ending::Fine)
}

/// The run's configuration with the traffic that was asked for.
fn configuration(args: &EvaluateArgs, run: &Path) -> Result<RunConfig> {
    let (own, first) = (RunDir::new(run), RunDir::new(run.join("seed-0")));
    let mut config = if !own.exists() && first.exists() { first.config()? } else { own.config()? };
    if !args.trace.is_empty() {
        let source = |source: &String| TrafficConfig { source: source.clone(), ..TrafficConfig::default() };
        config.traffic = args.trace.iter().map(source).collect();
    }
    if let Some(days) = &args.days {
        let application = applications::load(&config.env)?;
        for entry in &mut config.traffic {
            // Traffic is scaled by its training days, which other test days must not change.
            let trained = Traffic::load(entry, &application).with_context(|| entry.source.clone())?.train;
            entry.train = trained.iter().map(name).collect::<Vec<_>>().join(",");
            entry.test.clone_from(days);
        }
    }
    Ok(config)
}

/// A day as a choice of days names it: its date, or its number where it is called `day 3`.
fn name(day: &Day) -> &str {
    day.label.strip_prefix("day ").unwrap_or(&day.label)
}
