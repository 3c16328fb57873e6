//! `trimtab evaluate`: one learned run on days it has not seen.

use crate::{
    clock, invocation,
    output::{Ending, Output},
    progress::Display,
    results,
    settings::ScoringArgs,
};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use trimtab_lab::{
    RunConfig, applications, experiment,
    run_dir::RunDir,
    traffic::{Day, Traffic, TrafficConfig},
};

/// Score one learned run on its test days, or on other traffic
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab evaluate --run runs/shop --trace other.csv --seeds 5")]
pub(crate) struct EvaluateArgs {
    /// Directory of a training run, or of one run for each seed, called seed-N
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Other traffic: shipped recordings or files of times and counts [default: the run's]
    #[arg(long, value_name = "NAME|FILE", num_args = 1..)]
    trace: Vec<String>,
    /// Days to score on, such as 7..9 or 1998-06-20..=1998-06-24 [default: the test days]
    #[arg(long, value_name = "DAYS")]
    days: Option<String>,
    #[command(flatten)]
    scoring: ScoringArgs,
}

/// See [`EvaluateArgs`].
pub(crate) fn run(args: &EvaluateArgs, output: Output) -> Result<Ending> {
    let start = clock::now();
    let config = configuration(args)?;
    let display = Display::new(output);
    let (seeds, threads) = (args.scoring.seeds(), args.scoring.threads());
    let names = [args.run.to_string_lossy().into_owned()];
    let (shift, command) = (experiment::Shift::Left, invocation::as_typed());
    let comparison = experiment::comparison(&config, &names, &seeds, shift, threads, command, &|event| {
        display.event(event);
    })?;
    drop(display);
    results::print(&comparison, None, start.elapsed().as_secs_f64(), output)?;
    Ok(Ending::Fine)
}

/// The run's configuration with the traffic that was asked for.
fn configuration(args: &EvaluateArgs) -> Result<RunConfig> {
    let (own, first) = (RunDir::new(&args.run), RunDir::new(args.run.join("seed-0")));
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
