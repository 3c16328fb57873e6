//! An affine layer, `y = x·W + b`, over a flat parameter vector.
//!
//! Left out: the activation that follows (see [`mlp`](crate::mlp)).

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::kernel::{self, Base, Left, padded};
use crate::{Result, Tensor, Tensors};

/// Sizes of a layer and where its parameters lie.
///
/// In memory the weights are `inputs × stride` (one row for each input, `stride` = outputs padded with zero
/// columns), followed by `stride` biases. In files they are `outputs × inputs`, as `PyTorch` has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    offset: usize,
}

impl Linear {
    /// Takes the next places of a parameter vector that so far has `len` entries, and lengthens that.
    pub fn place(inputs: usize, outputs: usize, len: &mut usize) -> Self {
        let layer = Self { inputs, outputs, offset: *len };
        *len += (inputs + 1) * layer.stride();
        layer
    }

    /// Distance between the rows of an output: `outputs` rounded up to the kernels' lanes.
    pub fn stride(&self) -> usize {
        padded(self.outputs)
    }

    fn weights(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.inputs * self.stride()
    }

    fn biases(&self) -> std::ops::Range<usize> {
        let start = self.weights().end;
        start..start + self.stride()
    }

    /// The weights, `inputs × stride`.
    pub(crate) fn weight<'a>(&self, params: &'a [f32]) -> &'a [f32] {
        &params[self.weights()]
    }

    pub(crate) fn weight_mut<'a>(&self, params: &'a mut [f32]) -> &'a mut [f32] {
        &mut params[self.weights()]
    }

    /// The biases, `stride` of them.
    pub(crate) fn bias<'a>(&self, params: &'a [f32]) -> &'a [f32] {
        &params[self.biases()]
    }

    pub(crate) fn bias_mut<'a>(&self, params: &'a mut [f32]) -> &'a mut [f32] {
        &mut params[self.biases()]
    }

    /// Orthogonal weights times `gain`, zero biases (Saxe et al. 2014).
    pub fn initialise(&self, params: &mut [f32], gain: f32, rng: &mut impl Rng) {
        let matrix = orthogonal(self.inputs, self.outputs, rng);
        let weights = &mut params[self.weights()];
        for (row, values) in weights.chunks_exact_mut(self.stride()).zip(matrix.chunks_exact(self.outputs)) {
            row.iter_mut().zip(values).for_each(|(weight, value)| *weight = gain * *value as f32);
        }
        params[self.biases()].fill(0.0);
    }

    /// Weights and biases uniform within `±1/√inputs`, `PyTorch`'s default for a linear layer.
    pub fn initialise_uniform(&self, params: &mut [f32], rng: &mut impl Rng) {
        let bound = 1.0 / (self.inputs as f32).sqrt();
        for row in params[self.offset..self.biases().end].chunks_exact_mut(self.stride()) {
            row[..self.outputs].fill_with(|| rng.random_range(-bound..bound));
        }
    }

    /// Zero weights; the given biases, or zero where there are none.
    pub fn set_constant(&self, params: &mut [f32], biases: &[f32]) {
        params[self.weights()].fill(0.0);
        params[self.biases()].fill(0.0);
        params[self.biases()][..biases.len()].copy_from_slice(biases);
    }

    /// Adds `by` to one output for every input.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift(&self, params: &mut [f32], output: usize, by: f32) {
        params[self.biases()][output] += by;
    }

    /// `y[rows×stride] = x[rows×inputs]·W + b`; rows of `x` are `x_stride` apart.
    pub fn forward(&self, params: &[f32], x: &[f32], x_stride: usize, rows: usize, y: &mut [f32]) {
        let bias = Base::Row(&params[self.biases()]);
        let left = Left::rows(x, x_stride);
        kernel::product(rows, self.inputs, self.stride(), left, &params[self.weights()], y, bias);
    }

    /// Adds `∂L/∂W = xᵀ·d` and `∂L/∂b = Σ d` to `grads`, for `d = ∂L/∂y` of `rows × stride`
    /// whose padding is zero.
    pub fn backward(&self, x: &[f32], x_stride: usize, d: &[f32], rows: usize, grads: &mut [f32]) {
        self.backward_weight(x, x_stride, d, rows, grads);
        kernel::add_rows(&d[..rows * self.stride()], &mut grads[self.biases()]);
    }

    /// Adds `∂L/∂W` alone, as [`Linear::backward`].
    pub(crate) fn backward_weight(
        &self,
        x: &[f32],
        x_stride: usize,
        d: &[f32],
        rows: usize,
        grads: &mut [f32],
    ) {
        let left = Left::transposed(x, x_stride);
        let weights = &mut grads[self.weights()];
        kernel::product(self.inputs, rows, self.stride(), left, d, weights, Base::Existing);
    }

    /// Writes `Wᵀ` as `outputs × padded(inputs)`, for [`Linear::backward_input`].
    pub fn transpose(&self, params: &[f32], transposed: &mut Vec<f32>) {
        let width = padded(self.inputs);
        transposed.resize(self.outputs * width, 0.0);
        let weights = &params[self.weights()];
        kernel::transpose(weights, self.inputs, self.outputs, self.stride(), transposed, width);
    }

    /// `dx[rows×padded(inputs)] (+)= d·Wᵀ`; `transposed` comes from [`Linear::transpose`].
    pub fn backward_input(&self, transposed: &[f32], d: &[f32], rows: usize, dx: &mut [f32], base: Base<'_>) {
        let left = Left::rows(d, self.stride());
        kernel::product(rows, self.outputs, padded(self.inputs), left, transposed, dx, base);
    }

    /// Puts `<name>.weight` (`outputs × inputs`) and `<name>.bias` into `tensors`.
    pub fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        let mut weight = vec![0.0; self.outputs * self.inputs];
        let weights = &params[self.weights()];
        kernel::transpose(weights, self.inputs, self.outputs, self.stride(), &mut weight, self.inputs);
        tensors.insert(format!("{name}.weight"), Tensor::new(vec![self.outputs, self.inputs], weight));
        let bias = params[self.biases()][..self.outputs].to_vec();
        tensors.insert(format!("{name}.bias"), Tensor::new(vec![self.outputs], bias));
    }

    /// Takes from `tensors` what [`Linear::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        let weight = tensors.take(&format!("{name}.weight"), &[self.outputs, self.inputs])?;
        let bias = tensors.take(&format!("{name}.bias"), &[self.outputs])?;
        let weights = &mut params[self.weights()];
        kernel::transpose(&weight, self.outputs, self.inputs, self.inputs, weights, self.stride());
        params[self.biases()][..self.outputs].copy_from_slice(&bias);
        Ok(())
    }
}

