//! Several agents: who learns for whom.
//!
//! Left out: that they learn, see `tests/learning`.

use crate::control::{Budget, CartPole};
use crate::env::VecEnv;
use crate::ppo::Ppo;
use crate::{Learners, NetworkConfig, PpoConfig, Schedule};

fn config() -> PpoConfig {
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

#[test]
fn one_agent_learns_alike_whoever_it_learns_for() {
    let params = |learners| {
        let mut env = CartPole::new(4);
        let config = PpoConfig { learners, batch_size: 80, ..config() };
        let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 1000).unwrap();
        (0..3).for_each(|_| drop(ppo.iterate(&mut env).unwrap()));
        ppo.actor_critic().clone()
    };
    assert_eq!(params(Learners::Shared), params(Learners::Independent));
}

#[test]
fn there_is_a_policy_for_all_agents_or_one_for_each() {
    for (learners, expected) in [(Learners::Shared, 1), (Learners::Independent, 3)] {
        let config = PpoConfig { learners, ..config() };
        let ppo = Ppo::new(config, Budget::new(8, 3).spec(), vec![], 1).unwrap();
        assert_eq!(ppo.policies().len(), expected);
    }
}
