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

use trimtab_nn::graph::{Graph, GraphHead, GraphLayer};
use trimtab_nn::kernel::{Left, product};
use trimtab_nn::{ActionSliceMut, Activation, Encoder, Inputs};
use trimtab_rl::a2c::{A2cConfig, A2cUpdate};
use trimtab_rl::control::{CartPole, CartPoleNoVel, Overload};
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
    training_in::<U>(name, &mut CartPole::new(n_envs), config, 40_000);
}

/// The same in any environment, in rounds of `steps` environment steps.
fn training_in<U: Update>(name: &str, env: &mut dyn VecEnv, config: U::Config, steps: usize) {
    let n_envs = env.spec().n_envs;
    let per_iteration = n_envs * config.rollout().n_steps;
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).expect("the configuration is valid");
    learner.start(env, 10_000_000).expect("the environment fits");
    let iterations = steps.div_ceil(per_iteration);
    report(name, "steps/s", || {
        (0..iterations).for_each(|_| drop(learner.iterate(env).expect("all numbers are finite")));
        (iterations * per_iteration) as f64
    });
}

/// The same encoder with outputs that are read from the mean of all nodes.
fn pooled(encoder: &Encoder) -> Encoder {
    match encoder {
        Encoder::Graph(graph) => Encoder::Graph(Graph { head: GraphHead::Pooled, ..graph.clone() }),
        Encoder::None => Encoder::None,
    }
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

    let recurrent = PpoConfig::recurrent();
    training_in::<PpoUpdate>(
        "recurrent ppo, defaults, 1 env",
        &mut CartPoleNoVel::new(1),
        recurrent.clone(),
        2000,
    );
    training_in::<PpoUpdate>("recurrent ppo, defaults, 8 envs", &mut CartPoleNoVel::new(8), recurrent, 2000);
    let graph = Graph {
        nodes: 11,
        features: 1,
        layers: vec![32, 32],
        kind: GraphLayer::Attention { heads: 2 },
        head: GraphHead::Nodes,
    };
    let graph =
        NetworkConfig { hidden: vec![32], encoder: Encoder::Graph(graph), ..NetworkConfig::default() };
    let graph = PpoConfig { network: graph, ..config(128, 128, 4) };
    let name = "ppo, attention 2×32, 11 nodes, 4 envs × 128";
    training_in::<PpoUpdate>(name, &mut Overload::new(4, 11), graph.clone(), 4000);
    let pooled = NetworkConfig { encoder: pooled(&graph.network.encoder), ..graph.network.clone() };
    let graph = PpoConfig { network: pooled, ..graph };
    training_in::<PpoUpdate>("the same, outputs from the mean", &mut Overload::new(4, 11), graph, 4000);

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
