//! The one door for developers: `cargo xtask VERB`.
//!
//! Here are the verbs; a stage of `ci` is a row in [`stages`], a check a file of its own. Left out: anything
//! that a user of trimtab needs.

mod arrows;
mod command;
mod generated;
mod layout;
mod learning;
mod licences;
mod machine_paths;
mod metadata;
mod oracle;
mod purity;
mod python;
mod rust_text;
mod stages;
mod tracked;

use anyhow::Result;
use std::{path::Path, process::ExitCode};

const HELP: &str = "\
cargo xtask VERB

  fmt            format every crate
  lint           format, architecture, licences and clippy; changes nothing
  test           every test: unit and property tests, then the whole system
  python         the virtual environment that comparisons with Gymnasium and TensorBoard need; part of test and ci
  learn [GATE…]  every learning gate, or these, over ten seeds, and the page with the curves; long
  oracle         build upstream's controllers with Go and compare ours with them
  docs           the API documentation, warnings denied
  gen            write the files that are generated from the binary
  gen --check    fail if one of them is stale
  ci             everything, cheapest first: what has to pass before a change lands
  help           this text
";

#[expect(clippy::print_stderr, reason = "the place where a failure is told")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    match run(&words, root) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(1)
        }
        None => {
            eprintln!("xtask: unknown verb `{}`\n\n{HELP}", words.join(" "));
            ExitCode::from(2)
        }
    }
}

/// Carries out one verb; `None` where there is no such verb.
#[expect(clippy::print_stdout, reason = "help was asked for")]
fn run(words: &[&str], root: &Path) -> Option<Result<()>> {
    Some(match words {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["fmt"] => command::cargo(root, &["fmt", "--all"]),
        ["lint"] => stages::run(root, &stages::LINT),
        ["test"] => stages::run(root, &stages::TEST),
        ["learn", gates @ ..] => learning::learn(root, gates),
        ["python"] => stages::run(root, &stages::COMPARISON),
        ["oracle"] => stages::run(root, &stages::ORACLES),
        ["docs"] => stages::run(root, &stages::DOCS),
        ["gen"] => generated::write(root),
        ["gen", "--check"] => generated::check(root),
        ["ci"] => stages::run(root, &stages::CI),
        _ => return None,
    })
}
