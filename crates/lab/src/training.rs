//! A training run: its clock, its files, its progress. A run that is killed at any moment resumes from its last
//! checkpoint and ends with the bytes it would have ended with.
//!
//! Between two iterations come the [`callback`]s, validation ([`selection`]) first, then the logs, then now and then a
//! checkpoint. Left out: what an algorithm does in an iteration, which is `trimtab-rl`'s.

pub mod callback;
mod logs;
pub mod selection;

use crate::{
    Error, Result, applications,
    calibration::Search,
    cloning::{self, Lesson},
    config::{Algorithm, RunConfig, Select, Signal},
    environment::Environment,
    evaluation::Scenario,
    files, policy_file,
    reward::{Goal, Reward},
    run_dir::{RunDir, Saved},
    settle::settle,
    traffic::Day,
    validation::{Split, Validation},
};
use callback::{Callback, Flow, Moment};
use logs::Logs;
use selection::Selection;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};
use trimtab_control::ActionKind;
use trimtab_model::Application;
use trimtab_nn::{ActorCritic, Network, Policy, actor_critic::Group};
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
    /// Score of the validation after this iteration, if there was one; less is better.
    pub score: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were made, or a callback had enough; the policy is written.
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

/// The days of a configuration that a policy trains on: the training days of all traffic but those held out for
/// validation.
///
/// # Errors
/// As [`Split::load`].
pub fn training_days(config: &RunConfig, application: &Application) -> Result<Vec<Day>> {
    Ok(Split::load(config, application)?.train)
}

