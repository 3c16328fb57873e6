//! What a run on an application needs around the training loop: days, the calibrated HPA inside the policy, validation,
//! a clone to start from, and the settled policy at its end.
//!
//! Left out: the loop itself, see [`super::run`].

use super::{
    Callback, Ending, Progress,
    learner::{actor_critic, new_learner, policy_of},
    run::Run,
    selection::Selection,
};
use crate::{
    Error, Result, applications,
    calibration::Search,
    cloning::{self, Lesson},
    config::{RunConfig, Select},
    environment::Environment,
    evaluation::Scenario,
    files, policy_file,
    reward::{Goal, Reward},
    settle::settle,
    traffic::Day,
    validation::{Split, Validation},
};
use std::sync::atomic::AtomicBool;
use trimtab_control::ActionKind;
use trimtab_model::Application;
use trimtab_nn::actor_critic::Group;
use trimtab_rl::Learner;

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
/// A configuration that cannot work, or [`crate::Error::Interrupted`] once `stop` is set.
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
pub(crate) fn rehearse(config: &RunConfig, application: &Application, days: &[Day]) -> Result<()> {
    config.algorithm.check_action(config.action)?;
    if config.constraint.measure_timesteps > 0 {
        let message = "is for environments other than applications, expected 0";
        return Err(Error::config("constraint.measure_timesteps", message));
    }
    let mut config = config.clone();
    if config.inner.target_percent.is_empty() {
        config.inner.target_percent = vec![80; application.services.len()];
    }
    let inner = policy_file::inner(&config, application)?;
    let env = Environment::new(&config, application, days.to_vec(), &inner)?;
    new_learner(&config, &env)?;
    cloning::check(&config)
}

/// Trains a policy for the configuration's application.
pub(super) fn train(
    run: &Run<'_>,
    callbacks: &mut [&mut dyn Callback],
    report: &mut dyn FnMut(&Progress),
) -> Result<Ending> {
    let (config, dir) = (run.config, run.dir);
    let application = applications::load(&config.env)?;
    let inner = policy_file::inner(config, &application)?;
    let Split { train: days, validation } = Split::load(config, &application)?;
    let mut env = Environment::new(config, &application, days.clone(), &inner)?;
    let mut selection = None;
    if config.validation.is_on() {
        selection = Some(Selection::new(config, Validation::new(config, validation, 1)?));
    }
    let mut callbacks: Vec<&mut dyn Callback> = selection
        .iter_mut()
        .map(|selection| selection as &mut dyn Callback)
        .chain(callbacks.iter_mut().map(|callback| &mut **callback as &mut dyn Callback))
        .collect();
    let mut begin = |learner: &mut dyn Learner| clone_teacher(run, learner);
    let Some(learner) = run.learn(&mut env, &mut begin, None, &mut callbacks, report)? else {
        return Ok(Ending::Stopped);
    };
    drop(callbacks);
    let mut policy = policy_of(learner.as_ref());
    if let (Select::Best, Some(selection)) = (config.select, &selection) {
        policy = selection.best(dir)?.unwrap_or(policy);
    }
    if config.action == ActionKind::TrimContinuous
        && config.goal == Goal::Multi
        && config.settle_cost_share > 0.0
    {
        policy = settle(&policy, config, &scenario(config)?, &days, 1, run.stop)?.0;
    }
    policy_file::write(dir, &[policy], config)?;
    Ok(Ending::Finished)
}

/// Gives a fresh learner what a teacher decides, where the configuration names one.
fn clone_teacher(run: &Run<'_>, learner: &mut dyn Learner) -> Result<()> {
    let (config, dir) = (run.config, run.dir);
    if config.start.clone.is_empty() {
        return Ok(());
    }
    let mut policy = actor_critic(policy_of(learner))?;
    let cloned = Lesson { config, scenario: &scenario(config)?, stop: run.stop }.teach(&mut policy)?;
    learner.adopt(&policy, &Group::ALL)?;
    let json = serde_json::to_vec_pretty(&cloned).expect("what came of cloning has a JSON form");
    files::write_atomic(&dir.file("cloning.json"), &json)
}
