//! Action masks in whole runs.

use super::probe::Probe;
use crate::env::{ActionSpace, VecEnv};
use crate::{NetworkConfig, Ppo, PpoConfig, Schedule};

#[test]
fn forbidden_action_is_never_sampled() {
    for space in [ActionSpace::Discrete(5), ActionSpace::MultiDiscrete(vec![3, 5, 2])] {
        // A fresh policy that wants its default action badly, so that masks have something to forbid.
        let default_action = Some(vec![0; space.width()]);
        let network = NetworkConfig { default_action, default_logit: 30.0, ..NetworkConfig::default() };
        let config = PpoConfig {
            learning_rate: Schedule::Constant(1e-2),
            n_steps: 64,
            batch_size: 64,
            network,
            ..PpoConfig::default()
        };
        let mut env = Probe::new(space);
        let mut ppo = Ppo::new(config, env.spec(), vec![], 4).unwrap();
        ppo.start(&mut env, 10_000).unwrap();
        for _ in 0..20 {
            ppo.iterate(&mut env).unwrap();
        }
        assert_eq!(env.violations, 0);
    }
}