/// Calibrates the inner HPA on the training days, unless the configuration gives its targets.
///
/// # Errors
/// A configuration that cannot work, or [`Error::Interrupted`] once `stop` is set.
pub fn calibrate_inner(
    config: &mut RunConfig,
    days: &[Day],
    threads: usize,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<()> {
    if config.inner.target_percent.is_empty() {
        let scenario = scenario(config)?;
        let search = Search::new(&scenario, days, &config.inner.calibration, threads);
        let found = search.until(stop).hpa(progress)?;
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
    new_learner(&config, &env)?;
    cloning::check(&config)
}

/// Runs `config` in `dir` until its end or until `stop` is set. The inner HPA must have been calibrated or given.
/// With `resume`, goes on from the latest checkpoint; `config` must then be the one the run was started with.
///
/// # Errors
/// Whatever is wrong with configuration, directory or checkpoint; nothing there is overwritten then. [`Error::Diverged`]
/// for a number that is not finite; the last sound policy is kept beside the checkpoints, which stay as they were.
pub fn train(
    config: &RunConfig,
    dir: &RunDir,
    resume: bool,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    train_with(config, dir, resume, stop, &mut [], report)
}

/// [`train`] with callbacks of the caller's own, after those of the configuration. A run is resumed with the callbacks
/// it was started with.
///
/// # Errors
/// As [`train`], and whatever a callback fails with.
///
/// # Panics
/// Never: what came of cloning has a JSON form.
pub fn train_with(
    config: &RunConfig,
    dir: &RunDir,
    resume: bool,
    stop: &AtomicBool,
    callbacks: &mut [&mut dyn Callback],
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    let application = applications::load(&config.env)?;
    let inner = policy_file::inner(config, &application)?;
    let Split { train: days, validation } = Split::load(config, &application)?;
    let mut env = Environment::new(config, &application, days.clone(), &inner)?;
    let saved = if resume { dir.latest()? } else { None };
    let mut memory = Memory::default();
    let mut learner = if let Some(saved) = &saved {
        let learner = learner::load(&saved.learner, env.spec())
            .map_err(|source| Error::Checkpoint { path: dir.checkpoint(saved.timesteps), source })?;
        same_learner(config, &env, learner.as_ref())
            .map_err(|source| Error::Checkpoint { path: dir.checkpoint(saved.timesteps), source })?;
        env.restore(&saved.environment).map_err(|message| {
            Error::run(dir.file("checkpoints"), format!("the environments' state is {message}"))
        })?;
        memory = Memory::read(&saved.callbacks, dir)?;
        learner
    } else {
        let mut learner = new_learner(config, &env)?;
        if !resume || !dir.exists() {
            dir.create(config)?;
        }
        if !config.start.clone.is_empty() {
            let mut policy = actor_critic(policy_of(learner.as_ref()))?;
            let lesson = Lesson { config, scenario: &scenario(config)?, stop };
            let cloned = match lesson.teach(&mut policy) {
                Ok(cloned) => cloned,
                Err(Error::Interrupted) => return Ok(Ending::Stopped),
                Err(error) => return Err(error),
            };
            learner.adopt(&policy, &Group::ALL)?;
            files::write_atomic(
                &dir.file("cloning.json"),
                &serde_json::to_vec_pretty(&cloned).expect("what came of cloning has a JSON form"),
            )?;
        }
        learner.start(&mut env, config.total_timesteps)?;
        learner
    };
    let mut selection = None;
    if config.validation.is_on() {
        selection = Some(Selection::new(config, Validation::new(config, validation, 1)?));
    }
    let mut callbacks: Vec<&mut dyn Callback> = selection
        .iter_mut()
        .map(|selection| selection as &mut dyn Callback)
        .chain(callbacks.iter_mut().map(|callback| &mut **callback as &mut dyn Callback))
        .collect();
    for callback in &mut callbacks {
        let remembered = memory.callbacks.get(callback.name()).map(Vec::as_slice);
        callback.begin(dir, learner.timesteps(), remembered)?;
    }
    let mut logs = Logs::open(dir, learner.timesteps())?;
    let checkpoint =
        |memory: &mut Memory, callbacks: &[&mut dyn Callback], learner: &dyn Learner, env: &_| {
            memory.remember(callbacks);
            dir.save(&saved_now(learner, env, memory), config.keep_checkpoints)
        };
    let mut next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
    while !memory.ended && learner.timesteps() < config.total_timesteps {
        if stop.load(Ordering::Relaxed) {
            checkpoint(&mut memory, &callbacks, learner.as_ref(), &env)?;
            logs.table()?;
            return Ok(Ending::Stopped);
        }
        let before = learner.timesteps();
        let mut iteration = match learner.iterate(&mut env) {
            Ok(iteration) => iteration,
            Err(source) => {
                memory.remember(&callbacks);
                let policy = policy_file::to_bytes(&policy_of(learner.as_ref()), config);
                let kept = dir.keep_failed(&saved_now(learner.as_ref(), &env, &memory), &policy)?;
                return Err(Error::Diverged { kept, source });
            }
        };
        let mut moment = Moment {
            learner: learner.as_ref(),
            dir,
            before,
            total_timesteps: config.total_timesteps,
            log: &mut iteration.log,
        };
        for callback in &mut callbacks {
            memory.ended |= callback.after_iteration(&mut moment)? == Flow::Stop;
        }
        let total = config.total_timesteps;
        report(&logs.iteration(iteration.timesteps, total, &iteration.log, &mut env)?);
        if learner.timesteps() >= next_checkpoint {
            checkpoint(&mut memory, &callbacks, learner.as_ref(), &env)?;
            next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
        }
    }
    checkpoint(&mut memory, &callbacks, learner.as_ref(), &env)?;
    logs.table()?;
    drop(callbacks);
    let mut policy = policy_of(learner.as_ref());
    if let (Select::Best, Some(selection)) = (config.select, &selection) {
        policy = selection.best(dir)?.unwrap_or(policy);
    }
    if config.action == ActionKind::TrimContinuous
        && config.goal == Goal::Multi
        && config.settle_cost_share > 0.0
    {
        policy = match settle(&policy, config, &scenario(config)?, &days, 1, stop) {
            Ok((settled, _)) => settled,
            Err(Error::Interrupted) => return Ok(Ending::Stopped),
            Err(error) => return Err(error),
        };
    }
    files::write_atomic(&dir.file("policy.safetensors"), &policy_file::to_bytes(&policy, config))?;
    Ok(Ending::Finished)
}

/// What a run remembers besides learner and environments.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// A callback had enough.
    ended: bool,
    /// Of each callback, by name.
    callbacks: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    fn read(bytes: &[u8], dir: &RunDir) -> Result<Self> {
        postcard::from_bytes(bytes).map_err(|e| {
            Error::run(dir.file("checkpoints"), format!("the callbacks' memory is not whole: {e}"))
        })
    }

    fn remember(&mut self, callbacks: &[&mut dyn Callback]) {
        self.callbacks = callbacks.iter().map(|c| (c.name().to_owned(), c.memory())).collect();
    }
}

/// The network of a policy that others can start from.
///
/// # Errors
/// The policy is one of action values or of an actor alone.
pub(crate) fn actor_critic(policy: Policy) -> Result<ActorCritic> {
    match policy.network {
        Network::ActorCritic(network) => Ok(network),
        Network::Q(_) | Network::Actor(_) => Err(Error::config(
            "start",
            "is from a policy without a critic of its own, expected one of ppo or a2c",
        )),
    }
}

/// The policy as it is now; all services share one.
pub(crate) fn policy_of(learner: &dyn Learner) -> Policy {
    learner.policies().swap_remove(0)
}

fn saved_now(learner: &dyn Learner, env: &Environment, memory: &Memory) -> Saved {
    Saved {
        learner: learner.save(),
        environment: env.save(),
        callbacks: postcard::to_stdvec(memory).expect("a memory has a binary form"),
        timesteps: learner.timesteps(),
    }
}

/// A learner of the configuration's algorithm that has learned nothing.
///
/// # Errors
/// A hyper-parameter that cannot work, named by its path.
pub(crate) fn new_learner(config: &RunConfig, env: &Environment) -> Result<Box<dyn Learner>> {
    let section = config.algorithm.name();
    let blame = |error| match error {
        trimtab_rl::Error::Config { key, expected, found } => {
            Error::config(format!("{section}.{key}"), format!("is {found}, expected {expected}"))
        }
        trimtab_rl::Error::Network(source) => {
            Error::config(format!("{section}.network"), format!("cannot be built: {source}"))
        }
        error => Error::Rl(error),
    };
    let mut learner = fresh_learner(config, env).map_err(blame)?;
    if let Some(from) = cloning::earlier_policy(config)? {
        let place = format!("{}/policy.safetensors", config.start.from);
        learner
            .adopt(&from, &Group::ALL)
            .map_err(|source| Error::Checkpoint { path: place.into(), source })?;
    }
    Ok(learner)
}

/// Fails unless a learner is one of the configuration's algorithm and networks.
fn same_learner(config: &RunConfig, env: &Environment, found: &dyn Learner) -> Result<(), trimtab_rl::Error> {
    let own = fresh_learner(config, env)?;
    if own.algorithm() != found.algorithm() {
        let (expected, found) = (own.algorithm().to_owned(), found.algorithm().to_owned());
        return Err(trimtab_rl::Error::OtherAlgorithm { expected, found });
    }
    let architecture = |learner: &dyn Learner| policy_of(learner).to_tensors().metadata;
    let (expected, found) = (architecture(own.as_ref()), architecture(found));
    // A scale of observations comes with learning.
    let differs = expected.iter().find(|(key, expected)| found.get(*key) != Some(*expected));
    match differs {
        None => Ok(()),
        Some((key, expected)) => Err(trimtab_rl::Error::Config {
            key: format!("{key} of the network"),
            expected: expected.clone(),
            found: found.get(key).cloned().unwrap_or_default(),
        }),
    }
}

fn fresh_learner(config: &RunConfig, env: &Environment) -> Result<Box<dyn Learner>, trimtab_rl::Error> {
    // A fresh policy puts out the neutral action: under `trim` the exact inner autoscaler.
    let neutral = |network: &NetworkConfig| NetworkConfig {
        default_action: network.default_action.clone().or_else(|| Some(env.steering().neutral())),
        freeze: [&network.freeze[..], &config.start.freeze].concat(),
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
