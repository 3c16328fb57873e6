//! Time from a cold process until PPO has solved `CartPole`: the mean of the last 100 training episodes is 475 or more.
//! RL Zoo's hyper-parameters. Prints one line a seed; run it once for each to start cold.
//!
//! `cargo run --release -p trimtab-rl --example solve -- 1`
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example reads the clock and prints")]

use std::time::Instant;

use trimtab_rl::control::CartPole;
use trimtab_rl::{Ppo, PpoConfig, Result, Schedule, VecEnv};

/// Environment steps after which a run has failed.
const MOST: u64 = 500_000;

fn main() -> Result<()> {
    let clock = Instant::now();
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config = PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        ..PpoConfig::default()
    };
    let mut env = CartPole::new(8);
    let mut learner = Ppo::new(config, env.spec(), Vec::new(), seed)?;
    // The schedules end after 100,000 steps, as in RL Zoo.
    learner.start(&mut env, 100_000)?;
    let mean = loop {
        learner.iterate(&mut env)?;
        let mean = learner.episodes().means().map_or(0.0, |(mean, _)| mean);
        if mean >= 475.0 || learner.timesteps() >= MOST {
            break mean;
        }
    };
    let (steps, seconds) = (learner.timesteps(), clock.elapsed().as_secs_f64());
    println!("seed {seed}: mean of the last episodes {mean:.1} after {steps} steps in {seconds:.2} s");
    Ok(())
}
