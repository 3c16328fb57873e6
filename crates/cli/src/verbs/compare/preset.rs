//! The part of `trimtab compare` that runs a published evaluation of agents that share a budget of CPU.
//!
//! Left out: the evaluations themselves (`trimtab_lab::environments::localization`).

use crate::{
    destination,
    output::{Ending, Output},
    settings::Settings,
};
use anyhow::Result;
use clap::Args;
use std::{fmt::Write, path::Path};
use trimtab_lab::{
    environments::localization::{
        REGISTERED,
        comparison::{self, Contender, Evaluation, Figures},
        scenario,
    },
    files,
    statistics::Estimate,
};

/// The flag.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Agents that share a budget of CPU")]
pub(crate) struct PresetArgs {
    /// Published evaluation: load, scalability, priority, or `priority_hml` and its permutations
    #[arg(long, value_name = "NAME", conflicts_with_all = ["app", "trace", "shift", "usage"])]
    pub(crate) preset: Option<String>,
}

/// Who takes part unless told otherwise.
const DEFAULT: [&str; 3] = ["threshold", "hpa", "equal"];

/// Compares, writes `report.json` to `out`, prints the table.
pub(crate) fn run(
    name: &str,
    autoscalers: Option<&[String]>,
    seeds: &[u64],
    settings: &Settings,
    out: &Path,
    output: Output,
) -> Result<Ending> {
    let scenario = scenario::find(name)?;
    destination::check(out)?;
    let own = REGISTERED.name.to_owned();
    let config = settings.clone().text("--preset", "env", Some(&own)).resolve()?;
    let names = autoscalers.map_or_else(|| DEFAULT.map(str::to_owned).to_vec(), <[String]>::to_vec);
    let contenders: Vec<Contender> =
        names.iter().map(|name| Contender::load(name)).collect::<Result<_, _>>()?;
    let found = comparison::compare(scenario, &config.localization, &contenders, seeds.len() as u64)?;
    files::create_dir(out)?;
    files::write_atomic(&out.join("report.json"), serde_json::to_string_pretty(&found)?.as_bytes())?;
    output.result(&found, || table(&found))?;
    Ok(Ending::Fine)
}

fn table(found: &Evaluation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(&mut text, found);
    text
}

fn write_table(w: &mut String, found: &Evaluation) -> std::fmt::Result {
    let Evaluation { scenario, meaning, sla_secs, seeds, contenders } = found;
    let first = contenders.first().map_or("", |figures| &figures.name);
    writeln!(
        w,
        "{scenario}: {meaning}; {seeds} episodes of each player; means with 95 % intervals; late: answers over {sla_secs} s\n"
    )?;
    let width =
        contenders.iter().map(|figures| figures.name.len()).max().unwrap_or(0).max("autoscaler".len());
    writeln!(
        w,
        "{:width$}  {:>22}  {:>26}  {:>20}  {:>19}  {:>9}  each service",
        "autoscaler",
        "response ms",
        format!("shorter than {first} %"),
        "changed millicores",
        "late %",
        "limits m"
    )?;
    for figures in contenders {
        let Figures { name, response_secs, improvement_percent, changed_millicores, .. } = figures;
        let services = figures.services_secs.iter().zip(&figures.services_changed);
        let services: Vec<String> =
            services.map(|(secs, changed)| format!("{:.0} ms/{changed:.0}m", 1e3 * secs)).collect();
        writeln!(
            w,
            "{name:width$}  {:>22}  {:>26}  {:>20}  {:>19}  {:>9.0}  {}",
            shown(&response_secs.times(1e3), 1),
            shown(improvement_percent, 1),
            shown(changed_millicores, 0),
            shown(&figures.late_share.times(100.0), 1),
            figures.limit_millicores.mean,
            services.join(", ")
        )?;
    }
    Ok(())
}

fn shown(estimate: &Estimate, decimals: usize) -> String {
    let Estimate { mean, low, high } = estimate;
    format!("{mean:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}
