//! Every algorithm from its first step to a scored policy, killed and resumed; and networks with memory.

use crate::{
    place::{Place, tells},
    runs::{progress, same_run},
};

/// A run on the smallest application under a constraint; nothing is calibrated or settled.
const RUN: [&str; 12] = [
    "train",
    "--quiet",
    "--env",
    "redis",
    "--set",
    "n_envs=4",
    "--set",
    "inner.target_percent=[80, 80]",
    "--set",
    "inner.scale_down_secs=60",
    "--set",
    "settle_cost_share=0",
];

/// Algorithms, an action that fits each, and settings for a small budget.
const CASES: [(&str, &str, &[&str]); 6] = [
    ("ppo", "trim", &["n_steps=16", "batch_size=64"]),
    ("a2c", "move", &["n_steps=16"]),
    ("dqn", "delta", &REPLAY),
    ("ddpg", "trim_continuous", &REPLAY),
    ("td3", "trim_continuous", &REPLAY),
    ("sac", "trim", &REPLAY),
];

/// Fills the buffer, and goes round in it.
const REPLAY: [&str; 6] = [
    "learning_starts=256",
    "batch_size=32",
    "buffer_size=2000",
    "gradient_steps=1",
    "rounds=16",
    "constraint_steps=64",
];

/// The command of a case into `dir`.
fn command(case: (&str, &str, &[&str]), dir: &str, more: &[&str]) -> Vec<String> {
    let (algorithm, action, settings) = case;
    let mut words: Vec<String> = RUN.map(str::to_owned).into();
    words.extend(["--algorithm", algorithm, "--action", action, "--run-dir", dir].map(str::to_owned));
    words.extend(settings.iter().flat_map(|set| ["--set".to_owned(), format!("{algorithm}.{set}")]));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

/// The files of a run's latest checkpoint: weights, optimisers, replay buffer, environments.
fn checkpoint(place: &Place, run: &str) -> Vec<(String, Vec<u8>)> {
    let latest = String::from_utf8(place.read(&format!("{run}/checkpoints/latest"))).unwrap();
    let files = ["learner.safetensors", "learner.json", "environment.bin", "callbacks.bin"];
    files.map(|file| (file.to_owned(), place.read(&format!("{run}/checkpoints/{latest}/{file}")))).into()
}

fn resumes(algorithm: &str) {
    let case = *CASES.iter().find(|case| case.0 == algorithm).unwrap();
    let place = Place::new();
    let long = ["--timesteps", "60000", "--set", "checkpoint_timesteps=3000"];
    let words = command(case, "killed", &long);
    let mut child = place.spawn(&words.iter().map(String::as_str).collect::<Vec<_>>());
    // Late enough that the replay buffer has gone round.
    place.await_content("killed/checkpoints/latest", |latest| latest > "000000009000");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/policy.safetensors").exists(), "it ended before it could be killed");
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "killed"]);
    place.fine(&command(case, "whole", &long));
    same_run(&place, "killed", "whole");
    for (killed, whole) in checkpoint(&place, "killed").iter().zip(checkpoint(&place, "whole")) {
        assert!(*killed == whole, "{} differs", whole.0);
    }
    // The constraint's multiplier moves, is logged, and is in the checkpoint.
    let multiplier = |record: &serde_json::Map<String, serde_json::Value>| {
        record.get("train/lagrange_multiplier/tail").and_then(serde_json::Value::as_f64)
    };
    let found: Vec<f64> = progress(&place, "whole").iter().filter_map(multiplier).collect();
    assert!(found.len() > 2 && found.first() != found.last(), "{found:?}");
    let learner = checkpoint(&place, "whole").swap_remove(1).1;
    tells(&String::from_utf8(learner).unwrap(), &["multiplier", "\"tail\""]);
}

#[test]
fn a_killed_ppo_run_resumes_to_the_same_bytes() {
    resumes("ppo");
}

#[test]
fn a_killed_a2c_run_resumes_to_the_same_bytes() {
    resumes("a2c");
}

#[test]
fn a_killed_dqn_run_resumes_to_the_same_bytes_replay_buffer_included() {
    resumes("dqn");
}

#[test]
fn a_killed_ddpg_run_resumes_to_the_same_bytes_replay_buffer_included() {
    resumes("ddpg");
}

#[test]
fn a_killed_td3_run_resumes_to_the_same_bytes_replay_buffer_included() {
    resumes("td3");
}

