//! Policies that read graphs in whole runs.

use trimtab_nn::graph::{Graph, GraphHead, GraphLayer};
use trimtab_nn::{ActionHead, Encoder, Policy, Recurrence};

use super::tasks::train;
use crate::a2c::A2cUpdate;
use crate::control::Overload;
use crate::evaluation::evaluate;
use crate::on_policy::{OnPolicy, Update};
use crate::ppo::PpoUpdate;
use crate::{A2cConfig, NetworkConfig, PpoConfig, Schedule};

fn network(nodes: usize) -> NetworkConfig {
    let graph = Graph {
        nodes,
        features: 1,
        layers: vec![16, 16],
        kind: GraphLayer::Attention { heads: 2 },
        head: GraphHead::Nodes,
    };
    NetworkConfig { hidden: vec![32], encoder: Encoder::Graph(graph), ..NetworkConfig::default() }
}

fn ppo() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 32,
        batch_size: 128,
        n_epochs: 4,
        gamma: 0.0,
        ent_coef: 0.01,
        network: network(5),
        ..PpoConfig::default()
    }
}

/// Mean returns of a policy that learned with five services, on five and on twenty.
fn scores<U: Update>(learner: &OnPolicy<U>) -> [f64; 2] {
    let large = learner.actor_critic().on_nodes(20, ActionHead::Discrete(20)).unwrap();
    let score = |policy: Policy, nodes| {
        evaluate(&[policy], &mut Overload::new(50, nodes), 7, 2).unwrap().mean_return()
    };
    [score(learner.actor_critic().clone().into(), 5), score(large.into(), 20)]
}

#[test]
fn overloaded_service_is_named_also_among_more_services_than_were_learned_with() {
    let learner = train::<PpoUpdate>(ppo(), &mut Overload::new(16, 5), vec![], 1, 20_000);
    let found = scores(&learner);
    println!("mean return on 5 and 20 nodes: {found:?} of 10");
    assert!(found[0] > 9.5 && found[1] > 9.0, "{found:?}");
}

#[test]
fn a2c_and_memory_work_with_graphs() {
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 8,
        gamma: 0.0,
        network: network(5),
        ..A2cConfig::default()
    };
    let learner = train::<A2cUpdate>(config, &mut Overload::new(16, 5), vec![], 1, 60_000);
    let found = scores(&learner);
    println!("a2c: {found:?} of 10");
    assert!(found[0] > 9.0, "{found:?}");
    let recurrence = Some(Recurrence { hidden_size: 16, critic: trimtab_nn::CriticRecurrence::Separate });
    let config = PpoConfig { network: NetworkConfig { recurrence, ..network(5) }, ..ppo() };
    let learner = train::<PpoUpdate>(config, &mut Overload::new(16, 5), vec![], 1, 20_000);
    let found = scores(&learner);
    println!("with memory: {found:?} of 10");
    assert!(found[0] > 9.0, "{found:?}");
}
