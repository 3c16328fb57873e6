//! Published measurements beside what is made of them here: `TeaStore`'s table that ships, the rewards that were stored with
//! others, and environments over each format; gym-hpa's logged rows.
//!
//! The files lie outside the repository: `DATA_DIR`, or `../shared/data` beside it. A test whose file is not there is skipped by
//! name.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use trimtab_lab::{
    config::{Layer, resolve},
    environments::{
        self, Actor, horizontal,
        teastore::{Preset, rewards, table::Table},
    },
};
use trimtab_rl::{VecEnv, env::contract::check_env};

type Test = fn(&Path) -> Result<(), Failed>;

const TESTS: [(&str, &str, Test); 9] = [
    ("the_shipped_table_is_the_published_one", "teastore_random_walk/data.log", shipped),
    (
        "stored_rewards_of_the_dashboard_are_found_again",
        "teastore_dashboard/all_load_mpa_cpu_and_performance_without_average.csv",
        |file| stored_rewards(file, Preset::Dashboard),
    ),
    (
        "stored_rewards_with_response_times_are_found_again",
        "teastore_dashboard/all_load_mpa_cpu_and_performance_without_average_payten_with_response.csv",
        |file| stored_rewards(file, Preset::DashboardResponse),
    ),
    (
        "a_dashboard_table_is_an_environment",
        "teastore_dashboard/all_load_mpa_cpu_and_performance_without_average.csv",
        |file| {
            environment(
                file,
                "replicas = [1, 3]\ncpu = [400, 900]\nheap = [700, 700]\nactions = \"delta5\"\nreward = \"dashboard\"\nobservation = [\"replicas\", \"cpu\", \"used_cpu\", \"requests\", \"previous\", \"expected\", \"response\"]",
            )
        },
    ),
    (
        "a_table_of_a_varying_load_is_an_environment",
        "teastore_dashboard/output_browse_300_company_data_constant_heap.csv",
        |file| {
            environment(
                file,
                "replicas = [1, 3]\ncpu = [400, 900]\nheap = [700, 700]\nactions = \"tuple\"\nreward = \"weighted_80_20\"\none_hot = false\nobservation = [\"replicas\", \"cpu\", \"heap\", \"previous\", \"expected\"]",
            )
        },
    ),
    ("a_latency_table_is_an_environment", "teastore_latency/replica_cpu_heap_latency.csv", |file| {
        environment(
            file,
            "replicas = [1, 3]\ncpu = [400, 900]\nheap = [400, 900]\nactions = \"index\"\nreward = \"response_80_20\"\nobservation = [\"replicas\", \"cpu\", \"heap\", \"expected\", \"response\"]",
        )
    }),
    ("desired_replicas_are_those_of_every_row_of_online_boutique", "gym_hpa/online_boutique.csv", |file| {
        desired_replicas(file, "online_boutique_gym", 58_454)
    }),
    ("desired_replicas_are_those_of_every_row_of_redis", "gym_hpa/redis.csv", |file| {
        desired_replicas(file, "redis_gym", 5_996)
    }),
    (
        "a_random_policy_earns_on_the_published_rows_what_its_moves_and_matches_say",
        "gym_hpa/online_boutique.csv",
        random_on_published_rows,
    ),
];

fn shipped(file: &Path) -> Result<(), Failed> {
    let (published, ours) = (Table::of(&file.to_string_lossy())?, Table::shipped());
    if published.report != ours.report {
        return Err(format!("{:?} is not {:?}", ours.report, published.report).into());
    }
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    for (at, (theirs, ours)) in published.rows.iter().zip(&ours.rows).enumerate() {
        let state = (theirs.replicas, theirs.cpu, theirs.heap) == (ours.replicas, ours.cpu, ours.heap);
        if !state || !theirs.values.iter().zip(ours.values).all(|(a, b)| same(*a, b)) {
            return Err(format!("row {at}: {ours:?} is not {theirs:?}").into());
        }
    }
    Ok(())
}

