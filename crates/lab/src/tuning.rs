//! Tuning the hyper-parameters of training runs: [`crate::search`] over settings of a configuration.
//!
//! ```text
//! tuning.toml    what is tuned: the configuration, seeds, evaluations, the calibrated inner HPA
//! study.toml, trials.jsonl   the study ([`crate::search`])
//! best.toml      the configuration with the best trial's settings, for `trimtab train --config`
//! report.html    the study in pictures
//! ```
//!
//! The objective of a trial is the mean over its seeds of the validation score ([`crate::validation`]) of the policy at
//! the end (with `select = "best"`: of each seed's best one). Its seeds train in step, so that their mean is known at
//! every evaluation, and a trial can be ended there. Policies are scored as they learned, without settling. In an
//! environment that is no application the score is minus the mean return of whole episodes.
//!
//! Left out: what the settings mean; run directories, checkpoints and logs of the runs inside a trial.

pub mod autoscaler;
mod spaces;

pub use spaces::default_space;

use crate::{
    Error, Result, applications,
    calibration::Search,
    config::{InnerConfig, Layer, RunConfig, Select, resolve},
    environment::Environment,
    environments::{self, Actor, Env, Registered},
    files, policy_file, report,
    search::{Attempt, Domain, Found, Point, Space, Study, Verdict},
    traffic::Day,
    training,
    validation::{Split, Validation},
};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::atomic::AtomicBool};
use toml::{Table, Value};
use trimtab_model::Application;
use trimtab_rl::Learner;

/// What is tuned, apart from the space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Seeds of a trial, 0 to this less 1.
    pub seeds: u64,
    /// Evaluations of a trial, evenly spread over its steps.
    pub evaluations: u64,
    /// The configuration that the settings are put into.
    pub config: RunConfig,
}

/// Episodes that a policy is scored over where there are no days for it, and what they are reset with.
const EPISODES: usize = 20;
const SEED: u64 = 1 << 32;

/// A task made ready: days split, the inner HPA calibrated and scored.
pub struct Tuning {
    task: Task,
    /// On an application with the calibrated inner HPA, and validation switched on.
    config: RunConfig,
    bench: Bench,
}

/// Where policies are trained and scored.
enum Bench {
    Application(Box<Days>),
    Registered(&'static Registered),
}

struct Days {
    application: Application,
    train: Vec<Day>,
    validation: Validation,
}

/// `tuning.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    task: Task,
    inner: InnerConfig,
}

impl Task {
    /// Finds whatever is wrong with task and space before any work.
    ///
    /// # Errors
    /// A configuration that cannot work, or a space whose names or values a configuration cannot have.
    pub fn check(&self, space: &Space) -> Result<()> {
        for (key, value) in [("seeds", self.seeds), ("evaluations", self.evaluations)] {
            if value == 0 {
                return Err(Error::config(key, "is 0, expected at least 1"));
            }
        }
        let config = self.validated();
        let ends = |end: fn(&Domain) -> Value| -> Point {
            space.parameters().iter().map(|p| (p.name.clone(), end(&p.domain))).collect()
        };
        let lowest = put(&config, &ends(Domain::first), "the space")?;
        let highest = put(&config, &ends(Domain::last), "the space")?;
        // Not every corner of a space need be possible, but where none is, something else is wrong.
        training::check(&config).or_else(|error| {
            training::check(&lowest).or_else(|_| training::check(&highest)).map_err(|_| error)
        })
    }

    /// The configuration, on an application with validation switched on.
    fn validated(&self) -> RunConfig {
        let mut config = self.config.clone();
        if environments::find(&config.env).is_some() {
            return config;
        }
        config.validation.every_timesteps = (config.total_timesteps / self.evaluations).max(1);
        config
    }
}

/// Fails unless `dir` is new or holds this task; returns its calibrated inner HPA if there is one.
///
/// # Errors
/// [`Error::Run`] where another task is.
fn task_there(task: &Task, dir: &Path) -> Result<Option<InnerConfig>> {
    let path = dir.join("tuning.toml");
    if !path.exists() {
        return Ok(None);
    }
    let there: Result<File, _> = toml::from_str(&files::read_text(&path)?);
    let there = there.map_err(|e| Error::run(&path, format!("is damaged: {}", e.to_string().trim_end())))?;
    if there.task != *task {
        let message = "tunes something else, expected the same settings or another directory";
        return Err(Error::run(&path, message));
    }
    Ok(Some(there.inner))
}

