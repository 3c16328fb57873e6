//! Running cargo: with its output shown, with its output taken, or just to see whether it is there.

use anyhow::{Context, Result, bail};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Runs `cargo ARGUMENTS` at the root of the workspace; its output goes where ours goes.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    cargo_with(root, &[], arguments)
}

/// [`cargo`] with some environment variables set.
pub(crate) fn cargo_with(root: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments).envs(variables.iter().copied());
    let status = command.status().context("cannot run cargo")?;
    if status.success() { Ok(()) } else { bail!("`cargo {}` failed", arguments.join(" ")) }
}

/// What `cargo ARGUMENTS` prints to its standard output, whatever settings of trimtab the environment holds.
pub(crate) fn cargo_output(root: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRIMTAB__")) {
        command.env_remove(name);
    }
    let output = command.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "`cargo {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("output of `cargo {}`", arguments.join(" ")))
}

/// Whether `cargo ARGUMENTS`, usually a `--version`, succeeds.
pub(crate) fn installed(root: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("cargo");
    command
        .current_dir(root)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
