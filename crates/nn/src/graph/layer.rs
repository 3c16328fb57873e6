//! One layer of a graph encoder: a matrix over all nodes, then a weighted sum over each node's edges.
//!
//! Left out: pooling.

use std::ops::Range;

use rand::{Rng, RngExt};

use super::GraphLayer;
use super::edges::Edges;
use crate::kernel::{self, Base, Left, padded};
use crate::linear::Linear;
use crate::{Result, Tensor, Tensors};

/// Slope of the scores' `LeakyReLU` below 0.
const SLOPE: f32 = 0.2;

/// Where the attention vectors lie, each padded to the layer's stride.
#[derive(Clone, Debug, PartialEq)]
struct Attention {
    heads: usize,
    source: usize,
    target: usize,
}

/// Sizes of a layer and where its parameters lie. The bias is added after the sum over edges.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    linear: Linear,
    /// None: convolution.
    attention: Option<Attention>,
    /// The last layer has no activation.
    last: bool,
}

/// What a layer leaves for its way back.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerCache {
    /// `nodes × stride`: numbers after the sum and the activation.
    pub(super) out: Vec<f32>,
    /// `nodes × stride`: numbers after the matrix.
    values: Vec<f32>,
    /// `nodes × heads`, of each node as a source and as a target.
    source_scores: Vec<f32>,
    target_scores: Vec<f32>,
    /// `edges × heads`: scores before `LeakyReLU`.
    scores: Vec<f32>,
    /// `edges × heads`.
    shares: Vec<f32>,
    /// `edges × heads`.
    d_shares: Vec<f32>,
    d_values: Vec<f32>,
    transposed: Vec<f32>,
}

impl Layer {
    pub(super) fn place(
        inputs: usize,
        outputs: usize,
        kind: GraphLayer,
        last: bool,
        len: &mut usize,
    ) -> Self {
        let linear = Linear::place(inputs, outputs, len);
        let attention = match kind {
            GraphLayer::Convolution => None,
            GraphLayer::Attention { heads } => {
                let (source, target) = (*len, *len + linear.stride());
                *len += 2 * linear.stride();
                Some(Attention { heads: if last { 1 } else { heads }, source, target })
            }
        };
        Self { linear, attention, last }
    }

    pub(super) fn outputs(&self) -> usize {
        self.linear.outputs
    }

    pub(super) fn stride(&self) -> usize {
        self.linear.stride()
    }

    pub(super) fn input_stride(&self) -> usize {
        padded(self.linear.inputs)
    }

    pub(super) fn is_convolution(&self) -> bool {
        self.attention.is_none()
    }

    fn heads(&self) -> usize {
        self.attention.as_ref().map_or(1, |attention| attention.heads)
    }

    fn vector(&self, start: usize) -> Range<usize> {
        start..start + self.outputs()
    }

