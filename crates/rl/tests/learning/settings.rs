//! How each gate's algorithm is set up. A gate of `gates.rs` and its function here have the same name.
//!
//! Left out: tasks, budgets and what is asked.

use trimtab_nn::graph::{Graph, GraphHead, GraphLayer};
use trimtab_nn::{Activation, CriticRecurrence, Encoder, Recurrence};
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::off_policy::noise::{NoiseConfig, NoiseKind};
use trimtab_rl::{
    A2c, A2cConfig, ConstraintConfig, CriticView, Ddpg, DdpgConfig, Dqn, DqnConfig, EnvSpec, Learner,
    Learners, NetworkConfig, Ppo, PpoConfig, Result, Sac, SacConfig, Schedule, Td3, Td3Config,
};

type Made = Result<Box<dyn Learner>>;

/// Mean bound of the cost of [`Toll`](trimtab_rl::control::Toll).
pub(crate) const TOLL: f64 = 0.3;

fn ppo(config: PpoConfig, spec: &EnvSpec, seed: u64) -> Made {
    Ok(Box::new(Ppo::new(config, spec, vec![], seed)?))
}

fn a2c(config: A2cConfig, spec: &EnvSpec, seed: u64) -> Made {
    Ok(Box::new(A2c::new(config, spec, vec![], seed)?))
}

fn dqn(config: DqnConfig, spec: &EnvSpec, seed: u64) -> Made {
    Ok(Box::new(Dqn::new(config, spec, vec![], seed)?))
}

/// RL Zoo's.
pub(crate) fn ppo_cartpole(spec: &EnvSpec, seed: u64) -> Made {
    let config = PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        ..PpoConfig::default()
    };
    ppo(config, spec, seed)
}

/// RL Zoo's with PPO's discount: with 0.99, one seed in five forgets what it knew.
pub(crate) fn a2c_cartpole(spec: &EnvSpec, seed: u64) -> Made {
    let config = A2cConfig { learning_rate: Schedule::linear(7e-4), gamma: 0.98, ..A2cConfig::default() };
    a2c(config, spec, seed)
}

/// RL Zoo's in a fifth of its budget, with a higher rate and without its normalised observations, which lie within ±9π as
/// they are.
pub(crate) fn ppo_acrobot(spec: &EnvSpec, seed: u64) -> Made {
    let config = PpoConfig {
        learning_rate: Schedule::Constant(1e-3),
        n_steps: 64,
        batch_size: 256,
        n_epochs: 4,
        gamma: 0.99,
        gae_lambda: 0.94,
        ..PpoConfig::default()
    };
    ppo(config, spec, seed)
}

/// For tasks in which actions do not change what comes next.
fn bandit() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 128,
        batch_size: 256,
        n_epochs: 5,
        gamma: 0.5,
        ..PpoConfig::default()
    }
}

pub(crate) fn ppo_doors(spec: &EnvSpec, seed: u64) -> Made {
    ppo(bandit(), spec, seed)
}

/// RL Zoo's for the task with hidden velocities.
fn no_vel() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        normalize_observation: true,
        network: NetworkConfig { hidden: vec![64], activation: Activation::Relu, ..NetworkConfig::default() },
        ..PpoConfig::default()
    }
}

pub(crate) fn recurrent_ppo_cartpole_no_vel(spec: &EnvSpec, seed: u64) -> Made {
    let recurrence = Some(Recurrence { hidden_size: 64, critic: CriticRecurrence::Separate });
    let network = NetworkConfig { recurrence, ..no_vel().network };
    ppo(PpoConfig { network, ..no_vel() }, spec, seed)
}

pub(crate) fn feed_forward_ppo_cartpole_no_vel(spec: &EnvSpec, seed: u64) -> Made {
    ppo(no_vel(), spec, seed)
}

fn memory(critic: CriticRecurrence) -> NetworkConfig {
    let recurrence = Some(Recurrence { hidden_size: 16, critic });
    NetworkConfig { hidden: vec![16], recurrence, output_gain: 1.0, ..NetworkConfig::default() }
}

fn recall() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 4,
        gamma: 0.98,
        ent_coef: 0.01,
        ..PpoConfig::default()
    }
}

pub(crate) fn recurrent_ppo_recall(spec: &EnvSpec, seed: u64) -> Made {
    ppo(PpoConfig { network: memory(CriticRecurrence::Separate), ..recall() }, spec, seed)
}

pub(crate) fn feed_forward_ppo_recall(spec: &EnvSpec, seed: u64) -> Made {
    ppo(recall(), spec, seed)
}

