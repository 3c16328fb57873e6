//! Licences, sources and banned crates of everything that is compiled in, against `deny.toml`.
//!
//! `cargo deny` does the same and more, and runs where it is installed; compiling it takes minutes, so this is
//! what always runs. Left out, there and here: security advisories, whose database cannot be reached.

use crate::{
    command,
    metadata::{self, Package},
};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeMap, path::Path};

/// How cargo writes the default registry, also where a mirror stands in for it.
const DEFAULT_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `deny.toml` asks for.
#[derive(Debug, Default)]
struct Policy {
    /// Licences that are accepted.
    allow: Vec<String>,
    /// Banned crates, each with the crates that may use it nevertheless.
    deny: Vec<(String, Vec<String>)>,
}

/// Checks the workspace at `root`.
#[expect(clippy::print_stdout, reason = "progress of a command-line tool")]
pub(crate) fn check(root: &Path) -> Result<()> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml")?;
    let policy = policy(&text).context("deny.toml")?;
    let packages = metadata::read(root, metadata::Depth::Everything)?;
    let problems = problems(&policy, &packages);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n  "));
    }
    for (name, versions) in several_versions(&packages) {
        println!("note: {name} is compiled in several versions: {}", versions.join(", "));
    }
    println!("licences, sources and bans of {} packages agree with deny.toml", packages.len());
    if command::installed(root, &["deny", "--version"]) {
        command::cargo(root, &["deny", "check", "bans", "licenses", "sources"])?;
    }
    Ok(())
}

fn policy(text: &str) -> Result<Policy> {
    let file: toml::Table = text.parse()?;
    let list = |section: &str, key: &str| -> Result<Vec<toml::Value>> {
        let value = file.get(section).and_then(|table| table.get(key));
        value
            .and_then(toml::Value::as_array)
            .cloned()
            .with_context(|| format!("[{section}] has no list `{key}`"))
    };
    let mut policy = Policy::default();
    for licence in list("licenses", "allow")? {
        policy.allow.push(licence.as_str().context("`allow` lists strings")?.to_owned());
    }
    for ban in list("bans", "deny")? {
        let name = ban.as_str().or_else(|| ban.get("crate")?.as_str());
        let name = name.context("an entry of `deny` has no `crate`")?.to_owned();
        let wrappers = ban.get("wrappers").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
        policy.deny.push((name, wrappers.iter().filter_map(|w| w.as_str().map(str::to_owned)).collect()));
    }
    Ok(policy)
}

fn problems(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for Package { name, version, licence, source, .. } in packages {
        match licence {
            None => problems.push(format!("{name} {version} names no licence")),
            Some(licence) if !allows(&policy.allow, licence) => {
                problems.push(format!("{name} {version}: licence `{licence}` is not allowed by deny.toml"));
            }
            Some(_) => {}
        }
        if let Some(source) = source.as_deref().filter(|&source| source != DEFAULT_REGISTRY) {
            problems.push(format!("{name} {version} comes from {source}, not from the default registry"));
        }
    }
    for (banned, wrappers) in &policy.deny {
        if packages.iter().any(|package| package.name == *banned) {
            problems.extend(uses(packages, banned, wrappers));
        }
    }
    problems
}

/// Packages that name `banned` as a dependency although no exception lets them.
fn uses(packages: &[Package], banned: &str, wrappers: &[String]) -> Vec<String> {
    packages
        .iter()
        .filter(|package| package.dependencies.iter().any(|d| d.name == banned && !d.dev))
        .filter(|package| !wrappers.contains(&package.name))
        .map(|package| format!("{} must not use {banned}: banned by deny.toml", package.name))
        .collect()
}

fn several_versions(packages: &[Package]) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// Whether an SPDX expression is satisfied by the allowed licences: `OR` needs one side, `AND` both, and `WITH`
/// is part of the name. `/` is an old way to write `OR`. An expression that cannot be read is not satisfied.
fn allows(allowed: &[String], expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    any(allowed, &mut rest) == Some(true) && rest.is_empty()
}

