//! What is learned in the horizontal environments, beside random actions, replicas that follow the desired ones and the best constant
//! allocation. All are scored on the same episodes; the table is Markdown.
//!
//! ```text
//! cargo run --release -p trimtab-lab --example horizontal -- learn  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- graph  STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! cargo run --release -p trimtab-lab --example horizontal -- unseen STEPS SEEDS ENV GOAL [KEY=VALUE …]
//! ```
//!
//! `learn` trains PPO, A2C, for three times as many steps, and recurrent PPO. `graph` trains PPO on flat observations (gym-hpa's numbers,
//! then those that nodes show) and on graphs. `unseen` trains it on graph observations, and tries the policy on generated applications of
//! 6, 18 and 40 services that it has not seen, from the seeds that `unseen=7,8` gives. `scored=1000` gives the seed of the episodes
//! that everything is scored on, `baselines=false` leaves out what is not learned. A key behind a `+` holds for training alone.
//!
//! An interval is over episodes; beside it stand the least and the largest mean of a training seed. The latency is that of the constraint's
//! signal, of which a step counts with at most four times the bound.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::sync::atomic::AtomicBool;
use trimtab_lab::{
    Error, Result, RunConfig,
    config::{Layer, resolve},
    environments::{
        Actor, Outcome, evaluate, find, fitted,
        horizontal::{
            self, Deployment, GRAPH_POLICY, Simulated,
            baseline::{Rule, Score, best_allocation, follow},
            numbers,
        },
    },
    policy_file,
    reward::Goal,
    run_dir::RunDir,
    statistics::{estimate, mean},
    training,
};
use trimtab_nn::Policy;

/// Environments that everything is scored in.
const N_ENVS: usize = 32;
/// Seed of the episodes that a constant allocation is searched with, a quarter as many as are scored.
const SEARCHED: u64 = 1;
/// A step of A2C takes about a third of the time of one of PPO.
const A2C_STEPS: u64 = 3;

const RECURRENT: [(&str, &str); 3] = [
    ("ppo.network.recurrence", "{ hidden_size = 64 }"),
    ("ppo.network.hidden", "[64]"),
    ("ppo.sequence_length", "25"),
];