fn stored_rewards(file: &Path, preset: Preset) -> Result<(), Failed> {
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "reward").unwrap();
    let stored: Vec<f64> = lines.map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect();
    let found = rewards(&Table::of(&file.to_string_lossy())?, &preset.weights())?;
    if found.len() != stored.len() {
        return Err(format!("{} rows are not {}", found.len(), stored.len()).into());
    }
    let worst = found.iter().zip(&stored).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if worst < 1e-6 { Ok(()) } else { Err(format!("off by {worst}").into()) }
}

fn environment(file: &Path, settings: &str) -> Result<(), Failed> {
    let text = format!("[teastore]\ntable = {:?}\nstart = \"random\"\n{settings}", file.to_string_lossy());
    let config = resolve(&[Layer::key("test", &["env"], "teastore"), Layer::file("test", &text)?])?;
    let registered = environments::find("teastore").unwrap();
    let env = (registered.build)(&config, 1)?;
    let gaps = (registered.describe)(&config)?.gaps(env.spec());
    if !gaps.is_empty() {
        return Err(gaps.join("; ").into());
    }
    let mut make = || -> Box<dyn VecEnv> { (registered.build)(&config, 2).unwrap() };
    check_env(&mut make, 200).map(drop).map_err(|broken| broken.to_string().into())
}

fn desired_replicas(file: &Path, env: &str, expected: usize) -> Result<(), Failed> {
    let text = std::fs::read_to_string(file)?;
    let rules = horizontal::rules(&resolve(&[Layer::key("test", &["env"], env)])?)?;
    let table = horizontal::table::Table::parse(&text, &rules.deployments)?;
    let recorded = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let mut checked = 0;
    for (row, fields) in table.rows.iter().zip(recorded) {
        for (at, (deployment, reading)) in rules.deployments.iter().zip(&row.readings).enumerate() {
            let (found, stored) = (deployment.desired(reading).to_string(), fields[2 + 7 * at]);
            if found != stored {
                return Err(format!("{found} is not {stored} of {} in {fields:?}", deployment.name).into());
            }
            checked += 1;
        }
    }
    if checked == expected { Ok(()) } else { Err(format!("{checked} values, expected {expected}").into()) }
}

/// The rows as far as forks logged them again. Replicas that random moves lead to are spread evenly over 1 to 8, so that about
/// 11 / 8 deployments match, and seven moves in fifteen are out of the bounds: 25 · ((1 − 7 / 15) · 11 / 8 − 7 / 15) = 6.7 an episode.
fn random_on_published_rows(file: &Path) -> Result<(), Failed> {
    let text = format!("goal = \"cost\"\n[gym_hpa_compat]\ntable = {:?}", file.to_string_lossy());
    let name = "online_boutique_compat";
    let config = resolve(&[Layer::key("test", &["env"], name), Layer::file("test", &text)?])?;
    let mut env = (environments::find(name).unwrap().build)(&config, 8)?;
    let outcome = environments::evaluate(env.as_mut(), Actor::Random, 0, 60, &mut |_| {})?;
    let mean = outcome.mean_return.mean;
    let invalid = outcome.means.iter().find(|(name, _)| name == "invalid_share").unwrap().1;
    if (invalid - 7.0 / 15.0).abs() < 0.03 && (mean - 6.7).abs() < 2.0 {
        return Ok(());
    }
    Err(format!("mean return {mean}, share of invalid moves {invalid}").into())
}

#[expect(clippy::disallowed_methods, reason = "where the data are is told to the tests only")]
fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let data = std::env::var("DATA_DIR").map_or_else(|_| beside.into(), PathBuf::from);
    data.join("measurements")
}

fn main() {
    let trials = TESTS.map(|(name, file, test)| {
        let path = folder().join(file);
        let absent = !path.exists();
        Trial::test(format!("recorded::{name}"), move || test(&path)).with_ignored_flag(absent)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}
