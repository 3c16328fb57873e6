//! A long short-term memory layer over whole sequences, with resets where episodes start.
//!
//! `PyTorch`'s equations and order of the gates (input, forget, cell, output), with its two biases, so that parameters
//! and optimiser steps agree number for number. All steps go through the input's matrix in one product and through the
//! weights' gradients in one; only the recurrent product is made step by step.
//!
//! Left out: several layers, projections, peepholes, dropout.

use rand::{Rng, RngExt};

use crate::kernel::{self, Base, Cell, CellGradient, Left, padded};
use crate::linear::Linear;
use crate::{Result, Tensor, Tensors};

const GATES: usize = 4;

/// Sizes of a layer and where its parameters lie. In memory each gate is padded to `stride` columns; in files the
/// tensors have `PyTorch`'s names and shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lstm {
    hidden: usize,
    input: Linear,
    recurrent: Linear,
}

/// How the rows of a batch follow each other, and what is remembered before them.
#[derive(Clone, Copy, Debug)]
pub struct Unroll<'a> {
    /// Rows, time-major: row `t × n + i` is step `t` of sequence `i`.
    pub rows: usize,
    /// Steps of each sequence.
    pub length: usize,
    /// `rows`, true where the state is zeroed before the row is seen; empty: nowhere.
    pub starts: &'a [bool],
    /// State of each sequence before its first step; rows `memory_stride` apart.
    pub memory: &'a [f32],
    /// Distance between the rows of `memory`.
    pub memory_stride: usize,
    /// Where in a row of `memory` the hidden state starts; the cell state follows it.
    pub memory_offset: usize,
}

/// What [`Lstm::forward`] leaves for [`Lstm::backward`]; reused from call to call. All are `rows × stride`, time-major,
/// unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct LstmCache {
    length: usize,
    rows: usize,
    starts: Vec<bool>,
    /// `rows × 4·stride`.
    gates: Vec<f32>,
    hidden_before: Vec<f32>,
    cell_before: Vec<f32>,
    hidden: Vec<f32>,
    cell: Vec<f32>,
    tanh: Vec<f32>,
    delta: Vec<f32>,
    /// Gradient with respect to the cell state, of one step.
    carried: Vec<f32>,
    bias: Vec<f32>,
    input_transposed: Vec<f32>,
    recurrent_transposed: Vec<f32>,
}

impl LstmCache {
    /// Hidden states of all rows, `rows × stride`.
    pub fn output(&self) -> &[f32] {
        &self.hidden
    }

    /// [`LstmCache::output`] beside its gradient, see [`LstmCache::delta`].
    pub fn output_and_delta(&mut self) -> (&[f32], &mut [f32]) {
        (&self.hidden, &mut self.delta)
    }

    /// Where the caller writes the gradient with respect to [`LstmCache::output`] before [`Lstm::backward`], which uses
    /// it up.
    pub fn delta(&mut self) -> &mut [f32] {
        &mut self.delta
    }
}

impl Lstm {
    /// Places a layer in a parameter vector of `len` entries so far.
    pub fn place(inputs: usize, hidden: usize, len: &mut usize) -> Self {
        let gates = GATES * padded(hidden);
        let input = Linear::place(inputs, gates, len);
        Self { hidden, input, recurrent: Linear::place(hidden, gates, len) }
    }

    /// Numbers out.
    pub fn outputs(&self) -> usize {
        self.hidden
    }

    /// Distance between the rows of an output.
    pub fn stride(&self) -> usize {
        padded(self.hidden)
    }

