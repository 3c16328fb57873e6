//! Agents that share a budget of CPU: trained under a published name, given one agent's weights, and compared in published
//! evaluations.

use crate::place::{Place, tells};

/// A training run of a fraction of a second.
const RUN: [&str; 12] = [
    "train",
    "--quiet",
    "--total-timesteps",
    "1920",
    "--set",
    "n_envs=4",
    "--set",
    "ppo.n_epochs=1",
    "--set",
    "dqn.learning_starts=500",
    "--published",
    "dppo",
];

#[test]
fn agents_trained_under_a_published_name_are_compared_in_published_evaluations() {
    let place = Place::new();
    place.fine(&[&RUN[..], &["--run-dir", "three"]].concat());
    assert!(place.path("three/policy-2.safetensors").exists(), "each agent has its own policy");
    let compare = |preset: &str, who: &str| {
        place.fine(&["compare", "--preset", preset, "--autoscalers", who, "--seeds", "2", "--out", preset])
    };
    tells(&compare("load", "threshold,hpa,equal,three"), &["shorter than threshold %", "\nthree ", "\nhpa "]);
    tells(&compare("priority", "threshold,three@0"), &["priority_hml", "three@0"]);
    // One agent's weights act for four.
    tells(&compare("scalability", "threshold,three@1"), &["then four", "three@1"]);
    tells(&String::from_utf8(place.read("load/report.json")).unwrap(), &["\"improvement_percent\""]);
    let from =
        ["--run-dir", "four", "--from", "three", "--set", "start.agent=2", "--set", "localization.agents=4"];
    place.fine(&[&RUN[..], &from].concat());
    assert!(place.path("four/policy-3.safetensors").exists());
    tells(&compare("scalability", "threshold,four"), &["four "]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = Place::new();
    let train = |more: &[&str]| place.refused(&[&["train", "--run-dir", "run"], more].concat());
    tells(&train(&["--published", "ddpgg"]), &["no algorithm \"ddpgg\"", "did you mean \"ddpg\""]);
    let few = ["--published", "ppo", "--set", "localization.resources=100"];
    tells(&train(&few), &["localization.resources: is 100, expected at least 150"]);
    let compare = |more: &[&str]| place.refused(&[&["compare"], more].concat());
    tells(&compare(&["--preset", "lode"]), &["did you mean \"load\""]);
    tells(&compare(&["--preset", "load", "--autoscalers", "treshold"]), &["did you mean \"threshold\""]);
    place.fine(&[&RUN[..], &["--run-dir", "three"]].concat());
    tells(
        &compare(&["--preset", "scalability", "--autoscalers", "three"]),
        &["policies of 3 agents, expected 4", "@N"],
    );
    tells(
        &compare(&["--preset", "load", "--autoscalers", "three@3"]),
        &["has no agent \"3\", expected 0 to 2"],
    );
    let agent = ["--published", "ppo", "--from", "three", "--set", "start.agent=3"];
    tells(&train(&agent), &["start.agent: is 3, expected 0 to 2"]);
}
