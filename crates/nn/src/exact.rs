//! Networks in double precision, read from named tensors: what the gradients of single precision are checked against.
//!
//! Left out: speed.

use std::collections::BTreeMap;

use crate::mlp::Activation;
use crate::{Tensor, Tensors};

/// Named numbers in double precision.
#[derive(Clone)]
pub(crate) struct Exact {
    tensors: BTreeMap<String, Vec<f64>>,
    activation: Activation,
}

impl Exact {
    pub(crate) fn new(tensors: &Tensors, activation: Activation) -> Self {
        let wide = |tensor: &Tensor| tensor.data().iter().map(|x| f64::from(*x)).collect();
        let named = |name: &str| (name.to_owned(), wide(tensors.get(name).unwrap()));
        Self { tensors: tensors.names().map(named).collect(), activation }
    }

    /// `W·x + b` of one layer.
    pub(crate) fn affine(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (weight, bias) =
            (&self.tensors[&format!("{name}.weight")], &self.tensors[&format!("{name}.bias")]);
        let dot = |row: &[f64]| row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
        weight.chunks_exact(x.len()).zip(bias).map(|(row, bias)| dot(row) + bias).collect()
    }

    /// One layer with its activation.
    pub(crate) fn hidden(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let activate = |x: f64| if self.activation == Activation::Tanh { x.tanh() } else { x.max(0.0) };
        self.affine(name, x).into_iter().map(activate).collect()
    }

    /// Hidden layers `<name>.0…` and the output `<name>.output`.
    pub(crate) fn feed_forward(&self, name: &str, layers: usize, x: &[f64]) -> Vec<f64> {
        let hidden = (0..layers).fold(x.to_vec(), |x, at| self.hidden(&format!("{name}.{at}"), &x));
        self.affine(&format!("{name}.output"), &hidden)
    }

    /// Compares each entry of `grads` with the central difference of `loss`.
    pub(crate) fn check(&self, grads: &Tensors, loss: impl Fn(&Self) -> f64) {
        let h = 1e-6;
        for name in grads.names() {
            for (at, found) in grads.get(name).unwrap().data().iter().enumerate() {
                let moved = |by: f64| {
                    let mut moved = self.clone();
                    moved.tensors.get_mut(name).unwrap()[at] += by;
                    loss(&moved)
                };
                let expected = (moved(h) - moved(-h)) / (2.0 * h);
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 2e-4 * (1.0 + expected.abs()), "{name}[{at}]: {found}, expected {expected}");
            }
        }
    }
}

/// Compares a gradient with respect to inputs with the central difference of `loss`.
pub(crate) fn check_inputs(inputs: &[f32], grads: &[f32], loss: impl Fn(&[f64]) -> f64) {
    let wide: Vec<f64> = inputs.iter().map(|x| f64::from(*x)).collect();
    let h = 1e-6;
    for (at, found) in grads.iter().enumerate() {
        let moved = |by: f64| {
            let mut moved = wide.clone();
            moved[at] += by;
            loss(&moved)
        };
        let expected = (moved(h) - moved(-h)) / (2.0 * h);
        let error = (f64::from(*found) - expected).abs();
        assert!(error < 2e-4 * (1.0 + expected.abs()), "input {at}: {found}, expected {expected}");
    }
}

/// Single precision widened.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}
