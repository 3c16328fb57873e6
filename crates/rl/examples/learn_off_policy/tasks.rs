//! The control tasks that off-policy algorithms must learn, with hyper-parameters after RL Zoo's but smaller networks.
//!
//! Left out: what counts as learned.

use trimtab_rl::control::{CartPole, Pendulum};
use trimtab_rl::evaluation::evaluate;
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::off_policy::noise::{NoiseConfig, NoiseKind};
use trimtab_rl::{
    Ddpg, DdpgConfig, Dqn, DqnConfig, Learner, Result, Sac, SacConfig, Schedule, Td3, Td3Config, VecEnv,
};

/// After RL Zoo's for `CartPole-v1`, with 64×64 instead of 256×256 and, so that so small a network learns reliably, returns over
/// three steps, a falling rate, and gradient steps spread over the run.
pub(crate) fn dqn() -> DqnConfig {
    DqnConfig {
        learning_rate: Schedule::linear(5e-4),
        buffer_size: 100_000,
        learning_starts: 1000,
        batch_size: 64,
        gradient_steps: 2,
        target_update_interval: 500,
        exploration_fraction: 0.16,
        exploration_final_eps: 0.04,
        n_step: 3,
        ..DqnConfig::default()
    }
}

fn noise() -> NoiseConfig {
    NoiseConfig { kind: NoiseKind::Gaussian, ..NoiseConfig::default() }
}

/// After RL Zoo's for `Pendulum-v1`, with 64×64 instead of 400×300.
pub(crate) fn ddpg() -> DdpgConfig {
    DdpgConfig {
        learning_starts: 1000,
        batch_size: 128,
        gamma: 0.98,
        action_noise: noise(),
        network: HiddenConfig::relu(&[64, 64]),
        ..DdpgConfig::default()
    }
}

/// As [`ddpg`].
pub(crate) fn td3() -> Td3Config {
    Td3Config {
        learning_starts: 1000,
        batch_size: 128,
        gamma: 0.98,
        action_noise: noise(),
        network: HiddenConfig::relu(&[64, 64]),
        ..Td3Config::default()
    }
}

/// After RL Zoo's for `Pendulum-v1`, with 64×64 instead of 256×256.
pub(crate) fn sac() -> SacConfig {
    SacConfig {
        learning_rate: Schedule::Constant(1e-3),
        learning_starts: 1000,
        batch_size: 128,
        network: HiddenConfig::relu(&[64, 64]),
        ..SacConfig::default()
    }
}

/// Discrete SAC on `CartPole-v1`.
pub(crate) fn discrete_sac() -> SacConfig {
    SacConfig { target_entropy: Some(0.2), ..sac() }
}

/// Trains a fresh learner and scores it on the first episode of 30 environments with its best actions.
pub(crate) fn score(name: &str, seed: u64) -> Result<(Box<dyn Learner>, f64)> {
    let cartpole = |config: DqnConfig| -> Result<Box<dyn Learner>> {
        Ok(Box::new(Dqn::new(config, CartPole::new(1).spec(), vec![], seed)?))
    };
    let pendulum = Pendulum::new(1);
    let spec = pendulum.spec();
    let learner: Box<dyn Learner> = match name {
        "dqn" => cartpole(dqn())?,
        "double dqn" => cartpole(DqnConfig { double: true, ..dqn() })?,
        "dueling dqn" => cartpole(DqnConfig { dueling: true, ..dqn() })?,
        "all dqn" => cartpole(DqnConfig { double: true, dueling: true, prioritized: true, ..dqn() })?,
        "ddpg" => Box::new(Ddpg::new(ddpg(), spec, vec![], seed)?),
        "td3" => Box::new(Td3::new(td3(), spec, vec![], seed)?),
        "sac" => Box::new(Sac::new(sac(), spec, vec![], seed)?),
        _ => Box::new(Sac::new(discrete_sac(), CartPole::new(1).spec(), vec![], seed)?),
    };
    if name.contains("dqn") {
        train(learner, &mut CartPole::new(1), &mut CartPole::new(30), 100_000, seed)
    } else if name == "discrete sac" {
        train(learner, &mut CartPole::new(1), &mut CartPole::new(30), 30_000, seed)
    } else {
        train(learner, &mut Pendulum::new(1), &mut Pendulum::new(30), 20_000, seed)
    }
}

fn train(
    mut learner: Box<dyn Learner>,
    env: &mut dyn VecEnv,
    fresh: &mut dyn VecEnv,
    total_timesteps: u64,
    seed: u64,
) -> Result<(Box<dyn Learner>, f64)> {
    learner.start(env, total_timesteps)?;
    while learner.timesteps() < total_timesteps {
        learner.iterate(env)?;
    }
    let score = evaluate(&learner.policies(), fresh, 1_000_000 + seed, 1)?.mean_return();
    Ok((learner, score))
}
