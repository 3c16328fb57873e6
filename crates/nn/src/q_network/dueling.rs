//! The body of a dueling network: a trunk, and from it one stream for the state's value and one for the advantages.
//!
//! Left out: what is chosen by the values.

use rand::Rng;

use crate::kernel::{Base, padded};
use crate::linear::Linear;
use crate::mlp::{Activation, Mlp, MlpCache};
use crate::{Result, Tensors};

/// A hidden layer with its activation and an affine output.
#[derive(Clone, Debug, PartialEq)]
struct Stream {
    hidden: Linear,
    output: Linear,
}

#[derive(Clone, Debug, Default)]
struct StreamCache {
    hidden: Vec<f32>,
    delta: Vec<f32>,
    /// Outputs, then the gradient with respect to them.
    outputs: Vec<f32>,
    hidden_transposed: Vec<f32>,
    output_transposed: Vec<f32>,
}

impl Stream {
    fn place(inputs: usize, width: usize, outputs: usize, len: &mut usize) -> Self {
        let hidden = Linear::place(inputs, width, len);
        Self { hidden, output: Linear::place(width, outputs, len) }
    }

    fn cache(&self, rows: usize) -> StreamCache {
        StreamCache {
            hidden: vec![0.0; rows * self.hidden.stride()],
            delta: vec![0.0; rows * self.hidden.stride()],
            outputs: vec![0.0; rows * self.output.stride()],
            ..StreamCache::default()
        }
    }

    fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        self.hidden.initialise_uniform(params, rng);
        self.output.initialise_uniform(params, rng);
    }

    fn forward(
        &self,
        params: &[f32],
        trunk: &[f32],
        activation: Activation,
        rows: usize,
        cache: &mut StreamCache,
    ) {
        let hidden = &mut cache.hidden[..rows * self.hidden.stride()];
        self.hidden.forward(params, trunk, padded(self.hidden.inputs), rows, hidden);
        activation.forward(hidden);
        self.output.forward(params, hidden, self.hidden.stride(), rows, &mut cache.outputs);
    }

    fn transpose(&self, params: &[f32], cache: &mut StreamCache) {
        self.hidden.transpose(params, &mut cache.hidden_transposed);
        self.output.transpose(params, &mut cache.output_transposed);
    }

    /// Gradient of the layers, and of the trunk's output into `below`.
    fn backward(
        &self,
        (trunk, below): (&[f32], &mut [f32]),
        base: Base<'_>,
        activation: Activation,
        rows: usize,
        cache: &mut StreamCache,
        grads: &mut [f32],
    ) {
        let size = rows * self.hidden.stride();
        self.output.backward(&cache.hidden, self.hidden.stride(), &cache.outputs, rows, grads);
        let delta = &mut cache.delta;
        self.output.backward_input(&cache.output_transposed, &cache.outputs, rows, delta, Base::Zero);
        activation.backward(&mut delta[..size], &cache.hidden[..size]);
        self.hidden.backward(trunk, padded(self.hidden.inputs), delta, rows, grads);
        self.hidden.backward_input(&cache.hidden_transposed, delta, rows, below, base);
    }

    fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        self.hidden.write(params, &format!("{name}.hidden"), tensors);
        self.output.write(params, &format!("{name}.output"), tensors);
    }

    fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        self.hidden.read(params, &format!("{name}.hidden"), tensors)?;
        self.output.read(params, &format!("{name}.output"), tensors)
    }
}

/// Trunk and streams.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dueling {
    obs_dim: usize,
    trunk: Mlp,
    value: Stream,
    advantage: Stream,
    activation: Activation,
}

/// What [`Dueling::forward`] leaves for the other methods.
#[derive(Clone, Debug, Default)]
pub(super) struct DuelingCache {
    trunk: MlpCache,
    value: StreamCache,
    advantage: StreamCache,
}

impl Dueling {
    pub(super) fn place(
        obs_dim: usize,
        hidden: &[usize],
        choices: usize,
        activation: Activation,
        len: &mut usize,
    ) -> Self {
        let (width, below) = hidden.split_last().expect("a dueling network has hidden layers");
        let trunk = Mlp::place(obs_dim, below, activation, len);
        let value = Stream::place(trunk.outputs(), *width, 1, len);
        let advantage = Stream::place(trunk.outputs(), *width, choices, len);
        Self { obs_dim, trunk, value, advantage, activation }
    }

