//! Equal inputs give equal bytes; a run that is saved, loaded and continued is the run that was never stopped.

use trimtab_nn::actor_critic::Group;
use trimtab_nn::{CriticRecurrence, Recurrence};

use super::probe::Probe;
use crate::a2c::{A2cConfig, A2cUpdate};
use crate::control::{BudgetRoster, BudgetTurns, CartPole, Toll};
use crate::env::{ActionSpace, VecEnv};
use crate::on_policy::{OnPolicy, Update};
use crate::ppo::{Ppo, PpoConfig, PpoUpdate};
use crate::{Checkpoint, ConstraintConfig, CriticView, Error, Learners, NetworkConfig, Schedule};

fn ppo_config() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 20,
        batch_size: 48,
        n_epochs: 3,
        ent_coef: 0.01,
        clip_range_vf: Some(Schedule::Constant(0.2)),
        target_kl: Some(0.05),
        normalize_reward: true,
        ..PpoConfig::default()
    }
}

fn a2c_config() -> A2cConfig {
    A2cConfig {
        learning_rate: Schedule::linear(1e-3),
        ent_coef: 0.01,
        normalize_advantage: true,
        normalize_reward: true,
        ..A2cConfig::default()
    }
}

type Make = Box<dyn Fn() -> Box<dyn VecEnv>>;

/// Every kind of environment with the constraints it can have.
fn tasks() -> Vec<(Make, Vec<ConstraintConfig>)> {
    let pid = ConstraintConfig { kp: 0.1, kd: 0.1, ..ConstraintConfig::new("heat", 0.2) };
    let both = vec![pid, ConstraintConfig::new("idle", 0.4)];
    vec![
        (Box::new(|| Box::new(CartPole::new(5))), vec![]),
        (Box::new(|| Box::new(Toll::new(4))), vec![ConstraintConfig::new("toll", 0.3)]),
        (Box::new(|| Box::new(Probe::new(ActionSpace::MultiDiscrete(vec![3, 4])))), both.clone()),
        (Box::new(|| Box::new(Probe::new(ActionSpace::Box(3)))), both),
    ]
}

fn run<U: Update>(
    config: &U::Config,
    env: &mut dyn VecEnv,
    constraints: &[ConstraintConfig],
    seed: u64,
    iterations: usize,
) -> (OnPolicy<U>, Vec<String>) {
    let mut learner = OnPolicy::new(config.clone(), env.spec(), constraints.to_vec(), seed).unwrap();
    learner.start(env, 2000).unwrap();
    let log = (0..iterations).map(|_| format!("{:?}", learner.iterate(env).unwrap())).collect();
    (learner, log)
}

fn repeats<U: Update>(config: &U::Config) {
    for (make, constraints) in tasks() {
        let (first, first_log) = run::<U>(config, &mut *make(), &constraints, 7, 6);
        let (second, second_log) = run::<U>(config, &mut *make(), &constraints, 7, 6);
        let (other, _) = run::<U>(config, &mut *make(), &constraints, 8, 6);
        assert_eq!(first.save(), second.save());
        assert_eq!(first_log, second_log);
        assert_ne!(first.save().tensors, other.save().tensors);
    }
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    repeats::<PpoUpdate>(&ppo_config());
    repeats::<A2cUpdate>(&a2c_config());
}

fn resumes<U: Update>(config: &U::Config) {
    tasks().iter().for_each(|(make, constraints)| resumes_in::<U>(config, make, constraints));
}

fn resumes_in<U: Update>(config: &U::Config, make: &Make, constraints: &[ConstraintConfig]) {
    let (straight, straight_log) = run::<U>(config, &mut *make(), constraints, 7, 9);
    let mut env = make();
    let (stopped, _) = run::<U>(config, &mut *env, constraints, 7, 4);
    let (checkpoint, state) = (stopped.save(), env.save());
    drop((stopped, env));

    let mut env = make();
    env.restore(&state).unwrap();
    let mut resumed = OnPolicy::<U>::load(&checkpoint, env.spec()).unwrap();
    assert_eq!(resumed.save(), checkpoint);
    let log: Vec<String> = (0..5).map(|_| format!("{:?}", resumed.iterate(&mut *env).unwrap())).collect();
    assert_eq!(log, straight_log[4..]);
    assert_eq!(resumed.save(), straight.save());
}