fn any(allowed: &[String], rest: &mut &[&str]) -> Option<bool> {
    let mut satisfied = all(allowed, rest)?;
    while take(rest, "OR") {
        satisfied |= all(allowed, rest)?;
    }
    Some(satisfied)
}

fn all(allowed: &[String], rest: &mut &[&str]) -> Option<bool> {
    let mut satisfied = one(allowed, rest)?;
    while take(rest, "AND") {
        satisfied &= one(allowed, rest)?;
    }
    Some(satisfied)
}

fn one(allowed: &[String], rest: &mut &[&str]) -> Option<bool> {
    if take(rest, "(") {
        let satisfied = any(allowed, rest)?;
        return take(rest, ")").then_some(satisfied);
    }
    let (name, others) = rest.split_first()?;
    *rest = others;
    let mut name = (*name).to_owned();
    if take(rest, "WITH") {
        let (exception, others) = rest.split_first()?;
        *rest = others;
        name = format!("{name} WITH {exception}");
    }
    Some(allowed.contains(&name))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]
        [bans]
        deny = ["openssl-sys", { crate = "tokio", wrappers = ["trimtab-server"] }]
    "#;

    fn package(name: &str, licence: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: Some(licence.to_owned()),
            source: Some(DEFAULT_REGISTRY.to_owned()),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency { name: (*name).to_owned(), dev: false })
                .collect(),
        }
    }

    fn found(packages: &[Package]) -> Vec<String> {
        problems(&policy(DENY).unwrap(), packages)
    }

    #[test]
    fn an_expression_needs_one_side_of_or_and_both_of_and() {
        let allowed = policy(DENY).unwrap().allow;
        for fine in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0 OR MIT",
            "MIT/GPL-3.0",
            "MIT AND Unicode-3.0",
            "(GPL-3.0 OR MIT) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(allows(&allowed, fine), "{fine}");
        }
        for not in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "GPL-3.0 OR MIT AND BSD-3-Clause",
            "MIT WITH LLVM-exception",
            "(MIT",
            "MIT MIT",
            "MIT OR",
        ] {
            assert!(!allows(&allowed, not), "{not}");
        }
    }

    #[test]
    fn a_licence_that_is_missing_or_not_allowed_names_the_package() {
        let mut without = package("b", "MIT", &[]);
        without.licence = None;
        assert_eq!(
            found(&[package("a", "GPL-3.0", &[]), without]),
            ["a 1.0.0: licence `GPL-3.0` is not allowed by deny.toml", "b 1.0.0 names no licence"]
        );
    }

    #[test]
    fn a_package_comes_from_the_default_registry_or_a_folder() {
        let mut folder = package("a", "MIT", &[]);
        folder.source = None;
        let mut git = package("b", "MIT", &[]);
        git.source = Some("git+https://example.org/b".to_owned());
        assert_eq!(
            found(&[folder, git]),
            ["b 1.0.0 comes from git+https://example.org/b, not from the default registry"]
        );
    }

    #[test]
    fn a_banned_crate_is_allowed_to_its_wrappers_only() {
        let packages = [
            package("tokio", "MIT", &[]),
            package("trimtab-server", "MIT", &["tokio"]),
            package("trimtab-sim", "MIT", &["tokio"]),
        ];
        assert_eq!(found(&packages), ["trimtab-sim must not use tokio: banned by deny.toml"]);
    }

    #[test]
    fn a_banned_crate_that_is_only_named_and_never_compiled_is_fine() {
        assert_eq!(found(&[package("a", "MIT", &["openssl-sys"])]), [""; 0]);
    }

    #[test]
    fn the_policy_of_this_repository_can_be_read() {
        let policy = policy(include_str!("../../deny.toml")).unwrap();
        assert!(allows(&policy.allow, "MIT OR Apache-2.0"));
        assert!(policy.deny.iter().any(|(name, _)| name == "tokio"));
    }
}
