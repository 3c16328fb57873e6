//! That policies get good, on tasks whose answer is known.

use trimtab_nn::ActionSliceMut;

use super::probe::{End, Probe};
use crate::control::{CartPole, Toll};
use crate::env::{ActionSpace, Actions, StepBuffers, VecEnv};
use crate::{ConstraintConfig, NetworkConfig, Ppo, PpoConfig, Schedule};

/// RL Zoo's configuration for CartPole-v1, with 8 environments.
fn cartpole_config() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        ..PpoConfig::default()
    }
}

fn train(
    config: PpoConfig,
    env: &mut dyn VecEnv,
    constraints: Vec<ConstraintConfig>,
    seed: u64,
    steps: u64,
) -> Ppo {
    let mut ppo = Ppo::new(config, env.spec(), constraints, seed).unwrap();
    ppo.start(env, steps).unwrap();
    while ppo.timesteps() < steps {
        ppo.iterate(env).unwrap();
    }
    ppo
}

/// Mean reward and mean of the first cost (if any) over `steps` deterministic steps of every environment, and the
/// mean return of the episodes that ended.
fn evaluate(ppo: &Ppo, env: &mut dyn VecEnv, seed: u64, steps: usize) -> (f64, f64, f64) {
    let spec = env.spec().clone();
    let mut out = StepBuffers::new(&spec);
    let (mut ws, mut actions) = (ppo.policy().workspace(), vec![0; spec.rows()]);
    let (mut reward, mut cost, mut returns) = (0.0, 0.0, vec![]);
    let mut running = vec![0.0; spec.n_envs];
    env.reset(seed, &mut out.obs);
    for _ in 0..steps {
        ppo.policy().act(&out.obs, None, &mut ws, ActionSliceMut::Choices(&mut actions));
        env.step(Actions::Discrete(&actions), &mut out).unwrap();
        reward += out.rewards.iter().map(|x| f64::from(*x)).sum::<f64>();
        cost += out.costs.iter().map(|x| f64::from(*x)).sum::<f64>();
        for (env, total) in running.iter_mut().enumerate() {
            *total += f64::from(out.rewards[env]);
            if out.terminated[env] || out.truncated[env] {
                returns.push(std::mem::take(total));
            }
        }
    }
    let n = (steps * spec.n_envs) as f64;
    (reward / n, cost / n, returns.iter().sum::<f64>() / returns.len() as f64)
}

fn cartpole_score(seed: u64) -> f64 {
    let ppo = train(cartpole_config(), &mut CartPole::new(8), vec![], seed, 100_000);
    evaluate(&ppo, &mut CartPole::new(30), 1_000_000 + seed, 500).2
}

#[test]
fn cartpole_is_solved_within_100_000_steps() {
    let scores: Vec<f64> = (1..=5).map(cartpole_score).collect();
    println!("mean return of 30 deterministic episodes, one figure a seed: {scores:?}");
    assert!(scores.iter().all(|score| *score >= 475.0), "{scores:?}");
}

#[test]
fn lagrangian_policy_ends_at_the_bound_and_close_to_the_optimum() {
    let limit = 0.3;
    let config = PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 128,
        batch_size: 256,
        n_epochs: 5,
        gamma: 0.5,
        ..PpoConfig::default()
    };
    for seed in 1..=3 {
        let constraint = ConstraintConfig { kp: 0.1, ki: 0.02, ..ConstraintConfig::new("toll", limit) };
        let ppo = train(config.clone(), &mut Toll::new(16), vec![constraint], seed, 400_000);
        let (reward, toll, _) = evaluate(&ppo, &mut Toll::new(100), 77, 1000);
        let (best, multiplier) = (limit - limit * limit / 2.0, ppo.multipliers()[0].value());
        println!(
            "seed {seed}: toll {toll:.4}, reward {reward:.4} (best {best:.4}), multiplier {multiplier:.3}"
        );
        assert!((toll / limit - 1.0).abs() < 0.05, "toll {toll}");
        assert!((reward / best - 1.0).abs() < 0.05, "reward {reward}");
    }
}

/// What the critic says of the one state of a task with reward 1 and episodes of five steps.
fn learned_value(end: End) -> f64 {
    let mut env = Probe { end, blind: true, episode_steps: 5, ..Probe::new(ActionSpace::Discrete(1)) };
    env.spec.n_agents = 1;
    let config = PpoConfig {
        learning_rate: Schedule::linear(1e-2),
        n_steps: 20,
        batch_size: 60,
        n_epochs: 10,
        gamma: 0.9,
        gae_lambda: 1.0,
        ..PpoConfig::default()
    };
    let ppo = train(config, &mut env, vec![], 1, 20_000);
    let mut values = [0.0];
    ppo.policy().values(&[1.0, 0.0], &mut ppo.policy().workspace(), &mut values);
    f64::from(values[0])
}

#[test]
fn value_of_a_task_that_is_cut_off_is_that_of_one_without_end() {
    let value = learned_value(End::Truncated);
    assert!((value - 1.0 / (1.0 - 0.9)).abs() < 0.1, "{value}");
}

#[test]
fn value_of_a_task_that_terminates_is_the_mean_of_what_is_left() {
    let expected = (1..=5).map(|left| (1.0 - 0.9f64.powi(left)) / (1.0 - 0.9)).sum::<f64>() / 5.0;
    let value = learned_value(End::Terminated);
    assert!((value - expected).abs() < 0.1, "{value}, expected {expected}");
}

#[test]
fn continuous_actions_are_learned_and_only_clipped_for_the_environment() {
    let mut env = Probe::new(ActionSpace::Box(2));
    let config = PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 64,
        batch_size: 128,
        network: NetworkConfig { log_std_init: 0.5, ..NetworkConfig::default() },
        ..PpoConfig::default()
    };
    let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
    ppo.start(&mut env, 30_000).unwrap();
    let first = ppo.iterate(&mut env).unwrap();
    assert_eq!(env.extremes, (-1.0, 1.0), "numbers beyond the space are clipped");
    let mut last = first.clone();
    while ppo.timesteps() < 30_000 {
        last = ppo.iterate(&mut env).unwrap();
    }
    let figure = |iteration: &crate::Iteration, key: &str| {
        iteration.log.iter().find(|(name, _)| name == key).map(|(_, value)| *value).unwrap()
    };
    // Seven steps, at most 1 each.
    assert!(figure(&first, "rollout/ep_rew_mean") < 4.5, "{:?}", first.log);
    assert!(figure(&last, "rollout/ep_rew_mean") > 6.0, "{:?}", last.log);
    assert!(figure(&last, "train/std") < 0.2, "{:?}", last.log);
}

#[test]
fn update_stops_once_the_policy_has_moved_too_far() {
    let updates = |target_kl| {
        let mut env = CartPole::new(8);
        let config = PpoConfig { target_kl, ..cartpole_config() };
        let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 10_000).unwrap();
        let log = ppo.iterate(&mut env).unwrap().log;
        log.into_iter().find(|(key, _)| key == "train/n_updates").map(|(_, value)| value)
    };
    assert_eq!(updates(None), Some(20.0));
    // The first pass over the whole rollout finds no distance, the second does.
    assert_eq!(updates(Some(1e-6)), Some(2.0));
}
