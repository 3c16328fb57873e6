//! `trimtab compare --usage`: vertical autoscalers on recorded use of CPU and memory.
//!
//! Left out: applications and their traffic.

use crate::{
    clock, destination, invocation,
    output::{Ending, Output},
    progress::duration,
    recorded::RecordedArgs,
};
use anyhow::Result;
use std::path::{Path, PathBuf};
use trimtab_lab::{
    contenders, files, report,
    vertical::{self, Recording},
};

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

/// Compares, writes `report.html` and `report.json` to `out`, prints the table.
pub(crate) fn run(
    usage: &[PathBuf],
    args: &RecordedArgs,
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
        usage.iter().map(|path| vertical::load(path, &config)).collect::<Result<_, _>>()?;
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
