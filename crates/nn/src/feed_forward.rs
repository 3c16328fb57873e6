//! Hidden layers and an affine output: the body that action-value networks, critics of actions and their actors
//! are made of.
//!
//! It places itself in a parameter vector and owns none, so that several bodies can share one vector and one optimiser.
//! Whole batches pass at once: a cache is as large as its largest batch.
//!
//! Left out: what the outputs mean.

use rand::Rng;

use crate::kernel::{Base, padded};
use crate::linear::Linear;
use crate::mlp::{Activation, Mlp, MlpCache};
use crate::{Result, Tensors};

/// Hidden layers, each followed by its activation, and an affine output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedForward {
    inputs: usize,
    trunk: Mlp,
    output: Linear,
}

/// What [`FeedForward::forward`] leaves for the other methods; reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct FeedForwardCache {
    pub(crate) trunk: MlpCache,
    /// `rows × stride`: outputs, or the gradient with respect to them, which the caller writes there.
    pub outputs: Vec<f32>,
    pub(crate) transposed: Vec<f32>,
}

impl FeedForward {
    /// Places the layers in a parameter vector of `len` entries so far; `hidden` has at least one width.
    pub fn place(
        inputs: usize,
        hidden: &[usize],
        outputs: usize,
        activation: Activation,
        len: &mut usize,
    ) -> Self {
        let trunk = Mlp::place(inputs, hidden, activation, len);
        let output = Linear::place(trunk.outputs(), outputs, len);
        Self { inputs, trunk, output }
    }

    /// Distance between the rows of the outputs.
    pub fn stride(&self) -> usize {
        self.output.stride()
    }

    /// The output layer.
    pub fn output(&self) -> &Linear {
        &self.output
    }

    /// Distance between the rows of [`FeedForward::input_gradient`].
    pub fn input_stride(&self) -> usize {
        padded(self.inputs)
    }

    /// All layers as `PyTorch` starts them.
    pub fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        self.trunk.initialise_uniform(params, rng);
        self.output.initialise_uniform(params, rng);
    }

    /// A cache for at most `rows` rows at a time.
    pub fn cache(&self, rows: usize) -> FeedForwardCache {
        FeedForwardCache {
            trunk: self.trunk.cache(rows),
            outputs: vec![0.0; rows * self.stride()],
            transposed: Vec::new(),
        }
    }

    /// Outputs of `rows` contiguous rows of `x`, into the cache.
    pub fn forward(&self, params: &[f32], x: &[f32], rows: usize, cache: &mut FeedForwardCache) {
        self.trunk.forward(params, x, self.inputs, rows, &mut cache.trunk);
        let hidden = cache.trunk.output();
        self.output.forward(params, hidden, self.trunk.stride(), rows, &mut cache.outputs);
    }

    /// Takes note of changed parameters, before [`FeedForward::backward`].
    pub fn transpose(&self, params: &[f32], cache: &mut FeedForwardCache) {
        self.trunk.transpose(params, false, &mut cache.trunk);
        self.output.transpose(params, &mut cache.transposed);
    }

    /// Takes note of changed parameters, before [`FeedForward::input_gradient`].
    pub fn transpose_all(&self, params: &[f32], cache: &mut FeedForwardCache) {
        self.trunk.transpose(params, true, &mut cache.trunk);
        self.output.transpose(params, &mut cache.transposed);
    }

    /// Adds the gradient of all layers to `grads`, after [`FeedForward::forward`] of the same rows and with the outputs'
    /// gradient in place of the outputs, padding 0.
    pub fn backward(&self, x: &[f32], rows: usize, cache: &mut FeedForwardCache, grads: &mut [f32]) {
        let (hidden, _) = cache.trunk.output_and_delta();
        self.output.backward(hidden, self.trunk.stride(), &cache.outputs, rows, grads);
        self.backward_output(rows, cache);
        self.trunk.backward(x, self.inputs, rows, &mut cache.trunk, grads, None);
    }

    /// Writes the gradient with respect to the input, `rows × input stride`, and computes none of the layers' own; else
    /// as [`FeedForward::backward`].
    pub fn input_gradient(&self, rows: usize, cache: &mut FeedForwardCache, dx: &mut [f32]) {
        self.backward_output(rows, cache);
        self.trunk.input_gradient(rows, &mut cache.trunk, dx);
    }

    fn backward_output(&self, rows: usize, cache: &mut FeedForwardCache) {
        let (_, delta) = cache.trunk.output_and_delta();
        self.output.backward_input(&cache.transposed, &cache.outputs, rows, delta, Base::Zero);
    }

    /// Puts `<name>.<layer>…` and `<name>.output…` into `tensors`.
    pub fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        self.trunk.write(params, name, tensors);
        self.output.write(params, &format!("{name}.output"), tensors);
    }

    /// Takes from `tensors` what [`FeedForward::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        self.trunk.read(params, name, tensors)?;
        self.output.read(params, &format!("{name}.output"), tensors)
    }
}

/// Moves `target` towards `source` by a share of `tau` (Polyak averaging); 1 copies.
pub fn blend(target: &mut [f32], source: &[f32], tau: f64) {
    let (keep, take) = ((1.0 - tau) as f32, tau as f32);
    target.iter_mut().zip(source).for_each(|(target, source)| *target = keep * *target + take * source);
}
