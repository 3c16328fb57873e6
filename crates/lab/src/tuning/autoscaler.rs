//! Tuning an autoscaler's own settings on training traffic, with as many simulated hours as a learned policy gets.
//!
//! ```text
//! tuning.toml                what is tuned: the autoscaler, the configuration
//! study.toml, trials.jsonl   the search over settings for all services ([`crate::search`])
//! ledger.jsonl               every setting that was simulated, by stage, with its hours
//! best.toml                  the best setting; `trimtab compare` takes the directory as an autoscaler
//! kubernetes.yaml            what a cluster takes ([`manifests`])
//! result.json                all figures
//! report.html                the page
//! ```
//!
//! A setting is preferred as in [`crate::calibration`]: within the budget of violations the cheaper one, beyond it the one
//! that violates less. Days are simulated from the busiest on, and a setting that cannot be preferred any more is given
//! up. Stages:
//!
//! 1. *line*: the first parameter alone, which a rule is about, from the default on.
//! 2. *search*: a study over all searched parameters. It looks for the least score, the cost over that of the default plus
//!    a steep price of violations beyond the budget, because an estimator needs one number. Numbers that are not
//!    whole are tried to two significant digits.
//! 3. *tidy*: what does not pay for itself goes back to its default.
//! 4. *services*, for the HPA: a target for each service (`services`).
//! 5. *alone*: from the default on, each parameter's best value alone (`alone`); an analysis whose hours are counted
//!    apart, because the setting gains nothing by it.
//!
//! Then the default and what was found are scored on test days. Left out: the search itself, and learning ([`super`]).

mod alone;
mod course;
mod ledger;
mod manifests;
mod result;
mod services;

pub(crate) use alone::rounded;
pub use alone::{Alone, Tried};
pub use course::Figures;
pub use manifests::{Manifests, manifests};
pub use result::{Candidate, Hours, SCHEMA, Savings, TunedAutoscaler};

use crate::{
    Error, Result,
    config::RunConfig,
    contenders::{self, Entrant, Known, Settings},
    evaluation::Scenario,
    experiment::{self, Event},
    files, report,
    search::{Attempt, Domain, Found, Point, Space, State, Study, StudyConfig, Trial, Verdict},
    traffic::Traffic,
    training,
};
use course::Course;
use ledger::{Ledger, Stage};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};
use toml::Value;

/// What is tuned, apart from the space.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Name of an autoscaler that ships.
    pub autoscaler: String,
    /// Simulated hours that the search may take.
    pub hours: f64,
    /// Simulations of each test day, with seeds 0 to this less 1.
    pub seeds: u64,
    /// Application, traffic, cluster and budget of violations.
    pub config: RunConfig,
}

/// How far it is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What is being done.
    pub stage: &'static str,
    /// How far along, 0…1.
    pub fraction: f64,
    /// Simulated hours so far, those of the analysis among them.
    pub hours: f64,
    /// The best setting so far, and what it saves in percent.
    pub best: Option<(String, f64)>,
}

/// `tuning.toml`.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    autoscaler: String,
    config: RunConfig,
}

/// `best.toml`.
#[derive(Serialize, Deserialize)]
struct Best {
    autoscaler: String,
    env: String,
    traffic: Vec<String>,
    train: Vec<String>,
}

/// A task made ready.
pub struct Tuning {
    task: Task,
    known: &'static Known,
    space: Space,
    scenario: Scenario,
    traffics: Vec<Traffic>,
}

/// What keeps a search going that nothing comes of: so many trials in a row were impossible.
const HOPELESS_TRIALS: usize = 40;
/// Share of the hours that a search over settings for all services gets where one for each service follows.
const COMMON_SHARE: f64 = 0.5;

/// Share of those that the first parameter alone may take at most.
const LINE_SHARE: f64 = 0.7;

