//! `trimtab compare`: autoscalers against each other on days that none of them was fitted to.

mod preset;
mod usage;

use crate::{
    clock, destination, invocation,
    output::{Ending, Output},
    progress::Display,
    recorded::RecordedArgs,
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

With --usage, vertical autoscalers set the requests of recorded containers (Alibaba 2018, Azure, Bitbrains, Borg 2019,
PlanetLab, or a table with a header); each is judged against vpa, Kubernetes' own.

With --preset, agents that share a budget of CPU (environment localization) are compared in one of its published evaluations: load,
priority (priority_hml and its permutations) or scalability. Autoscalers are then threshold, hpa and equal, or directories of runs;
DIR@N gives agent N's weights to all agents. Everybody is judged against the first.

Examples:
  trimtab compare --app online_boutique --trace shop.csv --autoscalers fixed,hpa,hpa_calibrated,runs/shop --seeds 5
  trimtab compare --traces worldcup98,nasa_http,bursts,flash_crowd --autoscalers hpa,hpa_calibrated,threshold --shift
  trimtab compare --usage planetlab/,bitbrains.csv --autoscalers vpa,vpa_in_place,window:margin_percent=20,vertical_oracle
  trimtab compare --preset load --autoscalers threshold,hpa,runs/ddpg --seeds 20")]
pub(crate) struct CompareArgs {
    /// Name of an application that ships, or an application file [default: `online_boutique`]
    #[arg(long, value_name = "NAME|FILE")]
    app: Option<String>,
    /// Who takes part, separated by commas [default: `fixed,hpa,hpa_calibrated`; with --usage every vertical one that fits any container]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    autoscalers: Option<Vec<String>>,
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
    /// Files or folders of recorded use of CPU and memory: compare vertical autoscalers on them
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["app", "trace", "shift"], help_heading = "Recorded use")]
    usage: Vec<PathBuf>,
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    preset: preset::PresetArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Who takes part unless told otherwise.
const DEFAULT: [&str; 3] = ["fixed", "hpa", "hpa_calibrated"];

/// See [`CompareArgs`].
pub(crate) fn run(args: &CompareArgs, output: Output) -> Result<Ending> {
    if !args.usage.is_empty() {
        let threads = args.scoring.threads();
        let autoscalers = args.autoscalers.as_deref();
        return usage::run(&args.usage, &args.recorded, autoscalers, threads, &args.out, output);
    }
    if let Some(name) = &args.preset.preset {
        let settings = Settings::new(&args.config)?.traffic(&args.traffic);
        return preset::run(
            name,
            args.autoscalers.as_deref(),
            &args.scoring.seeds(),
            &settings,
            &args.out,
            output,
        );
    }
    let autoscalers = args.autoscalers.clone().unwrap_or_else(|| DEFAULT.map(str::to_owned).to_vec());
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
        &contenders::rejoin(&autoscalers),
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