pub(crate) fn recurrent_a2c_recall(spec: &EnvSpec, seed: u64) -> Made {
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 16,
        ent_coef: 0.01,
        network: memory(CriticRecurrence::Shared),
        ..A2cConfig::default()
    };
    a2c(config, spec, seed)
}

/// A graph of five nodes, each of which can be chosen. One layer: a second hears what is two nodes away, and in a ring of
/// five those are each other's neighbours, which is nothing to learn for twenty.
fn five_nodes(kind: GraphLayer) -> NetworkConfig {
    let graph = Graph { nodes: 5, features: 1, layers: vec![32], kind, head: GraphHead::Nodes, own: 0 };
    NetworkConfig { hidden: vec![32], encoder: Encoder::Graph(graph), ..NetworkConfig::default() }
}

fn overload() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 32,
        batch_size: 128,
        n_epochs: 4,
        gamma: 0.0,
        ent_coef: 0.01,
        network: five_nodes(GraphLayer::Attention { heads: 1 }),
        ..PpoConfig::default()
    }
}

pub(crate) fn graph_ppo_overload(spec: &EnvSpec, seed: u64) -> Made {
    ppo(overload(), spec, seed)
}

pub(crate) fn graph_a2c_overload(spec: &EnvSpec, seed: u64) -> Made {
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 8,
        gamma: 0.0,
        ent_coef: 0.02,
        network: five_nodes(GraphLayer::Convolution),
        ..A2cConfig::default()
    };
    a2c(config, spec, seed)
}

pub(crate) fn recurrent_graph_ppo_overload(spec: &EnvSpec, seed: u64) -> Made {
    let recurrence = Some(Recurrence { hidden_size: 16, critic: CriticRecurrence::Separate });
    ppo(PpoConfig { network: NetworkConfig { recurrence, ..overload().network }, ..overload() }, spec, seed)
}

/// With much exploration: who claims less because others may claim too much learns it from what they tried.
fn budget() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::Constant(3e-3),
        n_steps: 40,
        batch_size: 320,
        n_epochs: 5,
        gamma: 0.0,
        ent_coef: 0.3,
        network: NetworkConfig { hidden: vec![32, 32], ..NetworkConfig::default() },
        ..PpoConfig::default()
    }
}

pub(crate) fn ppo_budget(spec: &EnvSpec, seed: u64) -> Made {
    ppo(budget(), spec, seed)
}

pub(crate) fn independent_ppo_budget(spec: &EnvSpec, seed: u64) -> Made {
    ppo(PpoConfig { learners: Learners::Independent, ..budget() }, spec, seed)
}

pub(crate) fn mappo_budget(spec: &EnvSpec, seed: u64) -> Made {
    ppo(PpoConfig { critic: CriticView::Central, ..budget() }, spec, seed)
}

/// What a claim leaves counts in the turns that follow.
fn turns() -> PpoConfig {
    PpoConfig { critic: CriticView::Central, gamma: 0.9, n_steps: 60, ent_coef: 0.2, ..budget() }
}

pub(crate) fn mappo_budget_turns(spec: &EnvSpec, seed: u64) -> Made {
    ppo(turns(), spec, seed)
}

pub(crate) fn independent_mappo_budget_turns(spec: &EnvSpec, seed: u64) -> Made {
    ppo(PpoConfig { learners: Learners::Independent, ..turns() }, spec, seed)
}

pub(crate) fn a2c_budget_turns(spec: &EnvSpec, seed: u64) -> Made {
    let config = A2cConfig {
        learning_rate: Schedule::Constant(2e-3),
        n_steps: 30,
        gamma: 0.9,
        ent_coef: 0.2,
        critic: CriticView::Central,
        normalize_advantage: true,
        network: budget().network,
        ..A2cConfig::default()
    };
    a2c(config, spec, seed)
}

pub(crate) fn mappo_budget_roster(spec: &EnvSpec, seed: u64) -> Made {
    ppo(PpoConfig { critic: CriticView::Central, ..budget() }, spec, seed)
}

pub(crate) fn lagrangian_ppo_toll(spec: &EnvSpec, seed: u64) -> Made {
    let bound = ConstraintConfig { kp: 0.1, ki: 0.02, ..ConstraintConfig::new("toll", TOLL) };
    Ok(Box::new(Ppo::new(bandit(), spec, vec![bound], seed)?))
}

