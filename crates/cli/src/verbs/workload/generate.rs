//! `trimtab workload generate`: use of CPU and memory of one container, made up or cut from a recording, as files.
//!
//! Left out: traffic; `trimtab workload list` has that.

use crate::output::{Ending, Output};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use trimtab_lab::{
    Error,
    artefacts::{self, Source},
    files,
};
use trimtab_workload::{
    UsageOptions, UsageSeries, read_usage,
    usage::generate::{ContainerSpec, TYPES, UsageShape, UsageWorkload, Use},
};

/// Make up what a container uses of CPU and memory, or take it from a recording
#[derive(Args, Debug)]
#[command(after_help = "\
constant, step, sinusoidal and low_high are the smart-vpa system's, with its examples as defaults. arabesque, azure, alibaba and
borg name recordings: with --source they read your copy (formats of trimtab compare --usage), without it they are synthetic
stand-ins, and info.json says so and what they rest on.

Writes OUT/N/info.json, container.json, workload.csv and figure.svg, where N is the number of entries in OUT.

Examples:
  trimtab workload generate --type sinusoidal
  trimtab workload generate --type alibaba --timesteps 1440 --seed 7
  trimtab workload generate --type azure --source vm_cpu_readings.csv --container abc
  trimtab workload generate --type step --print-config > step.json
  trimtab workload generate --type step --config step.json")]
pub(crate) struct GenerateArgs {
    /// constant, step, sinusoidal, `low_high`, arabesque, azure, alibaba or borg
    #[arg(long = "type", alias = "workload-type", value_name = "NAME", default_value = "constant")]
    kind: String,
    /// JSON file of settings: notes, timesteps, `time_interval`, seed, config, container [default: the type's example]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the settings as JSON and write nothing
    #[arg(long)]
    print_config: bool,
    /// Recording to read instead of making use up
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "seed"])]
    source: Option<PathBuf>,
    /// Container of the recording [default: the first]
    #[arg(long, value_name = "NAME", requires = "source")]
    container: Option<String>,
    /// Number of steps
    #[arg(long, value_name = "N")]
    timesteps: Option<usize>,
    /// Seed of what is random
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = "data/workloads")]
    out: PathBuf,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    dir: PathBuf,
    workload_type: String,
    timesteps: usize,
    synthetic_stand_in: bool,
    /// What a stand-in rests on.
    fitted_to: Option<String>,
}

/// See [`GenerateArgs`].
pub(super) fn run(args: &GenerateArgs, output: Output) -> Result<Ending> {
    let unknown = || Error::unknown("workload", &args.kind, TYPES.into_iter());
    let example = UsageWorkload::example(&args.kind).ok_or_else(unknown)?;
    if let Some(path) = &args.source {
        if !matches!(example.config, UsageShape::StandIn(_)) {
            bail!("--source: {} is made up, expected one of arabesque, azure, alibaba, borg", args.kind);
        }
        return recorded(args, path, output);
    }
    let mut workload = match &args.config {
        None => example,
        Some(path) => {
            let text = files::read_text(path)?;
            serde_json::from_str(&text).with_context(|| path.display().to_string())?
        }
    };
    workload.timesteps = args.timesteps.unwrap_or(workload.timesteps);
    workload.seed = args.seed.unwrap_or(workload.seed);
    if args.print_config {
        output.result(&workload, || serde_json::to_string_pretty(&workload).unwrap_or_default())?;
        return Ok(Ending::Fine);
    }
    let series = workload.build().context("--config")?;
    let source = Source::Rule(&workload);
    let dir = artefacts::write(&args.out, &args.kind, &series, &workload.container, &source)?;
    let fitted_to = match &workload.config {
        UsageShape::StandIn(stand_in) => Some(stand_in.fitted_to.clone()),
        _ => None,
    };
    tell(args, dir, series.points.len(), fitted_to, output)
}

fn recorded(args: &GenerateArgs, path: &Path, output: Output) -> Result<Ending> {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let text = files::read_text(path)?;
    let reading =
        read_usage(&stem, &text, &UsageOptions::default()).with_context(|| path.display().to_string())?;
    let names: Vec<&str> = reading.series.iter().map(|series| series.name.as_str()).collect();
    let chosen = match &args.container {
        None => 0,
        Some(name) => match names.iter().position(|known| known == name) {
            Some(index) => index,
            None => return Err(Error::unknown("container", name, names.iter().copied()).into()),
        },
    };
    let mut series: UsageSeries = reading.series[chosen].clone();
    series.points.truncate(args.timesteps.unwrap_or(usize::MAX).max(2));
    let given = if series.size.cores > 0.0 { series.size } else { series.peak() };
    let given = Use { memory: given.memory_bytes / 1e6, cpu: given.cores * 1000.0 };
    let container = ContainerSpec { container_name: series.name.clone(), requests: given, limits: given };
    let dir = artefacts::write(&args.out, &args.kind, &series, &container, &Source::Recording(path))?;
    tell(args, dir, series.points.len(), None, output)
}

fn tell(
    args: &GenerateArgs,
    dir: PathBuf,
    timesteps: usize,
    fitted_to: Option<String>,
    output: Output,
) -> Result<Ending> {
    let synthetic_stand_in = fitted_to.is_some();
    let written = Written { dir, workload_type: args.kind.clone(), timesteps, synthetic_stand_in, fitted_to };
    output.result(&written, || {
        let mut text = format!("{}: {timesteps} steps of {}\n", written.dir.display(), args.kind);
        if let Some(fitted_to) = &written.fitted_to {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "a synthetic stand-in, not the recording; it rests on {fitted_to}");
        }
        text
    })?;
    Ok(Ending::Fine)
}