#[test]
fn stopped_run_goes_on_bit_for_bit() {
    resumes::<PpoUpdate>(&ppo_config());
    resumes::<A2cUpdate>(&a2c_config());
}

#[test]
fn stopped_runs_with_all_that_can_be_remembered_go_on_bit_for_bit() {
    let recurrence = Some(Recurrence { hidden_size: 8, critic: CriticRecurrence::Separate });
    let network = NetworkConfig { recurrence, freeze: vec![Group::Critic], ..NetworkConfig::default() };
    let ppo = PpoConfig {
        batch_size: 40,
        learners: Learners::Independent,
        critic: CriticView::Central,
        normalize_observation: true,
        kl_coeff: Some(0.2),
        sequence_length: Some(10),
        network: network.clone(),
        ..ppo_config()
    };
    let a2c = A2cConfig {
        learners: Learners::Independent,
        critic: CriticView::Central,
        normalize_observation: true,
        network,
        ..a2c_config()
    };
    let tasks: [Make; 4] = [
        Box::new(|| Box::new(BudgetTurns::new(4, 3))),
        Box::new(|| Box::new(BudgetRoster::new(4, 4))),
        Box::new(|| Box::new(CartPole::new(5))),
        Box::new(|| Box::new(Probe::new(ActionSpace::Box(3)))),
    ];
    for make in tasks {
        resumes_in::<PpoUpdate>(&ppo, &make, &[]);
        resumes_in::<PpoUpdate>(&PpoConfig { learners: Learners::Shared, ..ppo.clone() }, &make, &[]);
        resumes_in::<A2cUpdate>(&a2c, &make, &[]);
    }
}

fn saved() -> (Checkpoint, CartPole) {
    let mut env = CartPole::new(5);
    let (ppo, _) = run::<PpoUpdate>(&ppo_config(), &mut env, &[], 1, 2);
    (ppo.save(), env)
}

#[test]
fn damaged_checkpoints_are_refused() {
    let (whole, env) = saved();
    let load = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = whole.clone();
        change(&mut checkpoint);
        Ppo::load(&checkpoint, env.spec()).map(|_| ()).unwrap_err()
    };
    assert!(matches!(load(&|c| c.tensors.truncate(1000)), Error::Tensors(_)));
    assert!(matches!(load(&|c| c.tensors.clear()), Error::Tensors(_)));
    assert!(matches!(load(&|c| c.description.truncate(100)), Error::Description(_)));
    let replace = |c: &mut Checkpoint, from: &str, to: &str| {
        let text = String::from_utf8(c.description.clone()).unwrap();
        assert!(text.contains(from));
        c.description = text.replace(from, to).into_bytes();
    };
    assert!(matches!(load(&|c| replace(c, "ppo/2", "ppo/9")), Error::Format { .. }));
    assert!(matches!(load(&|c| replace(c, "ppo/2", "dqn/1")), Error::OtherAlgorithm { .. }));
    assert!(matches!(load(&|c| replace(c, "\"seed\": 1", "\"seed\": 2")), Error::TornCheckpoint));
    let other = run::<PpoUpdate>(&ppo_config(), &mut CartPole::new(5), &[], 1, 3).0.save();
    assert!(matches!(load(&|c| c.tensors = other.tensors.clone()), Error::TornCheckpoint));
}

#[test]
fn checkpoints_of_other_environments_are_refused_by_field() {
    let (checkpoint, env) = saved();
    let load = |change: &dyn Fn(&mut crate::EnvSpec)| {
        let mut spec = env.spec().clone();
        change(&mut spec);
        Ppo::load(&checkpoint, &spec).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(load(&|s| s.n_envs = 6), "n_envs of the environment: expected 5, found 6");
    assert_eq!(load(&|s| s.obs_dim = 3), "obs_dim of the environment: expected 4, found 3");
    assert_eq!(load(&|s| s.costs = vec!["x"]), "costs of the environment: expected [], found [\"x\"]");
    let error = load(&|s| s.action_space = ActionSpace::Discrete(3));
    assert_eq!(error, "action_space of the environment: expected Discrete(2), found Discrete(3)");
}