pub(crate) fn lagrangian_a2c_toll(spec: &EnvSpec, seed: u64) -> Made {
    let config =
        A2cConfig { learning_rate: Schedule::linear(3e-3), gamma: 0.5, n_steps: 16, ..A2cConfig::default() };
    let bound = ConstraintConfig { kp: 0.02, ki: 0.002, ..ConstraintConfig::new("toll", TOLL) };
    Ok(Box::new(A2c::new(config, spec, vec![bound], seed)?))
}

pub(crate) fn lagrangian_dqn_toll(spec: &EnvSpec, seed: u64) -> Made {
    let config = DqnConfig {
        learning_rate: Schedule::linear(2e-3),
        learning_starts: 1000,
        buffer_size: 20_000,
        batch_size: 128,
        gamma: 0.0,
        train_freq: 1,
        target_update_interval: 100,
        constraint_steps: 20,
        ..DqnConfig::default()
    };
    let bound = ConstraintConfig { ki: 0.02, ..ConstraintConfig::new("toll", TOLL) };
    Ok(Box::new(Dqn::new(config, spec, vec![bound], seed)?))
}

/// After RL Zoo's, with 64×64 instead of 256×256 and, so that so small a network learns reliably, returns over three
/// steps, a shorter horizon, a falling rate, and gradient steps spread over the run.
fn pole() -> DqnConfig {
    DqnConfig {
        learning_rate: Schedule::linear(1e-3),
        buffer_size: 100_000,
        learning_starts: 1000,
        batch_size: 64,
        gamma: 0.98,
        gradient_steps: 2,
        target_update_interval: 500,
        exploration_fraction: 0.16,
        exploration_final_eps: 0.04,
        n_step: 3,
        ..DqnConfig::default()
    }
}

pub(crate) fn dqn_cartpole(spec: &EnvSpec, seed: u64) -> Made {
    dqn(pole(), spec, seed)
}

pub(crate) fn double_dqn_cartpole(spec: &EnvSpec, seed: u64) -> Made {
    dqn(DqnConfig { double: true, ..pole() }, spec, seed)
}

/// With double targets, as in its paper.
pub(crate) fn dueling_dqn_cartpole(spec: &EnvSpec, seed: u64) -> Made {
    dqn(DqnConfig { double: true, dueling: true, ..pole() }, spec, seed)
}

fn gaussian() -> NoiseConfig {
    NoiseConfig { kind: NoiseKind::Gaussian, ..NoiseConfig::default() }
}

/// After RL Zoo's, with 64×64 instead of 400×300.
pub(crate) fn ddpg_pendulum(spec: &EnvSpec, seed: u64) -> Made {
    let config = DdpgConfig {
        buffer_size: 20_000,
        learning_starts: 1000,
        batch_size: 128,
        gamma: 0.98,
        action_noise: gaussian(),
        network: HiddenConfig::relu(&[64, 64]),
        ..DdpgConfig::default()
    };
    Ok(Box::new(Ddpg::new(config, spec, vec![], seed)?))
}

/// As DDPG's.
pub(crate) fn td3_pendulum(spec: &EnvSpec, seed: u64) -> Made {
    let config = Td3Config {
        buffer_size: 20_000,
        learning_starts: 1000,
        batch_size: 128,
        gamma: 0.98,
        action_noise: gaussian(),
        network: HiddenConfig::relu(&[64, 64]),
        ..Td3Config::default()
    };
    Ok(Box::new(Td3::new(config, spec, vec![], seed)?))
}

/// After RL Zoo's, with 64×64 instead of 256×256.
pub(crate) fn sac_pendulum(spec: &EnvSpec, seed: u64) -> Made {
    let config = SacConfig {
        learning_rate: Schedule::Constant(1e-3),
        buffer_size: 20_000,
        learning_starts: 1000,
        batch_size: 128,
        network: HiddenConfig::relu(&[64, 64]),
        ..SacConfig::default()
    };
    Ok(Box::new(Sac::new(config, spec, vec![], seed)?))
}

/// Of a lower entropy than by default: which open door is best is certain.
pub(crate) fn discrete_sac_doors(spec: &EnvSpec, seed: u64) -> Made {
    let config = SacConfig {
        learning_rate: Schedule::linear(1e-3),
        buffer_size: 30_000,
        learning_starts: 1000,
        batch_size: 64,
        gamma: 0.9,
        target_entropy: Some(0.1),
        network: HiddenConfig::relu(&[64, 64]),
        ..SacConfig::default()
    };
    Ok(Box::new(Sac::new(config, spec, vec![], seed)?))
}
