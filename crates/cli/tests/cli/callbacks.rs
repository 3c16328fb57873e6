//! Validation during training, the best policy, early ends, and numbers that are not finite.

use crate::{
    place::{Place, SMALL, tells},
    runs::{LONG, same_run, start},
};
use std::fs;
use trimtab_lab::tensorboard::{self, Scalar};

/// Validations of a run: steps, score, and whether it was the best so far.
fn evaluations(place: &Place, run: &str) -> Vec<(u64, f64, bool)> {
    let text = String::from_utf8(place.read(&format!("{run}/evaluations.csv"))).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0].parse().unwrap(), fields[1].parse().unwrap(), fields[6] == "true")
    };
    text.lines().skip(1).map(line).collect()
}

/// What the event files of a run hold, but for figures that tell of time.
fn scalars(place: &Place, run: &str) -> Vec<Scalar> {
    let all = tensorboard::read(&place.path(&format!("{run}/tensorboard"))).unwrap();
    all.into_iter().filter(|scalar| !scalar.tag.starts_with("time/")).collect()
}

#[test]
fn a_run_is_validated_on_a_day_that_it_does_not_train_on() {
    let place = Place::new();
    place.train("run", &["--validate-every", "256"]);
    let found = evaluations(&place, "run");
    assert_eq!(found.iter().map(|e| e.0).collect::<Vec<_>>(), [256, 512, 640]);
    let least = found.iter().map(|e| e.1).fold(f64::INFINITY, f64::min);
    let best: serde_json::Value = serde_json::from_slice(&place.read("run/best/score.json")).unwrap();
    assert_eq!(best["evaluation"]["score"].as_f64(), Some(least));
    assert!(found.iter().any(|e| e.2 && Some(e.0) == best["timesteps"].as_u64()));
    let episodes = String::from_utf8(place.read("run/episodes.csv")).unwrap();
    assert!(!episodes.contains("1998-06-19"), "{episodes}");
    let table = String::from_utf8(place.read("run/progress.csv")).unwrap();
    tells(table.lines().next().unwrap(), &["timesteps,", "eval/score", "rollout/ep_rew_mean", "train/loss"]);
    assert_eq!(scalars(&place, "run").iter().filter(|s| s.tag == "eval/score").count(), 3);
}

#[test]
fn a_killed_run_with_validation_resumes_to_the_same_validations_best_policy_and_scalars() {
    let place = Place::new();
    let more = ["--validate-every", "8000", "--select", "best"];
    let mut child = start(&place, "killed", &more);
    place.await_file("killed/best/score.json");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/policy.safetensors").exists(), "it ended before it could be killed");
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "killed"]);
    place.fine(&[&SMALL[..], &["whole"], &LONG[..], &more].concat());
    same_run(&place, "killed", "whole");
    for file in ["evaluations.csv", "best/policy.safetensors", "best/score.json"] {
        assert!(
            place.read(&format!("killed/{file}")) == place.read(&format!("whole/{file}")),
            "{file} differs"
        );
    }
    assert_eq!(scalars(&place, "killed"), scalars(&place, "whole"));
    assert!(place.read("whole/policy.safetensors") == place.read("whole/best/policy.safetensors"));
}

#[test]
fn a_run_that_gets_no_better_ends_early_and_stays_ended() {
    let place = Place::new();
    let flags = ["--validate-every", "2000", "--patience", "2"];
    // With a rate of zero the policy stays what it is, and so does its score.
    let still = ["--set", "ppo.learning_rate=0.0"];
    let told = place.fine(&[&SMALL[..], &["run"], &LONG[..], &flags, &still].concat());
    tells(&told, &["finished early, after 6,016 steps"]);
    assert_eq!(evaluations(&place, "run").iter().map(|e| e.2).collect::<Vec<_>>(), [true, false, false]);
    let policy = place.read("run/policy.safetensors");
    fs::remove_file(place.path("run/policy.safetensors")).unwrap();
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "run"]);
    assert!(place.read("run/policy.safetensors") == policy);
    assert_eq!(evaluations(&place, "run").len(), 3);
}

#[test]
fn a_run_ends_once_the_score_is_reached() {
    let place = Place::new();
    let flags = ["--validate-every", "2000", "--target-score", "100"];
    let told = place.fine(&[&SMALL[..], &["run"], &LONG[..], &flags].concat());
    tells(&told, &["finished early, after 2,048 steps"]);
}

#[test]
fn validation_that_cannot_be_is_refused_before_anything_is_written() {
    let place = Place::new();
    let refused = |flags: &[&str]| place.refused(&[&SMALL[..], &["run"], flags].concat());
    tells(&refused(&["--select", "best"]), &["validation.every_timesteps", "select = \"best\""]);
    tells(&refused(&["--patience", "2"]), &["validation.every_timesteps", "validation.patience"]);
    let days = ["--validate-every", "100", "--set", "validation.days=9"];
    tells(&refused(&days), &["validation.days: is 9, expected fewer than the 9 training days"]);
    tells(&refused(&["--set", "validation.seed=1"]), &["validation.seed", "did you mean \"seeds\""]);
}

#[test]
fn a_reward_that_is_not_finite_stops_the_run_with_its_place_and_keeps_the_policy() {
    let place = Place::new();
    let sentence = place.run(&[&SMALL[..], &["run", "--set", "reward.cost=1e39"]].concat()).refused();
    tells(
        &sentence,
        &["reward of environment 0 at step 0 is", "kept in run/checkpoints/failed-000000000000"],
    );
    assert!(place.path("run/checkpoints/failed-000000000000/policy.safetensors").exists());
    assert!(!place.path("run/checkpoints/latest").exists() && !place.path("run/policy.safetensors").exists());
}

#[test]
fn a_gradient_that_is_not_finite_leaves_earlier_checkpoints_and_their_policy() {
    let place = Place::new();
    let rate = ["--set", "ppo.learning_rate=1e37", "--set", "checkpoint_timesteps=64"];
    let sentence = place.run(&[&SMALL[..], &["run", "--total-timesteps", "6400"], &rate].concat()).refused();
    tells(&sentence, &["error: learning stopped", "run/checkpoints/failed-"]);
    let checkpoints =
        || place.names().into_iter().filter(|n| n.starts_with("run/checkpoints/")).collect::<Vec<_>>();
    let before = checkpoints();
    let again = place.run(&["train", "--resume", "--quiet", "--run-dir", "run"]).refused();
    assert_eq!(again, sentence);
    assert_eq!(checkpoints(), before);
}
