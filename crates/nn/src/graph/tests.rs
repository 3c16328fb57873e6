//! Gradients against finite differences, and what neighbours may and may not hear.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;

fn graph(kind: GraphLayer) -> Graph {
    Graph { nodes: 4, features: 3, layers: vec![6, 5], kind, head: GraphHead::Nodes, own: 0 }
}

const KINDS: [GraphLayer; 3] =
    [GraphLayer::Attention { heads: 1 }, GraphLayer::Attention { heads: 2 }, GraphLayer::Convolution];

fn sample(graph: &Graph, rows: usize) -> (GraphEncoder, Vec<f32>, Vec<f32>) {
    let (mut len, mut rng) = (1, Pcg64::new(3, 4));
    let encoder = GraphEncoder::place(graph, &mut len);
    let mut params = vec![0.0; len];
    encoder.initialise(&mut params, &mut rng);
    // Biases start at 0; the padding must stay there.
    let mut tensors = Tensors::default();
    encoder.write(&params, "e", &mut tensors);
    let own = (graph.own > 0).then(|| "e.own.bias".to_owned());
    for name in (0..graph.layers.len()).map(|layer| format!("e.{layer}.bias")).chain(own) {
        let count = tensors.get(&name).unwrap().data().len();
        let data = (0..count).map(|_| rng.random_range(-0.5..0.5)).collect();
        tensors.insert(name, crate::Tensor::new(vec![count], data));
    }
    encoder.read(&mut params, "e", &mut tensors).unwrap();
    let mut obs = Vec::new();
    for _ in 0..rows {
        obs.extend((0..graph.scalable()).map(|_| rng.sample::<f32, _>(StandardNormal)));
        obs.extend((0..graph.nodes * graph.nodes).map(|_| {
            let weight: f32 = rng.random_range(-1.0..1.0);
            if weight > 0.0 { weight } else { 0.0 }
        }));
    }
    (encoder, params, obs)
}

type Tensor64<'a> = &'a dyn Fn(&str) -> Vec<f64>;

/// The numbers of the nodes of one row in double precision: the last layer's, and their own beside them.
fn exact(tensor: Tensor64<'_>, graph: &Graph, obs: &[f32]) -> Vec<f64> {
    let heard = exact_layers(tensor, graph, obs);
    if graph.own == 0 {
        return heard;
    }
    let (weight, bias) = (tensor("e.own.weight"), tensor("e.own.bias"));
    let width = graph.layers[graph.layers.len() - 1];
    let nodes = heard.chunks_exact(width).zip(obs.chunks_exact(graph.features));
    let joined = nodes.map(|(heard, numbers)| {
        let rows = weight.chunks_exact(graph.features).zip(&bias);
        let own = rows.map(|(weights, bias)| {
            let sum: f64 = weights.iter().zip(numbers).map(|(weight, x)| weight * f64::from(*x)).sum();
            (sum + bias).max(0.0)
        });
        heard.iter().copied().chain(own).collect::<Vec<f64>>()
    });
    joined.flatten().collect()
}

/// The last layer's numbers of one row in double precision, from dense matrices.
fn exact_layers(tensor: Tensor64<'_>, graph: &Graph, obs: &[f32]) -> Vec<f64> {
    let n = graph.nodes;
    let edge = |from: usize, to: usize| {
        let weight = f64::from(obs[graph.scalable() + from * n + to]);
        if from == to { 1.0 } else { weight.max(0.0) }
    };
    let mut x: Vec<f64> = obs[..graph.scalable()].iter().map(|x| f64::from(*x)).collect();
    for (layer, width) in graph.layers.iter().enumerate() {
        let last = layer + 1 == graph.layers.len();
        let (weight, bias) = (tensor(&format!("e.{layer}.weight")), tensor(&format!("e.{layer}.bias")));
        let inputs = x.len() / n;
        let mut z = vec![0.0; n * width];
        for (at, z) in z.iter_mut().enumerate() {
            *z = (0..inputs).map(|p| x[at / width * inputs + p] * weight[at % width * inputs + p]).sum();
        }
        let heads = match graph.kind {
            GraphLayer::Attention { heads } if !last => heads,
            _ => 1,
        };
        let part = width / heads;
        let mut share = vec![0.0; heads * n * n];
        match graph.kind {
            GraphLayer::Convolution => {
                let degree = |node: usize| (0..n).map(|from| edge(from, node)).sum::<f64>().sqrt();
                for (at, share) in share.iter_mut().enumerate() {
                    let (from, to) = (at / n, at % n);
                    *share = edge(from, to) / (degree(from) * degree(to));
                }
            }
            GraphLayer::Attention { .. } => {
                let (source, target) =
                    (tensor(&format!("e.{layer}.source")), tensor(&format!("e.{layer}.target")));
                for head in 0..heads {
                    let dot = |node: usize, vector: &[f64]| -> f64 {
                        (0..part).map(|k| z[node * width + head * part + k] * vector[head * part + k]).sum()
                    };
                    for to in 0..n {
                        let score = |from: usize| {
                            let score = dot(from, &source) + dot(to, &target);
                            if edge(from, to) > 0.0 { score.max(0.2 * score).exp() } else { 0.0 }
                        };
                        let sum: f64 = (0..n).map(score).sum();
                        (0..n).for_each(|from| share[(head * n + from) * n + to] = score(from) / sum);
                    }
                }
            }
        }
        x = vec![0.0; n * width];
        for (at, x) in x.iter_mut().enumerate() {
            let (to, k) = (at / width, at % width);
            let sum = |from: usize| share[(k / part * n + from) * n + to] * z[from * width + k];
            let value = (0..n).map(sum).sum::<f64>() + bias[k];
            *x = match graph.kind {
                _ if last => value,
                GraphLayer::Convolution => value.max(0.0),
                GraphLayer::Attention { .. } => {
                    if value > 0.0 {
                        value
                    } else {
                        value.exp() - 1.0
                    }
                }
            };
        }
    }
    x
}

