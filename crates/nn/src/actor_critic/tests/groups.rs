//! Freezing and transfer, and the same weights on other graphs.

use rand_pcg::Pcg64;

use super::*;
use crate::graph::{Graph, GraphHead, GraphLayer};
use crate::{Adam, Group, RmsProp};

fn described(nodes: usize, head: ActionHead, kind: GraphHead, memory: bool) -> Architecture {
    let graph = Graph {
        nodes,
        features: 2,
        layers: vec![8, 6],
        kind: GraphLayer::Attention { heads: 2 },
        head: kind,
        own: 4,
    };
    let recurrence = Recurrence { hidden_size: 5, critic: CriticRecurrence::Separate };
    Architecture {
        obs_dim: graph.obs_dim(),
        recurrence: memory.then_some(recurrence),
        encoder: Encoder::Graph(graph),
        ..architecture(head, false, Activation::Tanh)
    }
}

fn fresh(architecture: Architecture, seed: u64) -> ActorCritic {
    let start = Initialisation { output_gain: 1.0, ..Initialisation::default() };
    ActorCritic::new(architecture, &start, &mut Pcg64::new(u128::from(seed), 1)).unwrap()
}

/// A gradient of both actor and critic.
fn gradient(policy: &ActorCritic) -> Vec<f32> {
    let (rows, mut rng) = (4, Pcg64::new(1, 2));
    let obs: Vec<f32> =
        (0..rows * policy.architecture().obs_dim).map(|_| rand::RngExt::random(&mut rng)).collect();
    let mut ws = policy.workspace();
    let (starts, memory) = (vec![false; rows], policy.memory(1));
    let sequences = Sequences { length: rows, starts: &starts, memory: memory.as_slice() };
    let (inputs, actions) = (Inputs::new(&obs, None), ActionSlice::Choices(&[1, 0, 2, 1]));
    policy.evaluate(inputs, actions, Some(sequences), &mut ws);
    policy.prepare_backward(&mut ws);
    let upstream = EvaluationGradient { log_probs: &[1.0; 4], entropies: 0.1, values: &[1.0; 8] };
    let mut grads = vec![0.0; policy.params().len()];
    policy.backward(inputs, actions, upstream, &mut ws, &mut grads);
    grads
}

#[test]
fn frozen_groups_stay_as_they_are_to_the_bit_while_others_move() {
    for group in Group::ALL {
        let mut policy = fresh(described(3, ActionHead::Discrete(7), GraphHead::Nodes, true), 1);
        let mut adam = Adam::new(policy.params().len(), 1e-5);
        let mut rms_prop = RmsProp::new(policy.params().len(), 1e-5);
        let grads = gradient(&policy);
        adam.step(policy.params_mut(), &grads, 0.01, 1.0).unwrap();
        rms_prop.step(policy.params_mut(), &grads, 0.01, 1.0).unwrap();
        policy.freeze(group);
        adam.forget(policy.group(group));
        let before = policy.clone();
        for _ in 0..3 {
            let grads = gradient(&policy);
            adam.step(policy.params_mut(), &grads, 0.01, 1.0).unwrap();
            rms_prop.step(policy.params_mut(), &grads, 0.01, 1.0).unwrap();
        }
        for other in Group::ALL {
            let range = policy.group(other);
            assert!(!range.is_empty());
            let same = policy.params()[range.clone()] == before.params()[range];
            assert_eq!(same, other == group, "{other:?} with {group:?} frozen");
        }
        let again = ActorCritic::from_tensors(&mut policy.to_tensors()).unwrap();
        assert_eq!(again.frozen(), [group], "freezing travels with the tensors");
        policy.unfreeze(group);
        assert!(gradient(&policy)[policy.group(group)].iter().any(|x| *x != 0.0));
    }
}

