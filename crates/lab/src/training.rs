//! A training run: its clock, its files, its progress. A run that is killed at any moment resumes from its last
//! checkpoint and ends with the bytes it would have ended with.

use crate::{
    Error, Result, applications,
    calibration::Search,
    config::{Algorithm, RunConfig, Signal},
    environment::{Environment, Episode},
    evaluation::Scenario,
    files, policy_file,
    reward::{Goal, Reward},
    run_dir::{RunDir, Saved},
    settle::settle,
    traffic::{Day, Traffic},
};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use trimtab_control::ActionKind;
use trimtab_model::Application;
use trimtab_rl::{
    A2c, A2cConfig, ConstraintConfig, Ddpg, Dqn, Learner, NetworkConfig, Ppo, PpoConfig, Sac, Td3, VecEnv,
    learner,
};

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Environment steps made.
    pub timesteps: u64,
    /// Environment steps in all.
    pub total_timesteps: u64,
    /// Environment steps a second since the run was started or resumed.
    pub steps_per_sec: f64,
    /// Seconds left at this speed.
    pub remaining_secs: f64,
    /// Mean return of recent episodes.
    pub episode_return: f64,
    /// Requested cores over those of one replica of every service, mean of the last rollout.
    pub cost: f64,
    /// Share of SLO windows violated in the last rollout.
    pub violation_share: f64,
    /// Lagrange multiplier.
    pub multiplier: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were made; the policy is written.
    Finished,
    /// It was asked to stop; a checkpoint is written.
    Stopped,
}

/// The scenario of a configuration, for calibration and scoring. The score's reward is that of the goal `cost`,
/// whatever the training goal, so that all autoscalers are judged alike.
///
/// # Errors
/// An unknown application or reward term.
pub fn scenario(config: &RunConfig) -> Result<Scenario> {
    Ok(Scenario {
        application: applications::load(&config.env)?,
        sim: config.sim.clone(),
        interval_secs: config.episode.interval_secs,
        guardrails: config.guardrails,
        reward: Reward::new(&Goal::Cost.weights())?,
    })
}

/// The training days of all traffic of a configuration.
///
/// # Errors
/// As [`Traffic::load`].
pub fn training_days(config: &RunConfig, application: &Application) -> Result<Vec<Day>> {
    let mut days = Vec::new();
    for traffic in &config.traffic {
        days.extend(Traffic::load(traffic, application)?.train);
    }
    if days.is_empty() {
        return Err(Error::config("traffic.train", "names no day, expected at least one"));
    }
    Ok(days)
}

