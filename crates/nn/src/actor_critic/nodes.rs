//! An action head that scores the nodes of a graph with the same weights.
//!
//! Each node's numbers are joined with the context (the mean over all nodes, or what the LSTM makes of it), unless they are to
//! stand alone, go through the actor's hidden layers, and end in a few outputs of that node; further outputs are read from the context.
//!
//! Left out: the hidden layers and the nodes' output layer, which are the actor's.

use super::architecture::check;
use crate::Result;
use crate::distribution::ActionHead;
use crate::graph::{Graph, GraphHead};
use crate::kernel::{Base, padded};
use crate::linear::Linear;

/// How the outputs of an action head are read from nodes and context. For `n` nodes:
///
/// * `Discrete(k·n)`: choice `i·k + m` is move `m` of node `i`;
/// * `Discrete(1 + k·n)`: choice 0 is read from the context (leave all as it is), then as above;
/// * `MultiDiscrete([k; n])`: each node has its own choice of `k`;
/// * `MultiDiscrete([n, m])`: which node, and, from the context, which of `m` moves. The two are independent given the
///   observation, so the move cannot depend on the node; with two nodes, `[2, 2]` is read as the line before;
/// * `Gaussian(k·n)`: `k` numbers of each node; the log standard deviations are shared by the nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHead {
    nodes: usize,
    /// Outputs of each node.
    pub(super) node_outputs: usize,
    context_outputs: usize,
    /// Whether the context's outputs come before the nodes'.
    context_first: bool,
    /// From the context to its outputs.
    pub(super) context: Option<Linear>,
    embedding: usize,
    latent: usize,
    /// Numbers of the context beside each node: all or none.
    beside: usize,
}

/// Buffers of a node head.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeCache {
    /// `rows·nodes × stride`: node and context side by side.
    pub(super) joined: Vec<f32>,
    pub(super) joined_delta: Vec<f32>,
    /// `rows·nodes × padded(node_outputs)`.
    pub(super) outputs: Vec<f32>,
    /// `rows × padded(context_outputs)`.
    context_outputs: Vec<f32>,
    context_transposed: Vec<f32>,
}

/// Which output layer an output belongs to, and its place there.
pub(super) enum Place {
    Node(usize),
    Context(usize),
}

impl NodeHead {
    /// The head for such graphs and `latent` numbers of context.
    pub(super) fn new(head: &ActionHead, graph: &Graph, latent: usize) -> Result<Self> {
        let (nodes, embedding) = (graph.nodes, graph.outputs());
        let beside = if graph.head == GraphHead::Alone { 0 } else { latent };
        let (node_outputs, context_outputs, context_first) = match head {
            ActionHead::Discrete(n) | ActionHead::Gaussian(n) if n % nodes == 0 => (n / nodes, 0, false),
            ActionHead::Discrete(n) if *n > 1 && (n - 1) % nodes == 0 => ((n - 1) / nodes, 1, true),
            ActionHead::MultiDiscrete(choices) if choices.len() == nodes => (choices[0], 0, false),
            ActionHead::MultiDiscrete(choices) if choices.len() == 2 => (1, choices[1], false),
            _ => (0, 0, false),
        };
        let fits = match head {
            ActionHead::MultiDiscrete(choices) if choices.len() == nodes => {
                choices.iter().all(|count| *count == node_outputs)
            }
            ActionHead::MultiDiscrete(choices) => choices.len() == 2 && choices[0] == nodes,
            _ => node_outputs > 0,
        };
        let expected = format!("a number of outputs that {nodes} nodes share evenly");
        check("head", fits, expected, head)?;
        let context = None;
        Ok(Self { nodes, node_outputs, context_outputs, context_first, context, embedding, latent, beside })
    }

    /// Takes the places of the context's outputs.
    pub(super) fn place(&mut self, len: &mut usize) {
        let outputs = self.context_outputs;
        self.context = (outputs > 0).then(|| Linear::place(self.latent, outputs, len));
    }

    /// Numbers that go into the hidden layers for each node.
    pub(super) fn inputs(&self) -> usize {
        self.embedding + self.beside
    }

    pub(super) fn stride(&self) -> usize {
        padded(self.inputs())
    }

    /// Where one of the action head's outputs comes from.
    pub(super) fn find(&self, output: usize) -> Place {
        let first = if self.context_first { self.context_outputs } else { 0 };
        match output.checked_sub(first) {
            None => Place::Context(output),
            Some(at) if at < self.nodes * self.node_outputs => Place::Node(at % self.node_outputs),
            Some(at) => Place::Context(at - self.nodes * self.node_outputs),
        }
    }

