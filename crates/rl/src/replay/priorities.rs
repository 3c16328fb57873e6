//! Proportional prioritisation (Schaul et al. 2016, arXiv:1511.05952): an entry is drawn with probability `pᵢᵅ / Σ pᵅ` for
//! `p = |δ| + ε`, and weighs `(N·P(i))^−β` over the batch's largest weight.
//!
//! The sums lie in a binary tree whose nodes are always the sum of their two children, so that they depend on the leaves
//! alone and a restored tree draws what the saved one would have drawn.
//!
//! Left out: the rank-based variant.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::range::{positive, share};

/// Constants of prioritisation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorityConfig {
    /// α: 0 draws uniformly, 1 in proportion to the error.
    pub alpha: f64,
    /// β at the start, 0 to 1; it grows in a straight line to 1 at the end of the run.
    pub beta: f64,
    /// Added to an error, so that no entry is never drawn again; above 0.
    pub eps: f64,
}

impl Default for PriorityConfig {
    /// The paper's for the proportional variant.
    fn default() -> Self {
        Self { alpha: 0.6, beta: 0.4, eps: 1e-6 }
    }
}

impl PriorityConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        share("priority.alpha", self.alpha)?;
        share("priority.beta", self.beta)?;
        positive("priority.eps", self.eps)
    }

    /// β when `progress_remaining` is left.
    pub fn beta_at(&self, progress_remaining: f64) -> f64 {
        self.beta + (1.0 - self.beta) * (1.0 - progress_remaining)
    }
}

/// Priorities of a ring's entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Priorities {
    config: PriorityConfig,
    /// Leaves: a power of two.
    width: usize,
    /// Node `i` has the children `2i` and `2i + 1`; leaf `j` is node `width + j`.
    tree: Vec<f64>,
    /// The largest `pᵅ` so far, 1 at first.
    max: f32,
}

impl Priorities {
    /// None yet, for `capacity` entries.
    pub fn new(config: PriorityConfig, capacity: usize) -> Self {
        let width = capacity.next_power_of_two();
        Self { config, width, tree: vec![0.0; 2 * width], max: 1.0 }
    }

    fn set_leaf(&mut self, at: usize, value: f32) {
        let mut node = self.width + at;
        self.tree[node] = f64::from(value);
        while node > 1 {
            node /= 2;
            self.tree[node] = self.tree[2 * node] + self.tree[2 * node + 1];
        }
    }

    /// A new entry, with the largest priority so far.
    pub fn add(&mut self, at: usize) {
        self.set_leaf(at, self.max);
    }

    /// An entry's absolute error has become known.
    pub fn set(&mut self, at: usize, error: f32) {
        let value = (f64::from(error) + self.config.eps).powf(self.config.alpha) as f32;
        self.max = self.max.max(value);
        self.set_leaf(at, value);
    }

    /// The entry at which the cumulated priority passes `mass`.
    fn find(&self, mut mass: f64) -> usize {
        let mut node = 1;
        while node < self.width {
            node *= 2;
            if mass >= self.tree[node] && self.tree[node + 1] > 0.0 {
                mass -= self.tree[node];
                node += 1;
            }
        }
        node - self.width
    }

    /// Draws as many of the first `len` entries as there are `indices`, one from each of as many equal parts of the sum.
    pub fn sample(&self, rng: &mut Pcg64, len: usize, indices: &mut [usize]) {
        let part = self.tree[1] / indices.len() as f64;
        for (at, index) in indices.iter_mut().enumerate() {
            *index = self.find((at as f64 + rng.random::<f64>()) * part).min(len - 1);
        }
    }

    /// Weights of drawn entries of a buffer with `len`.
    pub fn weigh(&self, indices: &[usize], len: usize, beta: f64, weights: &mut [f32]) {
        for (weight, at) in weights.iter_mut().zip(indices) {
            let probability = self.tree[self.width + at] / self.tree[1];
            *weight = (len as f64 * probability).powf(-beta) as f32;
        }
        let largest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for weight in weights.iter_mut() {
            *weight /= largest;
        }
    }

    /// `pᵅ` of the first `len` entries.
    pub fn leaves(&self, len: usize) -> Vec<f32> {
        self.tree[self.width..self.width + len].iter().map(|x| *x as f32).collect()
    }

    /// The largest `pᵅ` so far.
    pub fn max(&self) -> f32 {
        self.max
    }

    /// Takes on what [`Priorities::leaves`] and [`Priorities::max`] gave.
    pub fn restore(&mut self, leaves: &[f32], max: f32) {
        leaves.iter().enumerate().for_each(|(at, value)| self.set_leaf(at, *value));
        self.max = max;
    }
}
