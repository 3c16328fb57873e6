use super::*;
use crate::environments::{Actor, evaluate};
use trimtab_control::{
    vertical::{ExactConfig, Recommend, VpaRecommender},
    vpa::{Running, Stamp},
};
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
fn a_close_correction_beats_the_exact_vpa_and_the_exact_vpa_beats_chance() {
    let config = config();
    let exact = mean_return(&config, Actor::Constant(&[0.0; 6]));
    // A third more CPU and the same memory, followed closely.
    let close = mean_return(&config, Actor::Constant(&[0.9, 0.0, -0.9, 0.9, 0.0, -0.9]));
    let wasteful = mean_return(&config, Actor::Constant(&[0.9, 1.0, -0.9, 0.9, 1.0, -0.9]));
    let random = mean_return(&config, Actor::Random);
    assert!(close > exact && exact > wasteful && exact > random, "{close} {exact} {wasteful} {random}");
}

#[test]
fn the_reward_is_what_slack_and_overrun_and_restarts_cost() {
    let mut config = VpaConfig { workload: "constant".to_owned(), mode: Mode::Off, hold: 1, ..config() };
    config.random_start = false;
    let mut env = env(&config, 1);
    let mut out = StepBuffers::new(env.spec());
    env.reset(1, &mut out.obs);
    env.step(Actions::Continuous(&[0.0; 6]), &mut out).unwrap();
    // The example uses 100 of 500 millicores and all of 1,000 MB.
    assert!((out.rewards[0] + 0.4).abs() < 1e-6, "{}", out.rewards[0]);
    config.mode = Mode::Recreate;
    config.action_scale = ActionScale::Absolute;
    config.limit_range =
        LimitRangeConfig { min_cpu: 100.0, max_cpu: 500.0, min_memory_mb: 1000.0, max_memory_mb: 1001.0 };
    let mut env = TaskEnv::new(VpaTask::new(&config).unwrap(), 1);
    env.reset(1, &mut out.obs);
    env.step(Actions::Continuous(&[-1.0; 6]), &mut out).unwrap();
    // Down for 30 s of 60: half of the 100 millicores and of the memory is slack; and a restart.
    assert!((out.rewards[0] + 2.88 + 0.5 * (0.5 * 0.2 + 0.5)).abs() < 1e-6, "{}", out.rewards[0]);
}

#[test]
fn the_uncapped_target_is_the_one_before_policy_and_limit_range() {
    let row = |config: VpaConfig| {
        let mut env = env(&VpaConfig { random_start: false, ..config }, 1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(3, &mut out.obs);
        env.step(Actions::Continuous(&[0.0, 0.5, 0.0, 0.0, 0.5, 0.0]), &mut out).unwrap();
        let row = env.trace_row();
        row[6..14].iter().map(|cell| cell.parse().unwrap()).collect::<Vec<i64>>()
    };
    let free = row(config());
    assert_eq!((free[1], free[5]), (free[3], free[7]));
    let allowed = Allowed { max_cpu: 100.0, min_memory_mb: 500_000.0, ..Allowed::default() };
    let capped = row(VpaConfig { allowed, ..config() });
    assert_eq!(capped, [capped[0], 100, 100, free[3], 500_000_000_000, 500_000_000_000, capped[6], free[7]]);
    let limit_range = LimitRangeConfig { max_cpu: 200.0, ..LimitRangeConfig::default() };
    let ranged = row(VpaConfig { limit_range, ..config() });
    assert_eq!((ranged[1], ranged[3]), (200, free[3]));
}

#[test]
fn a_zero_action_is_the_exact_recommendation() {
    let config = config();
    let case = &config.recordings().unwrap()[0][0];
    let mut vpa = VpaRecommender::new(&ExactConfig::default()).unwrap();
    let running =
        Running { resources: case.replay.resources, started: Stamp::from_secs(0), last_termination: None };
    let mut expected = Vec::new();
    for (number, (now, usage)) in case.measurements().enumerate() {
        vpa.observe(now, usage, &running);
        if number % 5 == 0 {
            let found = vpa.recommend(now, &running).unwrap();
            let lists = [found.lower_bound, found.target, found.upper_bound, found.uncapped_target];
            let cpu = lists.map(|list| list.cpu.unwrap().milli());
            let memory = lists.map(|list| list.memory.unwrap().units());
            expected.push([cpu, memory].concat());
        }
    }
    let single = VpaConfig { container: case.container.clone(), random_start: false, ..config };
    let mut env = env(&single, 1);
    let mut out = StepBuffers::new(env.spec());
    env.reset(3, &mut out.obs);
    for expected in expected.iter().take(40) {
        env.step(Actions::Continuous(&[0.0; 6]), &mut out).unwrap();
        let row = env.trace_row();
        assert_eq!(row[6..14].iter().map(|cell| cell.parse().unwrap()).collect::<Vec<i64>>(), *expected);
    }
}

#[test]
fn recommendations_are_ordered_whatever_the_numbers() {
    for action_scale in [ActionScale::Trim, ActionScale::Absolute] {
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
                if action_scale == ActionScale::Absolute {
                    assert_eq!(resource[1], resource[3]);
                }
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
