//! The stages of `cargo xtask ci`, cheapest first, and how a list of stages runs.
//!
//! Left out: what a check looks at; each has a file of its own.

use crate::{
    arrows, command, generated, layout, licences, machine_paths, metadata, oracle, purity, python, tracked,
};
use anyhow::{Context, Result, bail};
use std::{path::Path, time::Instant};

/// A named step that passes or fails.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    name: &'static str,
    run: fn(&Path) -> Result<()>,
}

const FORMAT: Stage =
    Stage { name: "format", run: |root| command::cargo(root, &["fmt", "--all", "--check"]) };
const ARCHITECTURE: Stage = Stage { name: "architecture", run: architecture };
const LICENCES: Stage = Stage { name: "licences", run: licences::check };
const CLIPPY: Stage = Stage {
    name: "clippy",
    run: |root| command::cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
};
/// What some of the tests ask.
const PYTHON: Stage = Stage { name: "python", run: python::prepare };
const UNIT: Stage = Stage { name: "test", run: unit };
const DOC: Stage = Stage {
    name: "docs",
    run: |root| {
        command::cargo_with(root, &[("RUSTDOCFLAGS", "-D warnings")], &["doc", "--workspace", "--no-deps"])
    },
};
const GENERATED: Stage = Stage { name: "generated", run: generated::check };
/// Upstream's own code answers; building it takes minutes the first time.
const ORACLE: Stage = Stage { name: "oracle", run: oracle::compare };
/// The binary as a user builds it. These tests train, so they run optimised and only here.
const SYSTEM: Stage =
    Stage { name: "system", run: |root| cargo_with_python(root, &["test", "--release", "-p", "trimtab"]) };

/// Everything, cheapest first.
pub(crate) const CI: [Stage; 10] =
    [FORMAT, ARCHITECTURE, LICENCES, CLIPPY, PYTHON, UNIT, DOC, GENERATED, ORACLE, SYSTEM];
/// What needs no test to run.
pub(crate) const LINT: [Stage; 4] = [FORMAT, ARCHITECTURE, LICENCES, CLIPPY];
/// Every test.
pub(crate) const TEST: [Stage; 3] = [PYTHON, UNIT, SYSTEM];
/// What the comparisons with Gymnasium and `TensorBoard` need.
pub(crate) const COMPARISON: [Stage; 1] = [PYTHON];
/// Comparison with upstream.
pub(crate) const ORACLES: [Stage; 1] = [ORACLE];
/// The API documentation.
pub(crate) const DOCS: [Stage; 1] = [DOC];

/// Runs `stages` in order and stops at the first failure.
#[expect(clippy::print_stdout, reason = "progress of a command-line tool")]
#[expect(clippy::disallowed_methods, reason = "how long a stage took is told to a person")]
pub(crate) fn run(root: &Path, stages: &[Stage]) -> Result<()> {
    for (index, stage) in stages.iter().enumerate() {
        println!("== {}/{} {}", index + 1, stages.len(), stage.name);
        let start = Instant::now();
        let outcome = (stage.run)(root);
        let seconds = start.elapsed().as_secs_f64();
        outcome.with_context(|| format!("stage {} failed after {seconds:.1} s", stage.name))?;
        println!("== {}: {seconds:.1} s", stage.name);
    }
    println!("trimtab: {} stages passed", stages.len());
    Ok(())
}

fn architecture(root: &Path) -> Result<()> {
    let members = metadata::read(root, metadata::Depth::Members)?;
    let files = tracked::text_files(root)?;
    let mut problems = arrows::problems(&members);
    problems.extend(purity::problems(&files));
    problems.extend(layout::problems(&files));
    problems.extend(machine_paths::problems(&files));
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n  ")) }
}

/// The tests of every crate but the binary's, which belong to [`SYSTEM`].
fn unit(root: &Path) -> Result<()> {
    const CRATES: [&str; 3] = ["--workspace", "--exclude", "trimtab"];
    let cargo = |words: &[&str]| cargo_with_python(root, &[words, &CRATES].concat());
    if command::installed(root, &["nextest", "--version"]) {
        cargo(&["nextest", "run"])?;
        cargo(&["test", "--doc"])
    } else {
        cargo(&["test"])
    }
}

/// [`command::cargo_with`], told which interpreter compares.
fn cargo_with_python(root: &Path, arguments: &[&str]) -> Result<()> {
    let python = python::interpreter(root);
    let variables: Vec<(&str, &str)> = python.iter().map(|path| (python::VARIABLE, path.as_str())).collect();
    command::cargo_with(root, &variables, arguments)
}