    /// Weights and biases uniform within `±1/√hidden`, `PyTorch`'s default, which sb3-contrib leaves as it is.
    pub fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        let bound = 1.0 / (self.hidden as f32).sqrt();
        let stride = self.stride();
        for matrix in [&self.input, &self.recurrent] {
            for gate in matrix.weight_mut(params).chunks_exact_mut(stride) {
                gate[..self.hidden].fill_with(|| rng.random_range(-bound..bound));
            }
            for gate in matrix.bias_mut(params).chunks_exact_mut(stride) {
                gate[..self.hidden].fill_with(|| rng.random_range(-bound..bound));
            }
        }
    }

    /// A cache for at most `rows` rows, over all steps, at a time.
    pub fn cache(&self, rows: usize) -> LstmCache {
        let state = vec![0.0; rows * self.stride()];
        LstmCache {
            starts: vec![false; rows],
            gates: vec![0.0; rows * GATES * self.stride()],
            hidden_before: state.clone(),
            cell_before: state.clone(),
            hidden: state.clone(),
            cell: state.clone(),
            tanh: state.clone(),
            delta: state.clone(),
            carried: state,
            bias: vec![0.0; GATES * self.stride()],
            ..LstmCache::default()
        }
    }

    /// Hidden states of all rows of `x`, which are `x_stride` apart.
    ///
    /// # Panics
    /// If the rows do not make whole sequences, or a slice is too short.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        x_stride: usize,
        unroll: Unroll<'_>,
        cache: &mut LstmCache,
    ) {
        let (stride, rows) = (self.stride(), unroll.rows);
        assert!(rows.is_multiple_of(unroll.length), "{rows} rows in sequences of {}", unroll.length);
        let n = rows / unroll.length;
        (cache.length, cache.rows) = (unroll.length, rows);
        if unroll.starts.is_empty() {
            cache.starts[..rows].fill(false);
        } else {
            cache.starts[..rows].copy_from_slice(&unroll.starts[..rows]);
        }
        let biases = self.input.bias(params).iter().zip(self.recurrent.bias(params));
        cache.bias.iter_mut().zip(biases).for_each(|(sum, (a, b))| *sum = a + b);
        let (base, left) = (Base::Row(&cache.bias), Left::rows(x, x_stride));
        let width = GATES * stride;
        kernel::product(
            rows,
            self.input.inputs,
            width,
            left,
            self.input.weight(params),
            &mut cache.gates,
            base,
        );
        for step in 0..unroll.length {
            let (from, to) = (step * n * stride, (step + 1) * n * stride);
            self.remember(step, n, unroll, cache);
            let gates = &mut cache.gates[from * GATES..to * GATES];
            let left = Left::rows(&cache.hidden_before[from..to], stride);
            let weight = self.recurrent.weight(params);
            kernel::product(n, self.hidden, width, left, weight, gates, Base::Existing);
            kernel::lstm_cell(Cell {
                width: stride,
                gates,
                before: &cache.cell_before[from..to],
                after: &mut cache.cell[from..to],
                tanh: &mut cache.tanh[from..to],
                hidden: &mut cache.hidden[from..to],
            });
        }
    }

    /// The state before a step: that after the step before, or the memory, or zeros where an episode starts.
    fn remember(&self, step: usize, n: usize, unroll: Unroll<'_>, cache: &mut LstmCache) {
        let stride = self.stride();
        for i in 0..n {
            let row = step * n + i;
            let at = row * stride..(row + 1) * stride;
            let (hidden, cell) = (&mut cache.hidden_before[at.clone()], &mut cache.cell_before[at.clone()]);
            if cache.starts[row] {
                hidden.fill(0.0);
                cell.fill(0.0);
            } else if step == 0 {
                let memory = &unroll.memory[i * unroll.memory_stride + unroll.memory_offset..];
                hidden[..self.hidden].copy_from_slice(&memory[..self.hidden]);
                cell[..self.hidden].copy_from_slice(&memory[self.hidden..2 * self.hidden]);
            } else {
                let before = at.start - n * stride..at.end - n * stride;
                hidden.copy_from_slice(&cache.hidden[before.clone()]);
                cell.copy_from_slice(&cache.cell[before]);
            }
        }
    }

    /// Writes the state after the last step into the rows of `memory`, laid out as in [`Unroll`].
    pub fn recall(&self, cache: &LstmCache, memory: &mut [f32], memory_stride: usize, memory_offset: usize) {
        let n = cache.rows / cache.length;
        for (i, row) in memory.chunks_exact_mut(memory_stride).take(n).enumerate() {
            let at = (cache.rows - n + i) * self.stride();
            let row = &mut row[memory_offset..];
            row[..self.hidden].copy_from_slice(&cache.hidden[at..at + self.hidden]);
            row[self.hidden..2 * self.hidden].copy_from_slice(&cache.cell[at..at + self.hidden]);
        }
    }

    /// Takes note of changed parameters, once before the calls of [`Lstm::backward`] that use them; the input's only
    /// where its gradient is asked for.
    pub fn transpose(&self, params: &[f32], input_too: bool, cache: &mut LstmCache) {
        self.recurrent.transpose(params, &mut cache.recurrent_transposed);
        if input_too {
            self.input.transpose(params, &mut cache.input_transposed);
        }
    }

    /// Adds the gradient of all parameters to `grads`, after [`Lstm::forward`] of the same `x` and with the output's
    /// gradient in [`LstmCache::delta`]; and adds that of the input to `dx` (`rows × padded(inputs)`), if given.
    /// Nothing flows back into the memory before the first step, as in sb3-contrib.
    pub fn backward(
        &self,
        x: &[f32],
        x_stride: usize,
        cache: &mut LstmCache,
        grads: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        let (stride, rows) = (self.stride(), cache.rows);
        let n = rows / cache.length;
        let size = n * stride;
        cache.carried[..size].fill(0.0);
        for step in (0..cache.length).rev() {
            let (from, to) = (step * size, (step + 1) * size);
            let gates = &mut cache.gates[from * GATES..to * GATES];
            let (earlier, now) = cache.delta.split_at_mut(from);
            kernel::lstm_cell_backward(CellGradient {
                width: stride,
                gates,
                before: &cache.cell_before[from..to],
                tanh: &cache.tanh[from..to],
                hidden: &now[..size],
                cell: &mut cache.carried[..size],
            });
            if step == 0 {
                break;
            }
            // The step's own delta has been used: its place takes what flows to the step before.
            let (flow, transposed) = (&mut now[..size], &cache.recurrent_transposed);
            self.recurrent.backward_input(transposed, gates, n, flow, Base::Zero);
            let earlier = &mut earlier[from - size..];
            for i in 0..n {
                let at = i * stride..(i + 1) * stride;
                if cache.starts[step * n + i] {
                    cache.carried[at].fill(0.0);
                } else {
                    earlier[at.clone()].iter_mut().zip(&flow[at]).for_each(|(sum, x)| *sum += x);
                }
            }
        }
        self.input.backward(x, x_stride, &cache.gates, rows, grads);
        self.recurrent.backward(&cache.hidden_before, stride, &cache.gates, rows, grads);
        if let Some(dx) = dx {
            self.input.backward_input(&cache.input_transposed, &cache.gates, rows, dx, Base::Existing);
        }
    }

    /// Puts `<name>.weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and `bias_hh_l0` into `tensors`, shaped as `PyTorch`'s.
    pub fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        let (stride, hidden) = (self.stride(), self.hidden);
        for (matrix, part) in [(&self.input, "ih"), (&self.recurrent, "hh")] {
            let (inputs, weights) = (matrix.inputs, matrix.weight(params));
            let mut weight = vec![0.0; GATES * hidden * inputs];
            for (gate, out) in weight.chunks_exact_mut(hidden * inputs).enumerate() {
                kernel::transpose(&weights[gate * stride..], inputs, hidden, GATES * stride, out, inputs);
            }
            let gates = matrix.bias(params).chunks_exact(stride);
            let bias: Vec<f32> = gates.flat_map(|gate| &gate[..hidden]).copied().collect();
            let shape = vec![GATES * hidden, inputs];
            tensors.insert(format!("{name}.weight_{part}_l0"), Tensor::new(shape, weight));
            tensors.insert(format!("{name}.bias_{part}_l0"), Tensor::new(vec![GATES * hidden], bias));
        }
    }

    /// Takes from `tensors` what [`Lstm::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        let (stride, hidden) = (self.stride(), self.hidden);
        for (matrix, part) in [(&self.input, "ih"), (&self.recurrent, "hh")] {
            let inputs = matrix.inputs;
            let weight = tensors.take(&format!("{name}.weight_{part}_l0"), &[GATES * hidden, inputs])?;
            let bias = tensors.take(&format!("{name}.bias_{part}_l0"), &[GATES * hidden])?;
            let weights = matrix.weight_mut(params);
            for (gate, values) in weight.chunks_exact(hidden * inputs).enumerate() {
                let out = &mut weights[gate * stride..];
                kernel::transpose(values, hidden, inputs, inputs, out, GATES * stride);
            }
            let gates = matrix.bias_mut(params).chunks_exact_mut(stride);
            gates.zip(bias.chunks_exact(hidden)).for_each(|(to, from)| to[..hidden].copy_from_slice(from));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
