//! What `cargo metadata` says about packages, reduced to what the checks ask.

use crate::command;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

/// How far to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The packages of this workspace.
    Members,
    /// All that they depend on, for every platform.
    Everything,
}

/// A package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression.
    pub(crate) licence: Option<String>,
    /// Where it comes from; none for a package in a folder.
    pub(crate) source: Option<String>,
    /// What its manifest names; with [`Depth::Everything`], only what is really compiled in.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line under one of the manifest's dependency tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether only tests, examples and benchmarks use it.
    pub(crate) dev: bool,
}

/// Asks cargo for the packages of the workspace at `root`.
pub(crate) fn read(root: &Path, depth: Depth) -> Result<Vec<Package>> {
    let mut arguments = vec!["metadata", "--format-version", "1"];
    if depth == Depth::Members {
        arguments.push("--no-deps");
    }
    let text = command::cargo_output(root, &[], &arguments)?;
    let metadata: Value = serde_json::from_str(&text).context("output of cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut read: Vec<Package> = packages.iter().map(package).collect();
    // Without a resolution (members only), nodes are absent and the manifests stand as they are.
    for node in metadata["resolve"]["nodes"].as_array().map_or(&[][..], Vec::as_slice) {
        let at = |id: &Value| packages.iter().position(|package| package["id"] == *id);
        let used: Vec<usize> = node["deps"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|d| at(&d["pkg"]))
            .collect();
        if let Some(index) = at(&node["id"]) {
            let names: Vec<&str> = used.iter().filter_map(|&i| packages[i]["name"].as_str()).collect();
            read[index].dependencies.retain(|dependency| names.contains(&dependency.name.as_str()));
        }
    }
    Ok(read)
}

fn package(value: &Value) -> Package {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let dependencies = value["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    Package {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        licence: text("license"),
        source: text("source"),
        dependencies: dependencies.iter().map(dependency).collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        dev: value["kind"].as_str() == Some("dev"),
    }
}
