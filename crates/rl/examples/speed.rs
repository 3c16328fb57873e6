//! Environment steps per second of one algorithm in one configuration, as a line of JSON: the half of `bench/peers` that
//! measures this library. A new algorithm is a line in `run`.
//!
//! `cargo run --release -p trimtab-rl --example speed -- ppo c1 200000`
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example reads the clock and prints")]

use std::time::Instant;

use trimtab_rl::control::{CartPole, Pendulum};
use trimtab_rl::{
    A2c, A2cConfig, Ddpg, DdpgConfig, Dqn, DqnConfig, Learner, Ppo, PpoConfig, Result, Sac, SacConfig, Td3,
    Td3Config, VecEnv,
};

/// A learner and its environments.
type Run = (Box<dyn Learner>, Box<dyn VecEnv>);

/// A run for an algorithm and a configuration; none for unknown names.
fn run(algorithm: &str, configuration: &str) -> Option<Result<Run>> {
    Some(match (algorithm, configuration) {
        ("ppo", "c1") => ppo(4, &rollout(128, 128, 4)),
        ("ppo", "c2") => ppo(1, &rollout(2048, 64, 10)),
        ("ppo", "c4") => ppo(64, &rollout(128, 2048, 4)),
        ("recurrent", "default") => ppo(1, &PpoConfig::recurrent()),
        ("a2c", "default") => {
            on(CartPole::new(8), |env| A2c::new(A2cConfig::default(), env.spec(), Vec::new(), 1))
        }
        ("dqn", "default") => {
            on(CartPole::new(1), |env| Dqn::new(DqnConfig::default(), env.spec(), Vec::new(), 1))
        }
        ("ddpg", "default") => {
            on(Pendulum::new(1), |env| Ddpg::new(DdpgConfig::default(), env.spec(), Vec::new(), 1))
        }
        ("td3", "default") => {
            on(Pendulum::new(1), |env| Td3::new(Td3Config::default(), env.spec(), Vec::new(), 1))
        }
        ("sac", "default") => {
            on(Pendulum::new(1), |env| Sac::new(SacConfig::default(), env.spec(), Vec::new(), 1))
        }
        _ => return None,
    })
}

fn on<E: VecEnv + 'static, L: Learner + 'static>(env: E, learner: impl Fn(&E) -> Result<L>) -> Result<Run> {
    Ok((Box::new(learner(&env)?), Box::new(env)))
}

fn ppo(n_envs: usize, config: &PpoConfig) -> Result<Run> {
    on(CartPole::new(n_envs), |env| Ppo::new(config.clone(), env.spec(), Vec::new(), 1))
}

fn rollout(n_steps: usize, batch_size: usize, n_epochs: usize) -> PpoConfig {
    PpoConfig { n_steps, batch_size, n_epochs, ..PpoConfig::default() }
}

/// Seconds that this process has spent on a CPU (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).map_or(f64::NAN, |nanos| 1e-9 * nanos)
}

/// Most memory that this process has had resident, in MB (Linux).
fn peak_memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::NAN, |kib| kib * 1.024e-3)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [algorithm, configuration, steps] = arguments.as_slice() else {
        println!("usage: speed ALGORITHM CONFIGURATION STEPS");
        return Ok(());
    };
    let (Some(made), Ok(steps)) = (run(algorithm, configuration), steps.parse::<u64>()) else {
        println!("{{\"error\": \"no such algorithm, configuration or number of steps\"}}");
        return Ok(());
    };
    let (mut learner, mut env) = made?;
    learner.start(&mut *env, u64::MAX)?;
    // Beyond the random actions with which some start.
    while learner.timesteps() < 512 {
        learner.iterate(&mut *env)?;
    }
    let (before, clock, cpu) = (learner.timesteps(), Instant::now(), cpu_seconds());
    while learner.timesteps() < before + steps {
        learner.iterate(&mut *env)?;
    }
    let (done, wall, cpu) =
        (learner.timesteps() - before, clock.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "{{\"steps\": {done}, \"wall_seconds\": {wall:.4}, \"cpu_seconds\": {cpu:.4}, \"memory_mb\": {:.1}}}",
        peak_memory()
    );
    Ok(())
}
