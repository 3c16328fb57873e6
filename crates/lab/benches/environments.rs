//! Steps per second of every registered environment with random actions, alone and in PPO's whole training loop with the settings
//! that suit it, on one thread. Prints medians and spreads by the time on the CPU, which other processes disturb less;
//! asserts nothing.
//!
//! `cargo bench -p trimtab-lab --bench environments`

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints")]

use rand::{RngExt, SeedableRng};
use trimtab_lab::{
    RunConfig,
    config::{Layer, resolve},
    environments::{self, Env},
};
use trimtab_rl::{ActionSpace, Actions, Learner, Ppo, StepBuffers};

const ROUNDS: usize = 9;
/// CPU seconds of a round: long enough for the scheduler's statistics, which move once a tick.
const SECONDS: f64 = 0.3;

fn main() {
    for registered in environments::ALL {
        let config = resolve(&[Layer::key("bench", &["env"], registered.name)]).expect("a registered name");
        for n_envs in [1, config.n_envs] {
            let mut env = (registered.build)(&config, n_envs).expect("the defaults work");
            measure(&format!("{}, {n_envs} at once", registered.name), &mut stepping(env.as_mut()));
        }
        measure(&format!("{}, PPO", registered.name), &mut training(&config, registered));
    }
}

/// Steps with actions drawn beforehand; masks are not looked at.
fn stepping(env: &mut dyn Env) -> impl FnMut() -> usize {
    let spec = env.spec().clone();
    let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    let heads = match &spec.action_space {
        ActionSpace::Discrete(choices) => vec![*choices],
        ActionSpace::MultiDiscrete(choices) => choices.clone(),
        ActionSpace::Box(_) => vec![],
    };
    let entries = spec.rows() * spec.action_space.width();
    let choices: Vec<Vec<u32>> = (0..1024)
        .map(|_| {
            (0..entries)
                .map(|at| rng.random_range(0..heads.get(at % heads.len().max(1)).map_or(1, |n| *n as u32)))
                .collect()
        })
        .collect();
    let numbers: Vec<Vec<f32>> =
        (0..1024).map(|_| (0..entries).map(|_| rng.random_range(-1.0..=1.0)).collect()).collect();
    let mut out = StepBuffers::new(&spec);
    env.reset(1, &mut out.obs);
    move || {
        for (choices, numbers) in choices.iter().zip(&numbers) {
            let actions =
                if heads.is_empty() { Actions::Continuous(numbers) } else { Actions::Discrete(choices) };
            env.step(actions, &mut out).expect("actions are inside the space");
        }
        env.take_episodes();
        1024 * spec.n_envs
    }
}

fn training(config: &RunConfig, registered: &environments::Registered) -> impl FnMut() -> usize + use<> {
    let mut env = (registered.build)(config, config.n_envs).expect("the defaults work");
    let mut learner =
        Ppo::new(config.ppo.clone(), env.spec(), env.constraints(), 0).expect("the defaults work");
    learner.start(env.as_mut(), 1_000_000_000).expect("the environment fits");
    move || {
        let before = Learner::timesteps(&learner);
        learner.iterate(env.as_mut()).expect("every number is finite");
        env.take_episodes();
        (Learner::timesteps(&learner) - before) as usize
    }
}

fn measure(name: &str, work: &mut dyn FnMut() -> usize) {
    work();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (start, mut steps) = (cpu_seconds(), 0);
            while cpu_seconds() - start < SECONDS {
                steps += work();
            }
            steps as f64 / (cpu_seconds() - start)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "{name}: median {:.0} steps a CPU second ({:.0} to {:.0})",
        rates[ROUNDS / 2],
        rates[0],
        rates[ROUNDS - 1]
    );
}

/// Seconds that this process has spent on a CPU (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux keeps scheduler statistics");
    let nanos: f64 =
        text.split(' ').next().and_then(|n| n.parse().ok()).expect("the first number is the time on the CPU");
    1e-9 * nanos
}
