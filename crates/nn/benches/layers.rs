//! Time of whole policies a row: sampling one row at a time and 64 together, and evaluation with and without the way
//! back. Prints medians; asserts nothing.
//!
//! `cargo bench -p trimtab-nn --bench layers`
//!
//! Left out: environments and optimisers, which `trimtab-rl`'s benches have.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measures with the clock"
)]

use std::hint::black_box;
use std::time::Instant;

use rand_pcg::Pcg64;
use trimtab_nn::actor_critic::{CHUNK, EvaluationGradient, Samples};
use trimtab_nn::{
    ActionHead, ActionSlice, ActionSliceMut, Activation, ActorCritic, Architecture, CriticRecurrence,
    Encoder, Graph, GraphHead, GraphLayer, Initialisation, Inputs, Recurrence, Sequences,
};

/// Short rounds, so that few of them are interrupted.
const ROUNDS: usize = 151;

fn architecture(obs_dim: usize, choices: usize, hidden: &[usize]) -> Architecture {
    Architecture {
        obs_dim,
        head: ActionHead::Discrete(choices),
        value_heads: 1,
        hidden: hidden.to_vec(),
        activation: Activation::Tanh,
        shared_trunk: false,
        critic_obs_dim: None,
        recurrence: None,
        encoder: Encoder::None,
    }
}

fn recurrent(hidden_size: usize, critic: CriticRecurrence) -> Architecture {
    let recurrence = Some(Recurrence { hidden_size, critic });
    Architecture { recurrence, ..architecture(4, 2, &[64, 64]) }
}

fn graph(kind: GraphLayer, head: GraphHead, hidden: &[usize]) -> Architecture {
    let graph = Graph { nodes: 11, features: 6, layers: vec![32, 32], kind, head, own: 0 };
    let architecture = architecture(graph.obs_dim(), 1 + 6 * 11, hidden);
    Architecture { encoder: Encoder::Graph(graph), ..architecture }
}

/// Numbers of nodes, and about two edges a node.
fn observations(architecture: &Architecture, rows: usize) -> Vec<f32> {
    let numbers = (0u32..).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0);
    let mut obs: Vec<f32> = numbers.take(rows * architecture.obs_dim).collect();
    let scalable = architecture.scalable();
    for row in obs.chunks_exact_mut(architecture.obs_dim) {
        row[scalable..].iter_mut().for_each(|x| *x = if *x > 0.6 { 1.0 } else { 0.0 });
    }
    obs
}

/// Median time of a row, in microseconds.
fn median(rows: usize, mut work: impl FnMut()) -> f64 {
    work();
    let repeats = 64usize.div_ceil(rows);
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..repeats).for_each(|_| work());
            1e6 * start.elapsed().as_secs_f64() / (repeats * rows) as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn report(name: &str, architecture: Architecture, length: usize, n: usize) {
    let mut rng = Pcg64::new(1, 1);
    let policy = ActorCritic::new(architecture, &Initialisation::default(), &mut rng)
        .expect("the architecture is valid");
    let rows = length * n;
    let mut ws = policy.workspace_for(rows.max(CHUNK));
    let obs = observations(policy.architecture(), rows.max(CHUNK));
    let dim = policy.architecture().obs_dim;
    let mut sampling = |rows: usize| {
        let mut memory = policy.memory(rows);
        let (mut choices, mut log_probs, mut values) = (vec![0; rows], vec![0.0; rows], vec![0.0; rows]);
        median(rows, || {
            let actions = ActionSliceMut::Choices(&mut choices);
            let out = Samples { actions, log_probs: &mut log_probs, values: &mut values };
            policy.sample(Inputs::new(&obs[..rows * dim], None), &mut memory, &mut rng, &mut ws, out);
        })
    };
    let (one, many) = (sampling(1), sampling(64));
    let (choices, starts, memory) = (vec![0; rows], vec![false; rows], policy.memory(n));
    let (inputs, actions) = (Inputs::new(&obs[..rows * dim], None), ActionSlice::Choices(&choices));
    let sequences = Some(Sequences { length, starts: &starts, memory: memory.as_slice() });
    let forward = median(rows, || {
        black_box(policy.evaluate(inputs, actions, sequences, &mut ws).values[0]);
    });
    let (upstream, mut grads) = (vec![0.1; rows], vec![0.0; policy.params().len()]);
    let both = median(rows, || {
        policy.evaluate(inputs, actions, sequences, &mut ws);
        let gradient = EvaluationGradient { log_probs: &upstream, entropies: 0.01, values: &upstream };
        policy.prepare_backward(&mut ws);
        policy.backward(inputs, actions, gradient, &mut ws, &mut grads);
    });
    let parameters = policy.params().len();
    println!("{name:<52}{parameters:>9}{one:>11.2}{many:>11.2}{forward:>11.2}{both:>11.2}");
}

fn main() {
    println!("microseconds a row, one thread, median of {ROUNDS} rounds");
    let columns = ["parameters", "sample 1", "sample 64", "forward", "and back"];
    let [a, b, c, d, e] = columns;
    println!("{:<51}{a:>10}{b:>11}{c:>11}{d:>11}{e:>11}", "");
    report("64×64 tanh, 64 rows", architecture(4, 2, &[64, 64]), 1, 64);
    report("the same, 11·6 observations, 67 choices", architecture(66, 67, &[64, 64]), 1, 64);
    for (size, length, n) in [(64, 16, 8), (256, 128, 1), (256, 16, 8)] {
        let name = format!("lstm {size} each, {n} sequences of {length}");
        report(&name, recurrent(size, CriticRecurrence::Separate), length, n);
    }
    report("lstm 64, actor only, 8 sequences of 16", recurrent(64, CriticRecurrence::None), 16, 8);
    let gat = GraphLayer::Attention { heads: 1 };
    report("gat 2×32 on 11 nodes, pooled, 64×64", graph(gat, GraphHead::Pooled, &[64, 64]), 1, 64);
    report("gat 2×32 on 11 nodes, by node, 32", graph(gat, GraphHead::Nodes, &[32]), 1, 64);
    report("gat 2×32 on 11 nodes, by node, 64×64", graph(gat, GraphHead::Nodes, &[64, 64]), 1, 64);
    let heads = GraphLayer::Attention { heads: 4 };
    report("gat of 4 heads, pooled, 64×64", graph(heads, GraphHead::Pooled, &[64, 64]), 1, 64);
    let gcn = GraphLayer::Convolution;
    report("gcn 2×32 on 11 nodes, pooled, 64×64", graph(gcn, GraphHead::Pooled, &[64, 64]), 1, 64);
    report("gcn 2×32 on 11 nodes, by node, 32", graph(gcn, GraphHead::Nodes, &[32]), 1, 64);
}
