//! The learner that a configuration asks for, and what others read of one.
//!
//! Left out: its iterations, see [`super::run`].

use crate::{
    Error, Result, cloning,
    config::{Algorithm, RunConfig},
    environments::Env,
};
use trimtab_nn::{ActorCritic, Encoder, Network, Policy, actor_critic::Group, graph::Graph};
use trimtab_rl::{A2c, A2cConfig, Ddpg, Dqn, Learner, NetworkConfig, Ppo, PpoConfig, Sac, Td3};

/// The network of a policy that others can start from.
///
/// # Errors
/// The policy is one of action values or of an actor alone.
pub(crate) fn actor_critic(policy: Policy) -> Result<ActorCritic> {
    match policy.network {
        Network::ActorCritic(network) => Ok(network),
        Network::Q(_) | Network::Actor(_) => Err(Error::config(
            "start",
            "is from a policy without a critic of its own, expected one of ppo or a2c",
        )),
    }
}

/// The policy as it is now; all services share one.
pub(crate) fn policy_of(learner: &dyn Learner) -> Policy {
    learner.policies().swap_remove(0)
}

/// A learner of the configuration's algorithm that has learned nothing.
///
/// # Errors
/// A hyper-parameter that cannot work, named by its path.
pub(crate) fn new_learner(config: &RunConfig, env: &dyn Env) -> Result<Box<dyn Learner>> {
    let section = config.algorithm.name();
    let blame = |error| match error {
        trimtab_rl::Error::Config { key, expected, found } => {
            Error::config(format!("{section}.{key}"), format!("is {found}, expected {expected}"))
        }
        trimtab_rl::Error::Network(source) => {
            Error::config(format!("{section}.network"), format!("cannot be built: {source}"))
        }
        error => Error::Rl(error),
    };
    let mut learner = fresh_learner(config, env).map_err(blame)?;
    if let Some(from) = cloning::earlier_policy(config)? {
        let place = format!("{}/policy.safetensors", config.start.from);
        learner
            .adopt(&from, &Group::ALL)
            .map_err(|source| Error::Checkpoint { path: place.into(), source })?;
    }
    Ok(learner)
}

/// Fails unless a learner is one of the configuration's algorithm and networks.
pub(super) fn same_learner(
    config: &RunConfig,
    env: &dyn Env,
    found: &dyn Learner,
) -> Result<(), trimtab_rl::Error> {
    let own = fresh_learner(config, env)?;
    if own.algorithm() != found.algorithm() {
        let (expected, found) = (own.algorithm().to_owned(), found.algorithm().to_owned());
        return Err(trimtab_rl::Error::OtherAlgorithm { expected, found });
    }
    let architecture = |learner: &dyn Learner| policy_of(learner).to_tensors().metadata;
    let (expected, found) = (architecture(own.as_ref()), architecture(found));
    // A scale of observations comes with learning.
    let differs = expected.iter().find(|(key, expected)| found.get(*key) != Some(*expected));
    match differs {
        None => Ok(()),
        Some((key, expected)) => Err(trimtab_rl::Error::Config {
            key: format!("{key} of the network"),
            expected: expected.clone(),
            found: found.get(key).cloned().unwrap_or_default(),
        }),
    }
}

fn fresh_learner(config: &RunConfig, env: &dyn Env) -> Result<Box<dyn Learner>, trimtab_rl::Error> {
    // A fresh policy puts out the neutral action.
    let neutral = |network: &NetworkConfig| NetworkConfig {
        default_action: network.default_action.clone().or_else(|| env.neutral()),
        freeze: [&network.freeze[..], &config.start.freeze].concat(),
        encoder: sized(&network.encoder, env.graph()),
        ..network.clone()
    };
    let (spec, constraints, seed) = (env.spec(), env.constraints(), config.seed);
    Ok(match config.algorithm {
        Algorithm::Ppo => {
            let ppo = PpoConfig { network: neutral(&config.ppo.network), ..config.ppo.clone() };
            Box::new(Ppo::new(ppo, spec, constraints, seed)?)
        }
        Algorithm::A2c => {
            let a2c = A2cConfig { network: neutral(&config.a2c.network), ..config.a2c.clone() };
            Box::new(A2c::new(a2c, spec, constraints, seed)?)
        }
        Algorithm::Dqn => Box::new(Dqn::new(config.dqn.clone(), spec, constraints, seed)?),
        Algorithm::Ddpg => Box::new(Ddpg::new(config.ddpg.clone(), spec, constraints, seed)?),
        Algorithm::Td3 => Box::new(Td3::new(config.td3.clone(), spec, constraints, seed)?),
        Algorithm::Sac => Box::new(Sac::new(config.sac.clone(), spec, constraints, seed)?),
    })
}

/// An encoder with the environment's nodes and features where its own are 0.
fn sized(encoder: &Encoder, graph: Option<(usize, usize)>) -> Encoder {
    match (encoder, graph) {
        (Encoder::Graph(own), Some((nodes, features))) if own.nodes == 0 && own.features == 0 => {
            Encoder::Graph(Graph { nodes, features, ..own.clone() })
        }
        (encoder, _) => encoder.clone(),
    }
}
