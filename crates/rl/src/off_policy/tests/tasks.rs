//! Tasks whose answer is known, and masks.

use super::{dqn, sac};
use crate::dqn::DqnUpdate;
use crate::env::{ActionSpace, VecEnv};
use crate::off_policy::{OffPolicy, Update};
use crate::on_policy::tests::probe::{End, Probe};
use crate::sac::SacUpdate;
use crate::{DqnConfig, Schedule};

fn train<U: Update>(config: U::Config, env: &mut dyn VecEnv, steps: u64) -> OffPolicy<U> {
    let mut learner = OffPolicy::new(config, env.spec(), vec![], 1).unwrap();
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
            let learner = train::<DqnUpdate>(config, &mut env, 9000);
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
        train::<DqnUpdate>(dqn(), &mut env, 600);
        assert_eq!(env.violations, 0);
        let mut env = Probe::new(space);
        train::<SacUpdate>(sac(), &mut env, 600);
        assert_eq!(env.violations, 0);
    }
}