/// Writes `tuning.toml`.
fn write_task(task: &Task, inner: &InnerConfig, dir: &Path) -> Result<()> {
    let file = File { task: task.clone(), inner: inner.clone() };
    let text = toml::to_string(&file).expect("a task has a TOML form");
    files::create_dir(dir)?;
    files::write_atomic(&dir.join("tuning.toml"), text.as_bytes())
}

impl Tuning {
    /// Makes `task` ready in `dir`, or goes on with what is there.
    ///
    /// # Errors
    /// A configuration that cannot work, another task in `dir`, or [`Error::Interrupted`] once `stop` is set.
    ///
    /// # Panics
    /// Never: a task has a TOML form.
    pub fn open(
        task: Task,
        dir: &Path,
        threads: usize,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Self> {
        let mut config = task.validated();
        if let Some(registered) = environments::find(&config.env) {
            if task_there(&task, dir)?.is_none() {
                write_task(&task, &config.inner, dir)?;
            }
            return Ok(Self { task, config, bench: Bench::Registered(registered) });
        }
        let application = applications::load(&config.env)?;
        let Split { train: days, validation } = Split::load(&config, &application)?;
        if let Some(inner) = task_there(&task, dir)? {
            config.inner = inner;
        } else {
            if config.inner.target_percent.is_empty() {
                let scenario = training::scenario(&config)?;
                let search = Search::new(&scenario, &days, &config.inner.calibration, threads);
                search.until(stop).hpa(progress)?.fill(&mut config.inner);
            }
            write_task(&task, &config.inner, dir)?;
        }
        let validation = Validation::new(&config, validation, threads)?;
        let bench = Bench::Application(Box::new(Days { application, train: days, validation }));
        Ok(Self { task, config, bench })
    }

    /// Tries a point: the objective of the study.
    pub fn attempt(&self, attempt: &mut Attempt<'_>) -> Found {
        self.try_point(attempt).unwrap_or_else(|error| Found::Failed(chain(&error)))
    }

    fn try_point(&self, attempt: &mut Attempt<'_>) -> Result<Found> {
        let config = put(&self.config, attempt.point, &format!("trial {}", attempt.number))?;
        let mut runs = (0..self.task.seeds)
            .map(|seed| self.start(&RunConfig { seed, ..config.clone() }))
            .collect::<Result<Vec<_>>>()?;
        let mut value = f64::NAN;
        for evaluation in 1..=self.task.evaluations {
            let until = (config.total_timesteps * evaluation).div_ceil(self.task.evaluations);
            let (mut now, mut best) = (0.0, 0.0);
            for run in &mut runs {
                while run.learner.timesteps() < until {
                    if attempt.is_stopped() {
                        return Ok(Found::Stopped);
                    }
                    run.learner.iterate(run.env.as_mut())?;
                }
                let score = self.score(&config, run.learner.as_ref())?;
                run.best = run.best.min(score);
                now += score / self.task.seeds as f64;
                best += run.best / self.task.seeds as f64;
            }
            value = if config.select == Select::Best { best } else { now };
            match attempt.report(until, value) {
                Verdict::GoOn => {}
                // A trial that has made all its steps is whole.
                Verdict::Prune if evaluation == self.task.evaluations => {}
                Verdict::Prune => return Ok(Found::Pruned),
                Verdict::Stop => return Ok(Found::Stopped),
            }
        }
        Ok(Found::Value(value))
    }

    fn start(&self, config: &RunConfig) -> Result<Run> {
        let mut env: Box<dyn Env> = match &self.bench {
            Bench::Application(days) => {
                let inner = policy_file::inner(config, &days.application)?;
                Box::new(Environment::new(config, &days.application, days.train.clone(), &inner)?)
            }
            Bench::Registered(registered) => (registered.build)(config, config.n_envs)?,
        };
        let mut learner = training::new_learner(config, env.as_ref())?;
        learner.start(env.as_mut(), config.total_timesteps)?;
        Ok(Run { env, learner, best: f64::INFINITY })
    }

    /// How bad what was learned is.
    fn score(&self, config: &RunConfig, learner: &dyn Learner) -> Result<f64> {
        match &self.bench {
            Bench::Application(days) => {
                Ok(days.validation.of(config)?.policy(&training::policy_of(learner))?.score)
            }
            Bench::Registered(registered) => {
                let (mut env, policies) = ((registered.build)(config, 1)?, learner.policies());
                let actor = Actor::Policies(&policies);
                let outcome = environments::evaluate(env.as_mut(), actor, SEED, EPISODES, &mut |_| {})?;
                Ok(-outcome.mean_return.mean)
            }
        }
    }

    /// Writes `best.toml`, unless no trial is whole yet, and `report.html`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, study: &Study, dir: &Path, command: &str) -> Result<()> {
        if let Some(best) = study.ranked().first() {
            let config = put(&self.task.config, &best.point, "the best trial")?;
            let text = format!(
                "# Trial {} of {} in {}: score {}. See `trimtab tune`.\n\n{}",
                best.number,
                study.trials().len(),
                dir.display(),
                best.value.unwrap_or(f64::NAN),
                config.to_toml()
            );
            files::write_atomic(&dir.join("best.toml"), text.as_bytes())?;
        }
        let page = report::study(&self.task, study, command);
        files::write_atomic(&dir.join("report.html"), page.as_bytes())
    }
}

