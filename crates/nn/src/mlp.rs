//! Hidden layers one after the other, each followed by its activation.
//!
//! Left out: the output layer, whose width and start belong to the [`policy`](crate::policy).

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::kernel::{self, Base, padded};
use crate::linear::Linear;
use crate::{Result, Tensors};

/// Function applied to each hidden number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// `max(x, 0)`.
    Relu,
}

impl Activation {
    fn forward(self, values: &mut [f32]) {
        match self {
            Self::Tanh => kernel::tanh(values),
            Self::Relu => kernel::relu(values),
        }
    }

    fn backward(self, deltas: &mut [f32], outputs: &[f32]) {
        match self {
            Self::Tanh => kernel::tanh_backward(deltas, outputs),
            Self::Relu => kernel::relu_backward(deltas, outputs),
        }
    }
}

/// A stack of hidden layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
}

/// What [`Mlp::forward`] leaves for [`Mlp::backward`]; reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct MlpCache {
    /// For each layer, `rows × stride` activations.
    outputs: Vec<Vec<f32>>,
    /// For each layer, its transposed weights.
    transposed: Vec<Vec<f32>>,
    delta: Vec<f32>,
    next_delta: Vec<f32>,
}

impl MlpCache {
    /// The last layer's activations.
    pub fn output(&self) -> &[f32] {
        self.outputs.last().map_or(&[], Vec::as_slice)
    }

    /// Where the caller writes the gradient with respect to [`MlpCache::output`] before [`Mlp::backward`],
    /// beside that output.
    pub fn output_and_delta(&mut self) -> (&[f32], &mut [f32]) {
        (self.outputs.last().map_or(&[], Vec::as_slice), &mut self.delta)
    }
}

impl Mlp {
    /// Places layers of the given widths in a parameter vector of `len` entries so far.
    pub fn place(inputs: usize, hidden: &[usize], activation: Activation, len: &mut usize) -> Self {
        let widths = std::iter::once(&inputs).chain(hidden);
        let layers =
            widths.zip(hidden).map(|(inputs, outputs)| Linear::place(*inputs, *outputs, len)).collect();
        Self { layers, activation }
    }

    /// Numbers out.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Distance between the rows of an output.
    pub fn stride(&self) -> usize {
        padded(self.outputs())
    }

    /// Orthogonal weights with gain √2, zero biases.
    pub fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        self.layers.iter().for_each(|layer| layer.initialise(params, std::f32::consts::SQRT_2, rng));
    }

    /// A cache for at most `rows` rows at a time.
    pub fn cache(&self, rows: usize) -> MlpCache {
        let widest = self.layers.iter().map(Linear::stride).max().unwrap_or(0);
        MlpCache {
            outputs: self.layers.iter().map(|layer| vec![0.0; rows * layer.stride()]).collect(),
            transposed: vec![Vec::new(); self.layers.len()],
            delta: vec![0.0; rows * widest],
            next_delta: vec![0.0; rows * widest],
        }
    }

    /// Activations of `rows` rows of `x`, which are `x_stride` apart.
    pub fn forward(&self, params: &[f32], x: &[f32], x_stride: usize, rows: usize, cache: &mut MlpCache) {
        let (mut input, mut stride) = (x, x_stride);
        for (layer, output) in self.layers.iter().zip(&mut cache.outputs) {
            let output = &mut output[..rows * layer.stride()];
            layer.forward(params, input, stride, rows, output);
            self.activation.forward(output);
            (input, stride) = (output, layer.stride());
        }
    }

    /// Takes note of changed parameters, once before the calls of [`Mlp::backward`] that use them; the first layer's
    /// only where the input's gradient is asked for.
    pub fn transpose(&self, params: &[f32], input_too: bool, cache: &mut MlpCache) {
        let first = usize::from(!input_too);
        for (layer, transposed) in self.layers.iter().zip(&mut cache.transposed).skip(first) {
            layer.transpose(params, transposed);
        }
    }

    /// Adds the gradient of all layers to `grads`, after [`Mlp::forward`] of the same `x` and with the output's
    /// gradient in [`MlpCache::output_and_delta`], which is used up; and adds that of the input to `dx` (`rows × padded(inputs)`), if given.
    pub fn backward(
        &self,
        x: &[f32],
        x_stride: usize,
        rows: usize,
        cache: &mut MlpCache,
        grads: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let size = rows * layer.stride();
            self.activation.backward(&mut cache.delta[..size], &cache.outputs[at][..size]);
            let Some(below) = at.checked_sub(1) else {
                layer.backward(x, x_stride, &cache.delta, rows, grads);
                if let Some(dx) = dx {
                    let transposed = &cache.transposed[at];
                    layer.backward_input(transposed, &cache.delta, rows, dx, Base::Existing);
                }
                break;
            };
            layer.backward(&cache.outputs[below], padded(layer.inputs), &cache.delta, rows, grads);
            let transposed = &cache.transposed[at];
            layer.backward_input(transposed, &cache.delta, rows, &mut cache.next_delta, Base::Zero);
            std::mem::swap(&mut cache.delta, &mut cache.next_delta);
        }
    }

    /// Puts `<name>.<layer>.weight` and `.bias` into `tensors`.
    pub fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        for (at, layer) in self.layers.iter().enumerate() {
            layer.write(params, &format!("{name}.{at}"), tensors);
        }
    }

    /// Takes from `tensors` what [`Mlp::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        self.layers
            .iter()
            .enumerate()
            .try_for_each(|(at, layer)| layer.read(params, &format!("{name}.{at}"), tensors))
    }
}
