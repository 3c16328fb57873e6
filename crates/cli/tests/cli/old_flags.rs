//! `trimtab run` and `trimtab infer`: old command lines, files under the old names, and sentences where something is not there.

use crate::place::{Place, tells};
use serde_json::Value;

/// An old command line in a directory of its own, on the smallest use case.
const REDIS: [&str; 6] = ["run", "--use_case", "redis", "--goal", "cost", "--quiet"];

fn redis(more: &[&str]) -> Vec<String> {
    REDIS.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_run_leaves_its_files_under_the_old_names() {
    let place = Place::new();
    let told = place.fine(&redis(&[
        "--alg",
        "a2c",
        "--training",
        "--testing",
        "--steps",
        "200",
        "--total_steps",
        "400",
    ]));
    let name = "a2c_env_redis_gym_goal_cost_k8s_False_totalSteps_400";
    tells(&told, &[name, "over 100 episodes", "results.csv", "redis_gym_observation.csv"]);
    let names = place.names();
    for expected in [
        format!("{name}/policy.safetensors"),
        format!("{name}_test_reward.svg"),
        format!("logs/{name}/{name}_200_steps/policy.safetensors"),
        format!("logs/{name}/{name}_400_steps/config.toml"),
        format!("results/redis/simulated/cost/{name}_run_1/tensorboard"),
        "results.csv".to_owned(),
        "redis_gym_observation.csv".to_owned(),
    ] {
        assert!(names.contains(&expected), "{expected} is not among {names:?}");
    }

    // 16 episodes of 25 steps of training, 100 of the test.
    let results = String::from_utf8(place.read("results.csv")).unwrap();
    let rows: Vec<Vec<&str>> = results.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["episode", "avg_pods", "avg_latency", "reward", "execution_time"]);
    assert_eq!(rows.len(), 1 + 16 + 100);
    assert_eq!((rows[16][0], rows[17][0]), ("16", "1"));
    for row in &rows[1..] {
        let pods: f64 = row[1].parse().unwrap();
        assert!((2.0..=16.0).contains(&pods), "{row:?}");
        assert!(row[3].parse::<f64>().unwrap().is_finite(), "{row:?}");
    }
    let steps = String::from_utf8(place.read("redis_gym_observation.csv")).unwrap();
    let heading: Vec<&str> = steps.lines().next().unwrap().split(',').collect();
    assert_eq!(heading.len(), 15);
    assert_eq!(heading[..3], ["date", "redis-leader_num_pods", "redis-leader_desired_replicas"]);
    assert_eq!(heading[14], "redis-follower_latency");
    assert_eq!(steps.lines().count(), 1 + 116 * 25);
    assert!(steps.lines().all(|line| line.split(',').count() == 15));
}

#[test]
fn models_are_found_under_the_names_that_they_had() {
    let place = Place::new();
    let training = redis(&["--training", "--total_steps", "500", "--steps", "500"]);
    place.fine(&training);
    let name = "ppo_env_redis_gym_goal_cost_k8s_False_totalSteps_500";
    let zip = format!("logs/{name}/{name}_500_steps.zip");
    let tested = place.fine(&redis(&["--testing", "True", "--test_path", &zip, "--json"]));
    let tested: Value = serde_json::from_str(&tested).unwrap();
    assert_eq!(tested["tested"]["outcome"]["episodes"], 100);
    assert_eq!(tested["tested"]["model"], zip.trim_end_matches(".zip"));
    let further = redis(&["--training", "--loading", "--load-path", name, "--total_steps", "500"]);
    place.fine(&further);
    let folder = format!("results/redis/simulated/cost/{name}_run_2");
    let config = String::from_utf8(place.read(&format!("{folder}/config.toml"))).unwrap();
    tells(&config, &[&format!("from = \"{name}\"")]);
}

#[test]
fn every_algorithm_learns_with_and_without_the_graph() {
    for alg in ["ppo", "recurrent_ppo", "a2c"] {
        let place = Place::new();
        let small =
            ["--total_steps", "10", "--set", "ppo.n_steps=10", "--set", "ppo.batch_size=10", "--quiet"];
        place.fine(&[&["run", "--alg", alg, "--training", "True", "--gnn_mode"], &small[..]].concat());
        place.fine(&[&["run", "--alg", alg, "--training", "--gnn-mode=False"], &small[..]].concat());
        let name = format!("{alg}_env_chained_services_gym_goal_latency_k8s_False_totalSteps_10");
        for (run, graph) in [(1, true), (2, false)] {
            let folder = format!("results/chained_services/simulated/latency/{name}_run_{run}");
            let config = String::from_utf8(place.read(&format!("{folder}/config.toml"))).unwrap();
            assert_eq!(config.contains("encoder.graph"), graph, "{config}");
            tells(&config, &[if alg == "a2c" { "algorithm = \"a2c\"" } else { "algorithm = \"ppo\"" }]);
        }
    }
}

