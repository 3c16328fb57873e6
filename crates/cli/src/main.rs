//! The binary `trimtab`: parses what was typed, carries out one verb, and turns what went wrong into one sentence and
//! an exit code.
//!
//! Left out: all that a verb does; see [`verbs`] and, for the work itself, `trimtab-lab`.

mod choices;
mod clock;
mod destination;
mod failure;
mod interrupt;
mod invocation;
mod listing;
mod output;
mod progress;
mod recorded;
mod results;
mod settings;
mod sparkline;
mod verbs;

use clap::Parser;
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let cli = match verbs::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. A reader that has gone away is no failure.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match verbs::run(cli) {
        Ok(ending) => ending.into(),
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where not even this can be said, the exit code still can.
            let _ = writeln!(std::io::stderr(), "error: {}", failure::sentence(&error));
            ExitCode::from(2)
        }
    }
}
