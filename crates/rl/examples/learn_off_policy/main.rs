//! How well each off-policy algorithm learns its control task over five seeds, and how fast.
//!
//! `cargo run --release -p trimtab-rl --example learn_off_policy`, with the names of some for only those.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example reads the clock and prints")]

mod tasks;

use std::time::Instant;

use trimtab_rl::Result;

const NAMES: [&str; 8] =
    ["dqn", "double dqn", "dueling dqn", "all dqn", "ddpg", "td3", "sac", "discrete sac"];

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    for name in NAMES.iter().filter(|name| asked.is_empty() || asked.iter().any(|asked| asked == *name)) {
        for seed in 1..=5 {
            let clock = Instant::now();
            let (learner, score) = tasks::score(name, seed)?;
            let (seconds, steps) = (clock.elapsed().as_secs_f64(), learner.timesteps());
            let training = learner.episodes().means().map_or(f64::NAN, |(mean, _)| mean);
            println!(
                "{name} seed {seed}: evaluation {score:.1}, last training episodes {training:.1}, {steps} steps in {seconds:.1} s"
            );
        }
    }
    Ok(())
}
