//! The verbs and the flags that all of them have. A verb is a file with its flags and what it does.

mod app;
mod autoscaler;
mod compare;
mod config;
mod env;
mod episodes;
mod evaluate;
mod infer;
mod quickstart;
mod report;
mod run;
mod train;
mod tune;
mod workload;

use crate::output::{Ending, Format, Output, Remarks};
use anyhow::Result;
use clap::{Parser, Subcommand};

const EXIT: &str = "\
Exit status: 0 fine; 1 stopped before its end (Ctrl-C), or a gate was not met; 2 failed; 130 stopped at once (Ctrl-C twice).

Settings come from defaults, a TOML file (--config), variables such as TRIMTAB__PPO__GAMMA, and flags; the later wins.

Example:
  trimtab quickstart";

/// Trains, proves and operates autoscalers for Kubernetes
#[derive(Parser, Debug)]
#[command(name = "trimtab", version, term_width = 100, after_help = EXIT)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Print one JSON document instead of text
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Say nothing but results and failures
    #[arg(long, short, global = true, help_heading = "Output")]
    quiet: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Quickstart(quickstart::QuickstartArgs),
    Train(train::TrainArgs),
    Tune(tune::TuneArgs),
    Evaluate(evaluate::EvaluateArgs),
    Compare(compare::CompareArgs),
    Report(report::ReportArgs),
    #[command(subcommand)]
    Env(env::EnvVerb),
    #[command(subcommand)]
    App(app::AppVerb),
    #[command(subcommand)]
    Autoscaler(autoscaler::AutoscalerVerb),
    #[command(subcommand)]
    Workload(workload::WorkloadVerb),
    Run(run::RunArgs),
    Infer(infer::InferArgs),
    Config(config::ShowArgs),
}

/// Carries out what was typed.
///
/// # Errors
/// Whatever keeps it from being done.
pub(crate) fn run(cli: Cli) -> Result<Ending> {
    let output = Output {
        format: if cli.json { Format::Json } else { Format::Text },
        remarks: if cli.quiet { Remarks::Withheld } else { Remarks::Given },
    };
    match cli.verb {
        Verb::Quickstart(args) => quickstart::run(&args, output),
        Verb::Train(args) => train::run(&args, output),
        Verb::Tune(args) => tune::run(&args, output),
        Verb::Evaluate(args) => evaluate::run(&args, output),
        Verb::Compare(args) => compare::run(&args, output),
        Verb::Report(args) => report::run(&args, output),
        Verb::Env(verb) => env::run(&verb, output),
        Verb::App(verb) => app::run(&verb, output),
        Verb::Autoscaler(verb) => autoscaler::run(&verb, output),
        Verb::Workload(verb) => workload::run(&verb, output),
        Verb::Run(args) => run::run(&args, output),
        Verb::Infer(args) => infer::run(&args, output),
        Verb::Config(args) => config::run(&args, output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_of_every_verb_fit_together() {
        Cli::command().debug_assert();
    }
}
