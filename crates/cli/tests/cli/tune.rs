//! Searches for hyper-parameters: what they leave, killed and resumed, and what is refused.

use crate::place::{Place, tells};
use std::fs;

/// Eight trials of a fraction of a second each.
const SMALL: [&str; 23] = [
    "tune",
    "--quiet",
    "--env",
    "redis",
    "--goal",
    "cost",
    "--trials",
    "8",
    "--timesteps",
    "512",
    "--seeds",
    "2",
    "--evaluations",
    "2",
    "--set",
    "n_envs=4",
    "--set",
    "inner.target_percent=[80, 80]",
    "--set",
    "inner.scale_down_secs=60",
    "--space",
    "space.toml",
    "--dir",
];

const SPACE: &str = "\"ppo.learning_rate.linear\" = { low = 1e-5, high = 1e-2, log = true }\n\
                     \"ppo.n_steps\" = { low = 8, high = 32 }\n\
                     \"ppo.batch_size\" = { choices = [16, 32, 4096] }\n";

fn place() -> Place {
    let place = Place::new();
    place.write("space.toml", SPACE);
    place
}

#[test]
fn a_study_ends_with_a_configuration_to_train_with_and_a_page() {
    let place = place();
    let told = place.fine(&[&SMALL[..], &["study"]].concat());
    tells(
        &told,
        &["8 trials: ", " impossible", "score", "ppo.n_steps", "trimtab train --config study/best.toml"],
    );
    let trials = String::from_utf8(place.read("study/trials.jsonl")).unwrap();
    assert_eq!(trials.lines().count(), 8);
    // A minibatch larger than the rollout cannot be: named, and no end of the study.
    tells(
        &trials,
        &["ppo.batch_size: is 4096, expected 1 to", "\"state\":\"failed\"", "\"state\":\"complete\""],
    );
    let page = String::from_utf8(place.read("study/report.html")).unwrap();
    tells(
        &page,
        &["<!DOCTYPE html>", "Tuning PPO on redis", "ppo.learning_rate.linear", "Impossible trials"],
    );
    place.fine(&["train", "--quiet", "--config", "study/best.toml", "--run-dir", "run"]);
    assert!(place.path("run/policy.safetensors").exists());
}

#[test]
fn a_killed_study_goes_on_and_threads_change_nothing() {
    let place = place();
    place.fine(&[&SMALL[..], &["whole", "--threads", "1"]].concat());
    let mut child = place.spawn(&[&SMALL[..], &["killed", "--threads", "2"]].concat());
    place.await_file("killed/trials.jsonl");
    child.kill().unwrap();
    child.wait().unwrap();
    place.fine(&[&SMALL[..], &["killed", "--threads", "2"]].concat());
    for file in ["trials.jsonl", "study.toml", "tuning.toml"] {
        assert!(
            place.read(&format!("whole/{file}")) == place.read(&format!("killed/{file}")),
            "{file} differs"
        );
    }
}

#[test]
fn a_study_is_not_mixed_with_another() {
    let place = place();
    let study = [&SMALL[..], &["study"]].concat();
    place.fine(&study);
    let refused = |more: &[&str]| place.refused(&[&study[..], more].concat());
    tells(&refused(&["--sampler", "random"]), &["study/study.toml", "other settings"]);
    tells(&refused(&["--set", "seed=4"]), &["study/tuning.toml", "tunes something else"]);
    let trials = place.read("study/trials.jsonl");
    place.write("study/trials.jsonl", [&trials[..], b"{\"number\":"].concat());
    place.fine(&study);
    assert!(place.read("study/trials.jsonl") == trials);
    place.write("study/trials.jsonl", b"{}\n");
    tells(&refused(&[]), &["study/trials.jsonl: line 1: is not a trial"]);
}

#[test]
fn a_space_that_cannot_be_searched_is_refused_before_anything_is_written() {
    let place = place();
    let refused = |space: &str| {
        place.write("space.toml", space);
        place.refused(&[&SMALL[..], &["study"]].concat())
    };
    tells(&refused("\"ppo.gama\" = { low = 0.1, high = 0.9 }"), &["ppo.gama", "did you mean \"gamma\""]);
    tells(&refused("\"ppo.gamma\" = { low = 0.9, high = 0.1 }"), &["space.toml", "goes from 0.9 to 0.1"]);
    fs::remove_file(place.path("space.toml")).unwrap();
    tells(&place.refused(&[&SMALL[..], &["study"]].concat()), &["space.toml", "No such file"]);
}

/// Three days of the smallest application, and hours for a few settings.
const AUTOSCALER: [&str; 11] =
    ["tune", "hpa", "--app", "redis", "--trace", "shop.csv", "--hours", "500", "--seeds", "1", "--dir"];

fn shop() -> Place {
    let place = Place::new();
    let rows: Vec<String> = (0..72).map(|h| format!("{},{}", 3600 * h, 100 + 60 * (h % 24))).collect();
    place.write("shop.csv", format!("time,count\n{}\n", rows.join("\n")));
    place
}

#[test]
fn an_autoscaler_is_tuned_killed_and_resumed_and_compared_by_its_directory() {
    let place = shop();
    let told = place.fine(&[&AUTOSCALER[..], &["tuned"]].concat());
    tells(
        &told,
        &[
            "of 500 simulated hours",
            "a target each",
            "setting: hpa:",
            "kubectl apply -f tuned/kubernetes.yaml",
        ],
    );
    tells(
        &String::from_utf8(place.read("tuned/kubernetes.yaml")).unwrap(),
        &["apiVersion: autoscaling/v2", "name: redis-leader", "averageUtilization: "],
    );
    let mut child = place.spawn(&[&AUTOSCALER[..], &["killed"]].concat());
    place.await_file("killed/trials.jsonl");
    child.kill().unwrap();
    child.wait().unwrap();
    let json = place.fine(&[&AUTOSCALER[..], &["killed", "--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["hours"]["search"].as_f64().unwrap() <= 500.0);
    assert_eq!(json["finished"], true);
    for file in ["trials.jsonl", "kubernetes.yaml", "best.toml"] {
        assert!(place.read(&format!("tuned/{file}")) == place.read(&format!("killed/{file}")), "{file}");
    }
    let compare =
        ["compare", "--quiet", "--app", "redis", "--trace", "shop.csv", "--seeds", "1", "--out", "out"];
    let told = place.fine(&[&compare[..], &["--autoscalers", "hpa,tuned"]].concat());
    tells(&told, &["tuned"]);
    tells(&String::from_utf8(place.read("out/report.html")).unwrap(), &["Tuned on shop.csv: "]);
}

#[test]
fn what_cannot_be_tuned_is_refused_with_one_sentence_before_any_work() {
    let place = shop();
    let refused = |more: &[&str]| place.refused(&[&["tune"], more].concat());
    tells(&refused(&["hpaa"]), &["no autoscaler \"hpaa\" (did you mean \"hpa\"?)"]);
    tells(&refused(&["oracle"]), &["oracle: has nothing to tune, expected one of: hpa"]);
    tells(&refused(&["hpa", "--hours", "9"]), &["hours: is 9, expected at least 436.5"]);
    tells(&refused(&["hpa", "--trace", "shops.csv"]), &["shops.csv"]);
}
