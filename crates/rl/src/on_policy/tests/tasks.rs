//! Tasks whose answer is known, for any algorithm with its own hyper-parameters.

use trimtab_nn::Inputs;

use super::probe::{End, Probe};
use crate::control::{CartPole, Toll};
use crate::env::{ActionSpace, VecEnv};
use crate::evaluation::evaluate;
use crate::on_policy::{Iteration, OnPolicy, Update};
use crate::{A2c, A2cConfig, ConstraintConfig};

pub(crate) fn train<U: Update>(
    config: U::Config,
    env: &mut dyn VecEnv,
    constraints: Vec<ConstraintConfig>,
    seed: u64,
    steps: u64,
) -> OnPolicy<U> {
    let mut learner = OnPolicy::new(config, env.spec(), constraints, seed).unwrap();
    learner.start(env, steps).unwrap();
    while learner.timesteps() < steps {
        learner.iterate(env).unwrap();
    }
    learner
}

/// Mean return of 30 deterministic episodes of `CartPole` after training in 8 environments.
pub(crate) fn cartpole_score<U: Update>(config: U::Config, seed: u64, steps: u64) -> f64 {
    let learner = train::<U>(config, &mut CartPole::new(8), vec![], seed, steps);
    evaluate(&learner.policies(), &mut CartPole::new(30), 1_000_000 + seed, 1).unwrap().mean_return()
}

/// Fails unless the policy for [`Toll`] under a bound of 0.3 ends within 5 % of the bound and of the best reward.
pub(crate) fn ends_at_the_bound<U: Update>(config: &U::Config, bound: &ConstraintConfig, steps: u64) {
    let limit = bound.limit;
    for seed in 1..=3 {
        let learner = train::<U>(config.clone(), &mut Toll::new(16), vec![bound.clone()], seed, steps);
        let found = evaluate(&learner.policies(), &mut Toll::new(100), 77, 20).unwrap();
        let (toll, reward) = (found.mean_costs[0], found.mean_reward());
        let (best, multiplier) = (limit - limit * limit / 2.0, learner.multipliers()[0].value());
        println!(
            "seed {seed}: toll {toll:.4}, reward {reward:.4} (best {best:.4}), multiplier {multiplier:.3}"
        );
        assert!((toll / limit - 1.0).abs() < 0.05, "toll {toll}");
        assert!((reward / best - 1.0).abs() < 0.05, "reward {reward}");
    }
}

/// Fails unless the critic learns the value of the one state of a task with reward 1 and episodes of five steps,
/// discounted by 0.9: that of a task without end where episodes are cut off, and the mean of what is left where they
/// terminate.
pub(crate) fn critic_knows_how_episodes_end<U: Update>(config: &U::Config, steps: u64) {
    let terminated = (1..=5).map(|left| (1.0 - 0.9f64.powi(left)) / (1.0 - 0.9)).sum::<f64>() / 5.0;
    for (end, expected) in [(End::Truncated, 1.0 / (1.0 - 0.9)), (End::Terminated, terminated)] {
        let mut env = Probe { end, blind: true, episode_steps: 5, ..Probe::new(ActionSpace::Discrete(1)) };
        env.spec.n_agents = 1;
        let learner = train::<U>(config.clone(), &mut env, vec![], 1, steps);
        let mut values = [0.0];
        learner.actor_critic().values(
            Inputs::new(&[1.0, 0.0], None),
            &[],
            &mut learner.actor_critic().workspace(),
            &mut values,
        );
        let value = f64::from(values[0]);
        assert!((value - expected).abs() < 0.1, "{end:?}: {value}, expected {expected}");
    }
}

#[test]
fn explained_variance_is_absent_where_returns_do_not_vary() {
    let mut env = Probe { blind: true, ..Probe::new(ActionSpace::Discrete(1)) };
    let config = A2cConfig { gamma: 0.0, ..A2cConfig::default() };
    let mut learner = A2c::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, 1000).unwrap();
    for _ in 0..20 {
        assert_eq!(figure(&learner.iterate(&mut env).unwrap(), "train/explained_variance"), None);
    }
}

/// Fails unless a continuous policy, started with a deviation of e^½, finds the numbers that earn most.
pub(crate) fn learns_numbers<U: Update>(config: U::Config, steps: u64) {
    let mut env = Probe::new(ActionSpace::Box(2));
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, steps).unwrap();
    let mut iterations = vec![];
    while learner.timesteps() < steps {
        iterations.push(learner.iterate(&mut env).unwrap());
    }
    assert_eq!(env.extremes, (-1.0, 1.0), "numbers beyond the space are clipped");
    // Seven steps, at most 1 each.
    let first = iterations.iter().find_map(|iteration| figure(iteration, "rollout/ep_rew_mean"));
    let last = iterations.last().unwrap();
    assert!(first.unwrap() < 4.5, "{first:?}");
    assert!(figure(last, "rollout/ep_rew_mean").unwrap() > 6.0, "{:?}", last.log);
    assert!(figure(last, "train/std").unwrap() < 0.2, "{:?}", last.log);
}

/// A figure of an iteration's log.
pub(crate) fn figure(iteration: &Iteration, key: &str) -> Option<f64> {
    iteration.log.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
}
