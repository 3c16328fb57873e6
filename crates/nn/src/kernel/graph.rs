//! Sums over the edges of graphs, weighted for each edge and attention head.
//!
//! Left out: where the edges and weights come from (see [`graph`](crate::graph)).

use super::{FUSED, LANES, fma, has_avx2};

/// The edges of a batch of graphs by target, and how wide a head is.
#[derive(Clone, Copy, Debug)]
pub struct Aggregation<'a> {
    /// Edge numbers at which each target's edges start, and the number of edges.
    pub offsets: &'a [u32],
    /// Source of each edge.
    pub sources: &'a [u32],
    /// Attention heads.
    pub heads: usize,
    /// Numbers a head has of each node.
    pub width: usize,
    /// Distance between the rows of nodes, at least `heads × width`.
    pub stride: usize,
}

#[inline(always)]
fn dot<const F: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum = fma::<F>(*a, *b, *sum);
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[inline(always)]
fn add_scaled<const F: bool>(to: &mut [f32], factor: f32, from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = fma::<F>(factor, *from, *to));
}

#[inline(always)]
fn aggregate_all<const F: bool>(edges: Aggregation<'_>, weights: &[f32], values: &[f32], out: &mut [f32]) {
    let Aggregation { offsets, sources, heads, width, stride } = edges;
    for (ends, out) in offsets.windows(2).zip(out.chunks_exact_mut(stride)) {
        out.fill(0.0);
        for edge in ends[0] as usize..ends[1] as usize {
            let source = &values[sources[edge] as usize * stride..][..stride];
            let weights = &weights[edge * heads..][..heads];
            let parts = out.chunks_exact_mut(width).zip(source.chunks_exact(width));
            parts.zip(weights).for_each(|((out, source), weight)| add_scaled::<F>(out, *weight, source));
        }
    }
}

#[inline(always)]
fn aggregate_chain<const F: bool>(
    edges: Aggregation<'_>,
    weights: &[f32],
    values: &[f32],
    d_out: &[f32],
    d_weights: &mut [f32],
    d_values: &mut [f32],
) {
    let Aggregation { offsets, sources, heads, width, stride } = edges;
    for (ends, d_out) in offsets.windows(2).zip(d_out.chunks_exact(stride)) {
        for edge in ends[0] as usize..ends[1] as usize {
            let source = sources[edge] as usize * stride;
            let (values, d_values) = (&values[source..][..stride], &mut d_values[source..][..stride]);
            for head in 0..heads {
                let (at, part) = (edge * heads + head, head * width..(head + 1) * width);
                let d_out = &d_out[part.clone()];
                d_weights[at] = dot::<F>(d_out, &values[part.clone()]);
                add_scaled::<F>(&mut d_values[part], weights[at], d_out);
            }
        }
    }
}

#[inline(always)]
fn dot_all<const F: bool>(values: &[f32], stride: usize, width: usize, vector: &[f32], out: &mut [f32]) {
    let heads = vector.len() / width;
    for (values, out) in values.chunks_exact(stride).zip(out.chunks_exact_mut(heads)) {
        let parts = values.chunks_exact(width).zip(vector.chunks_exact(width));
        out.iter_mut().zip(parts).for_each(|(out, (values, vector))| *out = dot::<F>(values, vector));
    }
}

#[inline(always)]
fn outer_all<const F: bool>(
    scores: &[f32],
    stride: usize,
    width: usize,
    (values, vector): (&[f32], &[f32]),
    d_values: &mut [f32],
    d_vector: &mut [f32],
) {
    let heads = vector.len() / width;
    let rows = values.chunks_exact(stride).zip(d_values.chunks_exact_mut(stride));
    for (scores, (values, d_values)) in scores.chunks_exact(heads).zip(rows) {
        for (head, score) in scores.iter().enumerate() {
            let part = head * width..(head + 1) * width;
            add_scaled::<F>(&mut d_values[part.clone()], *score, &vector[part.clone()]);
            add_scaled::<F>(&mut d_vector[part.clone()], *score, &values[part]);
        }
    }
}

dispatched! {
    /// `out[i, h] = Σ weights[e, h] · values[source(e), h]` over the edges `e` into `i`; `weights` is `edges × heads`.
    pub fn aggregate(edges: Aggregation<'_>, weights: &[f32], values: &[f32], out: &mut [f32]) => aggregate_all
}
dispatched! {
    /// The way back through [`aggregate`]: writes `d_weights` and adds to `d_values`.
    pub fn aggregate_backward(
        edges: Aggregation<'_>,
        weights: &[f32],
        values: &[f32],
        d_out: &[f32],
        d_weights: &mut [f32],
        d_values: &mut [f32]
    ) => aggregate_chain
}
dispatched! {
    /// `out[i, h] = values[i, h] · vector[h]` for rows `stride` apart and heads `width` wide.
    pub fn dot_heads(values: &[f32], stride: usize, width: usize, vector: &[f32], out: &mut [f32]) => dot_all
}
dispatched! {
    /// The way back through [`dot_heads`], given the scores' gradient and `(values, vector)`: adds to `d_values` and
    /// `d_vector`.
    pub fn add_outer_rows(
        scores: &[f32],
        stride: usize,
        width: usize,
        read: (&[f32], &[f32]),
        d_values: &mut [f32],
        d_vector: &mut [f32]
    ) => outer_all
}