    pub(super) fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        let bound = |sizes: usize| (6.0 / sizes as f32).sqrt();
        let (outputs, stride) = (self.outputs(), self.stride());
        let matrix = bound(self.linear.inputs + outputs);
        for row in self.linear.weight_mut(params).chunks_exact_mut(stride) {
            row[..outputs].fill_with(|| rng.random_range(-matrix..matrix));
        }
        self.linear.bias_mut(params).fill(0.0);
        if let Some(Attention { heads, source, target }) = &self.attention {
            let vector = bound(heads + outputs / heads);
            for start in [*source, *target] {
                params[self.vector(start)].fill_with(|| rng.random_range(-vector..vector));
            }
        }
    }

    pub(super) fn cache(&self, nodes: usize, edges: usize) -> LayerCache {
        let numbers = vec![0.0; nodes * self.stride()];
        let attention = if self.is_convolution() { 0 } else { self.heads() };
        let scores = vec![0.0; nodes * attention];
        LayerCache {
            out: numbers.clone(),
            values: numbers.clone(),
            source_scores: scores.clone(),
            target_scores: scores,
            scores: vec![0.0; edges * attention],
            shares: vec![0.0; edges * attention],
            d_shares: vec![0.0; edges * self.heads()],
            d_values: numbers,
            transposed: Vec::new(),
        }
    }

    pub(super) fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        x_stride: usize,
        edges: &Edges,
        nodes: usize,
        cache: &mut LayerCache,
    ) {
        let (stride, heads) = (self.stride(), self.heads());
        let width = self.outputs() / heads;
        let (size, left) = (nodes * stride, Left::rows(x, x_stride));
        let LayerCache { out, values, .. } = cache;
        let weight = self.linear.weight(params);
        kernel::product(nodes, self.linear.inputs, stride, left, weight, values, Base::Zero);
        let aggregation = edges.aggregation(heads, width, stride);
        let out = &mut out[..size];
        match &self.attention {
            None => kernel::aggregate(aggregation, edges.weights(), values, out),
            Some(attention) => {
                let (source, target) = (self.vector(attention.source), self.vector(attention.target));
                let values = &values[..size];
                kernel::dot_heads(values, stride, width, &params[source], &mut cache.source_scores);
                kernel::dot_heads(values, stride, width, &params[target], &mut cache.target_scores);
                let scores = (&cache.source_scores[..], &cache.target_scores[..]);
                attend(edges, nodes, heads, scores, &mut cache.scores, &mut cache.shares);
                kernel::aggregate(aggregation, &cache.shares, values, out);
            }
        }
        let bias = self.linear.bias(params);
        for row in out.chunks_exact_mut(stride) {
            row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
        }
        match (self.last, &self.attention) {
            (true, _) => {}
            (false, None) => kernel::relu(out),
            (false, Some(_)) => kernel::elu(out),
        }
    }

    pub(super) fn transpose(&self, params: &[f32], cache: &mut LayerCache) {
        self.linear.transpose(params, &mut cache.transposed);
    }

    /// Replaces `delta`, the gradient with respect to the output, by that with respect to the input; that of the
    /// first layer, which has no transposed weights, is used up only.
    #[expect(
        clippy::too_many_arguments,
        reason = "a layer, its input, its edges, its cache and two gradients"
    )]
    pub(super) fn backward(
        &self,
        params: &[f32],
        x: &[f32],
        x_stride: usize,
        edges: &Edges,
        nodes: usize,
        cache: &mut LayerCache,
        delta: &mut [f32],
        grads: &mut [f32],
    ) {
        let (stride, heads) = (self.stride(), self.heads());
        let (width, size) = (self.outputs() / heads, nodes * stride);
        match (self.last, &self.attention) {
            (true, _) => {}
            (false, None) => kernel::relu_backward(&mut delta[..size], &cache.out[..size]),
            (false, Some(_)) => kernel::elu_backward(&mut delta[..size], &cache.out[..size]),
        }
        kernel::add_rows(&delta[..size], self.linear.bias_mut(grads));
        let aggregation = edges.aggregation(heads, width, stride);
        let (values, d_values) = (&cache.values[..size], &mut cache.d_values[..size]);
        d_values.fill(0.0);
        let shares = if self.attention.is_some() { &cache.shares[..] } else { edges.weights() };
        let d_shares = &mut cache.d_shares;
        kernel::aggregate_backward(aggregation, shares, values, &delta[..size], d_shares, d_values);
        if let Some(attention) = &self.attention {
            let d_scores = (&mut cache.source_scores[..], &mut cache.target_scores[..]);
            attend_backward(edges, nodes, heads, (&cache.scores, shares, d_shares), d_scores);
            for (start, scores) in
                [(attention.source, &cache.source_scores), (attention.target, &cache.target_scores)]
            {
                let (vector, d_vector) = (&params[self.vector(start)], &mut grads[self.vector(start)]);
                kernel::add_outer_rows(scores, stride, width, (values, vector), d_values, d_vector);
            }
        }
        self.linear.backward_weight(x, x_stride, d_values, nodes, grads);
        if !cache.transposed.is_empty() {
            self.linear.backward_input(&cache.transposed, d_values, nodes, delta, Base::Zero);
        }
    }

    pub(super) fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        self.linear.write(params, name, tensors);
        if let Some(Attention { heads, source, target }) = &self.attention {
            for (start, part) in [(*source, "source"), (*target, "target")] {
                let (shape, data) =
                    (vec![*heads, self.outputs() / heads], params[self.vector(start)].to_vec());
                tensors.insert(format!("{name}.{part}"), Tensor::new(shape, data));
            }
        }
    }

    pub(super) fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        self.linear.read(params, name, tensors)?;
        if let Some(Attention { heads, source, target }) = &self.attention {
            for (start, part) in [(*source, "source"), (*target, "target")] {
                let data = tensors.take(&format!("{name}.{part}"), &[*heads, self.outputs() / heads])?;
                params[self.vector(start)].copy_from_slice(&data);
            }
        }
        Ok(())
    }
}

/// Each edge's share of its target's attention: the softmax of `LeakyReLU(source + target)` over the target's edges.
fn attend(
    edges: &Edges,
    nodes: usize,
    heads: usize,
    (sources, targets): (&[f32], &[f32]),
    scores: &mut [f32],
    shares: &mut [f32],
) {
    for target in 0..nodes {
        for head in 0..heads {
            let (of_target, mut max) = (targets[target * heads + head], f32::NEG_INFINITY);
            for edge in edges.range(target) {
                let score = sources[edges.sources()[edge] as usize * heads + head] + of_target;
                let leaky = if score > 0.0 { score } else { SLOPE * score };
                (scores[edge * heads + head], shares[edge * heads + head]) = (score, leaky);
                max = max.max(leaky);
            }
            edges.range(target).for_each(|edge| shares[edge * heads + head] -= max);
        }
    }
    kernel::exp(&mut shares[..edges.len() * heads]);
    for target in 0..nodes {
        for head in 0..heads {
            let sum: f32 = edges.range(target).map(|edge| shares[edge * heads + head]).sum();
            let scale = 1.0 / sum;
            edges.range(target).for_each(|edge| shares[edge * heads + head] *= scale);
        }
    }
}

/// The way back through [`attend`]: overwrites the gradients of the nodes' scores.
fn attend_backward(
    edges: &Edges,
    nodes: usize,
    heads: usize,
    (scores, shares, d_shares): (&[f32], &[f32], &[f32]),
    (d_sources, d_targets): (&mut [f32], &mut [f32]),
) {
    d_sources[..nodes * heads].fill(0.0);
    for target in 0..nodes {
        for head in 0..heads {
            let at = |edge: usize| edge * heads + head;
            let mean: f32 = edges.range(target).map(|edge| shares[at(edge)] * d_shares[at(edge)]).sum();
            let mut sum = 0.0;
            for edge in edges.range(target) {
                let slope = if scores[at(edge)] > 0.0 { 1.0 } else { SLOPE };
                let d_score = shares[at(edge)] * (d_shares[at(edge)] - mean) * slope;
                d_sources[edges.sources()[edge] as usize * heads + head] += d_score;
                sum += d_score;
            }
            d_targets[target * heads + head] = sum;
        }
    }
}