/// Calibrates the inner HPA on the training days, unless the configuration gives its targets.
///
/// # Errors
/// A configuration that cannot work.
pub fn calibrate_inner(
    config: &mut RunConfig,
    days: &[Day],
    threads: usize,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<()> {
    if config.inner.target_percent.is_empty() {
        let scenario = scenario(config)?;
        let found = Search::new(&scenario, days, &config.inner.calibration, threads).hpa(progress)?;
        found.fill(&mut config.inner);
    }
    Ok(())
}

/// Builds all that a run needs and drops it, with a stand-in where the inner HPA is still to be calibrated: what is
/// wrong with a configuration is found before the calibration spends time on it.
///
/// # Errors
/// A configuration that cannot work.
pub fn rehearse(config: &RunConfig, application: &Application, days: &[Day]) -> Result<()> {
    config.algorithm.check_action(config.action)?;
    let mut config = config.clone();
    if config.inner.target_percent.is_empty() {
        config.inner.target_percent = vec![80; application.services.len()];
    }
    let inner = policy_file::inner(&config, application)?;
    let env = Environment::new(&config, application, days.to_vec(), &inner)?;
    new_learner(&config, &env).map(drop)
}

/// Runs `config` in `dir` until its end or until `stop` is set. The inner HPA must have been calibrated or given.
/// With `resume`, goes on from the latest checkpoint; `config` must then be the one the run was started with.
///
/// # Errors
/// Whatever is wrong with configuration, directory or checkpoint; nothing there is overwritten then.
pub fn train(
    config: &RunConfig,
    dir: &RunDir,
    resume: bool,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    let application = applications::load(&config.env)?;
    let inner = policy_file::inner(config, &application)?;
    let days = training_days(config, &application)?;
    let mut env = Environment::new(config, &application, days.clone(), &inner)?;
    let saved = if resume { dir.latest()? } else { None };
    let mut learner = if let Some(saved) = &saved {
        let learner = learner::load(&saved.learner, env.spec())
            .map_err(|source| Error::Checkpoint { path: dir.checkpoint(saved.timesteps), source })?;
        env.restore(&saved.environment).map_err(|message| {
            Error::run(dir.file("checkpoints"), format!("the environments' state is {message}"))
        })?;
        learner
    } else {
        let mut learner = new_learner(config, &env)?;
        if !resume || !dir.exists() {
            dir.create(config)?;
        }
        learner.start(&mut env, config.total_timesteps)?;
        learner
    };
    let mut logs = Logs::open(dir, learner.timesteps())?;
    let (clock, first) = (crate::clock::now(), learner.timesteps());
    let mut next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
    while learner.timesteps() < config.total_timesteps {
        if stop.load(Ordering::Relaxed) {
            checkpoint(dir, learner.as_ref(), &env)?;
            return Ok(Ending::Stopped);
        }
        let iteration = learner.iterate(&mut env)?;
        let progress = logs.iteration(&iteration, &mut env, &clock, first, config.total_timesteps)?;
        report(&progress);
        if learner.timesteps() >= next_checkpoint {
            checkpoint(dir, learner.as_ref(), &env)?;
            next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
        }
    }
    checkpoint(dir, learner.as_ref(), &env)?;
    let mut policy = learner.policies().swap_remove(0);
    if config.action == ActionKind::TrimContinuous
        && config.goal == Goal::Multi
        && config.settle_cost_share > 0.0
    {
        policy = settle(&policy, config, &scenario(config)?, &days, 1)?.0;
    }
    files::write_atomic(&dir.file("policy.safetensors"), &policy_file::to_bytes(&policy, config))?;
    Ok(Ending::Finished)
}

fn new_learner(config: &RunConfig, env: &Environment) -> Result<Box<dyn Learner>> {
    let section = config.algorithm.name();
    fresh_learner(config, env).map_err(|error| match error {
        trimtab_rl::Error::Config { key, expected, found } => {
            Error::config(format!("{section}.{key}"), format!("is {found}, expected {expected}"))
        }
        error => Error::Rl(error),
    })
}

fn fresh_learner(config: &RunConfig, env: &Environment) -> Result<Box<dyn Learner>, trimtab_rl::Error> {
    // A fresh policy puts out the neutral action: under `trim` the exact inner autoscaler.
    let neutral = |network: &NetworkConfig| NetworkConfig {
        default_action: network.default_action.clone().or_else(|| Some(env.steering().neutral())),
        ..network.clone()
    };
    let (spec, constraints, seed) = (env.spec(), constraints(config), config.seed);
    Ok(match config.algorithm {
        Algorithm::Ppo => {
            let ppo = PpoConfig { network: neutral(&config.ppo.network), ..config.ppo.clone() };
            Box::new(Ppo::new(ppo, spec, constraints, seed)?)
        }
        Algorithm::A2c => {
            let a2c = A2cConfig { network: neutral(&config.a2c.network), ..config.a2c.clone() };
            Box::new(A2c::new(a2c, spec, constraints, seed)?)
        }
        Algorithm::Dqn => Box::new(Dqn::new(config.dqn.clone(), spec, constraints, seed)?),
        Algorithm::Ddpg => Box::new(Ddpg::new(config.ddpg.clone(), spec, constraints, seed)?),
        Algorithm::Td3 => Box::new(Td3::new(config.td3.clone(), spec, constraints, seed)?),
        Algorithm::Sac => Box::new(Sac::new(config.sac.clone(), spec, constraints, seed)?),
    })
}

fn constraints(config: &RunConfig) -> Vec<ConstraintConfig> {
    if config.goal != Goal::Multi {
        return Vec::new();
    }
    let setting = &config.constraint;
    let limit = if setting.limit > 0.0 {
        setting.limit
    } else {
        let reached = match setting.signal {
            Signal::Tail => config.inner.tail_used,
            Signal::Violation => config.inner.violation_share,
            Signal::Latency => 1.0,
        };
        // An HPA without a violation still leaves room to measure one in ten thousand windows.
        (reached * setting.inner_share).max(1e-4)
    };
    vec![ConstraintConfig {
        kp: setting.kp,
        ki: setting.ki,
        initial_multiplier: setting.multiplier,
        max_multiplier: setting.max_multiplier,
        ..ConstraintConfig::new(setting.signal.name(), limit)
    }]
}

fn checkpoint(dir: &RunDir, learner: &dyn Learner, env: &Environment) -> Result<()> {
    dir.save(&Saved { learner: learner.save(), environment: env.save(), timesteps: learner.timesteps() })
}

/// `progress.jsonl` and `episodes.csv`.
struct Logs {
    progress: File,
    episodes: File,
    dir: RunDir,
}

const EPISODES_HEADER: &str =
    "timesteps,env,day,length,episode_return,core_hours,pod_hours,violation_share,bad_request_share";

impl Logs {
    /// Opens the logs of a run that has made `timesteps`; what a killed run wrote beyond them is cut off.
    fn open(dir: &RunDir, timesteps: u64) -> Result<Self> {
        let keep = |name: &str, timesteps_of: &dyn Fn(&str) -> Option<u64>, header: Option<&str>| {
            let path = dir.file(name);
            let old = if path.exists() { files::read_text(&path)? } else { String::new() };
            let mut kept: Vec<&str> = header.into_iter().collect();
            kept.extend(old.lines().filter(|line| timesteps_of(line).is_some_and(|t| t <= timesteps)));
            let mut text = kept.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            files::write_atomic(&path, text.as_bytes())?;
            let open = OpenOptions::new().append(true).open(&path);
            open.map_err(|source| Error::Write { path, source })
        };
        let json =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?.get("timesteps")?.as_u64();
        let csv = |line: &str| line.split(',').next()?.parse().ok();
        Ok(Self {
            progress: keep("progress.jsonl", &json, None)?,
            episodes: keep("episodes.csv", &csv, Some(EPISODES_HEADER))?,
            dir: dir.clone(),
        })
    }

    fn iteration(
        &mut self,
        iteration: &trimtab_rl::Iteration,
        env: &mut Environment,
        clock: &Instant,
        first: u64,
        total: u64,
    ) -> Result<Progress> {
        let tally = env.take_tally();
        let one_replica: f64 = env.one_replica_cores();
        let cost = tally.requested_core_seconds / tally.seconds.max(1.0) / one_replica;
        let elapsed = clock.elapsed().as_secs_f64();
        let steps_per_sec = (iteration.timesteps - first) as f64 / elapsed.max(1e-9);
        let find = |key: &str| iteration.log.iter().find(|(k, _)| k == key).map(|(_, v)| *v);
        let progress = Progress {
            timesteps: iteration.timesteps,
            total_timesteps: total,
            steps_per_sec,
            remaining_secs: total.saturating_sub(iteration.timesteps) as f64 / steps_per_sec,
            episode_return: find("rollout/ep_rew_mean").unwrap_or(0.0),
            cost,
            violation_share: tally.violation_share(),
            multiplier: iteration
                .log
                .iter()
                .find(|(k, _)| k.starts_with("train/lagrange_multiplier/"))
                .map(|(_, v)| *v),
        };
        let mut record = serde_json::Map::new();
        record.insert("timesteps".to_owned(), iteration.timesteps.into());
        record.insert("rollout/cost".to_owned(), cost.into());
        record.insert("rollout/violation_share".to_owned(), progress.violation_share.into());
        record.extend(iteration.log.iter().map(|(k, v)| (k.clone().into_owned(), (*v).into())));
        record.insert("time/fps".to_owned(), steps_per_sec.into());
        record.insert("time/time_elapsed".to_owned(), elapsed.into());
        let mut lines = String::new();
        for episode in env.take_episodes() {
            push_episode(&mut lines, iteration.timesteps, &episode);
        }
        self.write("episodes.csv", lines.as_bytes())?;
        let line = format!("{}\n", serde_json::Value::Object(record));
        self.write("progress.jsonl", line.as_bytes())?;
        Ok(progress)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = if name == "progress.jsonl" { &mut self.progress } else { &mut self.episodes };
        file.write_all(bytes).map_err(|source| Error::Write { path: self.dir.file(name), source })
    }
}

fn push_episode(lines: &mut String, timesteps: u64, episode: &Episode) {
    use std::fmt::Write as _;
    let tally = &episode.tally;
    // Writing to a string cannot fail.
    let _ = writeln!(
        lines,
        "{timesteps},{},{},{},{},{},{},{},{}",
        episode.env,
        episode.day,
        episode.length,
        episode.episode_return,
        tally.core_hours(),
        tally.pod_hours(),
        tally.violation_share(),
        tally.bad_request_share()
    );
}
