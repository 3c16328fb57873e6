//! Tasks whose answer is known, and masks.

use super::{dqn, sac};
use crate::control::Toll;
use crate::dqn::DqnUpdate;
use crate::env::{ActionSpace, VecEnv};
use crate::evaluation::evaluate;
use crate::off_policy::{OffPolicy, Update};
use crate::on_policy::tests::probe::{End, Probe};
use crate::sac::SacUpdate;
use crate::{ConstraintConfig, Dqn, DqnConfig, Schedule};

fn train<U: Update>(
    config: U::Config,
    env: &mut dyn VecEnv,
    constraints: Vec<ConstraintConfig>,
    steps: u64,
) -> OffPolicy<U> {
    let mut learner = OffPolicy::new(config, env.spec(), constraints, 1).unwrap();
    learner.start(env, steps).unwrap();
    while learner.timesteps() < steps {
        learner.iterate(env).unwrap();
    }
    learner
}

#[test]
fn values_know_how_episodes_end() {
    // Reward 1, episodes of five steps, discount 0.9. Cut off in a state that cannot be told from any other, it is a task without
    // end; ending in a terminal state, with states that tell the step, it is worth what five steps earn.
    let five = (1.0 - 0.9f64.powi(5)) / (1.0 - 0.9);
    for n_step in [1, 3] {
        for (end, expected) in [(End::Truncated, 10.0), (End::Terminated, five)] {
            let space = ActionSpace::Discrete(1);
            let mut env = Probe { end, blind: end == End::Truncated, episode_steps: 5, ..Probe::new(space) };
            (env.spec.n_agents, env.spec.masked) = (1, false);
            let config = DqnConfig {
                learning_rate: Schedule::linear(3e-3),
                gamma: 0.9,
                buffer_size: 1000,
                batch_size: 100,
                train_freq: 1,
                gradient_steps: 2,
                target_update_interval: 60,
                n_step,
                ..DqnConfig::default()
            };
            let learner = train::<DqnUpdate>(config, &mut env, vec![], 9000);
            let (q, _) = learner.members[0].update.networks();
            let mut ws = q.workspace(1);
            q.forward(&[1.0, 0.0], 1, &mut ws);
            let value = f64::from(ws.values()[0]);
            assert!((value - expected).abs() < 0.2, "{end:?}, {n_step} steps: {value}, expected {expected}");
        }
    }
}

#[test]
fn forbidden_choices_are_never_made() {
    for space in [ActionSpace::Discrete(5), ActionSpace::MultiDiscrete(vec![3, 4])] {
        let mut env = Probe::new(space.clone());
        train::<DqnUpdate>(dqn(), &mut env, vec![], 600);
        assert_eq!(env.violations, 0);
        let mut env = Probe::new(space);
        train::<SacUpdate>(sac(), &mut env, vec![], 600);
        assert_eq!(env.violations, 0);
    }
}

#[test]
fn a_constraint_holds_costs_near_their_bound() {
    let bound = ConstraintConfig { ki: 0.02, ..ConstraintConfig::new("toll", 0.3) };
    let config = DqnConfig {
        learning_rate: Schedule::linear(2e-3),
        learning_starts: 1000,
        buffer_size: 20_000,
        batch_size: 128,
        gamma: 0.0,
        train_freq: 1,
        gradient_steps: 1,
        target_update_interval: 100,
        constraint_steps: 20,
        ..DqnConfig::default()
    };
    let mut env = Toll::new(16);
    let learner: Dqn = train(config, &mut env, vec![bound], 80_000);
    let found = evaluate(&learner.policies(), &mut Toll::new(100), 77, 20).unwrap();
    let (toll, best) = (found.mean_costs[0], 0.3 - 0.3 * 0.3 / 2.0);
    let multiplier = learner.multipliers()[0].value();
    println!(
        "toll {toll:.4}, reward {:.4} (best {best:.4}), multiplier {multiplier:.3}",
        found.mean_reward()
    );
    assert!((toll / 0.3 - 1.0).abs() < 0.1, "{toll}");
    assert!((found.mean_reward() / best - 1.0).abs() < 0.1, "{}", found.mean_reward());
}