#[test]
fn old_command_lines_that_cannot_be_followed_get_a_sentence() {
    let place = Place::new();
    place.write("saved.zip", "PK");
    let cases: [(&[&str], &[&str]); 8] = [
        (&[], &["nothing to do", "--training, --testing or both"]),
        (&["--training", "--alg", "pp0"], &["no algorithm \"pp0\"", "ppo, recurrent_ppo, a2c"]),
        (&["--training", "--k8s"], &["--k8s: needs the live cluster"]),
        (&["--training", "--k8s", "True"], &["--k8s: needs the live cluster"]),
        (&["--loading"], &["--loading: is for training"]),
        (&["--testing"], &["logs/model/test.zip: there is no model", "trimtab run --training"]),
        (
            &["--testing", "--test-path", "saved.zip"],
            &["saved.zip: is not a model of trimtab", "Stable-Baselines3"],
        ),
        (&["--training", "--loading", "--load_path", "gone"], &["gone: there is no model"]),
    ];
    for (arguments, parts) in cases {
        tells(&place.refused(&redis(arguments)), parts);
    }
    let sentence = place.refused(&["run", "--training", "--use_case", "onlineboutique"]);
    tells(&sentence, &["no use case \"onlineboutique\" (did you mean \"online_boutique\"?)"]);
}

#[test]
fn readme_defaults_and_devices_are_told_before_the_work() {
    let place = Place::new();
    let ended = place.run(&[
        "run",
        "--training",
        "--device",
        "cuda",
        "--total_steps",
        "50",
        "--set",
        "ppo.n_steps=50",
        "--set",
        "ppo.batch_size=50",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    tells(&ended.stderr, &["--use_case chained_services, as k8s-hpa's README says", "faster on the CPU"]);
    assert!(place.path("chained_services_gym_observation.csv").exists());
}

#[test]
fn trained_agents_set_limits_with_the_old_flags() {
    let place = Place::new();
    let small = ["--set", "n_envs=2", "--set", "ppo.batch_size=120"];
    let train = [
        "train",
        "--published",
        "ppo",
        "--total-timesteps",
        "240",
        "--run-dir",
        "runs/localization-ppo",
        "--quiet",
    ];
    place.fine(&[&train[..], &small].concat());
    let told = place.fine(&[
        "infer",
        "--n_agents",
        "3",
        "--resources",
        "900",
        "--priorities",
        "1.0",
        "0.5",
        "0.1",
        "--json",
    ]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let pods = told["pods"].as_array().unwrap();
    assert_eq!((pods.len(), pods[2]["name"].as_str()), (3, Some("localization-api3")));
    let limits: f64 = pods.iter().map(|pod| pod["limit_millicores"].as_f64().unwrap()).sum();
    assert!((150.0..=900.0).contains(&limits), "{limits}");
    // One agent's weights for all fit any number of agents.
    let more =
        place.fine(&["infer", "--n-agents", "5", "--resources", "2000", "--hack", "1", "--steps", "4"]);
    tells(&more, &["ppo of runs/localization-ppo: 4 decisions, one every 5 s", "localization-api5"]);
    let debugged =
        place.run(&["infer", "--debug", "--steps", "3", "--action_interval", "1.0", "--scale_action", "100"]);
    assert_eq!(debugged.stderr.lines().count(), 4, "{}", debugged.stderr);
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--n_agents", "4"], &["the run has 3 agents", "--hack"]),
        (&["--hack", "3"], &["--hack: is 3", "0 to 2"]),
        (&["--priorities", "1", "1"], &["--priorities: has 2 entries"]),
        (&["--resources", "100"], &["resources", "at least 150"]),
        (
            &["--algorithm", "ippo", "--load_model", "runs/localization-ppo"],
            &["is ppo with actions continuous"],
        ),
        (&["--algorithm", "ppoo"], &["did you mean \"ppo\"?"]),
    ];
    for (arguments, parts) in cases {
        tells(&place.refused(&[&["infer"], arguments].concat()), parts);
    }
}

#[test]
fn infer_names_what_is_missing() {
    let place = Place::new();
    tells(&place.refused(&["infer", "--live"]), &["--live: needs the live cluster"]);
    let sentence = place.refused(&["infer", "--algorithm", "mdqn"]);
    tells(&sentence, &["there is no run", "trimtab train --published mdqn --run-dir runs/localization-mdqn"]);
}

#[test]
fn the_old_flag_of_workload_types_is_understood() {
    let place = Place::new();
    place.fine(&["workload", "generate", "--workload-type", "constant"]);
    assert!(place.path("data/workloads/0/info.json").exists());
    let sentence = place.refused(&["workload", "generate", "--workload-type", "constnt"]);
    tells(&sentence, &["did you mean \"constant\"?"]);
}
