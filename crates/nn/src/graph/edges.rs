//! The edges of a batch of graphs, listed by target.
//!
//! Left out: what flows along them.

use crate::kernel::Aggregation;

/// Edges of `rows` graphs as one graph whose nodes are numbered through. Each node's first edge is from itself.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// Edge number at which each target's edges start, and the number of edges.
    offsets: Vec<u32>,
    sources: Vec<u32>,
    /// Weight of each edge; 1 from a node to itself.
    weights: Vec<f32>,
    /// For convolution: one over the root of each node's in-degree.
    scales: Vec<f32>,
}

impl Edges {
    /// Room for `rows` graphs of `nodes` nodes.
    pub fn new(rows: usize, nodes: usize) -> Self {
        Self {
            offsets: Vec::with_capacity(rows * nodes + 1),
            sources: Vec::with_capacity(rows * nodes * nodes),
            weights: Vec::with_capacity(rows * nodes * nodes),
            scales: Vec::with_capacity(rows * nodes),
        }
    }

    /// Lists the edges of adjacency matrices, each `nodes × nodes`.
    pub fn read<'a>(&mut self, matrices: impl Iterator<Item = &'a [f32]>, nodes: usize) {
        self.offsets.clear();
        self.sources.clear();
        self.weights.clear();
        for (row, matrix) in matrices.enumerate() {
            let first = row * nodes;
            for target in 0..nodes {
                self.offsets.push(self.sources.len() as u32);
                self.sources.push((first + target) as u32);
                self.weights.push(1.0);
                for (source, weight) in matrix[target..].iter().step_by(nodes).enumerate() {
                    if *weight > 0.0 && source != target {
                        self.sources.push((first + source) as u32);
                        self.weights.push(*weight);
                    }
                }
            }
        }
        self.offsets.push(self.sources.len() as u32);
    }

    /// Divides each weight by the roots of the in-degrees of both its ends.
    pub fn normalise(&mut self, nodes: usize) {
        self.scales.clear();
        for target in 0..nodes {
            let degree: f32 = self.weights[self.range(target)].iter().sum();
            self.scales.push(1.0 / degree.sqrt());
        }
        for target in 0..nodes {
            for edge in self.range(target) {
                self.weights[edge] *= self.scales[target] * self.scales[self.sources[edge] as usize];
            }
        }
    }

    /// The numbers of the edges into a node.
    pub fn range(&self, target: usize) -> std::ops::Range<usize> {
        self.offsets[target] as usize..self.offsets[target + 1] as usize
    }

    /// Edges.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether nothing has been read.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Source of each edge.
    pub fn sources(&self) -> &[u32] {
        &self.sources
    }

    /// Weight of each edge.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// As the kernels take them.
    pub fn aggregation(&self, heads: usize, width: usize, stride: usize) -> Aggregation<'_> {
        Aggregation { offsets: &self.offsets, sources: &self.sources, heads, width, stride }
    }
}
