//! Run directories that are damaged, unfinished or somebody else's: one sentence, exit code 2, nothing touched.

use crate::place::{Place, copy, tells};
use std::fs;
use trimtab_nn::Tensors;

const SCORE: [&str; 7] = ["compare", "--app", "redis", "--seeds", "1", "--autoscalers", "hpa,run"];

fn trained() -> Place {
    let place = Place::new();
    place.train("run", &[]);
    place
}

/// Makes the finished run one that stopped at its last checkpoint, and returns the checkpoint's directory.
fn unfinish(place: &Place, run: &str) -> String {
    fs::remove_file(place.path(&format!("{run}/policy.safetensors"))).unwrap();
    let latest = String::from_utf8(place.read(&format!("{run}/checkpoints/latest"))).unwrap();
    format!("{run}/checkpoints/{latest}")
}

#[test]
fn a_policy_for_another_application_is_refused() {
    let place = trained();
    let sentence = place.refused(&["compare", "--app", "chained_services", "--autoscalers", "hpa,run"]);
    tells(&sentence, &["run/policy.safetensors", "\"redis\"", "expected \"chained_services\""]);
}

#[test]
fn a_policy_of_another_codec_version_is_refused() {
    let place = trained();
    let mut tensors = Tensors::from_bytes(&place.read("run/policy.safetensors")).unwrap();
    tensors.metadata.insert("codec_version".to_owned(), "0".to_owned());
    place.write("run/policy.safetensors", tensors.to_bytes());
    for verb in [&SCORE[..], &["evaluate", "--run", "run"]] {
        tells(&place.refused(verb), &["run/policy.safetensors", "codec_version \"0\"", "expected"]);
    }
}

#[test]
fn a_truncated_policy_is_refused() {
    let place = trained();
    let whole = place.read("run/policy.safetensors");
    for length in [0, 100, whole.len() - 1] {
        place.write("run/policy.safetensors", &whole[..length]);
        tells(&place.refused(&SCORE), &["run/policy.safetensors", "expected a whole safetensors file"]);
    }
}

#[test]
fn a_directory_without_a_run_or_with_an_unfinished_one_is_refused() {
    let place = trained();
    unfinish(&place, "run");
    tells(&place.refused(&SCORE), &["run", "expected a finished run", "--resume"]);
    fs::create_dir(place.path("nothing")).unwrap();
    tells(&place.refused(&["evaluate", "--run", "nothing"]), &["nothing", "holds no run"]);
    tells(&place.refused(&["report", "nothing"]), &["nothing/comparison.json", "No such file"]);
}

#[test]
fn a_truncated_checkpoint_is_refused_and_left_as_it_is() {
    let place = trained();
    let checkpoint = unfinish(&place, "run");
    for file in ["learner.safetensors", "learner.json", "environment.bin"] {
        let name = format!("{checkpoint}/{file}");
        let whole = place.read(&name);
        place.write(&name, &whole[..whole.len() / 2]);
        tells(&place.refused(&["train", "--resume", "--run-dir", "run"]), &["run/checkpoints"]);
        place.write(&name, whole);
    }
    place.write("run/checkpoints/latest", "soon");
    let sentence = place.refused(&["train", "--resume", "--run-dir", "run"]);
    tells(&sentence, &["run/checkpoints/latest", "\"soon\"", "expected the name of a checkpoint"]);
}

#[test]
fn a_checkpoint_of_another_environment_is_refused() {
    let place = trained();
    place.train("other", &["--set", "n_envs=8"]);
    unfinish(&place, "other");
    fs::remove_dir_all(place.path("other/checkpoints")).unwrap();
    copy(&place.path("run/checkpoints"), &place.path("other/checkpoints"));
    let sentence = place.refused(&["train", "--resume", "--run-dir", "other"]);
    tells(&sentence, &["other/checkpoints", "n_envs", "expected 4, found 8"]);
}

#[test]
fn a_run_is_neither_overwritten_nor_resumed_as_another() {
    let place = trained();
    tells(&place.refused(&["train", "--run-dir", "run"]), &["run", "holds a run already", "--resume"]);
    let sentence = place.refused(&["train", "--resume", "--run-dir", "run", "--seed", "9"]);
    tells(&sentence, &["--seed", "is 9", "expected 0", "run/config.toml"]);
    let sentence = place.refused(&["train", "--resume", "--run-dir", "run", "--trace", "nasa_http"]);
    tells(&sentence, &["--trace", "traffic[0].source", "nasa_http", "worldcup98"]);
    let again = place.fine(&["train", "--resume", "--run-dir", "run", "--env", "redis"]);
    tells(&again, &["finished"]);
}
