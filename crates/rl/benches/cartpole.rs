//! The speed of learning and acting on `CartPole` with separate 64×64 tanh networks, on one thread, everything included:
//! stepping, sampling, advantages, shuffling and updates. One table beside the targets; prints medians and ranges of
//! several rounds, by the clock and by the time on the CPU, which other processes disturb less; asserts nothing.
//!
//! Beside it: how much of the machine's arithmetic training reaches, memory, and two seeds on two cores.
//!
//! `cargo bench -p trimtab-rl --bench cartpole`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]
#![allow(unsafe_code, reason = "the fused multiply–add that measures the machine is chosen at run time")]

mod table;

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use trimtab_nn::graph::{Graph, GraphHead, GraphLayer};
use trimtab_nn::kernel::{Base, Left, product};
use trimtab_nn::{ActionSliceMut, Activation, Encoder, Inputs};
use trimtab_rl::a2c::{A2cConfig, A2cUpdate};
use trimtab_rl::control::{CartPole, CartPoleNoVel, Overload};
use trimtab_rl::on_policy::{OnPolicy, Update, UpdateConfig};
use trimtab_rl::ppo::{Ppo, PpoConfig, PpoUpdate};
use trimtab_rl::{NetworkConfig, VecEnv};

use table::{Rates, heading, row};

/// The argument with which the benchmark starts itself to look at one process alone.
const CHILD: &str = "one-seed";

/// Most memory that this process has had resident, in MiB (Linux).
fn peak_memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::NAN, |k| k / 1024.0)
}

/// A run of training, with how many environment steps an iteration is.
fn run<U: Update>(n_envs: usize, config: U::Config, seed: u64) -> (OnPolicy<U>, CartPole, usize) {
    let mut env = CartPole::new(n_envs);
    let steps = n_envs * config.rollout().n_steps;
    let mut learner =
        OnPolicy::<U>::new(config, env.spec(), vec![], seed).expect("the configuration is valid");
    learner.start(&mut env, 100_000_000).expect("the environment fits");
    (learner, env, steps)
}

fn training<U: Update>(n_envs: usize, config: U::Config) -> Rates {
    training_in::<U>(&mut CartPole::new(n_envs), config)
}

fn training_in<U: Update>(env: &mut dyn VecEnv, config: U::Config) -> Rates {
    let steps = env.spec().n_envs * config.rollout().n_steps;
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).expect("the configuration is valid");
    learner.start(env, 100_000_000).expect("the environment fits");
    Rates::of(|| {
        learner.iterate(env).expect("all numbers are finite");
        steps as f64
    })
}

fn config(n_steps: usize, batch_size: usize, n_epochs: usize) -> PpoConfig {
    PpoConfig { n_steps, batch_size, n_epochs, ..PpoConfig::default() }
}

/// Useful floating-point operations of one environment step: one pass forward at collection, and for each epoch a pass
/// forward and one backward, which leaves out the gradient of the observations; for 64×64 actor and critic.
fn operations(n_epochs: f64) -> f64 {
    let below = 4.0 * 64.0;
    let above = |outputs: f64| 64.0 * 64.0 + 64.0 * outputs;
    let multiplications = 2.0 * below + above(2.0) + above(1.0);
    let forward = 2.0 * multiplications;
    let backward = 2.0 * forward - 2.0 * 2.0 * below;
    forward + n_epochs * (forward + backward)
}

/// Independent fused multiply–adds on registers only: what the machine can do at most, in operations.
fn multiply_and_add<const N: usize>(rounds: usize) -> f64 {
    let mut sums = [[black_box(0.5f32); 8]; N];
    let (factor, term) = ([black_box(0.999f32); 8], [black_box(1e-3f32); 8]);
    for _ in 0..rounds {
        for sums in &mut sums {
            for ((sum, factor), term) in sums.iter_mut().zip(&factor).zip(&term) {
                *sum = sum.mul_add(*factor, *term);
            }
        }
    }
    black_box(sums);
    (2 * 8 * N * rounds) as f64
}

#[cfg(target_arch = "x86_64")]
fn arithmetic(rounds: usize) -> f64 {
    #[target_feature(enable = "avx2,fma")]
    fn avx2(rounds: usize) -> f64 {
        multiply_and_add::<12>(rounds)
    }
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the CPU has the features that the function enables.
        return unsafe { avx2(rounds) };
    }
    f64::NAN
}

#[cfg(not(target_arch = "x86_64"))]
fn arithmetic(rounds: usize) -> f64 {
    multiply_and_add::<24>(rounds)
}

/// Trains one seed for a fixed number of steps; what [`two_seeds`] times.
fn one_seed(seed: u64) {
    let (mut learner, mut env, steps) = run::<PpoUpdate>(4, config(128, 128, 4), seed);
    for _ in 0..300_000 / steps {
        learner.iterate(&mut env).expect("all numbers are finite");
    }
}

fn median(mut of: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            of();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[2]
}

fn child(seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its file"));
    command.args([CHILD, &seed.to_string()]);
    command
}

