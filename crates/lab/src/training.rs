//! A training run: its clock, its files, its progress. A run that is killed at any moment resumes from its last
//! checkpoint and ends with the bytes it would have ended with.
//!
//! Between two iterations come the [`callback`]s, validation ([`selection`]) first, then the logs, then now and then a
//! checkpoint. The loop is the same for every environment (`run`); what comes before and after it on an application is in
//! `application`. Left out: what an algorithm does in an iteration, which is `trimtab-rl`'s.

mod application;
pub mod callback;
mod learner;
mod logs;
mod probe;
mod run;
pub mod selection;

pub(crate) use application::rehearse;
pub use application::{calibrate_inner, scenario, training_days};
pub(crate) use learner::{actor_critic, new_learner, policy_of};

use crate::{
    Error, Result, applications,
    config::RunConfig,
    environments::{self, Registered},
    policy_file,
    run_dir::RunDir,
};
use callback::Callback;
use probe::Probe;
use run::Run;
use std::sync::atomic::AtomicBool;
use trimtab_rl::on_policy::Log;

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// What else the environment tells of the last rollout, by name.
    pub means: Log,
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

/// Finds whatever is wrong with a configuration before any work, whatever its environment.
///
/// # Errors
/// A configuration that cannot work.
pub fn check(config: &RunConfig) -> Result<()> {
    environments::check_name(&config.env)?;
    if let Some(registered) = environments::find(&config.env) {
        registered.check_settings(config)?;
        let env = (registered.build)(config, config.n_envs)?;
        return new_learner(config, env.as_ref()).map(drop);
    }
    let application = applications::load(&config.env)?;
    rehearse(config, &application, &training_days(config, &application)?)
}

/// Completes a configuration before its run starts: on an application the inner HPA is calibrated; elsewhere there is
/// nothing to do.
///
/// # Errors
/// As [`calibrate_inner`].
pub fn prepare(
    config: &mut RunConfig,
    threads: usize,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<()> {
    if environments::find(&config.env).is_some() {
        return Ok(());
    }
    let application = applications::load(&config.env)?;
    let days = training_days(config, &application)?;
    calibrate_inner(config, &days, threads, stop, progress)
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
pub fn train_with(
    config: &RunConfig,
    dir: &RunDir,
    resume: bool,
    stop: &AtomicBool,
    callbacks: &mut [&mut dyn Callback],
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    let run = Run { config, dir, resume, stop };
    let ended = match environments::find(&config.env) {
        Some(registered) => train_registered(&run, registered, callbacks, report),
        None => application::train(&run, callbacks, report),
    };
    match ended {
        Err(Error::Interrupted) => Ok(Ending::Stopped),
        ended => ended,
    }
}

fn train_registered(
    run: &Run<'_>,
    registered: &Registered,
    callbacks: &mut [&mut dyn Callback],
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    let Run { config, dir, .. } = *run;
    registered.check_settings(config)?;
    let mut env = (registered.build)(config, config.n_envs)?;
    let probe = Probe::new(config, registered)?;
    let Some(learner) = run.learn(env.as_mut(), &mut |_| Ok(()), probe, callbacks, report)? else {
        return Ok(Ending::Stopped);
    };
    policy_file::write(dir, &learner.policies(), config)?;
    Ok(Ending::Finished)
}