/// The episodes that everything is scored on.
#[derive(Clone, Copy)]
struct Scored {
    seed: u64,
    /// Of each environment of a batch.
    rounds: u32,
}

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
    let seed = option("scored").and_then(|seed| seed.parse().ok()).unwrap_or(1000);
    let scored = Scored { seed, rounds: if what == "learn" { 32 } else { 8 } };
    let compared = option("baselines").is_none_or(|found| found != "false");
    let trained: Vec<(&str, &str)> =
        common.iter().filter_map(|(key, value)| Some((key.strip_prefix('+')?, *value))).collect();
    common.retain(|(key, _)| !key.starts_with('+'));
    println!(
        "| {env}, {goal} | return [95 % interval] | by seed | less best constant [95 %] | pods | latency, ms | over its bound | by seed |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    );
    let constant = if compared { baselines(&configuration(env, "", &common)?, scored)? } else { Vec::new() };
    let learned = |name: &str, base: &str, more: &[(&str, &str)], times: u64| -> Result<Vec<Policy>> {
        let mut training = configuration(env, base, &[more, &common, &trained].concat())?;
        training.total_timesteps *= times;
        let scoring = configuration(env, base, &[more, &common].concat())?;
        learned(name, &training, &scoring, seeds, scored, &constant)
    };
    if what == "learn" {
        learned("PPO", "", &[], 1)?;
        learned("A2C", "", &[("algorithm", "a2c")], A2C_STEPS)?;
        learned("recurrent PPO", "", &RECURRENT, 1)?;
        return Ok(());
    }
    if what == "graph" {
        learned("PPO, flat", "", &[], 1)?;
        let numbers = toml::Value::try_from(numbers::LOCAL).expect("names have a TOML form").to_string();
        learned("PPO, flat, the nodes' numbers", "", &[("horizontal.numbers", &numbers)], 1)?;
        learned("PPO, graph", GRAPH_POLICY, &[], 1)?;
        return Ok(());
    }
    let policies = learned("PPO, graph", GRAPH_POLICY, &[], 1)?;
    for services in [6, 18, 40] {
        for seed in unseen.split(',') {
            let application = format!("\"generated-{services}-{seed}\"");
            let unseen = [&common[..], &[("horizontal.application", &application)]].concat();
            let other = configuration("horizontal", GRAPH_POLICY, &unseen)?;
            println!("| **{services} services, generated from seed {seed}** | | | | | | | |");
            let constant = if compared { baselines(&other, scored)? } else { Vec::new() };
            row_of("graph policy, not trained here", &other, policies.clone(), scored, &constant)?;
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

/// What random actions, desired replicas, the fewest, the most and the best constant replicas come to; returns the last one's returns.
fn baselines(config: &RunConfig, scored: Scored) -> Result<Vec<f64>> {
    let Scored { seed, rounds } = scored;
    let application = horizontal::application(config)?;
    let rules = horizontal::rules(config)?;
    let mut env = Simulated::new(config, &application, rules, N_ENVS)?;
    let constrained = config.goal == Goal::Multi;
    let best = best_allocation(&mut env, &application, constrained, SEARCHED, rounds / 4)?;
    let constant = follow(&mut env, &Rule::Allocation(best.clone()), seed, rounds)?;
    let bound = env.rules().latency_bound_ms;
    let random = evaluate(&mut env, Actor::Random, seed, rounds as usize, &mut |_| {})?;
    row("random", &[random], bound, &constant.returns);
    let bounds = |pick: fn(&Deployment) -> u32| env.rules().deployments.iter().map(pick).collect::<Vec<_>>();
    let extremes = [("fewest", bounds(|own| own.min)), ("most", bounds(|own| own.max))];
    let mut rules = vec![("desired replicas".to_owned(), Rule::Desired)];
    rules.extend(extremes.map(|(name, pods)| (format!("{name} replicas"), Rule::Allocation(pods))));
    rules.push((format!("best constant {best:?}"), Rule::Allocation(best)));
    for (name, rule) in rules {
        let Score { signal, pods, returns, .. } = follow(&mut env, &rule, seed, rounds)?;
        line(&name, &[returns], &[signal], pods, bound, &constant.returns);
    }
    Ok(constant.returns)
}

/// Trains a policy for each seed, and scores them.
fn learned(
    name: &str,
    training: &RunConfig,
    scoring: &RunConfig,
    seeds: u64,
    scored: Scored,
    constant: &[f64],
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
    let name = format!("{name}, {} steps, {seeds} seeds", training.total_timesteps);
    row_of(&name, scoring, policies.clone(), scored, constant)?;
    Ok(policies)
}

fn row_of(
    name: &str,
    config: &RunConfig,
    policies: Vec<Policy>,
    scored: Scored,
    constant: &[f64],
) -> Result<()> {
    let registered = find(&config.env)
        .ok_or_else(|| Error::unknown("environment", &config.env, ["redis_gym"].into_iter()))?;
    let mut env = (registered.build)(config, N_ENVS)?;
    let bound = horizontal::rules(config)?.latency_bound_ms;
    let mut outcomes = Vec::new();
    for policy in fitted(policies, env.as_ref())? {
        outcomes.push(evaluate(
            env.as_mut(),
            Actor::Policies(&[policy]),
            scored.seed,
            scored.rounds as usize,
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

/// One line of the table: returns of every training seed's episodes, its mean signal, and the mean replicas; without `constant` nothing
/// is compared.
fn line(name: &str, returns: &[Vec<f64>], signals: &[f64], pods: f64, bound: f64, constant: &[f64]) {
    // An episode is a block; in both columns the interval speaks of other episodes.
    let interval = |of: &dyn Fn(usize) -> Vec<f64>| {
        let all: Vec<Vec<f64>> = (0..returns[0].len()).map(of).collect();
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
    let less = match constant {
        [] => "–".to_owned(),
        _ => interval(&|episode| of(episode).map(|own| own - constant[episode]).collect()),
    };
    let signal = mean(signals);
    println!(
        "| {name} | {} | {} | {less} | {pods:.2} | {:.2} | {signal:.3} | {} |",
        interval(&|episode| of(episode).collect()),
        spread(&means, 2),
        signal * bound,
        spread(signals, 3),
    );
}
