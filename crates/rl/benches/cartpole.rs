//! Environment steps per second of whole PPO and A2C training on `CartPole`: stepping, sampling, advantages, shuffling and
//! updates, on one thread. Prints the median and the range of several rounds; asserts nothing.
//!
//! `cargo bench -p trimtab-rl --bench cartpole`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

use std::time::Instant;

use trimtab_nn::kernel::{Left, product};
use trimtab_nn::{ActionSliceMut, Activation, Inputs};
use trimtab_rl::a2c::{A2cConfig, A2cUpdate};
use trimtab_rl::control::CartPole;
use trimtab_rl::on_policy::{OnPolicy, Update, UpdateConfig};
use trimtab_rl::ppo::{Ppo, PpoConfig, PpoUpdate};
use trimtab_rl::{NetworkConfig, VecEnv};

const ROUNDS: usize = 7;

/// Runs `work` in rounds and prints the rate of its units per second.
fn report(name: &str, unit: &str, mut work: impl FnMut() -> f64) {
    work();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let units = work();
            units / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let (low, median, high) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
    println!("{name:<46} {median:>14.0} {unit} (range {low:.0} to {high:.0})");
}

fn training<U: Update>(name: &str, n_envs: usize, config: U::Config) {
    let mut env = CartPole::new(n_envs);
    let per_iteration = n_envs * config.rollout().n_steps;
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).expect("the configuration is valid");
    learner.start(&mut env, 10_000_000).expect("the environment fits");
    let iterations = 40_000usize.div_ceil(per_iteration);
    report(name, "steps/s", || {
        (0..iterations).for_each(|_| drop(learner.iterate(&mut env).expect("all numbers are finite")));
        (iterations * per_iteration) as f64
    });
}

fn config(n_steps: usize, batch_size: usize, n_epochs: usize) -> PpoConfig {
    PpoConfig { n_steps, batch_size, n_epochs, ..PpoConfig::default() }
}

fn main() {
    println!("separate 64×64 tanh networks, one thread, median of {ROUNDS} rounds");
    training::<PpoUpdate>("ppo 4 envs × 128, minibatch 128, 4 epochs", 4, config(128, 128, 4));
    training::<PpoUpdate>("ppo 1 env × 2048, minibatch 64, 10 epochs", 1, config(2048, 64, 10));
    training::<PpoUpdate>("ppo 64 envs × 128, minibatch 2048, 4 epochs", 64, config(128, 2048, 4));
    let shared = NetworkConfig { shared_trunk: true, ..NetworkConfig::default() };
    let shared = PpoConfig { network: shared, ..config(128, 128, 4) };
    training::<PpoUpdate>("the first with a shared trunk", 4, shared);
    let relu = NetworkConfig { activation: Activation::Relu, ..NetworkConfig::default() };
    training::<PpoUpdate>("the first with relu", 4, PpoConfig { network: relu, ..config(128, 128, 4) });

    training::<A2cUpdate>("a2c 1 env × 5", 1, A2cConfig::default());
    training::<A2cUpdate>("a2c 8 envs × 5", 8, A2cConfig::default());
    training::<A2cUpdate>("a2c 64 envs × 5", 64, A2cConfig::default());

    let env = CartPole::new(1);
    let ppo = Ppo::new(PpoConfig::default(), env.spec(), vec![], 1).expect("the configuration is valid");
    let (mut ws, mut memory) = (ppo.actor_critic().workspace(), ppo.actor_critic().memory(64));
    for rows in [1, 64] {
        let (obs, mut actions) = (vec![0.1; rows * 4], vec![0; rows]);
        report(&format!("deterministic action, batch of {rows}"), "calls/s", || {
            for _ in 0..10_000 {
                let actions = ActionSliceMut::Choices(&mut actions);
                ppo.actor_critic().act(Inputs::new(&obs, None), &mut memory, &mut ws, actions);
            }
            10_000.0
        });
    }

    for (rows, inner, width) in [(64, 64, 64), (64, 192, 256), (256, 256, 256), (2048, 512, 512)] {
        let (left, right) = (vec![0.5; rows * inner], vec![0.5; inner * width]);
        let mut out = vec![0.0; rows * width];
        let repeats = 50_000_000usize.div_ceil(rows * inner * width);
        report(&format!("product {rows}×{inner}×{width}"), "MFLOP/s", || {
            for _ in 0..repeats {
                product(
                    rows,
                    inner,
                    width,
                    Left::rows(&left, inner),
                    &right,
                    &mut out,
                    trimtab_nn::kernel::Base::Zero,
                );
            }
            2e-6 * (repeats * rows * inner * width) as f64
        });
    }
}