/// A `rows × columns` matrix whose shorter side is orthonormal, uniformly distributed: Gram–Schmidt on
/// normal vectors, twice, which leaves the diagonal of R positive as the uniform distribution wants.
fn orthogonal(rows: usize, columns: usize, rng: &mut impl Rng) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|_| rng.sample(StandardNormal)).collect();
        for _ in 0..2 {
            for other in &vectors {
                let dot: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vectors.push(vector.into_iter().map(|x| x / norm).collect());
    }
    let tall = rows >= columns;
    let entry = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        if tall { vectors[column][row] } else { vectors[row][column] }
    };
    (0..rows * columns).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64;

    use super::*;

    fn layer(inputs: usize, outputs: usize) -> (Linear, Vec<f32>, Pcg64) {
        let (mut len, mut rng) = (3, Pcg64::new(7, 1));
        let layer = Linear::place(inputs, outputs, &mut len);
        let mut params = vec![0.0; len];
        layer.initialise(&mut params, 1.5, &mut rng);
        (layer, params, rng)
    }

    #[test]
    fn initial_weights_are_orthogonal_with_the_asked_gain() {
        for (inputs, outputs) in [(5, 3), (3, 5), (16, 16)] {
            let (layer, params, _) = layer(inputs, outputs);
            let w = |i: usize, o: usize| f64::from(params[layer.weights()][i * layer.stride() + o]);
            let tall = inputs >= outputs;
            let short = inputs.min(outputs);
            for a in 0..short {
                for b in 0..short {
                    let dot: f64 = (0..inputs.max(outputs))
                        .map(|l| if tall { w(l, a) * w(l, b) } else { w(a, l) * w(b, l) })
                        .sum();
                    let expected = if a == b { 2.25 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "{inputs}×{outputs}: {dot}");
                }
            }
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (rows, inputs, outputs) = (5, 7, 3);
        let (layer, params, mut rng) = layer(inputs, outputs);
        let x: Vec<f32> = (0..rows * inputs).map(|_| rng.sample(StandardNormal)).collect();
        let target: Vec<f32> = (0..rows * outputs).map(|_| rng.sample(StandardNormal)).collect();
        // L = Σ target · y³ / 3 in double precision
        let loss = |params: &[f64], x: &[f64]| -> f64 {
            let mut loss = 0.0;
            for r in 0..rows {
                for o in 0..outputs {
                    let dot: f64 = (0..inputs)
                        .map(|i| x[r * inputs + i] * params[layer.weights().start + i * layer.stride() + o])
                        .sum();
                    let y = dot + params[layer.biases().start + o];
                    loss += f64::from(target[r * outputs + o]) * y.powi(3) / 3.0;
                }
            }
            loss
        };
        let mut y = vec![0.0; rows * layer.stride()];
        layer.forward(&params, &x, inputs, rows, &mut y);
        let mut d = vec![0.0; y.len()];
        for r in 0..rows {
            for o in 0..outputs {
                let y = y[r * layer.stride() + o];
                d[r * layer.stride() + o] = target[r * outputs + o] * y * y;
            }
        }
        let mut grads = vec![0.0; params.len()];
        layer.backward(&x, inputs, &d, rows, &mut grads);
        let mut transposed = Vec::new();
        layer.transpose(&params, &mut transposed);
        let mut dx = vec![0.0; rows * padded(inputs)];
        layer.backward_input(&transposed, &d, rows, &mut dx, Base::Zero);

        let wide = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let (p64, x64, h) = (wide(&params), wide(&x), 1e-5);
        for at in 0..params.len() {
            let (mut up, mut down) = (p64.clone(), p64.clone());
            up[at] += h;
            down[at] -= h;
            let expected = (loss(&up, &x64) - loss(&down, &x64)) / (2.0 * h);
            assert!((f64::from(grads[at]) - expected).abs() < 1e-4, "parameter {at}");
        }
        for at in 0..x.len() {
            let (mut up, mut down) = (x64.clone(), x64.clone());
            up[at] += h;
            down[at] -= h;
            let expected = (loss(&p64, &up) - loss(&p64, &down)) / (2.0 * h);
            let found = dx[at / inputs * padded(inputs) + at % inputs];
            assert!((f64::from(found) - expected).abs() < 1e-4, "input {at}");
        }
    }

    #[test]
    fn files_hold_what_memory_holds() {
        let (layer, params, _) = layer(4, 3);
        let mut tensors = Tensors::default();
        layer.write(&params, "a", &mut tensors);
        let mut read = vec![0.0; params.len()];
        layer.read(&mut read, "a", &mut tensors).unwrap();
        assert_eq!(read, params);
    }
}
