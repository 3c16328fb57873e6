//! Action masks in whole runs.

use super::probe::Probe;
use crate::env::{ActionSpace, VecEnv};
use crate::evaluation::evaluate;
use crate::on_policy::{OnPolicy, Update};
use crate::{A2cConfig, NetworkConfig, PpoConfig, Schedule, a2c, ppo};

fn never_does_what_is_forbidden<U: Update>(space: ActionSpace, config: U::Config) {
    let mut env = Probe::new(space);
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 4).unwrap();
    learner.start(&mut env, 10_000).unwrap();
    for _ in 0..20 {
        learner.iterate(&mut env).unwrap();
    }
    evaluate(&learner.policies(), &mut env, 1, 3).unwrap();
    assert_eq!(env.violations, 0);
}

#[test]
fn forbidden_action_is_never_sampled() {
    for space in [ActionSpace::Discrete(5), ActionSpace::MultiDiscrete(vec![3, 5, 2])] {
        // A fresh policy that wants its default action badly, so that masks have something to forbid.
        let default_action = Some(vec![0; space.width()]);
        let network = NetworkConfig { default_action, default_logit: 30.0, ..NetworkConfig::default() };
        let learning_rate = Schedule::Constant(1e-2);
        let (n_steps, batch_size) = (64, 64);
        let config = PpoConfig {
            learning_rate,
            n_steps,
            batch_size,
            network: network.clone(),
            ..PpoConfig::default()
        };
        never_does_what_is_forbidden::<ppo::PpoUpdate>(space.clone(), config);
        let config = A2cConfig { learning_rate, n_steps, network, ..A2cConfig::default() };
        never_does_what_is_forbidden::<a2c::A2cUpdate>(space, config);
    }
}