#[test]
fn a_killed_sac_run_resumes_to_the_same_bytes_replay_buffer_included() {
    resumes("sac");
}

#[test]
fn every_algorithm_trains_and_is_scored_on_eleven_services_with_every_action_it_can_learn() {
    let eleven = format!("inner.target_percent={:?}", [80; 11]);
    let fits: [(&str, &[&str]); 6] = [
        ("ppo", &["trim", "trim_continuous", "delta", "move"]),
        ("a2c", &["trim", "trim_continuous", "delta", "move"]),
        ("dqn", &["trim", "delta", "move"]),
        ("ddpg", &["trim_continuous"]),
        ("td3", &["trim_continuous"]),
        ("sac", &["trim", "trim_continuous", "delta", "move"]),
    ];
    let place = Place::new();
    for ((algorithm, actions), case) in fits.into_iter().zip(CASES) {
        assert_eq!(algorithm, case.0);
        for action in actions {
            let dir = format!("{algorithm}-{action}");
            let more = ["--env", "online_boutique", "--timesteps", "640", "--set", &eleven];
            let mut words = command((algorithm, action, case.2), &dir, &[]);
            // Given once: the application of the base command is another.
            let env = words.iter().position(|word| word == "--env").unwrap();
            words.drain(env..env + 2);
            words.extend(more.map(str::to_owned));
            tells(&place.fine(&words), &["finished"]);
        }
        let run = format!("{algorithm}-{}", actions[0]);
        let score = ["evaluate", "--run", &run, "--seeds", "1", "--days", "1998-06-20"];
        tells(&place.fine(&score), &["1 unseen day", &run]);
    }
}

#[test]
fn an_action_that_an_algorithm_cannot_learn_is_refused_in_one_sentence() {
    let place = Place::new();
    for (algorithm, action, parts) in [
        ("dqn", "trim_continuous", ["is dqn", "trim, delta or move"]),
        ("ddpg", "delta", ["is ddpg", "trim_continuous"]),
        ("td3", "move", ["is td3", "trim_continuous"]),
        ("ddpg", "trim", ["is ddpg", "trim_continuous"]),
    ] {
        let words = command((algorithm, action, &[]), "run", &[]);
        tells(&place.refused(&words), &parts);
        let mut tune: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "run").collect();
        tune[0] = "tune";
        tune.retain(|word| *word != "--run-dir");
        tells(&place.refused(&tune), &parts);
    }
    for start in [["--clone", "hpa"], ["--from", "other"], ["--freeze", "actor"]] {
        let words = command(CASES[2], "run", &start);
        tells(&place.refused(&words), &["start.", "is dqn, expected algorithm \"ppo\" or \"a2c\""]);
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_policy_with_memory_is_trained_resumed_and_compared_by_configuration_alone() {
    let place = Place::new();
    let memory = [
        "--set",
        "ppo.network.recurrence={ hidden_size = 8, critic = \"separate\" }",
        "--set",
        "ppo.sequence_length=8",
        "--timesteps",
        "1280",
        "--set",
        "checkpoint_timesteps=320",
    ];
    for action in ["trim_continuous", "delta"] {
        let case = ("ppo", action, CASES[0].2);
        place.fine(&command(case, action, &memory));
        let policy = place.read(&format!("{action}/policy.safetensors"));
        std::fs::remove_file(place.path(&format!("{action}/policy.safetensors"))).unwrap();
        place.write(&format!("{action}/checkpoints/latest"), "000000000960");
        place.fine(&["train", "--resume", "--quiet", "--run-dir", action]);
        assert!(place.read(&format!("{action}/policy.safetensors")) == policy);
    }
    let both = ["compare", "--app", "redis", "--test-days", "1998-06-20..=1998-06-21", "--seeds", "1"];
    let days = ["--autoscalers", "hpa,trim_continuous,delta"];
    tells(&place.fine(&[&both[..], &days].concat()), &["trim_continuous", "delta", "2 unseen days"]);
}

#[test]
fn a_graph_encoder_is_refused_because_no_observation_is_a_graph() {
    let place = Place::new();
    for algorithm in ["ppo", "a2c"] {
        let graph = format!(
            "{algorithm}.network.encoder={{ graph = {{ nodes = 2, features = 3, layers = [4], kind = \"convolution\" }} }}"
        );
        let words = command((algorithm, "trim", &[]), "run", &["--set", &graph]);
        let told = ["network.encoder: is a graph, expected none", "rows of numbers, not graphs"];
        tells(&place.refused(&words), &told);
    }
}
