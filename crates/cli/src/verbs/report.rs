//! `trimtab report`: renders a report again, as page and as data, from its figures.

use crate::output::{Ending, Output};
use anyhow::Result;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use trimtab_lab::experiment;

/// Render report.html and report.json again from their comparison.json
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab report runs/quickstart")]
pub(crate) struct ReportArgs {
    /// Directory with a comparison.json, as `quickstart` and `compare` write it
    dir: PathBuf,
}

/// See [`ReportArgs`].
pub(crate) fn run(args: &ReportArgs, output: Output) -> Result<Ending> {
    let comparison = experiment::read(&args.dir)?;
    experiment::write(&comparison, &args.dir)?;
    let report = args.dir.join("report.html");
    output.result(&json!({ "report": report }), || report.display().to_string())?;
    Ok(Ending::Fine)
}