/// The simulated hours that a learned policy gets by a configuration: an environment step is an action, held for some
/// decisions.
pub fn hours_of_learning(config: &RunConfig) -> f64 {
    let step = f64::from(config.episode.hold) * config.episode.interval_secs;
    config.total_timesteps as f64 * step / 3600.0
}

/// The space that is searched when none is given.
///
/// # Errors
/// [`Error::Unknown`], or [`Error::Config`] for an autoscaler without anything to search.
pub fn default_space(autoscaler: &str) -> Result<Space> {
    let known = contenders::find(autoscaler)?;
    if known.searched().next().is_none() {
        let tunable = contenders::KNOWN.iter().filter(|known| known.searched().next().is_some());
        let names: Vec<&str> = tunable.map(|known| known.name).collect();
        let message = format!("has nothing to tune, expected one of: {}", names.join(", "));
        return Err(Error::config(autoscaler, message));
    }
    Space::parse(autoscaler, &known.space())
}

impl Tuning {
    /// Finds whatever is wrong before any work.
    ///
    /// # Errors
    /// An unknown autoscaler, a space of other parameters, a configuration that cannot work, or hours that do not suffice for
    /// the default and one setting more.
    pub fn new(task: Task, space: Space) -> Result<Self> {
        default_space(&task.autoscaler)?;
        let known = contenders::find(&task.autoscaler)?;
        if task.seeds == 0 {
            return Err(Error::config("seeds", "is 0, expected at least 1"));
        }
        for end in [Domain::first, Domain::last] {
            let point: Point = space.parameters().iter().map(|p| (p.name.clone(), end(&p.domain))).collect();
            Settings::of_point(known, &point)?;
        }
        let scenario = training::scenario(&task.config)?;
        let load = |traffic| Traffic::load(traffic, &scenario.application);
        let traffics: Vec<Traffic> = task.config.traffic.iter().map(load).collect::<Result<_>>()?;
        for traffic in &traffics {
            if traffic.train.is_empty() || traffic.test.is_empty() {
                let message = "leaves no day to tune or to score on, expected at least one each";
                return Err(Error::config(&traffic.name, message));
            }
        }
        let this = Self { task, known, space, scenario, traffics };
        let each = this.hours_of_a_setting();
        if !(this.task.hours >= 2.0 * each && this.task.hours.is_finite()) {
            let message = format!(
                "is {}, expected at least {:.1}: the training days take {each:.1} simulated hours, once for the default and once for a setting",
                this.task.hours,
                2.0 * each
            );
            return Err(Error::config("hours", message));
        }
        Ok(this)
    }

    /// Hours that one setting takes on all training days.
    pub fn hours_of_a_setting(&self) -> f64 {
        let days = self.traffics.iter().flat_map(|traffic| &traffic.train);
        days.map(course::hours_of).sum()
    }

    /// The autoscaler.
    pub fn known(&self) -> &'static Known {
        self.known
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Makes `dir` ready, or checks that it holds this task. Returns whether anything was there.
    ///
    /// # Errors
    /// [`Error::Run`] where another task is; [`Error::Write`].
    ///
    /// # Panics
    /// Never: a task has a TOML form.
    pub fn open(&self, dir: &Path) -> Result<bool> {
        let path = dir.join("tuning.toml");
        let file = File { autoscaler: self.task.autoscaler.clone(), config: self.task.config.clone() };
        if path.exists() {
            let there: Result<File, _> = toml::from_str(&files::read_text(&path)?);
            if there.is_ok_and(|there| there == file) {
                return Ok(true);
            }
            let message = "tunes something else, expected the same settings or another directory";
            return Err(Error::run(&path, message));
        }
        files::create_dir(dir)?;
        let text = toml::to_string(&file).expect("a task has a TOML form");
        files::write_atomic(&path, text.as_bytes())?;
        Ok(false)
    }

