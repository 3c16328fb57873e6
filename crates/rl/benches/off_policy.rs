//! Environment steps per second of whole off-policy training, on one thread, at Stable-Baselines3's default
//! hyper-parameters: stepping, exploring, replay and updates. Prints the median and the range of several rounds; asserts
//! nothing.
//!
//! `cargo bench -p trimtab-rl --bench off_policy`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

use std::time::Instant;

use trimtab_rl::control::{CartPole, Pendulum};
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::{Ddpg, DdpgConfig, Dqn, DqnConfig, Learner, Sac, SacConfig, Td3, Td3Config, VecEnv};

const ROUNDS: usize = 5;

/// Trains in rounds of so many steps and prints the rate.
fn training(name: &str, mut env: impl VecEnv, mut learner: Box<dyn Learner>, steps: u64) {
    learner.start(&mut env, 10_000_000).expect("the environment fits");
    let mut round = |steps: u64| {
        let (clock, first) = (Instant::now(), learner.timesteps());
        while learner.timesteps() < first + steps {
            learner.iterate(&mut env).expect("all numbers are finite");
        }
        (learner.timesteps() - first) as f64 / clock.elapsed().as_secs_f64()
    };
    // Random actions, and buffers that grow to size.
    round(300);
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| round(steps)).collect();
    rates.sort_by(f64::total_cmp);
    let (low, median, high) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
    println!("{name:<58} {median:>9.0} steps/s (range {low:.0} to {high:.0})");
}

fn main() {
    println!("one environment, one thread, Stable-Baselines3's defaults, median of {ROUNDS} rounds");
    let dqn = |config: DqnConfig| -> Box<dyn Learner> {
        Box::new(Dqn::new(config, CartPole::new(1).spec(), vec![], 1).expect("the configuration is valid"))
    };
    let cartpole = || CartPole::new(1);
    training("dqn CartPole 64×64, batch 32 every 4 steps", cartpole(), dqn(DqnConfig::default()), 20_000);
    let all = DqnConfig { double: true, dueling: true, prioritized: true, n_step: 3, ..DqnConfig::default() };
    training("  the same, double, dueling, prioritised, 3 steps", cartpole(), dqn(all), 20_000);

    let pendulum = Pendulum::new(1);
    let spec = pendulum.spec();
    let ddpg = |config: DdpgConfig| -> Box<dyn Learner> {
        Box::new(Ddpg::new(config, spec, vec![], 1).expect("the configuration is valid"))
    };
    let small = DdpgConfig { network: HiddenConfig::relu(&[64, 64]), ..DdpgConfig::default() };
    let (default, td3, sac) = (DdpgConfig::default(), Td3Config::default(), SacConfig::default());
    training("ddpg Pendulum 400×300, batch 256 every step", Pendulum::new(1), ddpg(default), 300);
    training("  the same, 64×64", Pendulum::new(1), ddpg(small), 2000);
    let td3 = Td3::new(td3, spec, vec![], 1).expect("the configuration is valid");
    training("td3 Pendulum 400×300, batch 256 every step", Pendulum::new(1), Box::new(td3), 300);
    let sac = Sac::new(sac, spec, vec![], 1).expect("the configuration is valid");
    training("sac Pendulum 256×256, batch 256 every step", Pendulum::new(1), Box::new(sac), 300);
}
