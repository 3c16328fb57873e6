//! Values, gradients, choices and files of action-value networks.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;
use crate::exact::{Exact, wide};

const ROWS: usize = 6;

fn networks() -> Vec<QNetwork> {
    let mut rng = Pcg64::new(1, 9);
    let mut networks = Vec::new();
    for head in [ActionHead::Discrete(4), ActionHead::MultiDiscrete(vec![3, 2])] {
        for (dueling, activation) in
            [(false, Activation::Relu), (true, Activation::Tanh), (true, Activation::Relu)]
        {
            let hidden = vec![12, 9];
            let architecture = QArchitecture { obs_dim: 5, head: head.clone(), hidden, activation, dueling };
            networks.push(QNetwork::new(architecture, &mut rng).unwrap());
        }
    }
    networks
}

fn numbers(count: usize) -> Vec<f32> {
    let mut rng = Pcg64::new(5, 6);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

/// Values of one row in double precision.
fn exact_values(exact: &Exact, architecture: &QArchitecture, obs: &[f64]) -> Vec<f64> {
    if !architecture.dueling {
        return exact.feed_forward("q", 2, obs);
    }
    let trunk = exact.hidden("trunk.0", obs);
    let stream = |name: &str| {
        exact.affine(&format!("{name}.output"), &exact.hidden(&format!("{name}.hidden"), &trunk))
    };
    let (value, advantages) = (stream("value")[0], stream("advantage"));
    let (mut values, mut at) = (Vec::new(), 0);
    for count in architecture.head.choices() {
        let head = &advantages[at..at + count];
        let mean = head.iter().sum::<f64>() / *count as f64;
        values.extend(head.iter().map(|advantage| value + advantage - mean));
        at += count;
    }
    values
}

#[test]
fn values_and_gradients_agree_with_double_precision() {
    for network in networks() {
        let architecture = network.architecture();
        let (obs, stride) = (numbers(ROWS * 5), network.stride());
        let outputs = architecture.head.outputs();
        let weights = numbers(ROWS * outputs);
        let mut ws = network.workspace(ROWS);
        network.forward(&obs, ROWS, &mut ws);
        let exact = Exact::new(&network.to_tensors(), architecture.activation);
        for (row, obs) in obs.chunks_exact(5).enumerate() {
            let expected = exact_values(&exact, architecture, &wide(obs));
            for (found, expected) in ws.values()[row * stride..].iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5);
            }
        }
        ws.values_mut().fill(0.0);
        for (values, weights) in ws.values_mut().chunks_exact_mut(stride).zip(weights.chunks_exact(outputs)) {
            values[..outputs].copy_from_slice(weights);
        }
        network.prepare_backward(&mut ws);
        let mut grads = network.clone();
        grads.params_mut().fill(0.0);
        let mut flat = vec![0.0; network.params().len()];
        network.backward(&obs, ROWS, &mut ws, &mut flat);
        grads.params_mut().copy_from_slice(&flat);
        exact.check(&grads.to_tensors(), |exact| {
            let rows = obs.chunks_exact(5).zip(weights.chunks_exact(outputs));
            let row = |(obs, weights): (&[f32], &[f32])| {
                let values = exact_values(exact, architecture, &wide(obs));
                values.iter().zip(weights).map(|(q, w)| q * f64::from(*w)).sum::<f64>()
            };
            rows.map(row).sum()
        });
    }
}

#[test]
fn only_allowed_choices_are_best() {
    for mut network in networks() {
        network.shift_output(1, 100.0);
        let heads = network.architecture().head.choices().to_vec();
        let total: usize = heads.iter().sum();
        let (rows, obs) = (70, numbers(70 * 5));
        let mut ws = network.workspace(CHUNK);
        let mut best = vec![0; rows * heads.len()];
        network.act(&obs, None, &mut ws, &mut best);
        assert!(best.chunks_exact(heads.len()).all(|choices| choices[0] == 1));
        let masks: Vec<bool> = (0..rows * total).map(|at| at % total != 1).collect();
        network.act(&obs, Some(&masks), &mut ws, &mut best);
        assert!(best.chunks_exact(heads.len()).all(|choices| choices[0] != 1));
    }
}

#[test]
fn files_hold_the_whole_network() {
    for network in networks() {
        let mut tensors = network.to_tensors();
        assert!(QNetwork::is_in(&tensors));
        assert_eq!(QNetwork::from_tensors(&mut tensors).unwrap(), network);
        tensors.finish().unwrap();
    }
}

#[test]
fn impossible_networks_are_named() {
    let good = networks()[1].architecture().clone();
    let error = |change: &dyn Fn(&mut QArchitecture)| {
        let mut architecture = good.clone();
        change(&mut architecture);
        QNetwork::new(architecture, &mut Pcg64::new(1, 1)).unwrap_err().to_string()
    };
    assert!(error(&|a| a.obs_dim = 0).starts_with("network obs_dim"));
    assert!(error(&|a| a.hidden = vec![8]).contains("dueling streams, found [8]"));
    assert!(error(&|a| a.hidden = vec![]).starts_with("network hidden"));
    assert!(error(&|a| a.head = ActionHead::Gaussian(2)).starts_with("network head"));
}
