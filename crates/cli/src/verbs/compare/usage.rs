//! `trimtab compare --usage`: vertical autoscalers on recorded use of CPU and memory.
//!
//! Left out: applications and their traffic.

use crate::{
    clock, destination, invocation,
    output::{Ending, Output},
    progress::duration,
};
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};
use trimtab_lab::{
    contenders, files, report,
    vertical::{self, CaseConfig, Recording},
};
use trimtab_model::Seconds;
use trimtab_workload::{UsageFormat, UsageOptions};

/// Who takes part unless told otherwise.
const DEFAULT: [&str; 10] = [
    "vpa",
    "vpa_in_place",
    "vpa_calibrated",
    "simplified",
    "vertical_threshold",
    "window",
    "autopilot",
    "forecast",
    "constant",
    "vertical_oracle",
];

/// Flags of a comparison on recorded use.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recorded use")]
pub(crate) struct UsageArgs {
    /// Files or folders of recorded use of CPU and memory: compare vertical autoscalers on them
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["app", "trace", "shift"])]
    pub(crate) usage: Vec<PathBuf>,
    /// Format of the recordings [default: found]
    #[arg(long, value_name = "NAME", requires = "usage", value_parser = format_of)]
    usage_format: Option<UsageFormat>,
    /// Cores that 100 % stands for [default: the format's assumption]
    #[arg(long, value_name = "N", requires = "usage")]
    usage_cores: Option<f64>,
    /// GB of memory that 100 % stands for [default: the format's assumption]
    #[arg(long, value_name = "N", requires = "usage")]
    usage_gb: Option<f64>,
    /// Seconds between rows without times
    #[arg(long, value_name = "N", requires = "usage")]
    usage_step_secs: Option<f64>,
    /// Share of each series for learning and fitting; the rest is scored [default: 0.5]
    #[arg(long, value_name = "SHARE", requires = "usage")]
    train_share: Option<f64>,
    /// Seconds between two measurements and two decisions [default: 60]
    #[arg(long, value_name = "N", requires = "usage")]
    interval_secs: Option<f64>,
    /// Seconds that a killed or recreated container is down [default: 30]
    #[arg(long, value_name = "N", requires = "usage")]
    restart_secs: Option<f64>,
    /// CPU limit over CPU request [default: 2]
    #[arg(long, value_name = "N", requires = "usage")]
    cpu_limit_ratio: Option<f64>,
    /// Memory limit over memory request [default: 1]
    #[arg(long, value_name = "N", requires = "usage")]
    memory_limit_ratio: Option<f64>,
}

fn format_of(text: &str) -> Result<UsageFormat, String> {
    let found = UsageFormat::ALL.iter().find(|(name, _)| *name == text);
    let names = UsageFormat::ALL.map(|(name, _)| name).join(", ");
    found.map(|(_, format)| *format).ok_or_else(|| format!("expected one of {names}"))
}

impl UsageArgs {
    fn config(&self) -> CaseConfig {
        let default = CaseConfig::default();
        CaseConfig {
            reading: UsageOptions {
                format: self.usage_format,
                cores: self.usage_cores,
                memory_bytes: self.usage_gb.map(|gb| gb * 1e9),
                step: self.usage_step_secs.map(Seconds),
            },
            train_share: self.train_share.unwrap_or(default.train_share),
            interval_secs: self.interval_secs.unwrap_or(default.interval_secs),
            restart_secs: self.restart_secs.unwrap_or(default.restart_secs),
            cpu_limit_ratio: self.cpu_limit_ratio.unwrap_or(default.cpu_limit_ratio),
            memory_limit_ratio: self.memory_limit_ratio.unwrap_or(default.memory_limit_ratio),
        }
    }
}

/// Compares, writes `report.html` and `report.json` to `out`, prints the table.
pub(crate) fn run(
    args: &UsageArgs,
    autoscalers: Option<&[String]>,
    threads: usize,
    out: &Path,
    output: Output,
) -> Result<Ending> {
    let start = clock::now();
    destination::check(out)?;
    let config = args.config();
    let names = match autoscalers {
        Some(names) => contenders::rejoin(names),
        None => DEFAULT.map(str::to_owned).to_vec(),
    };
    let recordings: Vec<Recording> =
        args.usage.iter().map(|path| vertical::load(path, &config)).collect::<Result<_, _>>()?;
    let comparison =
        vertical::compare(&recordings, &names, &config, threads, invocation::as_typed(), &|what| {
            output.remark(what);
        })?;
    files::create_dir(out)?;
    files::write_atomic(&out.join("report.html"), report::usage_page(&comparison).as_bytes())?;
    files::write_atomic(&out.join("report.json"), comparison.document().as_bytes())?;
    output.result(&comparison, || {
        let page = out.join("report.html");
        let took = duration(start.elapsed().as_secs_f64());
        format!("{}\nreport: {}\ntook {took}\n", report::usage_table(&comparison), page.display())
    })?;
    Ok(Ending::Fine)
}