#[test]
fn groups_cover_all_parameters() {
    for memory in [false, true] {
        let policy = fresh(described(3, ActionHead::Discrete(7), GraphHead::Nodes, memory), 1);
        let mut end = 0;
        for group in Group::ALL {
            assert_eq!(policy.group(group).start, end);
            end = policy.group(group).end;
        }
        assert_eq!(end, policy.params().len());
    }
}

#[test]
fn weights_of_some_groups_come_from_another_network() {
    let from = fresh(described(3, ActionHead::Discrete(7), GraphHead::Nodes, true), 1);
    let mut policy = fresh(described(5, ActionHead::Discrete(4), GraphHead::Pooled, true), 2);
    let before = policy.clone();
    policy.copy_weights(&from, &[Group::Encoder, Group::Recurrence, Group::Critic]).unwrap();
    for group in Group::ALL {
        let range = policy.group(group);
        let kept = policy.params()[range.clone()] == before.params()[range.clone()];
        assert_eq!(kept, matches!(group, Group::Actor | Group::Heads), "{group:?}");
        if !kept {
            assert_eq!(policy.params()[range], from.params()[from.group(group)], "{group:?}");
        }
    }
    let copied = policy.clone();
    let error = policy.copy_weights(&from, &[Group::Encoder, Group::Actor]).unwrap_err();
    assert_eq!(error.to_string(), "tensor \"actor.0.weight\": expected shape [12, 5], found [12, 15]");
    assert_eq!(policy, copied, "nothing is changed by an error");
}

