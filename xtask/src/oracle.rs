//! Upstream as the judge: builds Kubernetes' own controllers from `oracle/` and compares ours with them.
//!
//! Go does the building and keeps its own cache, which makes minutes into seconds the second time. How much is
//! compared can be set in the environment; the tests name the variables.
//!
//! Left out: the comparison itself, which is a test of the crate that has the algorithm.

use crate::command;
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A Go module under `oracle/` and the test that asks it.
struct Oracle {
    module: &'static str,
    package: &'static str,
    test: &'static str,
    /// Variable and value that say how much is compared when nothing else does.
    amount: (&'static str, &'static str),
}

const ORACLES: [Oracle; 2] = [
    Oracle {
        module: "hpa",
        package: "trimtab-control",
        test: "hpa_oracle",
        amount: ("TRIMTAB_ORACLE_SYNCS", "50000"),
    },
    Oracle {
        module: "vpa",
        package: "trimtab-control",
        test: "vpa_oracle",
        amount: ("TRIMTAB_ORACLE_RECOMMENDATIONS", "5000"),
    },
];

/// Builds every oracle and runs its test.
pub(crate) fn compare(root: &Path) -> Result<()> {
    for oracle in &ORACLES {
        build(root, oracle.module)?;
        let mut variables = vec![("TRIMTAB_ORACLE_REQUIRED", "1")];
        if std::env::var_os(oracle.amount.0).is_none() {
            variables.push(oracle.amount);
        }
        let test = ["test", "-p", oracle.package, "--test", oracle.test, "--", "--nocapture"];
        command::cargo_with(root, &variables, &test)?;
    }
    Ok(())
}

/// Builds `oracle/MODULE` into `oracle/` of the target folder. It is a test program, because Go gives virtual time to
/// tests only.
fn build(root: &Path, module: &str) -> Result<()> {
    let mut version = Command::new("go");
    version.arg("version").stdout(Stdio::null());
    if !version.status().is_ok_and(|status| status.success()) {
        bail!("`go` is missing: install Go, see oracle/{module}/README.md");
    }
    let mut command = Command::new("go");
    command
        .current_dir(root.join("oracle").join(module))
        .args(["test", "-c", "-o"])
        .arg(program(root, module));
    let status = command.arg(".").status().context("cannot run go")?;
    if status.success() { Ok(()) } else { bail!("`go test -c` failed in oracle/{module}") }
}

/// Where cargo's tests look for it.
fn program(root: &Path, module: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    // A relative folder is relative to where cargo was called, which is where this runs.
    std::path::absolute(&target).unwrap_or(target).join("oracle").join(module)
}
