//! What is learned in the horizontal environments, beside random actions, replicas that follow the desired ones and the best constant
//! allocation. All are scored on the same episodes; the table is Markdown.
//!
//! ```text
//! cargo run --release -p trimtab-lab --example horizontal -- learn  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- graph  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- unseen STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! ```
//!
//! `learn` trains PPO, A2C and recurrent PPO. `graph` trains PPO on flat observations (gym-hpa's numbers, then those that nodes show) and on
//! graphs. `unseen` trains it on graph
//! observations, and tries the policy on generated applications of 6, 18 and 40 services that it has not seen, from the seeds that
//! `unseen=7,8` gives. `scored=1000` gives the seed of the episodes that everything is scored on, `baselines=false` leaves out what is not
//! learned. A key behind a `+` holds for training alone.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "an example prints")]

use std::sync::atomic::AtomicBool;
use trimtab_lab::{
    Error, Result, RunConfig,
    config::{Algorithm, Layer, resolve},
    environments::{
        Actor, Outcome, evaluate, find, fitted,
        horizontal::{
            self, GRAPH_POLICY, Simulated,
            baseline::{Rule, best_allocation, follow},
        },
    },
    policy_file,
    reward::Goal,
    run_dir::RunDir,
    statistics::estimate,
    training,
};
use trimtab_nn::Policy;

/// Episodes of each environment of a batch that everything is scored on, and their seed.
const ROUNDS: u32 = 8;
const SCORED: &str = "1000";
/// Those that a constant allocation is searched with.
const SEARCH_ROUNDS: u32 = 2;
const SEARCHED: u64 = 1;

const RECURRENT: [(&str, &str); 3] = [
    ("ppo.network.recurrence", "{ hidden_size = 64 }"),
    ("ppo.network.hidden", "[64]"),
    ("ppo.sequence_length", "25"),
];

/// `numbers::LOCAL`, as settings have it.
const LOCAL: &str = r#"["num_pods", "desired_replicas", "cpu_usage", "mem_usage", "cpu_demand", "mem_demand", "cpu_slack", "mem_slack",
    "cpu_demand_change", "traffic_in_change", "num_pods_change"]"#;

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [what, steps, seeds, env, goal, settings @ ..] = &given[..] else {
        eprintln!("expected: learn|graph|unseen STEPS SEEDS ENV GOAL [KEY=VALUE …]");
        return Ok(());
    };
    let mut common: Vec<(&str, &str)> = vec![("total_timesteps", steps), ("goal", goal)];
    common.extend(settings.iter().filter_map(|setting| setting.split_once('=')));
    let seeds: u64 = seeds.parse().unwrap_or(1);
    let mut option =
        |name: &str| common.iter().position(|(key, _)| *key == name).map(|at| common.remove(at).1.to_owned());
    let unseen = option("unseen").unwrap_or_else(|| "7,8".to_owned());
    let scored = option("scored").unwrap_or_else(|| SCORED.to_owned()).parse().unwrap_or_default();
    let compared = option("baselines").is_none_or(|found| found != "false");
    let trained: Vec<(&str, &str)> =
        common.iter().filter_map(|(key, value)| Some((key.strip_prefix('+')?, *value))).collect();
    common.retain(|(key, _)| !key.starts_with('+'));
    let learned = |name: &str, base: &str, more: &[(&str, &str)]| -> Result<Vec<Policy>> {
        let training = configuration(env, base, &[more, &common, &trained].concat())?;
        let scoring = configuration(env, base, &[more, &common].concat())?;
        learned(name, &training, &scoring, seeds, scored)
    };
    println!(
        "| {env}, {goal} | return [95 % interval] | pods | latency, ms | over its bound |\n|---|---:|---:|---:|---:|"
    );
    if compared {
        baselines(&configuration(env, "", &common)?, scored)?;
    }
    if what == "learn" {
        for (name, more) in
            [("PPO", &[][..]), ("A2C", &[("algorithm", "a2c")]), ("recurrent PPO", &RECURRENT)]
        {
            learned(name, "", more)?;
        }
        return Ok(());
    }
    if what == "graph" {
        learned("PPO, flat", "", &[])?;
        let numbers = ("horizontal.numbers", LOCAL);
        learned("PPO, flat, the nodes' numbers", "", &[numbers])?;
        learned("PPO, graph", GRAPH_POLICY, &[])?;
        return Ok(());
    }
    let policies = learned("PPO, graph", GRAPH_POLICY, &[])?;
    for services in [6, 18, 40] {
        for seed in unseen.split(',') {
            let application = format!("\"generated-{services}-{seed}\"");
            let unseen = [&common[..], &[("horizontal.application", &application)]].concat();
            let other = configuration("horizontal", GRAPH_POLICY, &unseen)?;
            println!("| **{services} services, generated from seed {seed}** | | | | |");
            if compared {
                baselines(&other, scored)?;
            }
            row_of("graph policy, not trained here", &other, policies.clone(), scored)?;
        }
    }
    Ok(())
}