    /// Searches in `dir`, or goes on with what is there, scores what was found and writes it. `None` once `stop` is set; the
    /// same call goes on.
    ///
    /// # Errors
    /// Another task or study in `dir`; [`Error::Write`].
    pub fn run(
        &self,
        dir: &Path,
        study: StudyConfig,
        threads: usize,
        command: &str,
        stop: &AtomicBool,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Option<TunedAutoscaler>> {
        match self.run_whole(dir, study, threads, command, stop, tell) {
            Err(Error::Interrupted) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    fn run_whole(
        &self,
        dir: &Path,
        study: StudyConfig,
        threads: usize,
        command: &str,
        stop: &AtomicBool,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<TunedAutoscaler> {
        self.open(dir)?;
        let mut study = Study::open(dir, study, self.space.clone())?;
        let ledger = Ledger::open(dir, self.known)?;
        let budget = self.task.config.inner.calibration.violation_budget;
        let course = Course::new(&self.scenario, &self.traffics, self.known, budget, threads, stop)?;
        ledger.note(Stage::Default, "", &Settings::default(), course.default_run())?;
        let told = Told { tuning: self, course: &course, ledger: &ledger, tell };

        told.tell(Stage::Line, 0.0);
        alone::begin(&self.space, &course, &ledger, LINE_SHARE * self.hours_for_all(&course))?;
        self.search(&mut study, &course, &ledger, threads, stop, &told)?;
        let common = told.best(&[Stage::Default, Stage::Line, Stage::Search]);
        let common = self.tidy(common, &course, &ledger)?;
        let mut found = vec![common.clone()];
        if self.has_targets() {
            let left = || self.task.hours - ledger.hours_of_search();
            told.tell(Stage::Services, 0.0);
            let fraction = |fraction| told.tell(Stage::Services, fraction);
            found.push(services::refine(&common, &course, &ledger, &left, &fraction)?);
        }
        told.tell(Stage::Alone, 0.0);
        let fraction = |fraction| told.tell(Stage::Alone, fraction);
        let alone = alone::analyse(&self.space, &course, &ledger, &fraction)?;
        let tuned = self.score(&course, &ledger, found, alone, threads, command, &told)?;
        self.write(&tuned, &study, dir)?;
        Ok(tuned)
    }

    /// Whether a target for each service can be searched for: the HPA's, unless a space leaves its target out.
    fn has_targets(&self) -> bool {
        self.known.name == contenders::DEFAULT
            && self.scenario.application.services.len() > 1
            && self.space.parameters().iter().any(|p| p.name == services::COMMON_TARGET)
    }

    /// Hours for settings that all services share.
    fn hours_for_all(&self, course: &Course<'_>) -> f64 {
        (self.task.hours - course.hours()) * if self.has_targets() { COMMON_SHARE } else { 1.0 }
    }

    /// Trials until their share of the hours is used up. No more is begun than the hours are sure to hold.
    fn search(
        &self,
        study: &mut Study,
        course: &Course<'_>,
        ledger: &Ledger,
        threads: usize,
        stop: &AtomicBool,
        told: &Told<'_>,
    ) -> Result<()> {
        let whole = course.hours();
        let tidying = self.space.parameters().len() as f64 * whole;
        let available = self.hours_for_all(course) - ledger.hours(Stage::Line);
        let available = if available > 4.0 * tidying { available - tidying } else { available };
        let batch = study.config().batch;
        loop {
            let made = study.trials().len() as u64;
            let spent = ledger.hours(Stage::Search);
            let mut next = (made / batch + 1) * batch;
            if made.is_multiple_of(batch) {
                // The last batch may be a part of one.
                let fits = ((available - spent) / whole).floor().clamp(0.0, batch as f64) as u64;
                next = made + fits;
            }
            let last = study.trials().iter().rev().take(HOPELESS_TRIALS);
            let stuck = made as usize >= HOPELESS_TRIALS && last.clone().all(|t| t.state == State::Failed);
            if next == made || stuck {
                return Ok(());
            }
            let objective = |attempt: &mut Attempt<'_>| self.attempt(attempt, course, ledger);
            let tell = |_: &Trial| told.tell(Stage::Search, ledger.hours(Stage::Search) / available);
            if !study.run(next, threads, stop, &objective, &tell)? {
                return Err(Error::Interrupted);
            }
        }
    }

    fn attempt(&self, attempt: &mut Attempt<'_>, course: &Course<'_>, ledger: &Ledger) -> Found {
        let settings = match self.rounded(attempt.point) {
            Ok(settings) => settings,
            Err(error) => return Found::Failed(super::chain(&error)),
        };
        let mut verdict = Verdict::GoOn;
        let mut value = f64::NAN;
        let run = course.run(&settings, 1, 1, &mut |run| {
            value = course.score(run);
            verdict = attempt.report(run.days() as u64, value);
            verdict != Verdict::GoOn || course.is_hopeless(run, None)
        });
        let run = match run {
            Err(Error::Interrupted) => return Found::Stopped,
            Err(error) => return Found::Failed(super::chain(&error)),
            Ok(run) => run,
        };
        if verdict == Verdict::Stop || attempt.is_stopped() {
            return Found::Stopped;
        }
        let whole = run.days() == course.days();
        if let Err(error) = ledger.note(Stage::Search, &attempt.number.to_string(), &settings, &run) {
            return Found::Failed(super::chain(&error));
        }
        if whole { Found::Value(value) } else { Found::Pruned }
    }

    /// A point with its numbers as [`alone::rounded`] has them.
    fn rounded(&self, point: &Point) -> Result<Settings> {
        let rounded = |(name, value): (&String, &Value)| {
            let range = self.known.parameters.iter().find(|p| p.name == name).map(|p| p.range);
            (name.clone(), range.map_or(value.clone(), |range| alone::rounded(value, &range)))
        };
        let point: Point = point.iter().map(rounded).collect();
        Ok(Settings::of_point(self.known, &point)?.without_defaults(self.known))
    }

    /// Puts back to its default what does not pay for itself, as far as the hours reach.
    fn tidy(&self, mut best: Candidate, course: &Course<'_>, ledger: &Ledger) -> Result<Candidate> {
        for parameter in self.space.parameters() {
            if best.settings.get(&parameter.name).is_none() {
                continue;
            }
            let default = self.known.parameters.iter().find(|p| p.name == parameter.name);
            let Some(default) = default.map(|p| self.known.default_of(p)) else { continue };
            let trial = best.settings.with(self.known, &parameter.name, &default)?;
            let trial = trial.without_defaults(self.known);
            let affordable = ledger.hours_of_search() + course.hours() <= self.task.hours;
            if !affordable && ledger.get(Stage::Tidy, &trial).is_none() {
                break;
            }
            let incumbent = &best.run;
            let run = ledger.get_or(Stage::Tidy, &trial, || {
                course.run_parallel(&trial, &mut |run| course.is_hopeless(run, Some(incumbent)))
            })?;
            if run.days() < course.days() {
                continue;
            }
            let candidate = course.candidate(trial, run);
            // As good as before is better: one setting fewer.
            if !best.figures.beats(candidate.figures, course.budget()) {
                best = candidate;
            }
        }
        Ok(best)
    }

    /// Scores the default, what was found, and each parameter alone on the test days.
    #[expect(clippy::too_many_arguments, reason = "the stages' results come together here and nowhere else")]
    fn score(
        &self,
        course: &Course<'_>,
        ledger: &Ledger,
        found: Vec<Candidate>,
        alone: Vec<Alone>,
        threads: usize,
        command: &str,
        told: &Told<'_>,
    ) -> Result<TunedAutoscaler> {
        let default = course.candidate(Settings::default(), course.default_run().clone());
        let best = result::preferred(&found, course.budget());
        let contenders = result::contenders(self.known, &found, best, &alone);
        let entrants = || -> Vec<Entrant> {
            let entrant = |(name, settings): &(String, Settings)| {
                Entrant::Known(self.known, settings.clone(), name.clone())
            };
            contenders.iter().map(entrant).collect()
        };
        let pairs: Vec<(String, String)> =
            contenders[1..].iter().map(|(name, _)| (name.clone(), contenders[0].0.clone())).collect();
        let seeds: Vec<u64> = (0..self.task.seeds).collect();
        let comparison = experiment::duels(
            &self.task.config,
            &entrants,
            &pairs,
            &seeds,
            threads,
            command.to_owned(),
            &|event| {
                if let Event::Stage { fraction, .. } = event {
                    told.tell(Stage::Test, fraction);
                }
            },
        )?;
        let hours = Hours {
            budget: self.task.hours,
            search: ledger.hours_of_search(),
            analysis: ledger.hours(Stage::Alone),
            settings: ledger.count(),
        };
        Ok(result::joined(self.known, hours, default, found, alone, comparison, course.budget()))
    }

    fn write(&self, tuned: &TunedAutoscaler, study: &Study, dir: &Path) -> Result<()> {
        let manifests = manifests(self.known, &tuned.best().settings, &self.scenario.application)?;
        let yaml = dir.join("kubernetes.yaml");
        match &manifests {
            Manifests::Yaml(text) => files::write_atomic(&yaml, text.as_bytes())?,
            Manifests::None(_) => {}
        }
        let best = Best {
            autoscaler: tuned.best().name.clone(),
            env: self.task.config.env.clone(),
            traffic: self.task.config.traffic.iter().map(|t| t.source.clone()).collect(),
            train: self.traffics.iter().flat_map(|t| t.train.iter().map(|d| d.label.clone())).collect(),
        };
        let mut text = String::from(
            "# The best setting that `trimtab tune` found. `trimtab compare --autoscalers` takes this directory,\n# or the name below.\n\n",
        );
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", toml::to_string(&best).expect("names have a TOML form"));
        files::write_atomic(&dir.join("best.toml"), text.as_bytes())?;
        let json = serde_json::to_vec_pretty(tuned).expect("a result has a JSON form");
        files::write_atomic(&dir.join("result.json"), &json)?;
        let page = report::autoscaler(tuned, study, &manifests);
        files::write_atomic(&dir.join("report.html"), page.as_bytes())
    }
}

/// The autoscaler with its settings in a directory that [`Tuning::run`] wrote, if it is one.
pub(crate) fn best_of(dir: &Path) -> Option<(String, Vec<String>, Vec<String>)> {
    let best: Best = toml::from_str(&files::read_text(&dir.join("best.toml")).ok()?).ok()?;
    Some((best.autoscaler, best.traffic, best.train))
}

/// Tells how far it is.
struct Told<'a> {
    tuning: &'a Tuning,
    course: &'a Course<'a>,
    ledger: &'a Ledger,
    tell: &'a (dyn Fn(Progress) + Sync),
}

impl Told<'_> {
    fn best(&self, stages: &[Stage]) -> Candidate {
        let whole = self.ledger.whole(stages, self.course.days());
        let candidates = whole.into_iter().map(|(settings, run)| self.course.candidate(settings, run));
        let budget = self.course.budget();
        let first = self.course.candidate(Settings::default(), self.course.default_run().clone());
        candidates
            .fold(first, |best, next| if next.figures.beats(best.figures, budget) { next } else { best })
    }

    fn tell(&self, stage: Stage, fraction: f64) {
        let best = self.best(&[Stage::Default, Stage::Line, Stage::Search, Stage::Tidy, Stage::Services]);
        let saved = 100.0 * (1.0 - best.figures.cost);
        let best = (!best.settings.is_empty()).then(|| (best.settings.name(self.tuning.known), saved));
        let (stage, hours) = (stage.in_words(), self.ledger.hours_of_search());
        let hours = hours + self.ledger.hours(Stage::Alone);
        (self.tell)(Progress { stage, fraction: fraction.min(1.0), hours, best });
    }
}

/// Whether `stop` was set.
fn check(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
