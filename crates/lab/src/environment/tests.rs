use super::*;
use crate::{applications, policy_file, reward::Goal, training};
use trimtab_control::ActionKind;

fn config(action: ActionKind) -> RunConfig {
    let mut config = RunConfig { action, n_envs: 3, goal: Goal::Cost, ..RunConfig::default() };
    config.inner.target_percent = vec![80; 11];
    config.inner.scale_down_secs = 60.0;
    (config.episode.steps, config.episode.hold) = (20, 1);
    config
}

fn environment(config: &RunConfig) -> Environment {
    let application = applications::load(&config.env).unwrap();
    let inner = policy_file::inner(config, &application).unwrap();
    Environment::new(config, &application, training::training_days(config, &application).unwrap(), &inner)
        .unwrap()
}

fn neutral(env: &Environment) -> Vec<u32> {
    env.steering().neutral().repeat(env.spec().rows())
}

/// Steps `n` times with `choices` for all rows; returns rewards, and the buffers of the last step.
fn run(env: &mut Environment, choices: &[u32], n: usize) -> (Vec<f32>, StepBuffers) {
    let mut out = StepBuffers::new(env.spec());
    let mut rewards = Vec::new();
    for _ in 0..n {
        env.step(Actions::Discrete(choices), &mut out).unwrap();
        rewards.extend_from_slice(&out.rewards);
    }
    (rewards, out)
}

#[test]
fn every_shipped_environment_and_kind_of_action_steps_with_finite_numbers() {
    for (name, _) in names() {
        for action in [ActionKind::Trim, ActionKind::TrimContinuous, ActionKind::Delta, ActionKind::Move] {
            for goal in [Goal::Cost, Goal::Latency, Goal::Multi] {
                let services = applications::load(name).unwrap().services.len();
                let mut config = config(action);
                (config.env, config.goal) = (name.to_owned(), goal);
                config.inner.target_percent = vec![80; services];
                let mut env = environment(&config);
                let spec = env.spec().clone();
                let mut out = StepBuffers::new(&spec);
                env.reset(5, &mut out.obs);
                let width = spec.rows() * spec.action_space.width();
                for i in 0..25u32 {
                    match &spec.action_space {
                        ActionSpace::Box(_) => {
                            env.step(Actions::Continuous(&vec![0.1 * (i % 5) as f32; width]), &mut out)
                                .unwrap();
                        }
                        _ => env.step(Actions::Discrete(&vec![i % 2; width]), &mut out).unwrap(),
                    }
                    let numbers = out.obs.iter().chain(&out.rewards).chain(&out.costs);
                    assert!(numbers.into_iter().all(|x| x.is_finite()), "{name} {action:?} {goal:?}");
                    assert!(out.obs.iter().all(|x| x.abs() <= 4.0), "{name}: features are of order one");
                }
            }
        }
    }
}

#[test]
fn equal_seeds_give_equal_episodes_and_other_seeds_others() {
    let config = config(ActionKind::Trim);
    let rewards = |seed| {
        let mut env = environment(&config);
        let mut obs = vec![0.0; env.spec().rows() * env.spec().obs_dim];
        env.reset(seed, &mut obs);
        let choices = neutral(&env);
        run(&mut env, &choices, 30).0
    };
    assert_eq!(rewards(1), rewards(1));
    assert_ne!(rewards(1), rewards(2));
}

#[test]
fn a_restored_environment_goes_on_as_the_saved_one() {
    let config = config(ActionKind::Trim);
    let mut first = environment(&config);
    let mut obs = vec![0.0; first.spec().rows() * first.spec().obs_dim];
    first.reset(1, &mut obs);
    let choices = neutral(&first);
    run(&mut first, &choices, 13);
    let mut second = environment(&config);
    second.restore(&first.save()).unwrap();
    assert_eq!(run(&mut first, &choices, 20), run(&mut second, &choices, 20));
    assert!(second.restore(b"nonsense").unwrap_err().contains("not the state"));
}

#[test]
fn an_episode_is_truncated_and_its_last_observation_kept() {
    let mut env = environment(&config(ActionKind::Trim));
    let mut obs = vec![0.0; env.spec().rows() * env.spec().obs_dim];
    env.reset(1, &mut obs);
    let choices = neutral(&env);
    let (_, out) = run(&mut env, &choices, 19);
    assert_eq!(out.truncated, [false; 3]);
    let (_, out) = run(&mut env, &choices, 1);
    assert_eq!((out.truncated, out.terminated), (vec![true; 3], vec![false; 3]));
    assert_ne!(out.final_obs, out.obs);
    let episodes = env.take_episodes();
    assert_eq!((episodes.len(), episodes[0].length), (3, 20));
    assert!((episodes[0].tally.seconds - 300.0).abs() < 1e-9);
}

#[test]
fn rewards_of_the_rows_add_up_to_cost_and_violations() {
    // Goal `cost` without churn: the sum over rows is −(cores over one replica each) − 10 × rows × violation.
    let mut config = config(ActionKind::Trim);
    config.reward = std::collections::BTreeMap::from([("cost".to_owned(), 1.0)]);
    let mut env = environment(&config);
    let mut obs = vec![0.0; env.spec().rows() * env.spec().obs_dim];
    env.reset(1, &mut obs);
    let choices = neutral(&env);
    let (_, out) = run(&mut env, &choices, 1);
    let expected: f32 = (0..11).map(|s| env.judge.cost_share()[s] * env.cluster.replicas(0, s) as f32).sum();
    let sum: f32 = out.rewards[..11].iter().sum();
    assert!((sum + expected).abs() < 1e-5, "{sum} {expected}");
}

#[test]
fn a_masked_move_leaves_no_invalid_action() {
    let mut env = environment(&config(ActionKind::Move));
    let spec = env.spec().clone();
    let mut obs = vec![0.0; spec.rows() * spec.obs_dim];
    env.reset(1, &mut obs);
    let width = spec.action_space.choices();
    let (mut masks, mut out) = (vec![false; spec.rows() * width], StepBuffers::new(&spec));
    for i in 0..40 {
        env.action_masks(&mut masks);
        let allowed = |row: usize| {
            let row = &masks[row * width..(row + 1) * width];
            let options: Vec<usize> = (0..width).filter(|&c| row[c]).collect();
            options[i * 7 % options.len()] as u32
        };
        let choices: Vec<u32> = (0..spec.rows()).map(allowed).collect();
        env.step(Actions::Discrete(&choices), &mut out).unwrap();
        assert!(env.lanes.iter().all(|lane| lane.steering.invalid() == 0));
    }
}

#[test]
fn an_action_outside_its_space_is_an_error() {
    let mut env = environment(&config(ActionKind::Trim));
    let mut out = StepBuffers::new(env.spec());
    env.reset(1, &mut out.obs);
    let choices = vec![99; env.spec().rows() * 2];
    assert!(matches!(env.step(Actions::Discrete(&choices), &mut out), Err(StepError::OutsideSpace { .. })));
}
