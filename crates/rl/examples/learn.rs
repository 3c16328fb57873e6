//! How well each algorithm learns `CartPole` over five seeds, and how fast: RL Zoo's configurations with 8
//! environments, evaluated on the first episode of 30 fresh ones with the most probable actions.
//!
//! `cargo run --release -p trimtab-rl --example learn`
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example reads the clock and prints")]

use std::time::Instant;

use trimtab_rl::control::CartPole;
use trimtab_rl::evaluation::evaluate;
use trimtab_rl::{A2c, A2cConfig, Learner, Ppo, PpoConfig, Result, Schedule, VecEnv};

fn main() -> Result<()> {
    for seed in 1..=5 {
        learn(ppo(seed)?, seed, 100_000)?;
    }
    for seed in 1..=5 {
        learn(a2c(seed)?, seed, 500_000)?;
    }
    Ok(())
}

fn env() -> CartPole {
    CartPole::new(8)
}

fn ppo(seed: u64) -> Result<Box<dyn Learner>> {
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
    Ok(Box::new(Ppo::new(config, env().spec(), vec![], seed)?))
}

fn a2c(seed: u64) -> Result<Box<dyn Learner>> {
    let config = A2cConfig { learning_rate: Schedule::linear(7e-4), ..A2cConfig::default() };
    Ok(Box::new(A2c::new(config, env().spec(), vec![], seed)?))
}

/// Trains and prints one line.
fn learn(mut learner: Box<dyn Learner>, seed: u64, total_timesteps: u64) -> Result<()> {
    let (mut env, clock) = (env(), Instant::now());
    learner.start(&mut env, total_timesteps)?;
    while learner.timesteps() < total_timesteps {
        learner.iterate(&mut env)?;
    }
    let seconds = clock.elapsed().as_secs_f64();
    let score = evaluate(&learner.policies(), &mut CartPole::new(30), 1_000_000 + seed, 1)?.mean_return();
    let training = learner.episodes().means().map_or(f64::NAN, |(mean, _)| mean);
    println!(
        "{} seed {seed}: evaluation {score:.1}, last 100 training episodes {training:.1}, {total_timesteps} steps in \
         {seconds:.1} s",
        learner.algorithm()
    );
    Ok(())
}