fn two_seeds() {
    let one = median(|| one_seed(1));
    let threads = median(|| {
        std::thread::scope(|scope| (1..=2).for_each(|seed| drop(scope.spawn(move || one_seed(seed)))));
    });
    println!("two seeds as two threads: {:.2} × the time of one (target 1.15)", threads / one);
    let one = median(|| drop(child(1).output().expect("the benchmark starts itself")));
    let processes = median(|| {
        let spawn = |seed| child(seed).stdout(std::process::Stdio::null()).spawn();
        let mut both = [1, 2].map(|seed| spawn(seed).expect("the benchmark starts itself"));
        for process in &mut both {
            process.wait().expect("a process that was started ends");
        }
    });
    println!("two seeds as two processes: {:.2} × the time of one (target 1.15)", processes / one);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        one_seed(arguments[at + 1].parse().expect("a seed is a number"));
        println!("{:.1}", peak_memory());
        return;
    }

    let peak = 1e-9 * Rates::of(|| arithmetic(1_000_000)).cpu();
    println!("peak of one core, fused multiply–adds on registers: {peak:.1} GFLOP/s\n");
    heading("steps a second", "target", "GFLOP/s, share of the peak");
    let ppo = |name: &str, n_envs, config: PpoConfig, target: &str| {
        let epochs = config.n_epochs as f64;
        let rates = training::<PpoUpdate>(n_envs, config);
        let reached = 1e-9 * rates.cpu() * operations(epochs);
        row(name, &rates, target, &format!("{reached:.1}, {:.0} %", 100.0 * reached / peak));
    };
    ppo("ppo c1: 4 × 128, minibatch 128, 4 epochs", 4, config(128, 128, 4), "140000");
    ppo("ppo c2: 1 × 2048, minibatch 64, 10 epochs", 1, config(2048, 64, 10), "50000");
    ppo("ppo c4: 64 × 128, minibatch 2048, 4 epochs", 64, config(128, 2048, 4), "170000");
    let shared = NetworkConfig { shared_trunk: true, ..NetworkConfig::default() };
    let shared = PpoConfig { network: shared, ..config(128, 128, 4) };
    row("c1 with a shared trunk", &training::<PpoUpdate>(4, shared), "", "");
    let relu = NetworkConfig { activation: Activation::Relu, ..NetworkConfig::default() };
    let relu = PpoConfig { network: relu, ..config(128, 128, 4) };
    row("c1 with relu", &training::<PpoUpdate>(4, relu), "", "");
    let recurrent = PpoConfig::recurrent();
    for n_envs in [1, 8] {
        let rates = training_in::<PpoUpdate>(&mut CartPoleNoVel::new(n_envs), recurrent.clone());
        row(&format!("recurrent ppo, its defaults, {n_envs} envs"), &rates, "", "");
    }
    let graph = |head| {
        let kind = GraphLayer::Attention { heads: 2 };
        let graph = Graph { nodes: 11, features: 1, layers: vec![32, 32], kind, head, own: 0 };
        let encoder = Encoder::Graph(graph);
        let network = NetworkConfig { hidden: vec![32], encoder, ..NetworkConfig::default() };
        training_in::<PpoUpdate>(&mut Overload::new(4, 11), PpoConfig { network, ..config(128, 128, 4) })
    };
    row("ppo, attention 2×32, 11 nodes, 4 × 128", &graph(GraphHead::Nodes), "20000", "");
    row("the same, outputs from the mean", &graph(GraphHead::Pooled), "20000", "");
    for n_envs in [1, 8, 64] {
        let rates = training::<A2cUpdate>(n_envs, A2cConfig::default());
        row(&format!("a2c {n_envs} × 5"), &rates, "", "");
    }

    println!();
    heading("calls a second", "target", "");
    let env = CartPole::new(1);
    let ppo = Ppo::new(PpoConfig::default(), env.spec(), vec![], 1).expect("the configuration is valid");
    let (mut ws, mut memory) = (ppo.actor_critic().workspace(), ppo.actor_critic().memory(64));
    for (rows, target) in [(1, "1000000"), (64, "40000")] {
        let (obs, mut actions) = (vec![0.1; rows * 4], vec![0; rows]);
        let rates = Rates::of(|| {
            for _ in 0..1000 {
                let actions = ActionSliceMut::Choices(&mut actions);
                ppo.actor_critic().act(Inputs::new(&obs, None), &mut memory, &mut ws, actions);
            }
            1000.0
        });
        row(&format!("action of one policy, batch of {rows}"), &rates, target, "");
    }

    println!();
    heading("MFLOP/s", "", "");
    for (rows, inner, width) in
        [(64, 39, 32), (64, 64, 64), (64, 192, 256), (256, 256, 256), (2048, 512, 512)]
    {
        let (left, right) = (vec![0.5; rows * inner], vec![0.5; inner * width]);
        let mut out = vec![0.0; rows * width];
        let repeats = 5_000_000usize.div_ceil(rows * inner * width);
        let rates = Rates::of(|| {
            for _ in 0..repeats {
                product(rows, inner, width, Left::rows(&left, inner), &right, &mut out, Base::Zero);
            }
            2e-6 * (repeats * rows * inner * width) as f64
        });
        row(&format!("product {rows}×{inner}×{width}"), &rates, "", "");
    }

    println!();
    let memory = child(1).output().expect("the benchmark starts itself");
    println!(
        "memory of a process that trains ppo c1: {} MiB (target 60)",
        String::from_utf8_lossy(&memory.stdout).trim()
    );
    two_seeds();
}
