//! Runs that are repeated, killed, interrupted and resumed; and the way from a user's own file to a verdict.

use crate::place::{Place, SMALL, await_line, interrupt, tells};
use std::process::Child;

/// A run of a few seconds with many checkpoints.
pub(crate) const LONG: [&str; 4] = ["--total-timesteps", "100000", "--set", "checkpoint_timesteps=4000"];

/// `progress.jsonl` without the keys that tell of time.
pub(crate) fn progress(place: &Place, run: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let text = String::from_utf8(place.read(&format!("{run}/progress.jsonl"))).unwrap();
    text.lines()
        .map(|line| {
            let mut record: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
            record.retain(|key, _| !key.starts_with("time/"));
            record
        })
        .collect()
}

pub(crate) fn same_run(place: &Place, first: &str, second: &str) {
    for file in ["policy.safetensors", "episodes.csv", "config.toml"] {
        let read = |run: &str| place.read(&format!("{run}/{file}"));
        assert!(read(first) == read(second), "{file} differs");
    }
    assert_eq!(progress(place, first), progress(place, second));
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    let place = Place::new();
    place.train("a", &["--seed", "5"]);
    place.train("b", &["--seed", "5"]);
    same_run(&place, "a", "b");
    place.train("c", &["--seed", "6"]);
    assert!(place.read("a/policy.safetensors") != place.read("c/policy.safetensors"));
}

pub(crate) fn start(place: &Place, run: &str, more: &[&str]) -> Child {
    let child = place.spawn(&[&SMALL[..], &[run], &LONG[..], more].concat());
    place.await_file(&format!("{run}/checkpoints/latest"));
    child
}

#[test]
fn a_killed_run_resumes_to_the_bytes_of_one_that_was_not() {
    let place = Place::new();
    let mut child = start(&place, "killed", &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/policy.safetensors").exists(), "it ended before it could be killed");
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "killed"]);
    place.fine(&[&SMALL[..], &["whole"], &LONG[..]].concat());
    same_run(&place, "killed", "whole");
}

#[test]
fn an_interrupt_saves_a_checkpoint_and_says_how_to_go_on() {
    let place = Place::new();
    let child = start(&place, "a run", &[]);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    tells(&text, &["stopped", "trimtab train --resume --run-dir 'a run'"]);
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "a run"]);
    assert!(place.path("a run/policy.safetensors").exists());
}

#[test]
fn an_interrupt_while_the_hpa_is_calibrated_leaves_nothing() {
    let place = Place::new();
    let mut child = place.spawn(&["train", "--env", "online_boutique", "--run-dir", "run"]);
    let rest = await_line(child.stderr.take().unwrap(), "calibration: ");
    interrupt(&child);
    drop(await_line(rest, "once more stops at once"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    tells(&text, &["stopped while the HPA was calibrated; nothing is written"]);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let place = Place::new();
    // An iteration of seconds, so that the safe point after the first interrupt is far away.
    let endless = ["run", "--total-timesteps", "640", "--set", "ppo.n_steps=200000"];
    let mut child = place.spawn(&[&SMALL[..], &endless].concat());
    place.await_file("run/progress.jsonl");
    interrupt(&child);
    drop(await_line(
        child.stderr.take().unwrap(),
        "stopping at the next safe point; once more stops at once",
    ));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!place.path("run/checkpoints/latest").exists());
    // What is there still says how it could go on.
    let sentence = place.refused(&["train", "--quiet", "--run-dir", "run"]);
    tells(&sentence, &["holds a run already", "--resume"]);
}

/// Four days of five-minute counts under names of their own.
fn shop() -> String {
    let row =
        |i: u32| format!("{},{},{}\n", 1_700_006_400 + 300 * i, i % 7, 500 + (i * 37) % 300 + 4 * (i % 288));
    ["when,server,hits\n".to_owned()].into_iter().chain((0..4 * 288).map(row)).collect()
}

#[test]
fn a_file_with_odd_column_names_is_trained_on_and_compared_on() {
    let place = Place::new();
    place.write("shop.csv", shop());
    let traffic = ["--trace", "shop.csv", "--time-column", "when", "--count-column", "hits"];
    let told = place.train("run", &traffic);
    tells(
        &told,
        &["finished", "--time-column when --count-column hits --autoscalers hpa,hpa_calibrated,run"],
    );
    let names = "fixed,hpa,hpa_calibrated,threshold,run";
    let compare =
        [&["compare", "--app", "redis", "--seeds", "2", "--autoscalers", names], &traffic[..]].concat();
    let table = place.fine(&compare);
    tells(&table, &["shop: 1 unseen day", "threshold", " (cost ", "runs/compare/report.html"]);
    assert!(place.path("runs/compare/comparison.json").exists());
    std::fs::remove_file(place.path("runs/compare/report.html")).unwrap();
    tells(&place.fine(&["report", "runs/compare"]), &["runs/compare/report.html"]);
    assert!(place.read("runs/compare/report.html").starts_with(b"<!DOCTYPE html>"));
    let score = place.fine(&["evaluate", "--run", "run", "--seeds", "1", "--days", "3"]);
    tells(&score, &["shop: 1 unseen day", "run "]);
}

#[test]
fn quickstart_goes_on_where_it_was_and_refuses_other_settings() {
    let place = Place::new();
    place.write("shop.csv", two_columns(&shop()));
    let quickstart = [
        "quickstart",
        "--traffic",
        "shop.csv",
        "--seeds",
        "2",
        "--dir",
        "q",
        "--set",
        "env=redis",
        "--set",
        "goal=cost",
        "--total-timesteps",
        "4096",
    ];
    let first = place.fine(&quickstart);
    tells(&first, &["shop: 1 unseen day", "trim", "hpa_calibrated", "q/report.html", "took"]);
    let policy = place.read("q/shop/seed-1/policy.safetensors");
    place.fine(&quickstart);
    assert!(place.read("q/shop/seed-1/policy.safetensors") == policy);
    let other = [&quickstart[..], &["--set", "seed=1"]].concat();
    tells(&place.refused(&other), &["q:", "seed = 0 instead of 1", "--fresh", "--dir"]);
    place.fine(&[&other[..], &["--fresh"]].concat());
    // The directory of all runs of a traffic takes part as one autoscaler.
    let compare =
        ["compare", "--app", "redis", "--trace", "shop.csv", "--seeds", "2", "--autoscalers", "hpa,q"];
    tells(&place.fine(&compare), &["\nq  ", " (cost "]);
}

/// Without the second column.
fn two_columns(text: &str) -> String {
    let line = |line: &str| match line.split(',').collect::<Vec<_>>()[..] {
        [time, _, count] => format!("{time},{count}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