#[test]
fn gradients_agree_with_finite_differences() {
    let rows = 3;
    for (kind, own) in KINDS.into_iter().flat_map(|kind| [(kind, 0), (kind, 3)]) {
        let graph = Graph { own, ..graph(kind) };
        let (encoder, params, obs) = sample(&graph, rows);
        let mut cache = encoder.cache(rows);
        encoder.forward(&params, &obs, rows, &mut cache);
        let mut rng = Pcg64::new(9, 9);
        let (width, stride) = (encoder.outputs(), encoder.stride());
        let mut draw = |count: usize| -> Vec<f32> {
            let mut numbers = vec![0.0; count * stride];
            for row in numbers.chunks_exact_mut(stride) {
                row[..width].fill_with(|| rng.sample(StandardNormal));
            }
            numbers
        };
        let (of_nodes, of_pooled) = (draw(rows * graph.nodes), draw(rows));
        cache.clear_deltas();
        let (node_delta, pooled_delta) = cache.deltas();
        node_delta.copy_from_slice(&of_nodes);
        pooled_delta.copy_from_slice(&of_pooled);
        encoder.transpose(&params, &mut cache);
        let mut grads = vec![0.0; params.len()];
        encoder.backward(&params, rows, &mut cache, &mut grads);

        let loss = |tensor: Tensor64<'_>| -> f64 {
            let mut loss = 0.0;
            for (row, obs) in obs.chunks_exact(graph.obs_dim()).enumerate() {
                for (at, value) in exact(tensor, &graph, obs).iter().enumerate() {
                    let (node, k) = (at / width, at % width);
                    let own = of_nodes[(row * graph.nodes + node) * stride + k];
                    let pooled = of_pooled[row * stride + k] / graph.nodes as f32;
                    loss += f64::from(own + pooled) * value;
                }
            }
            loss
        };
        let (mut tensors, mut gradients) = (Tensors::default(), Tensors::default());
        encoder.write(&params, "e", &mut tensors);
        encoder.write(&grads, "e", &mut gradients);
        for name in tensors.names() {
            for at in 0..tensors.get(name).unwrap().data().len() {
                let moved = |by: f64| {
                    loss(&|wanted: &str| {
                        let data = tensors.get(wanted).unwrap().data();
                        let mut data: Vec<f64> = data.iter().map(|x| f64::from(*x)).collect();
                        if wanted == name {
                            data[at] += by;
                        }
                        data
                    })
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = f64::from(gradients.get(name).unwrap().data()[at]);
                assert!((found - expected).abs() < 5e-5, "{graph:?} {name}[{at}]: {found}, {expected}");
            }
        }
        let total = |values: &[f32]| values.iter().map(|x| f64::from(x.abs())).sum::<f64>();
        let named: f64 = gradients.names().map(|name| total(gradients.get(name).unwrap().data())).sum();
        assert!((total(&grads) - named).abs() < 1e-4, "{graph:?}: padding has no gradient");
    }
}

#[test]
fn messages_flow_along_the_edges_and_stay_in_their_row() {
    for kind in KINDS {
        let graph = Graph { layers: vec![6], own: 2, ..graph(kind) };
        let (encoder, params, mut obs) = sample(&graph, 2);
        // One edge in the first row: from node 0 to node 2.
        obs[graph.scalable()..graph.obs_dim()].fill(0.0);
        obs[graph.scalable() + 2] = 1.0;
        let run = |obs: &[f32]| {
            let mut cache = encoder.cache(2);
            encoder.forward(&params, obs, 2, &mut cache);
            cache.nodes().to_vec()
        };
        let (before, mut changed) = (run(&obs), obs.clone());
        changed[0] += 1.0;
        let (after, stride) = (run(&changed), encoder.stride());
        let moved: Vec<usize> = (0..8)
            .filter(|node| before[node * stride..][..stride] != after[node * stride..][..stride])
            .collect();
        assert_eq!(moved, [0, 2], "{kind:?}");
    }
}

#[test]
fn equal_graphs_in_another_order_give_equal_means() {
    for kind in KINDS {
        let graph = Graph { own: 4, ..graph(kind) };
        let (encoder, params, obs) = sample(&graph, 1);
        let order = [2, 0, 3, 1];
        let (n, features) = (graph.nodes, graph.features);
        let mut other: Vec<f32> =
            order.iter().flat_map(|node| &obs[node * features..][..features]).copied().collect();
        for from in order {
            other.extend(order.iter().map(|to| obs[graph.scalable() + from * n + to]));
        }
        let mut caches = [encoder.cache(1), encoder.cache(1)];
        encoder.forward(&params, &obs, 1, &mut caches[0]);
        encoder.forward(&params, &other, 1, &mut caches[1]);
        let pairs = caches[0].pooled().iter().zip(caches[1].pooled());
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{kind:?}: {a} {b}"));
    }
}
