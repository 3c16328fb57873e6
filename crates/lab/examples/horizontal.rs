//! What is learned in the horizontal environments, beside random actions, replicas that follow the desired ones and the best constant
//! allocation. All are scored on the same episodes; the table is Markdown.
//!
//! ```text
//! cargo run --release -p trimtab-lab --example horizontal -- learn  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- graph  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! ```
//!
//! `learn` trains PPO, A2C, for three times as many steps, and recurrent PPO. An interval is over episodes; beside it stand the least and
//! the largest mean of a training seed. The latency is that of the constraint's signal, of which a step counts with at most four times the
//! bound. `graph` trains PPO on flat and on graph observations, and tries the graph policy on generated
//! applications of 6, 18 and 40 services that it has not seen.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "an example prints")]

use std::sync::atomic::AtomicBool;
use trimtab_lab::{
    Error, Result, RunConfig,
    config::{Layer, resolve},
    environments::{
        Actor, Outcome, evaluate, find, fitted,
        horizontal::{
            self, Deployment, Simulated,
            baseline::{Rule, Score, best_allocation, follow},
        },
    },
    policy_file,
    reward::Goal,
    run_dir::RunDir,
    statistics::{estimate, mean},
    training,
};
use trimtab_nn::Policy;

/// Episodes of each environment of a batch that everything is scored on, and their seed.
const ROUNDS: u32 = 32;
const SCORED: u64 = 1000;
/// Those that a constant allocation is searched with.
const SEARCH_ROUNDS: u32 = 8;
const SEARCHED: u64 = 1;
/// A step of A2C takes about a third of the time of one of PPO.
const A2C_STEPS: u64 = 3;

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
        "| {env}, {goal} | return [95 % interval] | by seed | less best constant [95 %] | pods | latency, ms | over its bound | by seed |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    );
    let constant = baselines(&config(&[])?)?;
    if what == "learn" {
        learned("PPO", &config(&[])?, seeds, &constant)?;
        let mut a2c = config(&[("algorithm", "a2c")])?;
        a2c.total_timesteps *= A2C_STEPS;
        learned("A2C", &a2c, seeds, &constant)?;
        learned("recurrent PPO", &config(&RECURRENT)?, seeds, &constant)?;
        return Ok(());
    }
    learned("PPO, flat", &config(&[])?, seeds, &constant)?;
    let graph = config(&GRAPH)?;
    let policies = learned("PPO, graph", &graph, seeds, &constant)?;
    for services in [6, 18, 40] {
        let application = format!("\"generated-{services}-7\"");
        let other = configuration(
            "horizontal",
            &[&GRAPH[..], &common, &[("horizontal.application", &application)]].concat(),
        )?;
        println!("| **{services} services, generated** | | | | | | | |");
        let constant = baselines(&other)?;
        row_of("graph policy, not trained here", &other, policies.clone(), &constant)?;
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

/// What the best constant allocation, desired replicas, random actions and the most replicas come to; returns the first one's returns.
fn baselines(config: &RunConfig) -> Result<Vec<f64>> {
    let application = horizontal::application(config)?;
    let rules = horizontal::rules(config)?;
    let mut env = Simulated::new(config, &application, rules, 32)?;
    let constrained = config.goal == Goal::Multi;
    let best = best_allocation(&mut env, &application, constrained, SEARCHED, SEARCH_ROUNDS)?;
    let constant = follow(&mut env, &Rule::Allocation(best.clone()), SCORED, ROUNDS)?;
    let bound = env.rules().latency_bound_ms;
    let random = evaluate(&mut env, Actor::Random, SCORED, ROUNDS as usize, &mut |_| {})?;
    row("random", &[random], bound, &constant.returns);
    let bounds = |pick: fn(&Deployment) -> u32| env.rules().deployments.iter().map(pick).collect::<Vec<_>>();
    let extremes = [("fewest", bounds(|own| own.min)), ("most", bounds(|own| own.max))];
    let mut rules = vec![("desired replicas".to_owned(), Rule::Desired)];
    rules.extend(extremes.map(|(name, pods)| (format!("{name} replicas"), Rule::Allocation(pods))));
    rules.push((format!("best constant {best:?}"), Rule::Allocation(best)));
    for (name, rule) in rules {
        let Score { signal, pods, returns, .. } = follow(&mut env, &rule, SCORED, ROUNDS)?;
        line(&name, &[returns], &[signal], pods, bound, &constant.returns);
    }
    Ok(constant.returns)
}

/// Trains a policy for each seed.
fn learned(name: &str, config: &RunConfig, seeds: u64, constant: &[f64]) -> Result<Vec<Policy>> {
    let mut policies = Vec::new();
    for seed in 0..seeds {
        let config = RunConfig { seed, ..config.clone() };
        let place = std::env::temp_dir().join(format!("trimtab-horizontal-{}-{seed}", std::process::id()));
        let dir = RunDir::new(&place);
        training::train(&config, &dir, false, &AtomicBool::new(false), &mut |_| {})?;
        policies.extend(policy_file::read_all(&dir, &config)?);
        std::fs::remove_dir_all(&place).map_err(|source| Error::Write { path: place, source })?;
    }
    let steps = config.total_timesteps;
    row_of(&format!("{name}, {steps} steps, {seeds} seeds"), config, policies.clone(), constant)?;
    Ok(policies)
}

fn row_of(name: &str, config: &RunConfig, policies: Vec<Policy>, constant: &[f64]) -> Result<()> {
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
    row(name, &outcomes, bound, constant);
    Ok(())
}

fn row(name: &str, outcomes: &[Outcome], bound: f64, constant: &[f64]) {
    let returns: Vec<Vec<f64>> = outcomes.iter().map(|outcome| outcome.returns.clone()).collect();
    let signals: Vec<f64> = outcomes.iter().map(|outcome| outcome.mean_costs[0].1).collect();
    let pods: Vec<f64> = outcomes.iter().map(|outcome| outcome.means[0].1).collect();
    line(name, &returns, &signals, mean(&pods), bound, constant);
}

/// One line of the table: returns of every training seed's episodes, its mean signal, and the mean replicas.
fn line(name: &str, returns: &[Vec<f64>], signals: &[f64], pods: f64, bound: f64, constant: &[f64]) {
    // An episode is a block; in both columns the interval speaks of other episodes.
    let interval = |of: &dyn Fn(usize) -> Vec<f64>| {
        let all: Vec<Vec<f64>> = (0..constant.len()).map(of).collect();
        let estimate = estimate(&all);
        format!("{:.2} [{:.2}, {:.2}]", estimate.mean, estimate.low, estimate.high)
    };
    let of = |episode: usize| returns.iter().map(move |own| own[episode]);
    let spread = |values: &[f64], digits: usize| match values {
        [_] => "–".to_owned(),
        values => {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{least:.digits$} … {largest:.digits$}")
        }
    };
    let means: Vec<f64> = returns.iter().map(|own| mean(own)).collect();
    let signal = mean(signals);
    println!(
        "| {name} | {} | {} | {} | {pods:.2} | {:.2} | {signal:.3} | {} |",
        interval(&|episode| of(episode).collect()),
        spread(&means, 2),
        interval(&|episode| of(episode).map(|own| own - constant[episode]).collect()),
        signal * bound,
        spread(signals, 3),
    );
}