/// Settings by key above those of a TOML text.
fn configuration(env: &str, base: &str, settings: &[(&str, &str)]) -> Result<RunConfig> {
    let mut layers = vec![Layer::file("settings", base)?, Layer::key("environment", &["env"], env)];
    layers.extend(
        settings.iter().map(|(key, value)| Layer::key(key, &key.split('.').collect::<Vec<_>>(), value)),
    );
    resolve(&layers)
}

fn baselines(config: &RunConfig, scored: u64) -> Result<()> {
    let application = horizontal::application(config)?;
    let rules = horizontal::rules(config)?;
    let mut env = Simulated::new(config, &application, rules, 32)?;
    let random = evaluate(&mut env, Actor::Random, scored, ROUNDS as usize, &mut |_| {})?;
    row("random", &[random], env.rules().latency_bound_ms);
    let constrained = config.goal == Goal::Multi;
    let best = best_allocation(&mut env, &application, constrained, SEARCHED, SEARCH_ROUNDS)?;
    for (name, rule) in [
        ("desired replicas".to_owned(), Rule::Desired),
        (format!("best constant {best:?}"), Rule::Allocation(best)),
    ] {
        let score = follow(&mut env, &rule, scored, ROUNDS)?;
        let (mean, bound) = (score.mean_return, env.rules().latency_bound_ms);
        println!(
            "| {name} | {:.2} [{:.2}, {:.2}] | {:.2} | {:.2} | {:.3} |",
            mean.mean,
            mean.low,
            mean.high,
            score.pods,
            score.signal * bound,
            score.signal
        );
    }
    Ok(())
}

/// Trains a policy for each seed, and scores them.
fn learned(
    name: &str,
    training: &RunConfig,
    scoring: &RunConfig,
    seeds: u64,
    scored: u64,
) -> Result<Vec<Policy>> {
    let mut policies = Vec::new();
    for seed in 0..seeds {
        let config = RunConfig { seed, ..training.clone() };
        let place = std::env::temp_dir().join(format!("trimtab-horizontal-{}-{seed}", std::process::id()));
        let dir = RunDir::new(&place);
        training::train(&config, &dir, false, &AtomicBool::new(false), &mut |_| {})?;
        policies.extend(policy_file::read_all(&dir, &config)?);
        std::fs::remove_dir_all(&place).map_err(|source| Error::Write { path: place, source })?;
    }
    let recurrent = if training.algorithm == Algorithm::Ppo && training.ppo.network.recurrence.is_some() {
        " (LSTM)"
    } else {
        ""
    };
    let name = format!("{name}{recurrent}, {} steps, {seeds} seeds", training.total_timesteps);
    row_of(&name, scoring, policies.clone(), scored)?;
    Ok(policies)
}

fn row_of(name: &str, config: &RunConfig, policies: Vec<Policy>, scored: u64) -> Result<()> {
    let registered = find(&config.env)
        .ok_or_else(|| Error::unknown("environment", &config.env, ["redis_gym"].into_iter()))?;
    let mut env = (registered.build)(config, 32)?;
    let bound = horizontal::rules(config)?.latency_bound_ms;
    let mut outcomes = Vec::new();
    for policy in fitted(policies, env.as_ref())? {
        outcomes.push(evaluate(
            env.as_mut(),
            Actor::Policies(&[policy]),
            scored,
            ROUNDS as usize,
            &mut |_| {},
        )?);
    }
    row(name, &outcomes, bound);
    Ok(())
}

fn row(name: &str, outcomes: &[Outcome], bound: f64) {
    let returns: Vec<Vec<f64>> = outcomes.iter().map(|outcome| outcome.returns.clone()).collect();
    let all: Vec<f64> = (0..returns[0].len())
        .map(|episode| returns.iter().map(|own| own[episode]).sum::<f64>() / returns.len() as f64)
        .collect();
    let interval = estimate(&[all]);
    let mean = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    let pods = mean(&|outcome| outcome.means[0].1);
    let signal = mean(&|outcome| outcome.mean_costs[0].1);
    println!(
        "| {name} | {:.2} [{:.2}, {:.2}] | {pods:.2} | {:.2} | {signal:.3} |",
        interval.mean,
        interval.low,
        interval.high,
        signal * bound
    );
}