#[test]
fn node_scores_are_the_same_for_a_graph_of_two_equal_halves() {
    for memory in [false, true] {
        let policy = fresh(described(3, ActionHead::Discrete(1 + 2 * 3), GraphHead::Nodes, memory), 1);
        let double = policy.on_nodes(6, ActionHead::Discrete(1 + 2 * 6)).unwrap();
        let features = [0.3, -0.2, 1.0, 0.4, -1.5, 0.1];
        let mut small = features.to_vec();
        small.extend([0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let mut large = [features, features].concat();
        for row in 0..6 {
            large.extend(
                (0..6).map(
                    |column| {
                        if row / 3 == column / 3 { small[6 + row % 3 * 3 + column % 3] } else { 0.0 }
                    },
                ),
            );
        }
        let log_probs = |policy: &ActorCritic, obs: &[f32], choices: &[u32]| -> (Vec<f32>, Vec<f32>) {
            let rows = choices.len();
            let (mut ws, obs, memory) = (policy.workspace(), obs.repeat(rows), policy.memory(rows));
            let starts = vec![true; rows];
            let sequences = Sequences { length: 1, starts: &starts, memory: memory.as_slice() };
            let actions = ActionSlice::Choices(choices);
            let found = policy.evaluate(Inputs::new(&obs, None), actions, Some(sequences), &mut ws);
            (found.log_probs.to_vec(), found.values.to_vec())
        };
        let (one, values) = log_probs(&policy, &small, &[0, 1, 2, 3, 4, 5, 6]);
        let (two, other) = log_probs(&double, &large, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        values.iter().zip(&other).for_each(|(a, b)| assert!((a - b).abs() < 1e-5));
        for choice in 1..7 {
            // Differences of log-probabilities are those of scores.
            let (expected, found) = (one[choice] - one[0], two[choice] - two[0]);
            assert!((found - expected).abs() < 1e-5, "{choice}: {found}, expected {expected}");
            assert!((two[choice + 6] - two[choice]).abs() < 1e-5, "{choice}");
        }
    }
}

#[test]
fn a_node_that_stands_alone_hears_others_along_edges_only() {
    for (head, heard) in [(GraphHead::Alone, [1]), (GraphHead::Nodes, [2])] {
        let policy = fresh(described(3, ActionHead::MultiDiscrete(vec![2; 3]), head, false), 1);
        let mut obs = vec![0.3, -0.2, 1.0, 0.4, -1.5, 0.1];
        // One edge, from node 0 to node 1.
        obs.extend([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let log_probs = |obs: &[f32]| -> Vec<f32> {
            // A node's share of the log-probability is what its choice changes.
            let choices = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]].concat();
            let (mut ws, obs) = (policy.workspace(), obs.repeat(4));
            let actions = ActionSlice::Choices(&choices);
            let found = policy.evaluate(Inputs::new(&obs, None), actions, None, &mut ws).log_probs.to_vec();
            found[1..].iter().map(|x| x - found[0]).collect()
        };
        let before = log_probs(&obs);
        obs[0] += 1.0;
        let moved =
            log_probs(&obs).iter().zip(&before).skip(1).filter(|(a, b)| (**a - **b).abs() > 1e-5).count();
        assert_eq!([moved], heard, "{head:?}");
    }
}

#[test]
fn a_memory_that_nobody_hears_is_refused() {
    let architecture = described(3, ActionHead::MultiDiscrete(vec![2; 3]), GraphHead::Alone, true);
    let start = Initialisation::default();
    let error = ActorCritic::new(architecture, &start, &mut Pcg64::new(1, 1)).unwrap_err().to_string();
    assert!(error.starts_with("network recurrence: expected none, since nodes that stand alone"), "{error}");
}

#[test]
fn heads_that_nodes_cannot_share_are_named() {
    let build = |head| {
        let architecture = described(4, head, GraphHead::Nodes, false);
        ActorCritic::new(architecture, &Initialisation::default(), &mut Pcg64::new(1, 1))
    };
    for head in [
        ActionHead::Discrete(8),
        ActionHead::Discrete(9),
        ActionHead::MultiDiscrete(vec![4, 7]),
        ActionHead::MultiDiscrete(vec![3; 4]),
        ActionHead::Gaussian(8),
    ] {
        build(head).unwrap();
    }
    for head in [
        ActionHead::Discrete(6),
        ActionHead::Gaussian(5),
        ActionHead::MultiDiscrete(vec![3, 4]),
        ActionHead::MultiDiscrete(vec![3, 3, 3, 2]),
    ] {
        let error = build(head).unwrap_err().to_string();
        assert!(
            error.starts_with("network head: expected a number of outputs that 4 nodes share"),
            "{error}"
        );
    }
    let policy = fresh(described(3, ActionHead::Discrete(7), GraphHead::Nodes, false), 1);
    let error = policy.on_nodes(6, ActionHead::Discrete(3 * 6)).unwrap_err().to_string();
    assert!(error.starts_with("tensor \"action.bias\": expected shape [3], found [2]"), "{error}");
}

#[test]
fn node_heads_start_with_and_are_shifted_to_a_default() {
    let act = |policy: &ActorCritic| {
        let (mut ws, mut choices) = (policy.workspace(), [9]);
        let obs = vec![0.7; policy.architecture().obs_dim];
        let actions = ActionSliceMut::Choices(&mut choices);
        policy.act(Inputs::new(&obs, None), &mut policy.memory(1), &mut ws, actions);
        choices[0]
    };
    let start = Initialisation { default_action: Some(vec![0]), ..Initialisation::default() };
    let architecture = described(3, ActionHead::Discrete(7), GraphHead::Nodes, false);
    let mut policy = ActorCritic::new(architecture.clone(), &start, &mut Pcg64::new(1, 1)).unwrap();
    assert_eq!(act(&policy), 0);
    policy.shift_output(6, 10.0);
    assert_eq!(act(&policy), 2, "move 1 of every node is shifted; the first of equals is chosen");
    policy.shift_output(0, 10.0);
    assert_eq!(act(&policy), 0);
    let start = Initialisation { default_action: Some(vec![3]), ..Initialisation::default() };
    let error = ActorCritic::new(architecture, &start, &mut Pcg64::new(1, 1)).unwrap_err().to_string();
    assert!(error.starts_with("network default_action: expected the same for every node"), "{error}");
}