    pub(super) fn advantage_output(&self) -> &Linear {
        &self.advantage.output
    }

    pub(super) fn cache(&self, rows: usize) -> DuelingCache {
        DuelingCache {
            trunk: self.trunk.cache(rows),
            value: self.value.cache(rows),
            advantage: self.advantage.cache(rows),
        }
    }

    pub(super) fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        self.trunk.initialise_uniform(params, rng);
        self.value.initialise(params, rng);
        self.advantage.initialise(params, rng);
    }

    pub(super) fn forward(&self, params: &[f32], obs: &[f32], rows: usize, cache: &mut DuelingCache) {
        self.trunk.forward(params, obs, self.obs_dim, rows, &mut cache.trunk);
        let trunk = cache.trunk.output();
        self.value.forward(params, trunk, self.activation, rows, &mut cache.value);
        self.advantage.forward(params, trunk, self.activation, rows, &mut cache.advantage);
    }

    /// `Q = V + A − mean A` of each row and head.
    pub(super) fn combine(&self, choices: &[usize], rows: usize, cache: &mut DuelingCache, q: &mut [f32]) {
        let (stride, value_stride) = (self.advantage.output.stride(), self.value.output.stride());
        for row in 0..rows {
            let value = cache.value.outputs[row * value_stride];
            let mut at = row * stride;
            for count in choices {
                let advantages = &cache.advantage.outputs[at..at + count];
                let base = value - advantages.iter().sum::<f32>() / *count as f32;
                q[at..at + count].iter_mut().zip(advantages).for_each(|(q, advantage)| *q = base + advantage);
                at += count;
            }
        }
    }

    /// Puts the gradient of the streams' outputs where [`Dueling::backward`] expects it, given that of the values.
    pub(super) fn part(&self, choices: &[usize], rows: usize, q: &[f32], cache: &mut DuelingCache) {
        let (stride, value_stride) = (self.advantage.output.stride(), self.value.output.stride());
        for row in 0..rows {
            let (mut at, mut total) = (row * stride, 0.0);
            for count in choices {
                let sum = q[at..at + count].iter().sum::<f32>();
                let mean = sum / *count as f32;
                let advantages = &mut cache.advantage.outputs[at..at + count];
                advantages.iter_mut().zip(&q[at..]).for_each(|(advantage, q)| *advantage = q - mean);
                (at, total) = (at + count, total + sum);
            }
            cache.advantage.outputs[at..(row + 1) * stride].fill(0.0);
            let values = &mut cache.value.outputs[row * value_stride..(row + 1) * value_stride];
            values.fill(0.0);
            values[0] = total;
        }
    }

    pub(super) fn transpose(&self, params: &[f32], cache: &mut DuelingCache) {
        self.trunk.transpose(params, false, &mut cache.trunk);
        self.value.transpose(params, &mut cache.value);
        self.advantage.transpose(params, &mut cache.advantage);
    }

    pub(super) fn backward(&self, obs: &[f32], rows: usize, cache: &mut DuelingCache, grads: &mut [f32]) {
        let DuelingCache { trunk, value, advantage } = cache;
        let (output, delta) = trunk.output_and_delta();
        self.value.backward((output, &mut *delta), Base::Zero, self.activation, rows, value, grads);
        self.advantage.backward((output, delta), Base::Existing, self.activation, rows, advantage, grads);
        self.trunk.backward(obs, self.obs_dim, rows, trunk, grads, None);
    }

    pub(super) fn write(&self, params: &[f32], tensors: &mut Tensors) {
        self.trunk.write(params, "trunk", tensors);
        self.value.write(params, "value", tensors);
        self.advantage.write(params, "advantage", tensors);
    }

    pub(super) fn read(&self, params: &mut [f32], tensors: &mut Tensors) -> Result<()> {
        self.trunk.read(params, "trunk", tensors)?;
        self.value.read(params, "value", tensors)?;
        self.advantage.read(params, "advantage", tensors)
    }
}
