//! Equal inputs give equal bytes; a run that is saved, loaded and continued is the run that was never stopped.

use super::{ddpg, dqn, sac, td3};
use crate::ddpg::DdpgConfig;
use crate::deterministic::DeterministicUpdate;
use crate::dqn::DqnUpdate;
use crate::env::{ActionSpace, VecEnv};
use crate::off_policy::{OffPolicy, Update};
use crate::on_policy::tests::probe::Probe;
use crate::sac::SacUpdate;
use crate::td3::Td3Config;
use crate::{Checkpoint, ConstraintConfig, Dqn, DqnConfig, Error, Learners};

fn run<U: Update>(
    config: &U::Config,
    env: &mut Probe,
    seed: u64,
    count: usize,
) -> (OffPolicy<U>, Vec<String>) {
    let constraints = vec![ConstraintConfig::new("heat", 0.2), ConstraintConfig::new("idle", 0.4)];
    let mut learner = OffPolicy::new(config.clone(), env.spec(), constraints, seed).unwrap();
    learner.start(env, 2000).unwrap();
    let log = (0..count).map(|_| format!("{:?}", learner.iterate(env).unwrap())).collect();
    (learner, log)
}

fn resumes<U: Update>(config: &U::Config, space: &ActionSpace) {
    let (straight, straight_log) = run::<U>(config, &mut Probe::new(space.clone()), 7, 60);
    assert!(straight_log.last().unwrap().contains("train/n_updates"));
    assert!(straight.n_updates > 10, "the run learned");
    assert!(straight.multipliers()[0].value() > 0.0, "the multipliers moved");
    let (again, again_log) = run::<U>(config, &mut Probe::new(space.clone()), 7, 60);
    assert_eq!((again.save(), again_log), (straight.save(), straight_log.clone()));
    let (other, _) = run::<U>(config, &mut Probe::new(space.clone()), 8, 60);
    assert_ne!(other.save().tensors, straight.save().tensors);

    // Before anything is learned, in mid-episode, and with a ring that has come round.
    for stop in [2, 13, 45] {
        let mut env = Probe::new(space.clone());
        let (stopped, _) = run::<U>(config, &mut env, 7, stop);
        let (checkpoint, state) = (stopped.save(), env.save());
        drop((stopped, env));
        let mut env = Probe::new(space.clone());
        env.restore(&state).unwrap();
        let mut resumed = OffPolicy::<U>::load(&checkpoint, env.spec()).unwrap();
        assert_eq!(resumed.save(), checkpoint);
        let log: Vec<String> =
            (stop..60).map(|_| format!("{:?}", resumed.iterate(&mut env).unwrap())).collect();
        assert_eq!(log, straight_log[stop..]);
        assert_eq!(resumed.save(), straight.save());
    }
}

#[test]
fn stopped_dqn_goes_on_bit_for_bit() {
    resumes::<DqnUpdate>(&dqn(), &ActionSpace::MultiDiscrete(vec![3, 2]));
    let independent = DqnConfig { learners: Learners::Independent, prioritized: false, ..dqn() };
    resumes::<DqnUpdate>(&independent, &ActionSpace::Discrete(4));
}

#[test]
fn stopped_ddpg_and_td3_go_on_bit_for_bit() {
    resumes::<DeterministicUpdate<DdpgConfig>>(&ddpg(), &ActionSpace::Box(2));
    resumes::<DeterministicUpdate<Td3Config>>(&td3(), &ActionSpace::Box(3));
}

#[test]
fn stopped_sac_goes_on_bit_for_bit() {
    resumes::<SacUpdate>(&sac(), &ActionSpace::Box(2));
    resumes::<SacUpdate>(&sac(), &ActionSpace::MultiDiscrete(vec![3, 2]));
}

#[test]
fn damaged_and_foreign_checkpoints_are_refused() {
    let mut env = Probe::new(ActionSpace::Discrete(4));
    let whole = run::<DqnUpdate>(&dqn(), &mut env, 7, 13).0.save();
    let load = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = whole.clone();
        change(&mut checkpoint);
        Dqn::load(&checkpoint, env.spec()).map(|_| ()).unwrap_err()
    };
    let replace = |c: &mut Checkpoint, from: &str, to: &str| {
        let text = String::from_utf8(c.description.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        c.description = text.replace(from, to).into_bytes();
    };
    assert!(matches!(load(&|c| c.tensors.truncate(1000)), Error::Tensors(_)));
    assert!(matches!(load(&|c| c.description.truncate(100)), Error::Description(_)));
    assert!(matches!(load(&|c| replace(c, "dqn/1", "dqn/9")), Error::Format { .. }));
    assert!(matches!(load(&|c| replace(c, "dqn/1", "ppo/1")), Error::OtherAlgorithm { .. }));
    assert!(matches!(load(&|c| replace(c, "\"seed\": 7", "\"seed\": 8")), Error::TornCheckpoint));
    let other = |change: &dyn Fn(&mut crate::EnvSpec)| {
        let mut spec = env.spec().clone();
        change(&mut spec);
        Dqn::load(&whole, &spec).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(other(&|s| s.n_envs = 6), "n_envs of the environment: expected 3, found 6");
    let error = other(&|s| s.action_space = ActionSpace::Discrete(3));
    assert_eq!(error, "action_space of the environment: expected Discrete(4), found Discrete(3)");
}
