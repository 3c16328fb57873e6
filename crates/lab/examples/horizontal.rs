//! What is learned in the horizontal environments, beside random actions, replicas that follow the desired ones and the best constant
//! allocation. All are scored on the same episodes; the table is Markdown.
//!
//! ```text
//! cargo run --release -p trimtab-lab --example horizontal -- learn  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- graph  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! ```
//!
//! `learn` trains PPO, A2C and recurrent PPO. `graph` trains PPO on flat and on graph observations, and tries the graph policy on generated
//! applications of 6, 18 and 40 services that it has not seen.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "an example prints")]

use std::sync::atomic::AtomicBool;
use trimtab_lab::{
    Error, Result, RunConfig,
    config::{Algorithm, Layer, resolve},
    environments::{
        Actor, Outcome, evaluate, find, fitted,
        horizontal::{
            self, Simulated,
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
const SCORED: u64 = 1000;
/// Those that a constant allocation is searched with.
const SEARCH_ROUNDS: u32 = 2;
const SEARCHED: u64 = 1;

const RECURRENT: [(&str, &str); 3] = [
    ("ppo.network.recurrence", "{ hidden_size = 64 }"),
    ("ppo.network.hidden", "[64]"),
    ("ppo.sequence_length", "25"),
];
const GRAPH: [(&str, &str); 3] = [
    ("horizontal.observation", "graph"),
    (
        "ppo.network.encoder.graph",
        "{ layers = [32], kind = { attention = { heads = 1 } }, head = \"nodes\" }",
    ),
    ("ppo.network.hidden", "[32]"),
];

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [what, steps, seeds, env, goal, settings @ ..] = &given[..] else {
        eprintln!("expected: learn|graph STEPS SEEDS ENV GOAL [KEY=VALUE …]");
        return Ok(());
    };
    let mut common: Vec<(&str, &str)> = vec![("total_timesteps", steps), ("goal", goal)];
    common.extend(settings.iter().filter_map(|setting| setting.split_once('=')));
    let seeds: u64 = seeds.parse().unwrap_or(1);
    let config = |more: &[(&str, &str)]| configuration(env, &[more, &common].concat());
    println!(
        "| {env}, {goal} | return [95 % interval] | pods | latency, ms | over its bound |\n|---|---:|---:|---:|---:|"
    );
    baselines(&config(&[])?)?;
    if what == "learn" {
        for (name, more) in
            [("PPO", &[][..]), ("A2C", &[("algorithm", "a2c")]), ("recurrent PPO", &RECURRENT)]
        {
            learned(name, &config(more)?, seeds)?;
        }
        return Ok(());
    }
    learned("PPO, flat", &config(&[])?, seeds)?;
    let graph = config(&GRAPH)?;
    let policies = learned("PPO, graph", &graph, seeds)?;
    for services in [6, 18, 40] {
        let application = format!("\"generated-{services}-7\"");
        let other = configuration(
            "horizontal",
            &[&GRAPH[..], &common, &[("horizontal.application", &application)]].concat(),
        )?;
        println!("| **{services} services, generated** | | | | |");
        baselines(&other)?;
        row_of("graph policy, not trained here", &other, policies.clone())?;
    }
    Ok(())
}

fn configuration(env: &str, settings: &[(&str, &str)]) -> Result<RunConfig> {
    let mut layers = vec![Layer::key("environment", &["env"], env)];
    layers.extend(
        settings.iter().map(|(key, value)| Layer::key(key, &key.split('.').collect::<Vec<_>>(), value)),
    );
    resolve(&layers)
}

fn baselines(config: &RunConfig) -> Result<()> {
    let application = horizontal::application(config)?;
    let rules = horizontal::rules(config)?;
    let mut env = Simulated::new(config, &application, rules, 32)?;
    let random = evaluate(&mut env, Actor::Random, SCORED, ROUNDS as usize, &mut |_| {})?;
    row("random", &[random], env.rules().latency_bound_ms);
    let constrained = config.goal == Goal::Multi;
    let best = best_allocation(&mut env, &application, constrained, SEARCHED, SEARCH_ROUNDS)?;
    for (name, rule) in [
        ("desired replicas".to_owned(), Rule::Desired),
        (format!("best constant {best:?}"), Rule::Allocation(best)),
    ] {
        let score = follow(&mut env, &rule, SCORED, ROUNDS)?;
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

/// Trains a policy for each seed.
fn learned(name: &str, config: &RunConfig, seeds: u64) -> Result<Vec<Policy>> {
    let mut policies = Vec::new();
    for seed in 0..seeds {
        let config = RunConfig { seed, ..config.clone() };
        let place = std::env::temp_dir().join(format!("trimtab-horizontal-{}-{seed}", std::process::id()));
        let dir = RunDir::new(&place);
        training::train(&config, &dir, false, &AtomicBool::new(false), &mut |_| {})?;
        policies.extend(policy_file::read_all(&dir, &config)?);
        std::fs::remove_dir_all(&place).map_err(|source| Error::Write { path: place, source })?;
    }
    let recurrent = if config.algorithm == Algorithm::Ppo && config.ppo.network.recurrence.is_some() {
        " (LSTM)"
    } else {
        ""
    };
    row_of(
        &format!("{name}{recurrent}, {} steps, {seeds} seeds", config.total_timesteps),
        config,
        policies.clone(),
    )?;
    Ok(policies)
}

fn row_of(name: &str, config: &RunConfig, policies: Vec<Policy>) -> Result<()> {
    let registered = find(&config.env)
        .ok_or_else(|| Error::unknown("environment", &config.env, ["redis_gym"].into_iter()))?;
    let mut env = (registered.build)(config, 32)?;
    let bound = horizontal::rules(config)?.latency_bound_ms;
    let mut outcomes = Vec::new();
    for policy in fitted(policies, env.as_ref())? {
        outcomes.push(evaluate(
            env.as_mut(),
            Actor::Policies(&[policy]),
            SCORED,
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
