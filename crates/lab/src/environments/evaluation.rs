//! Whole episodes of one environment, by a trained policy, at random or with one action, and what they came to.
//!
//! Left out: applications, which are scored on traffic days ([`crate::comparison`]).

use super::{
    Env,
    watched::{Step, Watched},
};
use crate::{
    Error, Result,
    statistics::{Estimate, estimate},
};
use serde::Serialize;
use trimtab_nn::{ActionHead, Network, Policy};
use trimtab_rl::{
    ActionSpace, VecEnv,
    evaluation::{Actor, evaluate_actor},
};

/// What episodes came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Episodes.
    pub episodes: usize,
    /// Mean return with its 95 % interval, by the bootstrap over episodes.
    pub mean_return: Estimate,
    /// Least return.
    pub least: f64,
    /// Largest return.
    pub largest: f64,
    /// Mean steps of an episode.
    pub mean_length: f64,
    /// Mean reward of a step.
    pub mean_reward: f64,
    /// Mean of each constraint signal over steps and agents.
    pub mean_costs: Vec<(String, f64)>,
    /// Mean of each figure that the environment logs.
    pub means: Vec<(String, f64)>,
    /// The returns, in the order in which the episodes ended.
    pub returns: Vec<f64>,
}

/// Runs `episodes` episodes of each environment in the batch, reset with `seed`, and calls `after_step` after every step. Returns are
/// sums over steps of the mean reward of the agents that are there.
///
/// # Errors
/// An actor that does not fit the environment, or a step that it refused.
pub fn evaluate(
    env: &mut dyn Env,
    actor: Actor<'_>,
    seed: u64,
    episodes: usize,
    after_step: &mut dyn FnMut(&Step<'_>),
) -> Result<Outcome> {
    let mut watched = Watched { env, after_step };
    let found = evaluate_actor(actor, &mut watched, seed, episodes)?;
    let names = watched.spec().costs.iter().map(ToString::to_string);
    let mean_costs = names.zip(found.mean_costs.iter().copied()).collect();
    let means = watched.env.take_means().into_iter().map(|(name, mean)| (name.into_owned(), mean)).collect();
    let steps: u64 = found.lengths.iter().sum();
    Ok(Outcome {
        episodes: found.returns.len(),
        mean_return: estimate(std::slice::from_ref(&found.returns)),
        least: found.returns.iter().copied().fold(f64::INFINITY, f64::min),
        largest: found.returns.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean_length: steps as f64 / found.lengths.len().max(1) as f64,
        mean_reward: found.mean_reward(),
        mean_costs,
        means,
        returns: found.returns,
    })
}

/// Policies as they act in an environment: those that score the nodes of a graph with the same weights, on as many nodes as it has;
/// others as they are.
///
/// # Errors
/// A policy of graphs that cannot be put on the environment's.
pub fn fitted(policies: Vec<Policy>, env: &dyn Env) -> Result<Vec<Policy>> {
    let (spec, Some((nodes, features))) = (env.spec(), env.graph()) else { return Ok(policies) };
    let fit = |policy: Policy| {
        let graph = match &policy.network {
            Network::ActorCritic(network) => network.architecture().graph(),
            Network::Q(_) | Network::Actor(_) => None,
        };
        let Some(graph) = graph.filter(|graph| graph.nodes != nodes).cloned() else { return Ok(policy) };
        let wrong = |message: String| Error::config("policy", message);
        if graph.features != features {
            let found = graph.features;
            return Err(wrong(format!("reads {found} numbers of a node, expected {features}")));
        }
        if policy.scale.is_some() {
            let message =
                "scales each node's numbers apart, expected one trained with normalize_observation = false";
            return Err(wrong(message.to_owned()));
        }
        let Network::ActorCritic(network) = &policy.network else { return Ok(policy) };
        let other = network.on_nodes(nodes, head_of(&spec.action_space));
        Ok(other.map_err(|e| wrong(format!("cannot act on {nodes} nodes: {e}")))?.into())
    };
    policies.into_iter().map(fit).collect()
}

fn head_of(space: &ActionSpace) -> ActionHead {
    match space {
        ActionSpace::Discrete(choices) => ActionHead::Discrete(*choices),
        ActionSpace::MultiDiscrete(choices) => ActionHead::MultiDiscrete(choices.clone()),
        ActionSpace::Box(length) => ActionHead::Gaussian(*length),
    }
}
