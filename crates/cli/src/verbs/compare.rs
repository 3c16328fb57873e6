//! `trimtab compare`: autoscalers against each other on days that none of them was fitted to.

use crate::{
    clock, destination, invocation,
    output::{Ending, Output},
    progress::Display,
    results,
    settings::{ConfigArgs, ScoringArgs, Settings, TrafficArgs},
};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use trimtab_lab::{contenders, experiment, files};

/// Compare autoscalers on days that none of them was fitted to
#[derive(Args, Debug)]
#[command(after_help = "\
Autoscalers: those of trimtab autoscaler list, with parameters after a colon where they are to differ from the
defaults (threshold:upper_percent=70,step=2), or the directory of a training run (or of one run for each seed, called
seed-N). Learned ones are judged against hpa_calibrated, or hpa where only that takes part.

Example:
  trimtab compare --app online_boutique --trace shop.csv --autoscalers fixed,hpa,hpa_calibrated,runs/shop --seeds 5")]
pub(crate) struct CompareArgs {
    /// Name of an application that ships, or an application file [default: `online_boutique`]
    #[arg(long, value_name = "NAME|FILE")]
    app: Option<String>,
    /// Who takes part, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "fixed,hpa,hpa_calibrated")]
    autoscalers: Vec<String>,
    /// Where to write comparison.json and report.html
    #[arg(long, value_name = "DIR", default_value = "runs/compare")]
    out: PathBuf,
    #[command(flatten)]
    scoring: ScoringArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`CompareArgs`].
pub(crate) fn run(args: &CompareArgs, output: Output) -> Result<Ending> {
    let start = clock::now();
    let config = Settings::new(&args.config)?
        .text("--app", "env", args.app.as_ref())
        .traffic(&args.traffic)
        .resolve()?;
    destination::check(&args.out)?;
    let display = Display::new(output);
    let (seeds, threads) = (args.scoring.seeds(), args.scoring.threads());
    let comparison = experiment::comparison(
        &config,
        &contenders::rejoin(&args.autoscalers),
        &seeds,
        threads,
        invocation::as_typed(),
        &|event| {
            display.event(event);
        },
    )?;
    drop(display);
    files::create_dir(&args.out)?;
    experiment::write(&comparison, &args.out)?;
    results::print(&comparison, Some(&args.out), start.elapsed().as_secs_f64(), output)?;
    Ok(Ending::Fine)
}