    pub(super) fn cache(&self, rows: usize) -> NodeCache {
        let nodes = rows * self.nodes;
        NodeCache {
            joined: vec![0.0; nodes * self.stride()],
            joined_delta: vec![0.0; nodes * self.stride()],
            outputs: vec![0.0; nodes * padded(self.node_outputs)],
            context_outputs: vec![0.0; rows * padded(self.context_outputs)],
            context_transposed: Vec::new(),
        }
    }

    pub(super) fn transpose(&self, params: &[f32], cache: &mut NodeCache) {
        if let Some(context) = &self.context {
            context.transpose(params, &mut cache.context_transposed);
        }
    }

    /// Puts each node's numbers and its row's context side by side.
    pub(super) fn join(&self, embeddings: &[f32], latent: &[f32], rows: usize, joined: &mut [f32]) {
        let (embedding, context) = (padded(self.embedding), padded(self.latent));
        for row in 0..rows {
            let latent = &latent[row * context..][..self.beside];
            for node in row * self.nodes..(row + 1) * self.nodes {
                let to = &mut joined[node * self.stride()..];
                to[..self.embedding].copy_from_slice(&embeddings[node * embedding..][..self.embedding]);
                to[self.embedding..self.inputs()].copy_from_slice(latent);
            }
        }
    }

    /// Adds what flowed to the joined numbers to the gradients of the nodes and of the context.
    pub(super) fn part(&self, joined: &[f32], rows: usize, embeddings: &mut [f32], latent: &mut [f32]) {
        let add = |to: &mut [f32], from: &[f32]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        let (embedding, context) = (padded(self.embedding), padded(self.latent));
        for row in 0..rows {
            let latent = &mut latent[row * context..][..self.beside];
            for node in row * self.nodes..(row + 1) * self.nodes {
                let from = &joined[node * self.stride()..][..self.inputs()];
                add(&mut embeddings[node * embedding..][..self.embedding], &from[..self.embedding]);
                add(latent, &from[self.embedding..]);
            }
        }
    }

    /// The outputs of whole rows, `stride` apart, from those of the nodes in `cache` and of the context.
    pub(super) fn gather(
        &self,
        params: &[f32],
        latent: &[f32],
        rows: usize,
        cache: &mut NodeCache,
        outputs: &mut [f32],
        stride: usize,
    ) {
        if let Some(context) = &self.context {
            context.forward(params, latent, padded(self.latent), rows, &mut cache.context_outputs);
        }
        let (node_stride, context_stride) = (padded(self.node_outputs), padded(self.context_outputs));
        for (row, outputs) in outputs.chunks_exact_mut(stride).take(rows).enumerate() {
            let (nodes, context) = self.split(outputs);
            for (node, out) in nodes.chunks_exact_mut(self.node_outputs).enumerate() {
                let from = (row * self.nodes + node) * node_stride;
                out.copy_from_slice(&cache.outputs[from..][..self.node_outputs]);
            }
            let from = &cache.context_outputs[row * context_stride..][..self.context_outputs];
            context.copy_from_slice(from);
        }
    }

    /// The way back through [`NodeHead::gather`]: puts the nodes' part into `cache`, and adds the context's to
    /// `grads` and to the gradient of `latent`.
    pub(super) fn scatter(
        &self,
        (latent, d_latent): (&[f32], &mut [f32]),
        rows: usize,
        cache: &mut NodeCache,
        (outputs, stride): (&mut [f32], usize),
        grads: &mut [f32],
    ) {
        let (node_stride, context_stride) = (padded(self.node_outputs), padded(self.context_outputs));
        for (row, outputs) in outputs.chunks_exact_mut(stride).take(rows).enumerate() {
            let (nodes, context) = self.split(outputs);
            for (node, from) in nodes.chunks_exact(self.node_outputs).enumerate() {
                let to = &mut cache.outputs[(row * self.nodes + node) * node_stride..][..node_stride];
                to[..self.node_outputs].copy_from_slice(from);
                to[self.node_outputs..].fill(0.0);
            }
            let to = &mut cache.context_outputs[row * context_stride..][..context_stride];
            to[..self.context_outputs].copy_from_slice(context);
            to[self.context_outputs..].fill(0.0);
        }
        if let Some(context) = &self.context {
            let d = &cache.context_outputs;
            context.backward(latent, padded(self.latent), d, rows, grads);
            context.backward_input(&cache.context_transposed, d, rows, d_latent, Base::Existing);
        }
    }

    /// The nodes' and the context's part of one row of outputs.
    fn split<'a>(&self, outputs: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        let (nodes, context) = (self.nodes * self.node_outputs, self.context_outputs);
        if self.context_first {
            let (first, rest) = outputs[..context + nodes].split_at_mut(context);
            (rest, first)
        } else {
            outputs[..nodes + context].split_at_mut(nodes)
        }
    }
}
