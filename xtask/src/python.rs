//! A Python with Gymnasium and `TensorBoard` for the tests that ask them: a virtual environment under `target/python`, made
//! of `xtask/python-requirements.txt` (all that pip needs, pinned) and kept for as long as that file stays the same.
//!
//! Where Python is missing, those tests are skipped, and say so; with `CI=true` it is an error. Left out: the
//! libraries that other trainers are compared with, which `bench/peers` installs.

use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const REQUIREMENTS: &str = "xtask/python-requirements.txt";
const FOLDER: &str = "target/python";
/// Names the interpreter to the tests.
pub(crate) const VARIABLE: &str = "TRIMTAB_PYTHON";

/// Makes the virtual environment, unless there is one that fits.
#[expect(clippy::print_stdout, reason = "what is skipped is told to a person")]
pub(crate) fn prepare(root: &Path) -> Result<()> {
    match (make(root), in_ci()) {
        (Ok(()), _) => Ok(()),
        (Err(error), true) => Err(error),
        (Err(error), false) => {
            println!("SKIPPED: the comparisons with Gymnasium and TensorBoard: {error:#}");
            Ok(())
        }
    }
}

/// The interpreter that the tests are to use, if [`prepare`] has made it and nobody named another.
pub(crate) fn interpreter(root: &Path) -> Option<String> {
    let ours = named(root);
    let found = std::env::var_os(VARIABLE).is_none() && is_fresh(root);
    found.then(|| ours.to_string_lossy().into_owned())
}

fn make(root: &Path) -> Result<()> {
    if std::env::var_os(VARIABLE).is_some() || is_fresh(root) {
        return Ok(());
    }
    let folder = root.join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {FOLDER}"))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).context(
        "python3 with the module venv is needed: install it (Debian: apt-get install python3 python3-venv)",
    )?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(named(root)).args(pip).arg(root.join(REQUIREMENTS)))
        .with_context(|| format!("pip cannot install {REQUIREMENTS}"))?;
    std::fs::copy(root.join(REQUIREMENTS), stamp(root)).context("cannot note what was installed")?;
    Ok(())
}

fn named(root: &Path) -> PathBuf {
    root.join(FOLDER).join("bin/python")
}

/// What was installed; written last, so that an interrupted installation is made anew.
fn stamp(root: &Path) -> PathBuf {
    root.join(FOLDER).join("requirements.txt")
}

fn is_fresh(root: &Path) -> bool {
    match (std::fs::read(stamp(root)), std::fs::read(root.join(REQUIREMENTS))) {
        (Ok(installed), Ok(wanted)) => installed == wanted,
        _ => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "whether this is CI only its environment tells")]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("cannot run it")?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    bail!("{}", String::from_utf8_lossy(&told).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_fresh_only_with_the_requirements_it_was_made_of() {
        let root = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        std::fs::create_dir_all(root.join(FOLDER)).unwrap();
        std::fs::create_dir_all(root.join(REQUIREMENTS).parent().unwrap()).unwrap();
        std::fs::write(root.join(REQUIREMENTS), "gymnasium==1.0\n").unwrap();
        assert!(!is_fresh(&root));
        std::fs::write(stamp(&root), "gymnasium==1.0\n").unwrap();
        assert!(is_fresh(&root));
        std::fs::write(root.join(REQUIREMENTS), "gymnasium==1.1\n").unwrap();
        assert!(!is_fresh(&root));
        std::fs::remove_dir_all(root).unwrap();
    }
}
