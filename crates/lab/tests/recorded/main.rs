//! Published measurements of `TeaStore` beside what is made of them here: the table that ships, the rewards that were stored with
//! others, and environments over each format.
//!
//! The files lie outside the repository: `DATA_DIR`, or `../shared/data` beside it. A test whose file is not there is skipped by
//! name.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use trimtab_lab::{
    config::{Layer, resolve},
    environments::{
        self,
        teastore::{Preset, rewards, table::Table},
    },
};
use trimtab_rl::{VecEnv, env::contract::check_env};

type Test = fn(&Path) -> Result<(), Failed>;

const TESTS: [(&str, &str, Test); 6] = [
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
