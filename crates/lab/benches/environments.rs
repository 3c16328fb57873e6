//! Steps per second of every registered environment by itself: a batch of 32 with random actions, episodes and their logs included, on
//! one thread. Prints the median and the spread of several rounds, by the time on the CPU; asserts nothing.
//!
//! `cargo bench -p trimtab-lab --bench environments [-- NAME …]`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark looks at the clock and prints"
)]

use std::time::Instant;
use trimtab_lab::{
    config::{Layer, resolve},
    environments::{ALL, Actor, evaluate},
};

const ROUNDS: usize = 5;
const N_ENVS: usize = 32;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("| environment | steps a CPU second, median | least | most |\n|---|---:|---:|---:|");
    for registered in
        ALL.into_iter().filter(|r| wanted.is_empty() || wanted.iter().any(|name| name == r.name))
    {
        let config =
            resolve(&[Layer::key("benchmark", &["env"], registered.name)]).expect("the defaults work");
        let mut env = (registered.build)(&config, N_ENVS).expect("the defaults work");
        let mut rates: Vec<f64> = (0..ROUNDS)
            .map(|round| {
                let (start, cpu) = (Instant::now(), cpu_seconds());
                let mut steps = 0;
                while start.elapsed().as_secs_f64() < 0.5 {
                    evaluate(env.as_mut(), Actor::Random, round as u64, 2, &mut |_| steps += N_ENVS)
                        .expect("random actions are allowed");
                    env.take_episodes();
                }
                steps as f64 / (cpu_seconds() - cpu)
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "| `{}` | {:.0} | {:.0} | {:.0} |",
            registered.name,
            rates[ROUNDS / 2],
            rates[0],
            rates[ROUNDS - 1]
        );
    }
}

/// Seconds that this process has spent on a CPU (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux keeps scheduler statistics");
    let nanos: f64 =
        text.split(' ').next().and_then(|n| n.parse().ok()).expect("the first number is the time on the CPU");
    1e-9 * nanos
}
