//! What is printed: JSON that parses, help that does not depend on the terminal, and nothing into a closed pipe.

use crate::place::{Place, tells};
use serde_json::Value;
use std::{io::Read, process::Stdio};

fn json(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.fine(&[arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn json_is_one_document_on_standard_output() {
    let place = Place::new();
    assert_eq!(json(&place, &["app", "check", "redis"])["services"], 2);
    assert!(json(&place, &["app", "list"]).as_array().unwrap().len() >= 4);
    assert_eq!(json(&place, &["app", "describe", "redis"])["services"][0]["name"], "redis-leader");
    assert!(json(&place, &["autoscaler", "list"]).as_array().unwrap().len() >= 13);
    let keda = json(&place, &["autoscaler", "describe", "keda"]);
    assert_eq!(keda["parameters"][0]["name"], "pollingInterval");
    assert_eq!(keda["parameters"][0]["default"], 30.0);
    assert_eq!(json(&place, &["env", "list"])[0]["name"], "online_boutique");
    tells(json(&place, &["env", "describe", "redis"])[0]["description"].as_str().unwrap(), &["Observation"]);
    assert_eq!(json(&place, &["config", "--set", "seed=3"])["seed"], 3);
    assert!(json(&place, &["workload", "list"]).as_array().unwrap().len() > 2);
    assert_eq!(
        json(&place, &["workload", "show", "nasa_http", "--days", "0..2"])["days"].as_array().unwrap().len(),
        2
    );
    assert_eq!(json(&place, &["workload", "show", "bursts"])["rates"].as_array().unwrap().len(), 48);
    let compared = json(
        &place,
        &[
            "compare",
            "--app",
            "redis",
            "--seeds",
            "1",
            "--autoscalers",
            "hpa,threshold:step=2,cooldown_secs=0,keda",
            "--quiet",
        ],
    );
    assert_eq!(compared["summaries"].as_array().unwrap().len(), 3);
    assert_eq!(compared["paired"][0]["candidate"], "threshold:step=2,cooldown_secs=0");
    assert!(compared["seconds"].as_f64().is_some());
    assert_eq!(compared["files"]["report"], "runs/compare/report.html");
}

#[test]
fn help_does_not_depend_on_the_terminal_or_the_environment() {
    let place = Place::new();
    for arguments in [&["--help"][..], &["train", "--help"], &["env", "describe", "--help"]] {
        let plain = place.fine(arguments);
        let mut command = place.command(arguments);
        command.env("COLUMNS", "40").env("CLICOLOR_FORCE", "1").env("TRIMTAB__SEED", "1");
        assert_eq!(String::from_utf8(command.output().unwrap().stdout).unwrap(), plain);
        assert!(plain.lines().all(|line| line.chars().count() <= 120), "{plain}");
        tells(&plain, &["Example:\n  trimtab "]);
    }
    tells(&place.fine(&["--version"]), &["trimtab 0."]);
    let all = place.fine(&["env", "describe", "--all"]);
    tells(&all, &["# Environments", "## `online_boutique`", "## `redis`", "## `chained_services`"]);
}

#[test]
fn the_printed_configuration_reads_back_as_itself() {
    let place = Place::new();
    let printed = place.fine(&["config", "--set", "ppo.gamma=0.5", "--set", "env=redis"]);
    place.write("my.toml", &printed);
    assert_eq!(place.fine(&["config", "--config", "my.toml"]), printed);
    let mut command = place.command(&["config", "--config", "my.toml", "--set", "seed=3"]);
    command.env("TRIMTAB__SEED", "2").env("TRIMTAB__PPO__GAMMA", "0.25");
    let layered = String::from_utf8(command.output().unwrap().stdout).unwrap();
    tells(&layered, &["seed = 3\n", "gamma = 0.25\n", "env = \"redis\"\n"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    // Far more than a pipe holds.
    let mut child = place
        .command(&["env", "describe", "--all", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
