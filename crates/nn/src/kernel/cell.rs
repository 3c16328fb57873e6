//! The LSTM cell between its matrix products, for rows of gates that lie one block after the other.
//!
//! Left out: the products, and what happens over time (see [`lstm`](crate::lstm)).

use super::elementary::{sigmoid_all, tanh_all};
use super::{FUSED, fma, has_avx2};

/// What a cell reads and leaves, each `rows × width` unless told otherwise; one step of some rows.
#[derive(Debug)]
pub struct Cell<'a> {
    /// Numbers in a state, a multiple of [`LANES`](super::LANES).
    pub width: usize,
    /// `rows × 4·width`: input, forget, cell and output gate, before and after their activations.
    pub gates: &'a mut [f32],
    /// Cell state before the step.
    pub before: &'a [f32],
    /// Cell state after the step.
    pub after: &'a mut [f32],
    /// Its hyperbolic tangent.
    pub tanh: &'a mut [f32],
    /// Hidden state after the step.
    pub hidden: &'a mut [f32],
}

#[inline(always)]
fn cell_all<const F: bool>(cell: Cell<'_>) {
    let Cell { width, gates, before, after, tanh, hidden } = cell;
    let states = before.chunks_exact(width).zip(after.chunks_exact_mut(width));
    let outputs = tanh.chunks_exact_mut(width).zip(hidden.chunks_exact_mut(width));
    for ((gates, (before, after)), (tanh, hidden)) in
        gates.chunks_exact_mut(4 * width).zip(states).zip(outputs)
    {
        let (first, rest) = gates.split_at_mut(2 * width);
        let (cell, output) = rest.split_at_mut(width);
        sigmoid_all::<F>(first);
        tanh_all::<F>(cell);
        sigmoid_all::<F>(output);
        let (input, forget) = first.split_at(width);
        for k in 0..width {
            after[k] = fma::<F>(forget[k], before[k], input[k] * cell[k]);
        }
        tanh.copy_from_slice(after);
        tanh_all::<F>(tanh);
        for k in 0..width {
            hidden[k] = output[k] * tanh[k];
        }
    }
}

/// What the way back through a cell reads and leaves, each `rows × width` unless told otherwise.
#[derive(Debug)]
pub struct CellGradient<'a> {
    /// Numbers in a state.
    pub width: usize,
    /// `rows × 4·width`: gates after their activations, replaced by the gradient before them.
    pub gates: &'a mut [f32],
    /// Cell state before the step.
    pub before: &'a [f32],
    /// Hyperbolic tangent of the cell state after it.
    pub tanh: &'a [f32],
    /// Gradient with respect to the hidden state.
    pub hidden: &'a [f32],
    /// Gradient with respect to the cell state: what comes from later steps, replaced by what goes to earlier ones.
    pub cell: &'a mut [f32],
}

#[inline(always)]
fn cell_chain<const F: bool>(gradient: CellGradient<'_>) {
    let CellGradient { width, gates, before, tanh, hidden, cell } = gradient;
    let read = before.chunks_exact(width).zip(tanh.chunks_exact(width)).zip(hidden.chunks_exact(width));
    for ((gates, ((before, tanh), hidden)), carried) in
        gates.chunks_exact_mut(4 * width).zip(read).zip(cell.chunks_exact_mut(width))
    {
        let (input, rest) = gates.split_at_mut(width);
        let (forget, rest) = rest.split_at_mut(width);
        let (cell, output) = rest.split_at_mut(width);
        for k in 0..width {
            let (i, f, g, o, t) = (input[k], forget[k], cell[k], output[k], tanh[k]);
            let d = fma::<F>(hidden[k] * o, 1.0 - t * t, carried[k]);
            input[k] = d * g * i * (1.0 - i);
            forget[k] = d * before[k] * f * (1.0 - f);
            cell[k] = d * i * (1.0 - g * g);
            output[k] = hidden[k] * t * o * (1.0 - o);
            carried[k] = d * f;
        }
    }
}

dispatched! {
    /// One step of the cell: `c' = σ(f)·c + σ(i)·tanh(g)`, `h = σ(o)·tanh(c')`.
    pub fn lstm_cell(cell: Cell<'_>) => cell_all
}
dispatched! {
    /// The way back through [`lstm_cell`].
    pub fn lstm_cell_backward(gradient: CellGradient<'_>) => cell_chain
}
