//! What stops a run, and what the error names.

use super::{ddpg, dqn, sac, td3};
use crate::ddpg::DdpgConfig;
use crate::deterministic::DeterministicUpdate;
use crate::dqn::DqnUpdate;
use crate::env::{ActionSpace, VecEnv};
use crate::off_policy::{OffPolicy, Update};
use crate::on_policy::tests::probe::{Fault, Probe};
use crate::sac::SacUpdate;
use crate::td3::Td3Config;
use crate::{ConstraintConfig, Error, Schedule};

type Ddpg = DeterministicUpdate<DdpgConfig>;

fn stopped<U: Update>(config: U::Config, space: ActionSpace, step: u32, fault: Fault) -> String {
    let mut env = Probe { fault: Some((step, fault)), ..Probe::new(space) };
    let mut learner = OffPolicy::<U>::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, 1000).unwrap();
    loop {
        if let Err(error) = learner.iterate(&mut env) {
            return error.to_string();
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_named_with_environment_and_step() {
    let tail = "expected a finite number";
    let expected = [
        (20, Fault::Reward, format!("reward of environment 1 at step 20 is -inf, {tail}")),
        (3, Fault::Observation, format!("observation of environment 1 at step 3 is NaN, {tail}")),
        (
            13,
            Fault::FinalObservation,
            format!("final observation of environment 1 at step 13 is inf, {tail}"),
        ),
        (5, Fault::Cost, format!("cost \"heat\" of environment 1 at step 5 is NaN, {tail}")),
        (18, Fault::Refused, "step 18 failed".to_owned()),
    ];
    for (step, fault, expected) in expected {
        let (choices, numbers) = (ActionSpace::MultiDiscrete(vec![3, 2]), ActionSpace::Box(2));
        assert_eq!(stopped::<DqnUpdate>(dqn(), choices.clone(), step, fault), expected);
        assert_eq!(stopped::<SacUpdate>(sac(), choices, step, fault), expected);
        assert_eq!(stopped::<Ddpg>(ddpg(), numbers, step, fault), expected);
    }
    let choices = ActionSpace::MultiDiscrete(vec![3, 2]);
    let error = stopped::<DqnUpdate>(dqn(), choices, 4, Fault::AllForbidden);
    assert_eq!(error, "head 1 of row 2 has no allowed choice at step 4");
}

#[test]
fn gradients_that_are_not_finite_stop_the_run() {
    let mut env = Probe::new(ActionSpace::Box(2));
    let config = DdpgConfig { learning_rate: Schedule::Constant(1e30), ..ddpg() };
    let mut learner =
        OffPolicy::<DeterministicUpdate<DdpgConfig>>::new(config, env.spec(), vec![], 1).unwrap();
    learner.start(&mut env, 1000).unwrap();
    let error = (0..100).find_map(|_| learner.iterate(&mut env).err()).unwrap();
    assert!(matches!(error, Error::Gradient { .. } | Error::NotFinite { .. }), "{error}");
}

fn refused<U: Update>(config: U::Config, space: ActionSpace) -> String {
    let env = Probe::new(space);
    OffPolicy::<U>::new(config, env.spec(), vec![], 1).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn spaces_that_an_algorithm_cannot_act_in_are_named() {
    let error = refused::<DqnUpdate>(dqn(), ActionSpace::Box(2));
    assert_eq!(error, "action space: expected choices (Discrete or MultiDiscrete), found Box(2)");
    let expected = "action space: expected numbers (Box), found Discrete(2)";
    assert_eq!(refused::<DeterministicUpdate<DdpgConfig>>(ddpg(), ActionSpace::Discrete(2)), expected);
    assert_eq!(refused::<DeterministicUpdate<Td3Config>>(td3(), ActionSpace::Discrete(2)), expected);
}

#[test]
fn impossible_hyper_parameters_are_named_before_the_first_step() {
    let error = |change: &dyn Fn(&mut crate::DqnConfig)| {
        let mut config = dqn();
        change(&mut config);
        refused::<DqnUpdate>(config, ActionSpace::Discrete(2))
    };
    let expected = "batch_size: expected 1 to 150 (buffer_size), found 151";
    assert_eq!(error(&|c| c.batch_size = 151), expected);
    assert!(error(&|c| c.buffer_size = 0).starts_with("buffer_size"));
    assert!(error(&|c| c.train_freq = 0).starts_with("train_freq"));
    assert_eq!(error(&|c| c.gradient_steps = 0), "gradient_steps: expected at least 1, or -1, found 0");
    assert!(error(&|c| c.gamma = 1.1).starts_with("gamma"));
    assert!(error(&|c| c.n_step = 0).starts_with("n_step"));
    assert!(error(&|c| c.rounds = 0).starts_with("rounds"));
    assert!(error(&|c| c.tau = 0.0).starts_with("tau"));
    assert!(error(&|c| c.learning_rate = Schedule::Constant(-1.0)).starts_with("learning_rate"));
    assert!(error(&|c| c.target_update_interval = 0).starts_with("target_update_interval"));
    assert!(error(&|c| c.exploration_final_eps = 2.0).starts_with("exploration_final_eps"));
    assert!(error(&|c| c.max_grad_norm = f64::NAN).starts_with("max_grad_norm"));
    assert!(error(&|c| c.priority.alpha = -0.1).starts_with("priority.alpha"));
    assert!(error(&|c| c.constraint_steps = 0).starts_with("constraint_steps"));
    assert!(error(&|c| c.network.hidden = vec![]).starts_with("network.hidden"));
    assert!(error(&|c| c.network.hidden = vec![8]).contains("dueling"));
    let numbers = ActionSpace::Box(2);
    let policy_delay = Td3Config { policy_delay: 0, ..td3() };
    assert!(
        refused::<DeterministicUpdate<Td3Config>>(policy_delay, numbers.clone()).starts_with("policy_delay")
    );
    let mut strong = ddpg();
    strong.action_noise.sigma = Schedule::Constant(-1.0);
    let error = refused::<DeterministicUpdate<DdpgConfig>>(strong, numbers.clone());
    assert!(error.starts_with("action_noise.sigma"), "{error}");
    let cold = crate::SacConfig { ent_coef: 0.0, ..sac() };
    assert!(refused::<SacUpdate>(cold, numbers).starts_with("ent_coef"));
}

#[test]
fn unknown_names_are_errors() {
    assert!(serde_json::from_str::<crate::DqnConfig>("{\"duelling\": true}").is_err());
    assert!(serde_json::from_str::<crate::SacConfig>("{\"ent_coeff\": 1.0}").is_err());
    assert!(serde_json::from_str::<DdpgConfig>("{\"action_noise\": {\"sgima\": 1.0}}").is_err());
}

#[test]
fn runs_that_cannot_start_say_so() {
    let mut env = Probe::new(ActionSpace::Discrete(3));
    let twice = vec![ConstraintConfig::new("heat", 1.0), ConstraintConfig::new("heat", 1.0)];
    let error = OffPolicy::<DqnUpdate>::new(dqn(), env.spec(), twice, 1).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("two for"), "{error}");
    let mut learner = OffPolicy::<DqnUpdate>::new(dqn(), env.spec(), vec![], 1).unwrap();
    assert!(matches!(learner.iterate(&mut env), Err(Error::NotStarted)));
    assert!(matches!(learner.start(&mut env, 0), Err(Error::Config { .. })));
    let mut other = Probe::new(ActionSpace::Discrete(2));
    assert!(matches!(learner.start(&mut other, 10), Err(Error::OtherSpec { .. })));
}
