//! What stops a run, and what the error names.

use trimtab_nn::{CriticRecurrence, Recurrence};

use super::probe::{Fault, Probe};
use crate::a2c::{A2cConfig, A2cUpdate};
use crate::control::CartPole;
use crate::env::{ActionSpace, VecEnv};
use crate::on_policy::{OnPolicy, Update};
use crate::ppo::{Ppo, PpoConfig, PpoUpdate};
use crate::{ConstraintConfig, Error, NetworkConfig};

fn config() -> PpoConfig {
    PpoConfig { n_steps: 16, batch_size: 32, n_epochs: 2, ..PpoConfig::default() }
}

/// The error of a run in which a fault occurs at a step.
fn stopped<U: Update>(config: U::Config, step: u32, fault: Fault) -> String {
    let mut env = Probe { fault: Some((step, fault)), ..Probe::new(ActionSpace::MultiDiscrete(vec![3, 2])) };
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, 1000).unwrap();
    loop {
        if let Err(error) = learner.iterate(&mut env) {
            return error.to_string();
        }
    }
}

/// The same of all algorithms, which must agree.
fn stopped_by(step: u32, fault: Fault) -> String {
    let error = stopped::<PpoUpdate>(config(), step, fault);
    assert_eq!(stopped::<A2cUpdate>(A2cConfig::default(), step, fault), error);
    error
}

#[test]
fn numbers_that_are_not_finite_are_named_with_environment_and_step() {
    let tail = "expected a finite number";
    assert_eq!(stopped_by(20, Fault::Reward), format!("reward of environment 1 at step 20 is -inf, {tail}"));
    assert_eq!(
        stopped_by(3, Fault::Observation),
        format!("observation of environment 1 at step 3 is NaN, {tail}")
    );
    let error = stopped_by(13, Fault::FinalObservation);
    assert_eq!(error, format!("final observation of environment 1 at step 13 is inf, {tail}"));
    assert_eq!(
        stopped_by(5, Fault::Cost),
        format!("cost \"heat\" of environment 1 at step 5 is NaN, {tail}")
    );
}

#[test]
fn refused_steps_and_empty_masks_are_errors() {
    assert_eq!(stopped_by(18, Fault::Refused), "step 18 failed");
    assert_eq!(stopped_by(4, Fault::AllForbidden), "head 1 of row 2 has no allowed choice at step 4");
}

#[test]
fn impossible_runs_end_before_the_first_step() {
    let env = Probe::new(ActionSpace::Discrete(3));
    let new = |config: PpoConfig, constraints: Vec<ConstraintConfig>| {
        Ppo::new(config, env.spec(), constraints, 1).map(|_| ()).unwrap_err().to_string()
    };
    assert!(new(PpoConfig { batch_size: 97, ..config() }, vec![]).contains("1 to 96"));
    let bound = |name| ConstraintConfig::new(name, 1.0);
    assert!(new(config(), vec![bound("haet")]).contains("found \"haet\""));
    assert!(new(config(), vec![bound("heat"), bound("heat")]).contains("two for \"heat\""));
    let network = NetworkConfig { hidden: vec![], ..NetworkConfig::default() };
    assert_eq!(new(PpoConfig { network, ..config() }, vec![]), "the network cannot be built");
    let network = NetworkConfig { default_action: Some(vec![3]), ..NetworkConfig::default() };
    assert_eq!(new(PpoConfig { network, ..config() }, vec![]), "the network cannot be built");
}

#[test]
fn runs_must_be_started_with_the_environment_they_are_made_for() {
    let mut env = CartPole::new(2);
    let mut ppo = Ppo::new(PpoConfig { batch_size: 32, ..config() }, env.spec(), vec![], 1).unwrap();
    assert!(matches!(ppo.iterate(&mut env), Err(Error::NotStarted)));
    assert!(matches!(ppo.start(&mut env, 0), Err(Error::Config { .. })));
    assert!(matches!(ppo.start(&mut CartPole::new(3), 10), Err(Error::OtherSpec { key: "n_envs", .. })));
}

fn keeps_its_policy<U: Update>(config: U::Config) {
    let mut env = CartPole::new(2);
    let mut learner = OnPolicy::<U>::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, 1000).unwrap();
    let before = learner.actor_critic().clone();
    let error = learner.iterate(&mut env).unwrap_err();
    assert!(matches!(error, Error::Gradient { update: 0, .. }), "{error}");
    assert_eq!(*learner.actor_critic(), before);
}

#[test]
fn gradients_that_are_not_finite_stop_the_run_and_keep_the_policy() {
    keeps_its_policy::<PpoUpdate>(PpoConfig { vf_coef: 1e38, batch_size: 32, ..config() });
    keeps_its_policy::<A2cUpdate>(A2cConfig { vf_coef: 1e38, ..A2cConfig::default() });
}

#[test]
fn after_an_error_the_last_finite_policy_can_be_saved_and_loaded() {
    let recurrence = Some(Recurrence { hidden_size: 8, critic: CriticRecurrence::Separate });
    let network = NetworkConfig { recurrence, ..NetworkConfig::default() };
    let recurrent = PpoConfig { batch_size: 32, network, normalize_reward: true, ..config() };
    for config in [PpoConfig { normalize_observation: true, ..config() }, recurrent] {
        for fault in [Fault::Observation, Fault::Reward, Fault::Cost, Fault::FinalObservation, Fault::Refused]
        {
            let fault = Some((if fault == Fault::FinalObservation { 27 } else { 25 }, fault));
            let mut env = Probe { fault, ..Probe::new(ActionSpace::Box(2)) };
            let mut ppo = Ppo::new(config.clone(), env.spec(), vec![], 1).unwrap();
            ppo.start(&mut env, 1000).unwrap();
            ppo.iterate(&mut env).unwrap();
            let before = ppo.actor_critic().clone();
            ppo.iterate(&mut env).unwrap_err();
            let loaded = Ppo::load(&ppo.save(), env.spec()).unwrap();
            assert_eq!(*loaded.actor_critic(), before, "{fault:?}");
        }
        let mut env = CartPole::new(4);
        let mut ppo = Ppo::new(PpoConfig { vf_coef: 1e38, ..config }, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 1000).unwrap();
        let before = ppo.actor_critic().clone();
        ppo.iterate(&mut env).unwrap_err();
        assert_eq!(*Ppo::load(&ppo.save(), env.spec()).unwrap().actor_critic(), before);
    }
}

#[test]
fn memory_that_broke_is_not_saved() {
    let recurrence = Some(Recurrence { hidden_size: 8, critic: CriticRecurrence::Separate });
    let network = NetworkConfig { recurrence, ..NetworkConfig::default() };
    let mut env = Probe { huge: true, ..Probe::new(ActionSpace::Box(2)) };
    let mut ppo = Ppo::new(PpoConfig { network, ..config() }, env.spec(), vec![], 1).unwrap();
    ppo.start(&mut env, 1000).unwrap();
    let error = ppo.iterate(&mut env).unwrap_err().to_string();
    assert!(error.contains("expected a finite number") || error.contains("update 0"), "{error}");
    Ppo::load(&ppo.save(), env.spec()).unwrap();
}
