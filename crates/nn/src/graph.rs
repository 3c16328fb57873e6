//! Graph encoders: attention (GAT) and convolution (GCN) over graphs that are part of the observation.
//!
//! A row of observations is `nodes × features` numbers of the nodes, followed by the `nodes × nodes` adjacency: the
//! entry in row `i` and column `j` is the weight of the edge `i → j`, 0 or less where there is none. Messages flow along
//! the edges, from `i` to `j`, and every node hears itself whatever the diagonal says. Attention takes no notice of
//! weights; convolution uses them. Each row has its own graph: a batch is one large graph without edges between
//! rows, its edges listed by target, so that products run over all nodes of all rows together.
//!
//! A mean over neighbours blurs what a node says of itself. With [`Graph::own`] a hidden layer that reads each node's own numbers alone
//! stands beside what the layers made of its neighbourhood, as `GraphSAGE` keeps the two apart (Hamilton et al. 2017,
//! arXiv:1706.02216, algorithm 1, line 5).
//!
//! Weights do not depend on the number of nodes.
//!
//! Left out: numbers on edges beside their weight, dropout, several kinds of nodes.

mod edges;
mod layer;

use rand::Rng;
use serde::{Deserialize, Serialize};

pub use self::edges::Edges;
use self::layer::{Layer, LayerCache};
use crate::kernel::{self, padded};
use crate::linear::Linear;
use crate::{Result, Tensors};

/// How nodes hear their neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphLayer {
    /// Graph attention (Veličković et al. 2018, arXiv:1710.10903), as `PyTorch` Geometric's `GATConv`: scores through
    /// `LeakyReLU` with slope 0.2, ELU between layers.
    Attention {
        /// Attention heads of all layers but the last, which has one; they divide those layers' widths and are
        /// concatenated.
        heads: usize,
    },
    /// Graph convolution (Kipf & Welling 2017, arXiv:1609.02907), as `PyTorch` Geometric's `GCNConv`: weights divided by
    /// the roots of both ends' weighted in-degrees, self included with weight 1; `ReLU` between layers.
    Convolution,
}

/// What the actor's outputs are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphHead {
    /// The mean of all nodes: any action head, but no notion of which node is which.
    #[default]
    Pooled,
    /// Each node, with the mean of all beside it: the same weights for every node. See
    /// [`NodeHead`](crate::actor_critic::NodeHead) for the action heads that fit.
    Nodes,
    /// Each node by itself: what it knows of others came along the edges, so that a node in a graph of another size sees nothing
    /// new. The critic reads the mean of all, as ever.
    Alone,
}

/// Sizes of a graph encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// Nodes of each row's graph, at least 1.
    #[serde(default)]
    pub nodes: usize,
    /// Numbers of each node in an observation, at least 1.
    #[serde(default)]
    pub features: usize,
    /// Numbers of each node after each layer; at least one layer.
    pub layers: Vec<usize>,
    /// How nodes hear their neighbours.
    pub kind: GraphLayer,
    /// What the actor's outputs are read from.
    #[serde(default)]
    pub head: GraphHead,
    /// Numbers that each node makes of its own alone (a linear layer and `ReLU`), beside those of the last layer; 0: none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub own: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(own: &usize) -> bool {
    *own == 0
}

impl Graph {
    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        self.nodes * (self.features + self.nodes)
    }

    /// Leading numbers of an observation that may be centred and scaled: all but the adjacency, whose zeros mean
    /// something.
    pub fn scalable(&self) -> usize {
        self.nodes * self.features
    }

    /// Numbers of each node after the last layer, its own included.
    pub fn outputs(&self) -> usize {
        self.layers.last().copied().unwrap_or(self.features) + self.own
    }
}

/// Layers over graphs, and the mean over their nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEncoder {
    nodes: usize,
    features: usize,
    layers: Vec<Layer>,
    own: Option<Linear>,
}

/// What [`GraphEncoder::forward`] leaves for [`GraphEncoder::backward`]; reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct GraphCache {
    edges: Edges,
    /// `rows·nodes × features`.
    features: Vec<f32>,
    layers: Vec<LayerCache>,
    /// `rows·nodes × padded(own)`, then its gradient; and the last layer's numbers with it beside them. Empty without it.
    own: Vec<f32>,
    joined: Vec<f32>,
    pooled: Vec<f32>,
    node_delta: Vec<f32>,
    pooled_delta: Vec<f32>,
    /// Gradient with respect to a layer's input.
    input_delta: Vec<f32>,
}

