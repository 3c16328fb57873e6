use super::*;
use crate::environments::{Actor, evaluate};
use trimtab_rl::{Actions, StepBuffers, VecEnv};

fn config() -> VpaConfig {
    VpaConfig { containers: 2, days: 2.0, max_steps: 48, ..VpaConfig::default() }
}

fn env(config: &VpaConfig, n_envs: usize) -> TaskEnv<VpaTask> {
    TaskEnv::new(VpaTask::new(config).unwrap(), n_envs)
}

fn mean_return(config: &VpaConfig, actor: Actor<'_>) -> f64 {
    let mut env = env(config, 2);
    evaluate(&mut env, actor, 7, 20, &mut |_| ()).unwrap().mean_return.mean
}

#[test]
fn asking_for_what_was_used_beats_what_the_container_was_given_and_chance() {
    let config = config();
    // A target of one and a half times the day's peak with bounds close to it; four times; anything.
    let close = mean_return(&config, Actor::Constant(&[-0.9, 0.1, -0.9, -0.9, 0.1, -0.9]));
    let wasteful = mean_return(&config, Actor::Constant(&[-0.9, 1.0, -0.9, -0.9, 1.0, -0.9]));
    let random = mean_return(&config, Actor::Random);
    assert!(close > wasteful && close > random, "{close} {wasteful} {random}");
}

#[test]
fn the_reward_is_what_slack_and_overrun_and_restarts_cost() {
    let mut config = VpaConfig { workload: "constant".to_owned(), mode: Mode::Off, ..config() };
    config.random_start = false;
    let mut env = env(&config, 1);
    let mut out = StepBuffers::new(env.spec());
    env.reset(1, &mut out.obs);
    // The example uses 100 of 500 millicores and all of 1,000 MB.
    assert_eq!(out.obs[..4], [0.2, 1.0, 1.0, 1.0]);
    env.step(Actions::Continuous(&[0.0; 6]), &mut out).unwrap();
    assert!((out.rewards[0] + 0.4).abs() < 1e-6, "{}", out.rewards[0]);
    config.mode = Mode::Recreate;
    let mut env = TaskEnv::new(VpaTask::new(&config).unwrap(), 1);
    env.reset(1, &mut out.obs);
    env.step(Actions::Continuous(&[-1.0, 0.0, -1.0, -1.0, 0.0, -1.0]), &mut out).unwrap();
    // Down for 30 s of 300: a tenth of the 100 millicores and of the memory is slack; and a restart.
    assert!((out.rewards[0] + 2.0 + 0.5 * (0.1 * 0.2 + 0.1)).abs() < 1e-6, "{}", out.rewards[0]);
    assert!((out.obs[2] - 0.2).abs() < 1e-6);
}

#[test]
fn recommendations_are_ordered_whatever_the_numbers() {
    for action_scale in [ActionScale::Relative, ActionScale::Absolute] {
        let config = VpaConfig { action_scale, ..config() };
        let mut env = env(&config, 1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(3, &mut out.obs);
        for numbers in [[-1.0f32; 6], [1.0; 6], [0.3, -0.7, 1.0, -1.0, 0.9, -0.2]] {
            env.step(Actions::Continuous(&numbers), &mut out).unwrap();
            let row = env.trace_row();
            let bounds: Vec<i64> = row[6..14].iter().map(|cell| cell.parse().unwrap()).collect();
            for resource in bounds.chunks(4) {
                assert!(resource[0] <= resource[1] && resource[1] <= resource[2], "{row:?}");
                assert_eq!(resource[1], resource[3]);
            }
        }
    }
}

#[test]
fn a_series_that_starts_again_has_no_end() {
    let config = VpaConfig { round_robin: true, max_steps: 2000, days: 1.0, random_start: false, ..config() };
    let mut env = env(&config, 1);
    let mut out = StepBuffers::new(env.spec());
    env.reset(3, &mut out.obs);
    for step in 1..=2000 {
        env.step(Actions::Continuous(&[0.0; 6]), &mut out).unwrap();
        assert_eq!(out.truncated[0], step == 2000);
    }
    let short = VpaConfig { round_robin: false, ..config };
    assert_eq!(trimtab_rl::control::Task::max_steps(&VpaTask::new(&short).unwrap()), Some(142));
}

#[test]
fn what_is_no_container_or_workload_is_refused_by_name() {
    let refused = |config: VpaConfig| VpaTask::new(&config).unwrap_err().to_string();
    assert!(refused(VpaConfig { workload: "alibab".into(), ..config() }).contains("\"alibaba\""));
    assert!(refused(VpaConfig { container: "x".into(), ..config() }).contains("alibaba-0"));
}
