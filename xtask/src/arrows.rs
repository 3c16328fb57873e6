//! The arrows between crates: who may depend on whom.
//!
//! An arrow is a line under `[dependencies]` or `[build-dependencies]`. Dev-dependencies are not arrows, but
//! even in tests `rl` and `sim` do not meet below `lab`.

use crate::metadata::Package;

/// The crates and what each may depend on: the table of ARCHITECTURE.md, to be changed together with it.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("workload", &["model"]),
    ("sim", &["model", "workload"]),
    ("nn", &[]),
    ("rl", &["nn"]),
    ("control", &["model", "nn"]),
    ("lab", &["model", "workload", "sim", "nn", "rl", "control"]),
    ("operator", &["model", "control"]),
    ("load", &["model", "workload"]),
    ("server", &["model", "nn", "control", "lab"]),
    ("cli", &["model", "workload", "sim", "nn", "rl", "control", "lab", "operator", "load", "server"]),
    ("python", &["model", "rl", "sim", "control", "lab"]),
    ("xtask", &[]),
];

/// Every arrow that the table does not have, every crate that it does not know, every crate below `lab` where
/// `rl` and `sim` meet.
pub(crate) fn problems(members: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in members {
        let from = folder(&package.name);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == from) else {
            problems.push(format!(
                "crate `{from}` is unknown: add a row for it to ARCHITECTURE.md and to ALLOWED in xtask/src/arrows.rs"
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            let to = folder(&dependency.name);
            if is_member(members, &dependency.name) && !allowed.contains(&to) {
                problems.push(format!(
                    "crate `{from}` must not depend on crate `{to}`: ARCHITECTURE.md has no such arrow"
                ));
            }
        }
        let reached = reached(members, package);
        let has = |name: &str| reached.contains(&name);
        if has("rl") && has("sim") && !has("lab") {
            problems.push(format!("`rl` and `sim` meet in crate `{from}`, which is below `lab`"));
        }
    }
    problems
}

/// Name of a package's folder: packages carry a prefix, and the binary is called after the product.
fn folder(package: &str) -> &str {
    match package.strip_prefix("trimtab") {
        Some("") => "cli",
        Some(rest) => rest.strip_prefix('-').unwrap_or(package),
        None => package,
    }
}

fn is_member(members: &[Package], name: &str) -> bool {
    members.iter().any(|member| member.name == name)
}

/// Folders of a package and of every member that it can reach, by dependencies of any kind.
fn reached<'a>(members: &'a [Package], package: &'a Package) -> Vec<&'a str> {
    let mut open = vec![package];
    let mut reached = vec![folder(&package.name)];
    while let Some(package) = open.pop() {
        for dependency in &package.dependencies {
            let Some(member) = members.iter().find(|member| member.name == dependency.name) else { continue };
            if !reached.contains(&folder(&member.name)) {
                reached.push(folder(&member.name));
                open.push(member);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies =
            dependencies.iter().map(|name| Dependency { name: (*name).to_owned(), dev: false }).collect();
        Package { name: name.to_owned(), dependencies, ..Package::default() }
    }

    fn for_tests(mut package: Package) -> Package {
        for dependency in &mut package.dependencies {
            dependency.dev = true;
        }
        package
    }

    #[test]
    fn arrows_of_the_table_and_crates_from_elsewhere_are_fine() {
        let members = [
            package("trimtab-model", &["serde"]),
            package("trimtab-workload", &["trimtab-model"]),
            package("trimtab-sim", &["trimtab-model", "trimtab-workload"]),
            package("trimtab-nn", &[]),
            package("trimtab-rl", &["trimtab-nn"]),
            package("trimtab-lab", &["trimtab-sim", "trimtab-rl"]),
            package("trimtab", &["trimtab-lab", "clap"]),
            package("xtask", &["anyhow"]),
        ];
        assert_eq!(problems(&members), [""; 0]);
    }

    #[test]
    fn an_arrow_outside_the_table_names_both_crates() {
        let members = [package("trimtab-model", &[]), package("trimtab-nn", &["trimtab-model"])];
        assert_eq!(
            problems(&members),
            ["crate `nn` must not depend on crate `model`: ARCHITECTURE.md has no such arrow"]
        );
    }

    #[test]
    fn an_unknown_crate_is_told_where_to_be_added() {
        let found = problems(&[package("trimtab-helpers", &[])]);
        assert!(found[0].contains("`helpers`") && found[0].contains("xtask/src/arrows.rs"), "{found:?}");
    }

    #[test]
    fn rl_and_sim_do_not_meet_below_lab_even_for_tests() {
        let members = [
            package("trimtab-sim", &[]),
            for_tests(package("trimtab-rl", &["trimtab-sim"])),
            package("trimtab-lab", &["trimtab-sim", "trimtab-rl"]),
        ];
        assert_eq!(problems(&members), ["`rl` and `sim` meet in crate `rl`, which is below `lab`"]);
    }

    #[test]
    fn a_dev_dependency_is_no_arrow() {
        let members = [package("trimtab-model", &[]), for_tests(package("trimtab-nn", &["trimtab-model"]))];
        assert_eq!(problems(&members), [""; 0]);
    }

    #[test]
    fn the_table_has_no_row_that_leads_back() {
        for (index, (name, allowed)) in ALLOWED.iter().enumerate() {
            for to in *allowed {
                assert!(ALLOWED[..index].iter().any(|(earlier, _)| earlier == to), "{name} → {to}");
            }
        }
    }
}
