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
use trimtab_lab::{
    contenders,
    experiment::{self, Shift},
    files,
};

/// Compare autoscalers on days that none of them was fitted to
#[derive(Args, Debug)]
#[command(after_help = "\
Autoscalers: those of trimtab autoscaler list, with parameters after a colon where they are to differ from the
defaults (threshold:upper_percent=70,step=2), or the directory of a training run (or of one run for each seed, called
seed-N). Learned ones are judged against hpa_calibrated, or hpa where only that takes part.

Traffic: shipped recordings, synthetic workloads (`trimtab workload list`) and files, as many as you like. Everybody is judged on
each, and over all of them: interquartile means, paired tests with Holm's correction, performance profiles.

Examples:
  trimtab compare --app online_boutique --trace shop.csv --autoscalers fixed,hpa,hpa_calibrated,runs/shop --seeds 5
  trimtab compare --traces worldcup98,nasa_http,bursts,flash_crowd --autoscalers hpa,hpa_calibrated,threshold --shift")]
pub(crate) struct CompareArgs {
    /// Name of an application that ships, or an application file [default: `online_boutique`]
    #[arg(long, value_name = "NAME|FILE")]
    app: Option<String>,
    /// Who takes part, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "fixed,hpa,hpa_calibrated")]
    autoscalers: Vec<String>,
    /// Score everybody who is fitted to traffic on every other traffic, too: what becomes of it when traffic changes
    #[arg(long)]
    shift: bool,
    /// Where to write report.html, report.json and comparison.json
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
        if args.shift { Shift::Scored } else { Shift::Left },
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
