//! Environment steps per second on `online_boutique`: the simulation alone, and the whole training loop of the
//! default configuration, on one thread. A step is one action, held for four decisions of 15 s. Prints the median
//! and the spread of several rounds, by the clock and by the time on the CPU, which other processes disturb less;
//! asserts nothing.
//!
//! `cargo bench -p trimtab-lab --bench training`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark looks at the clock and prints"
)]

use std::time::Instant;
use trimtab_lab::{RunConfig, applications, environment::Environment, policy_file, training};
use trimtab_rl::{ActionSpace, Actions, Ppo, StepBuffers, VecEnv};

const ROUNDS: usize = 9;

fn main() {
    let mut config = RunConfig::default();
    let application = applications::load(&config.env).expect("a shipped application loads");
    config.inner.target_percent = vec![100; application.services.len()];
    config.inner.scale_down_secs = 60.0;
    config.goal = trimtab_lab::reward::Goal::Cost;
    let days = training::training_days(&config, &application).expect("shipped traffic loads");
    let inner = policy_file::inner(&config, &application).expect("the targets are in range");
    let environment =
        || Environment::new(&config, &application, days.clone(), &inner).expect("the defaults work");

    let mut env = environment();
    let spec = env.spec().clone();
    let mut out = StepBuffers::new(&spec);
    env.reset(1, &mut out.obs);
    let width = spec.action_space.width();
    let (choices, numbers) = (vec![1u32; spec.rows() * width], vec![0.0f32; spec.rows() * width]);
    let actions = match spec.action_space {
        ActionSpace::Box(_) => Actions::Continuous(&numbers),
        _ => Actions::Discrete(&choices),
    };
    measure("environment alone", || {
        for _ in 0..200 {
            env.step(actions, &mut out).expect("actions are inside the space");
        }
        200 * spec.n_envs
    });

    let mut env = environment();
    let mut learner = Ppo::new(config.ppo.clone(), env.spec(), Vec::new(), 0).expect("the defaults work");
    learner.start(&mut env, 100_000_000).expect("the environment fits");
    measure("training loop (PPO)", || {
        let before = learner.timesteps();
        for _ in 0..4 {
            learner.iterate(&mut env).expect("every number is finite");
        }
        (learner.timesteps() - before) as usize
    });
}

fn measure(name: &str, mut work: impl FnMut() -> usize) {
    work();
    let (mut by_clock, mut by_cpu) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let mut steps = 0;
        // Long enough for the scheduler's statistics, which move once a tick.
        while start.elapsed().as_secs_f64() < 0.3 {
            steps += work();
        }
        by_clock.push(steps as f64 / start.elapsed().as_secs_f64());
        by_cpu.push(steps as f64 / (cpu_seconds() - cpu));
    }
    for (what, rates) in [("second", &mut by_clock), ("CPU second", &mut by_cpu)] {
        rates.sort_by(f64::total_cmp);
        println!(
            "{name}: median {:.0} environment steps a {what} ({:.0} to {:.0})",
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
