//! Environment steps per second of whole off-policy training at Stable-Baselines3's default hyper-parameters, one
//! environment and one thread: stepping, exploring, replay and updates.
//!
//! `cargo bench -p trimtab-rl --bench off_policy`
//!
//! Left out: the peers, see `bench/peers`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

mod table;

use trimtab_rl::control::{CartPole, Pendulum};
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::{Ddpg, DdpgConfig, Dqn, DqnConfig, Learner, Sac, SacConfig, Td3, Td3Config, VecEnv};

use table::{Rates, heading, row};

/// Trains in pieces of so many steps.
fn training(name: &str, mut env: impl VecEnv, mut learner: Box<dyn Learner>, steps: u64) {
    learner.start(&mut env, 10_000_000).expect("the environment fits");
    let rates = Rates::of(|| {
        let first = learner.timesteps();
        while learner.timesteps() < first + steps {
            learner.iterate(&mut env).expect("all numbers are finite");
        }
        (learner.timesteps() - first) as f64
    });
    row(name, &rates, "", "");
}

fn main() {
    heading("steps a second", "", "");
    let dqn = |config: DqnConfig| -> Box<dyn Learner> {
        Box::new(Dqn::new(config, CartPole::new(1).spec(), vec![], 1).expect("the configuration is valid"))
    };
    let cartpole = || CartPole::new(1);
    training("dqn CartPole 64×64, batch 32 every 4 steps", cartpole(), dqn(DqnConfig::default()), 5000);
    let all = DqnConfig { double: true, dueling: true, prioritized: true, n_step: 3, ..DqnConfig::default() };
    training("  the same, double, dueling, prioritised, 3 steps", cartpole(), dqn(all), 5000);

    let pendulum = Pendulum::new(1);
    let spec = pendulum.spec();
    let ddpg = |config: DdpgConfig| -> Box<dyn Learner> {
        Box::new(Ddpg::new(config, spec, vec![], 1).expect("the configuration is valid"))
    };
    let small = DdpgConfig { network: HiddenConfig::relu(&[64, 64]), ..DdpgConfig::default() };
    let (default, td3, sac) = (DdpgConfig::default(), Td3Config::default(), SacConfig::default());
    // More than the random actions at the start, which learn nothing.
    training("ddpg Pendulum 400×300, batch 256 every step", Pendulum::new(1), ddpg(default), 120);
    training("  the same, 64×64", Pendulum::new(1), ddpg(small), 1000);
    let td3 = Td3::new(td3, spec, vec![], 1).expect("the configuration is valid");
    training("td3 Pendulum 400×300, batch 256 every step", Pendulum::new(1), Box::new(td3), 120);
    let sac = Sac::new(sac, spec, vec![], 1).expect("the configuration is valid");
    training("sac Pendulum 256×256, batch 256 every step", Pendulum::new(1), Box::new(sac), 120);
}
