//! Environments that are no applications: trained, killed, resumed, scored and traced; and what is refused of them.

use crate::{
    place::{Place, tells},
    runs::same_run,
};

/// A run of a few seconds with many checkpoints.
const RUN: [&str; 14] = [
    "train",
    "--env",
    "teastore",
    "--algorithm",
    "ppo",
    "--quiet",
    "--total-timesteps",
    "200000",
    "--set",
    "checkpoint_timesteps=4000",
    "--set",
    "n_envs=4",
    "--set",
    "ppo={ n_steps = 64, batch_size = 64 }",
];

#[test]
fn a_killed_run_resumes_to_the_bytes_of_one_that_was_not() {
    let place = Place::new();
    let mut child = place.spawn(&[&RUN[..], &["--run-dir", "killed"]].concat());
    place.await_file("killed/checkpoints/latest");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/policy.safetensors").exists(), "it ended before it could be killed");
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "killed"]);
    place.fine(&[&RUN[..], &["--run-dir", "whole"]].concat());
    same_run(&place, "killed", "whole");
    let episodes = String::from_utf8(place.read("whole/episodes.csv")).unwrap();
    tells(&episodes, &["timesteps,env,start_row,length,episode_return,replicas,", "\n256,0,558,50,"]);
    let told = place.fine(&["evaluate", "--run", "whole", "--episodes", "5"]);
    tells(&told, &["teastore, whole: mean return ", "over 5 episodes", "50.0 steps", "out_tps"]);
}

#[test]
fn random_and_constant_actions_are_scored_and_every_step_is_traced() {
    let place = Place::new();
    let random = ["evaluate", "--policy", "random", "--env", "teastore", "--episodes", "3", "--seed", "4"];
    let told = place.fine(&[&random[..], &["--trace-steps", "steps.csv"]].concat());
    tells(&told, &["teastore, random: mean return -", "over 3 episodes"]);
    let steps = String::from_utf8(place.read("steps.csv")).unwrap();
    let lines: Vec<&str> = steps.lines().collect();
    assert_eq!(lines.len(), 1 + 3 * 50);
    assert_eq!(
        lines[0],
        "action,action_n,replica,cpu,heap,inc_tps,out_tps,cpu_usage,memory_usage,cost,reward,sum_reward"
    );
    // Nothing is done: the worst corner stays what it is.
    place.fine(&[
        "evaluate",
        "--policy",
        "constant:0",
        "--env",
        "teastore",
        "--episodes",
        "1",
        "--trace-steps",
        "same.csv",
    ]);
    let same = String::from_utf8(place.read("same.csv")).unwrap();
    assert!(same.lines().skip(1).all(|line| line.starts_with("DO_NOTHING,0,9,1,1,")), "{same}");
}

#[test]
fn environments_are_listed_and_described() {
    let place = Place::new();
    tells(&place.fine(&["env", "list"]), &["teastore ", "recorded: ", "online_boutique"]);
    let page = place.fine(&["env", "describe", "teastore", "--set", "teastore.actions=tuple"]);
    tells(&page, &["## `teastore`", "**Observation**: 29 numbers", "| `heap` | heap in MB | 9: 0 100, "]);
}

#[test]
fn what_does_not_fit_an_environment_is_refused() {
    let place = Place::new();
    let evaluate = |more: &[&str]| place.refused(&[&["evaluate"], more].concat());
    tells(&evaluate(&["--policy", "random", "--env", "teastor"]), &["did you mean \"teastore\""]);
    tells(&evaluate(&["--policy", "random", "--env", "redis"]), &["days of traffic", "--run"]);
    tells(
        &evaluate(&["--policy", "greedy", "--env", "teastore"]),
        &["greedy", "expected random, or constant:"],
    );
    let outside = ["--policy", "constant:7", "--env", "teastore", "--trace-steps", "none.csv"];
    tells(&evaluate(&outside), &["action 7 of row 0 is outside its space"]);
    let train =
        |more: &[&str]| place.refused(&[&["train", "--env", "teastore", "--run-dir", "run"], more].concat());
    tells(&train(&["--goal", "cost"]), &["goal", "environment teastore does not have"]);
    tells(&train(&["--clone", "hpa"]), &["start.clone", "environment teastore has not"]);
    tells(&train(&["--set", "teastore.penality=-1"]), &["did you mean \"penalty\""]);
    tells(&train(&["--set", "teastore.start=row(21168)"]), &["teastore.start", "rows 0 to 21167"]);
    tells(&train(&["--set", "teastore.weights.speed=1"]), &["no reward term \"speed\""]);
    tells(&train(&["--set", "teastore.reward=weighted_90_10"]), &["num_request", "which the table has not"]);
}

#[test]
fn a_trace_of_a_horizontal_environment_is_a_table_it_can_be_run_on() {
    let place = Place::new();
    let evaluate = |more: &[&str]| {
        place.fine(
            &[&["evaluate", "--policy", "random", "--env", "redis_gym", "--episodes", "16"], more].concat(),
        )
    };
    tells(&evaluate(&["--trace-steps", "table.csv"]), &["redis_gym, random", "avg_latency", "at_desired"]);
    let table = String::from_utf8(place.read("table.csv")).unwrap();
    assert!(
        table.starts_with("date,redis-leader_num_pods,redis-leader_desired_replicas,redis-leader_cpu_usage,"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 1 + 16 * 25);
    let again =
        ["evaluate", "--policy", "random", "--env", "redis_gym", "--set", "horizontal.table=table.csv"];
    let ended = place.run(&again);
    tells(&ended.stderr, &["redis_gym: 400 rows"]);
    tells(&ended.stdout, &["exact_share"]);
    let compat = [
        "evaluate",
        "--policy",
        "constant:0,0",
        "--env",
        "redis_compat",
        "--set",
        "gym_hpa_compat.table=table.csv",
    ];
    tells(&place.fine(&compat), &["redis_compat", "invalid_share 0.0000"]);
}

#[test]
fn a_policy_that_scores_nodes_acts_on_other_applications() {
    let place = Place::new();
    let graph = [
        "horizontal.observation=graph",
        "ppo.network.encoder.graph={ layers = [8], kind = \"convolution\", head = \"nodes\" }",
        "n_envs=2",
        "ppo.batch_size=100",
    ];
    let mut train = vec!["train", "--env", "redis_gym", "--total-timesteps", "200", "--run-dir", "run"];
    for setting in &graph {
        train.extend(["--set", setting]);
    }
    place.fine(&train);
    let evaluate = |env: &str| place.fine(&["evaluate", "--run", "run", "--env", env, "--episodes", "1"]);
    tells(&evaluate("generated-6-1"), &["horizontal, run: mean return"]);
    tells(&evaluate("chained_services"), &["25.0 steps"]);
}

#[test]
fn a_call_graph_is_drawn() {
    let place = Place::new();
    tells(
        &place.fine(&["app", "graph", "online_boutique", "--out", "shop.svg"]),
        &["shop.svg: 11 services, 15 calls"],
    );
    assert!(String::from_utf8(place.read("shop.svg")).unwrap().contains("cartservice"));
    tells(&place.fine(&["app", "graph", "generated-6-1"]), &["<svg", "s5"]);
    tells(&place.refused(&["app", "graph", "online_botique"]), &["did you mean \"online_boutique\""]);
}