impl GraphCache {
    /// The last layer's numbers, and each node's own, `rows·nodes × stride`.
    pub fn nodes(&self) -> &[f32] {
        if !self.joined.is_empty() {
            return &self.joined;
        }
        self.layers.last().map_or(&[], |layer| &layer.out)
    }

    /// Their means, `rows × stride`.
    pub fn pooled(&self) -> &[f32] {
        &self.pooled
    }

    /// Where callers add the gradients with respect to [`GraphCache::nodes`] and [`GraphCache::pooled`], both 0 after
    /// [`GraphCache::clear_deltas`].
    pub fn deltas(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.node_delta, &mut self.pooled_delta)
    }

    /// [`GraphCache::pooled`] beside its gradient.
    pub fn pooled_and_delta(&mut self) -> (&[f32], &mut [f32]) {
        (&self.pooled, &mut self.pooled_delta)
    }

    /// Makes the gradients 0.
    pub fn clear_deltas(&mut self) {
        self.node_delta.fill(0.0);
        self.pooled_delta.fill(0.0);
    }
}

impl GraphEncoder {
    /// Places layers in a parameter vector of `len` entries so far.
    pub fn place(graph: &Graph, len: &mut usize) -> Self {
        let inputs = std::iter::once(&graph.features).chain(&graph.layers);
        let last = graph.layers.len() - 1;
        let layers = inputs.zip(&graph.layers).enumerate();
        let place = |(at, (inputs, outputs)): (usize, (&usize, &usize))| {
            Layer::place(*inputs, *outputs, graph.kind, at == last, len)
        };
        let layers = layers.map(place).collect();
        let own = (graph.own > 0).then(|| Linear::place(graph.features, graph.own, len));
        Self { nodes: graph.nodes, features: graph.features, layers, own }
    }