/// One seed of a trial.
struct Run {
    env: Box<dyn Env>,
    learner: Box<dyn Learner>,
    best: f64,
}

/// `config` with the settings of a point.
fn put(config: &RunConfig, point: &Point, place: &str) -> Result<RunConfig> {
    let mut table = Table::new();
    for (name, value) in point {
        let mut at = &mut table;
        let (path, key) = name.rsplit_once('.').unwrap_or(("", name));
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let below = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(below) = below else {
                return Err(Error::config(name, "lies below another parameter of the space"));
            };
            at = below;
        }
        at.insert(key.to_owned(), value.clone());
    }
    let base = Layer::file("the configuration", &config.to_toml())?;
    resolve(&[base, Layer { place: place.to_owned(), table }])
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Algorithm;
    use trimtab_control::ActionKind;

    #[test]
    fn every_default_space_fits_the_configuration() {
        use Algorithm::{A2c, Ddpg, Dqn, Ppo, Sac, Td3};
        for algorithm in [Ppo, A2c, Dqn, Ddpg, Td3, Sac] {
            let action = if algorithm == Dqn { ActionKind::Delta } else { ActionKind::default() };
            let config = RunConfig { algorithm, action, env: "redis".to_owned(), ..RunConfig::default() };
            let space = default_space(&config).unwrap();
            for end in [Domain::first, Domain::last] {
                let point: Point =
                    space.parameters().iter().map(|p| (p.name.clone(), end(&p.domain))).collect();
                put(&config, &point, "the space").unwrap();
            }
            Task { seeds: 1, evaluations: 2, config }.check(&space).unwrap();
        }
    }

    #[test]
    fn a_space_with_an_unknown_name_or_a_wrong_value_is_refused() {
        let check = |text: &str| {
            let space = Space::parse("space.toml", text).unwrap();
            let task = Task { seeds: 1, evaluations: 1, config: RunConfig::default() };
            task.check(&space).unwrap_err().to_string()
        };
        assert!(check("\"ppo.gama\" = { low = 0.0, high = 1.0 }").contains("did you mean \"gamma\""));
        assert!(check("\"n_envs\" = { choices = [1, \"many\"] }").contains("the space"));
        assert!(check("\"n_envs\" = { low = 0, high = 4 }").contains("n_envs: is 0, expected at least 1"));
    }

    #[test]
    fn a_point_is_put_where_its_names_say() {
        let point = Point::from([
            ("ppo.learning_rate.linear".to_owned(), Value::Float(0.5)),
            ("ppo.network.hidden".to_owned(), Value::Array(vec![Value::Integer(8)])),
            ("n_envs".to_owned(), Value::Integer(3)),
        ]);
        let config = put(&RunConfig::default(), &point, "trial 1").unwrap();
        assert_eq!(config.ppo.learning_rate, trimtab_rl::Schedule::linear(0.5));
        assert_eq!((config.ppo.network.hidden, config.n_envs), (vec![8], 3));
    }
}
