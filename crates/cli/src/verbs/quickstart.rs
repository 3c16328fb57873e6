//! `trimtab quickstart`: the whole job in one command.

use crate::{
    clock, destination, interrupt, invocation,
    output::{Ending, Output},
    progress::Display,
    results,
    settings::{ConfigArgs, Difference, Settings, ThreadsArgs, difference},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use trimtab_lab::{RunConfig, experiment::Experiment, files, run_dir::RunDir, traffic::TrafficConfig};
use trimtab_workload::shipped;

/// Train on real traffic, score on days never seen, write a report: the whole job
#[derive(Args, Debug)]
#[command(after_help = "\
The same command goes on from where it was stopped and does nothing twice.

Example:
  trimtab quickstart --traffic worldcup98 --seeds 5")]
pub(crate) struct QuickstartArgs {
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = "runs/quickstart")]
    dir: PathBuf,
    /// Training runs for each traffic, with seeds 0 to N - 1
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Environment steps of each training run
    #[arg(long, value_name = "N")]
    total_timesteps: Option<u64>,
    /// Traffic: shipped recordings or files of times and counts [default: every shipped recording]
    #[arg(long, value_name = "NAME|FILE", num_args = 1..)]
    traffic: Vec<String>,
    #[command(flatten)]
    threads: ThreadsArgs,
    /// Remove what an earlier quickstart left in the directory, and start over
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`QuickstartArgs`].
pub(crate) fn run(args: &QuickstartArgs, output: Output) -> Result<Ending> {
    let start = clock::now();
    let config = configuration(args)?;
    destination::check(&args.dir)?;
    if args.fresh {
        remove_earlier(&args.dir)?;
    }
    check_reuse(&args.dir, &config)?;
    let stop = interrupt::stop_flag()?;
    let experiment = Experiment {
        config,
        seeds: (0..args.seeds).collect(),
        dir: args.dir.clone(),
        threads: args.threads.get(),
        command: invocation::as_typed(),
    };
    let display = Display::new(output);
    let comparison = experiment.run(&stop, &|event| display.event(event))?;
    drop(display);
    let Some(comparison) = comparison else {
        let resume = invocation::as_typed().replace(" --fresh", "");
        let text = format!("stopped; every training run is saved. To go on:\n  {resume}");
        output.result(&json!({ "finished": false, "resume": resume }), || text)?;
        return Ok(Ending::Short);
    };
    results::print(&comparison, Some(&args.dir), start.elapsed().as_secs_f64(), output)?;
    Ok(Ending::Fine)
}

fn configuration(args: &QuickstartArgs) -> Result<RunConfig> {
    let mut config = Settings::new(&args.config)?
        .number("--total-timesteps", "total_timesteps", args.total_timesteps)
        .resolve()?;
    let sources = if args.traffic.is_empty() {
        shipped::ALL.map(|recording| recording.name.to_owned()).to_vec()
    } else {
        args.traffic.clone()
    };
    config.traffic =
        sources.into_iter().map(|source| TrafficConfig { source, ..TrafficConfig::default() }).collect();
    Ok(config)
}

/// Removes the directory of an earlier quickstart; nothing else is ever removed.
fn remove_earlier(dir: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let path = dir.join("config.toml");
    let ours = || -> Option<bool> {
        let table: toml::Table = files::read_text(&path).ok()?.parse().ok()?;
        Some(["env", "algorithm", "total_timesteps", "traffic"].iter().all(|key| table.contains_key(*key)))
    };
    if ours() != Some(true) {
        bail!(
            "{}: has no config.toml that trimtab wrote, expected a directory of trimtab's to remove",
            dir.display()
        );
    }
    fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))
}

/// Fails unless `dir` is new, empty, or holds an experiment with this configuration.
fn check_reuse(dir: &Path, config: &RunConfig) -> Result<()> {
    let earlier = RunDir::new(dir);
    let remedy = "expected the same settings, --fresh to start over, or another --dir";
    if earlier.exists() {
        let there = earlier.config().with_context(|| format!("{}: cannot go on, {remedy}", dir.display()))?;
        if let Some(Difference { key, first, second }) = difference(&there, config) {
            bail!("{}: holds a run with {key} = {first} instead of {second}, {remedy}", dir.display());
        }
    } else if dir.exists() && fs::read_dir(dir)?.next().is_some() {
        bail!("{}: holds files that are not trimtab's, expected an empty or a new --dir", dir.display());
    }
    Ok(())
}