    /// Numbers of each node, and of the pooled row.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs) + self.own.as_ref().map_or(0, |own| own.outputs)
    }

    /// Distance between the rows of nodes and of pooled rows.
    pub fn stride(&self) -> usize {
        padded(self.outputs())
    }

    /// Weights uniform as Glorot & Bengio (2010), biases 0, as in `PyTorch` Geometric; those of the layer of own numbers orthogonal
    /// with gain √2, as hidden layers'.
    pub fn initialise(&self, params: &mut [f32], rng: &mut impl Rng) {
        self.layers.iter().for_each(|layer| layer.initialise(params, rng));
        if let Some(own) = &self.own {
            own.initialise(params, std::f32::consts::SQRT_2, rng);
        }
    }

    /// A cache for at most `rows` rows at a time.
    pub fn cache(&self, rows: usize) -> GraphCache {
        let (nodes, stride) = (rows * self.nodes, self.stride());
        let widest = self.layers.iter().map(Layer::input_stride).max().unwrap_or(0);
        GraphCache {
            edges: Edges::new(rows, self.nodes),
            features: vec![0.0; nodes * self.features],
            layers: self.layers.iter().map(|layer| layer.cache(nodes, nodes * self.nodes)).collect(),
            own: vec![0.0; self.own.as_ref().map_or(0, |own| nodes * own.stride())],
            joined: vec![0.0; self.own.as_ref().map_or(0, |_| nodes * stride)],
            pooled: vec![0.0; rows * stride],
            node_delta: vec![0.0; nodes * stride],
            pooled_delta: vec![0.0; rows * stride],
            input_delta: vec![0.0; nodes * widest.max(stride)],
        }
    }

    /// Node numbers and their means for `rows` rows of observations.
    pub fn forward(&self, params: &[f32], obs: &[f32], rows: usize, cache: &mut GraphCache) {
        let (size, nodes) = (self.nodes * self.features, rows * self.nodes);
        let GraphCache { edges, features, layers, own, joined, pooled, .. } = cache;
        let observations = obs.chunks_exact(size + self.nodes * self.nodes).take(rows);
        for (row, to) in observations.clone().zip(features.chunks_exact_mut(size)) {
            to.copy_from_slice(&row[..size]);
        }
        edges.read(observations.map(|row| &row[size..]), self.nodes);
        if self.layers.iter().any(Layer::is_convolution) {
            edges.normalise(nodes);
        }
        let (mut input, mut stride) = (&features[..], self.features);
        for (layer, cache) in self.layers.iter().zip(layers) {
            layer.forward(params, input, stride, edges, nodes, cache);
            (input, stride) = (&cache.out, layer.stride());
        }
        if let Some(layer) = &self.own {
            layer.forward(params, features, self.features, nodes, own);
            kernel::relu(&mut own[..nodes * layer.stride()]);
            let parts = input.chunks_exact(stride).zip(own.chunks_exact(layer.stride()));
            let heard = self.outputs() - layer.outputs;
            for (joined, (layers, own)) in joined.chunks_exact_mut(self.stride()).zip(parts).take(nodes) {
                joined[..heard].copy_from_slice(&layers[..heard]);
                joined[heard..][..layer.outputs].copy_from_slice(&own[..layer.outputs]);
            }
            (input, stride) = (&joined[..], self.stride());
        }
        let share = 1.0 / self.nodes as f32;
        let rows = input.chunks_exact(self.nodes * stride).zip(pooled.chunks_exact_mut(stride)).take(rows);
        for (nodes, pooled) in rows {
            pooled.fill(0.0);
            for node in nodes.chunks_exact(stride) {
                pooled.iter_mut().zip(node).for_each(|(sum, x)| *sum += x);
            }
            for x in pooled {
                *x *= share;
            }
        }
    }

    /// Takes note of changed parameters, once before the calls of [`GraphEncoder::backward`] that use them.
    pub fn transpose(&self, params: &[f32], cache: &mut GraphCache) {
        // Nothing flows back into the observations.
        for (layer, cache) in self.layers.iter().zip(&mut cache.layers).skip(1) {
            layer.transpose(params, cache);
        }
    }

    /// Adds the gradient of all layers to `grads`, after [`GraphEncoder::forward`] of the same rows and with the
    /// outputs' gradients in [`GraphCache::deltas`], which are used up.
    pub fn backward(&self, params: &[f32], rows: usize, cache: &mut GraphCache, grads: &mut [f32]) {
        let (nodes, stride, share) = (rows * self.nodes, self.stride(), 1.0 / self.nodes as f32);
        let GraphCache { edges, features, layers, own, node_delta, pooled_delta, input_delta, .. } = cache;
        let delta = &mut node_delta[..nodes * stride];
        let pooled = pooled_delta.chunks_exact(stride).take(rows);
        for (delta, pooled) in delta.chunks_exact_mut(self.nodes * stride).zip(pooled) {
            for node in delta.chunks_exact_mut(stride) {
                node.iter_mut().zip(pooled).for_each(|(to, from)| *to += share * from);
            }
        }
        match &self.own {
            None => input_delta[..nodes * stride].copy_from_slice(delta),
            Some(layer) => {
                let heard = self.outputs() - layer.outputs;
                let below = padded(heard);
                let own = &mut own[..nodes * layer.stride()];
                let parts = input_delta.chunks_exact_mut(below).zip(own.chunks_exact_mut(layer.stride()));
                for (from, (below, own)) in delta.chunks_exact(stride).zip(parts) {
                    below[..heard].copy_from_slice(&from[..heard]);
                    below[heard..].fill(0.0);
                    // ReLU's output is 0 where nothing flows back.
                    for (own, from) in own.iter_mut().zip(&from[heard..][..layer.outputs]) {
                        *own = if *own > 0.0 { *from } else { 0.0 };
                    }
                }
                layer.backward(features, self.features, own, nodes, grads);
            }
        }
        for at in (0..layers.len()).rev() {
            let (below, now) = layers.split_at_mut(at);
            let (input, x_stride) = match below.last() {
                Some(below) => (&below.out[..], self.layers[at].input_stride()),
                None => (&features[..], self.features),
            };
            let layer = &self.layers[at];
            layer.backward(params, input, x_stride, edges, nodes, &mut now[0], input_delta, grads);
        }
    }

    /// Puts `<name>.<layer>.*` into `tensors`, and `<name>.own.*`.
    pub fn write(&self, params: &[f32], name: &str, tensors: &mut Tensors) {
        for (at, layer) in self.layers.iter().enumerate() {
            layer.write(params, &format!("{name}.{at}"), tensors);
        }
        if let Some(own) = &self.own {
            own.write(params, &format!("{name}.own"), tensors);
        }
    }

    /// Takes from `tensors` what [`GraphEncoder::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&self, params: &mut [f32], name: &str, tensors: &mut Tensors) -> Result<()> {
        self.layers
            .iter()
            .enumerate()
            .try_for_each(|(at, layer)| layer.read(params, &format!("{name}.{at}"), tensors))?;
        match &self.own {
            Some(own) => own.read(params, &format!("{name}.own"), tensors),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
