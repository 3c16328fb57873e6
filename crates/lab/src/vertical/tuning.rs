//! Tuning a vertical autoscaler's settings on the first part of recordings, one setting for all their containers.
//!
//! ```text
//! tuning.toml                what is tuned: the autoscaler, the recordings, how they are run
//! study.toml, trials.jsonl   the search ([`crate::search`])
//! best.toml                  the setting, a name that `trimtab compare --usage --autoscalers` takes
//! kubernetes.yaml            what a cluster takes, for Kubernetes' own VPA
//! result.json                all figures
//! report.html                the page
//! ```
//!
//! Wanted is the least mean loss ([`super::Score::loss`]) over containers, each played from its start to the split. A study proposes settings,
//! with numbers to two significant digits; then whatever does not pay for itself goes back to its default. A container's hours count
//! each time it is played. What was found plays the second part beside the default.
//!
//! Left out: a setting for each container, for which the recommender of a cluster has no flags.

use super::{
    cases::{Case, CaseConfig, Recording},
    comparison::{UsageComparison, duel},
    manifests::manifests,
    registry::{self, Fitting, KnownVertical},
};
use crate::{
    Error, Result,
    contenders::{self, Settings, in_text},
    files, report,
    search::{Attempt, Domain, Found, Parameter, Point, Space, Study, StudyConfig, Trial, Verdict},
    tuning::{
        autoscaler::{Manifests, rounded},
        chain,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};
use toml::Value;
use trimtab_control::vpa::{Span, Stamp};

/// Name and version of `result.json`; a change that breaks readers gets the next number.
pub const SCHEMA: &str = "trimtab-vertical-tuning/1";
/// The setting's name in the comparison.
const TUNED: &str = "tuned";
/// Settings that the hours suffice for unless told otherwise.
const SETTINGS: f64 = 120.0;
/// Update modes that are tried: `off` scales nothing, and `in_place` needs an alpha feature gate of the VPA.
const MODES: [&str; 2] = ["recreate", "in_place_or_recreate"];

/// What is tuned, apart from the space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Name of a vertical autoscaler.
    pub autoscaler: String,
    /// The recordings, as they were asked for.
    pub usage: Vec<String>,
    /// How containers are run.
    pub config: CaseConfig,
}

/// Simulated hours of containers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// What the search was given.
    pub budget: f64,
    /// What it took.
    pub search: f64,
    /// Settings that were played to some containers at least, the default among them.
    pub settings: usize,
}

/// A setting and what it did on the first part.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What differs from the defaults.
    pub settings: Settings,
    /// Mean loss over containers.
    pub loss: f64,
}

/// A setting as `result.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// As `trimtab compare --usage --autoscalers` takes it.
    pub name: String,
    /// Mean loss over containers on the first part.
    pub training_loss: f64,
}

/// What came of a tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedVertical {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was tuned.
    pub task: Task,
    /// What it took.
    pub hours: Hours,
    /// The defaults.
    pub default: Named,
    /// The best setting.
    pub best: Named,
    /// Both on the second part; the second is called `tuned`, and is absent where nothing better than the default was found.
    pub comparison: UsageComparison,
}

/// Whether an autoscaler that is to be tuned is a vertical one; `usage` is whether there are recordings of use.
///
/// # Errors
/// A name that nobody has, a vertical autoscaler without recordings, or a horizontal one with them.
pub fn is_vertical(name: &str, usage: bool) -> Result<bool> {
    let vertical = registry::find(name);
    match (contenders::find(name).is_ok(), vertical.is_ok(), usage) {
        (true, _, false) => Ok(false),
        (_, true, true) => Ok(true),
        (_, true, false) => {
            let message =
                "sets the requests of containers, expected --usage with files or folders of recorded use";
            Err(Error::config(name, message))
        }
        (true, false, true) => {
            let message =
                format!("sets replicas, expected one of these with --usage: {}", tunable().join(", "));
            Err(Error::config(name, message))
        }
        (false, false, true) => Err(Error::unknown("vertical autoscaler", name, tunable().into_iter())),
        (false, false, false) => {
            let horizontal = contenders::KNOWN.iter().map(|known| known.name);
            Err(Error::unknown("autoscaler", name, horizontal.chain(tunable())))
        }
    }
}

fn tunable() -> Vec<&'static str> {
    registry::KNOWN.iter().filter(|known| known.searched().next().is_some()).map(|known| known.name).collect()
}

/// The space that is searched when none is given.
///
/// # Errors
/// [`Error::Unknown`], or [`Error::Config`] for an autoscaler without anything to search.
pub fn default_space(autoscaler: &str) -> Result<Space> {
    let known = registry::find(autoscaler)?;
    if known.searched().next().is_none() {
        let message = format!("has nothing to tune, expected one of: {}", tunable().join(", "));
        return Err(Error::config(autoscaler, message));
    }
    let space = Space::parse(autoscaler, &contenders::space(known.parameters))?;
    let tried = |parameter: &Parameter| match parameter.name.as_str() {
        "mode" => Parameter { domain: Domain::Choice(MODES.map(Value::from).to_vec()), ..parameter.clone() },
        _ => parameter.clone(),
    };
    Space::new(space.parameters().iter().map(tried).collect())
}

/// A task made ready.
pub struct Tuning {
    task: Task,
    known: &'static KnownVertical,
    space: Space,
    recordings: Vec<Recording>,
    budget: f64,
    settings: u64,
}

impl Tuning {
    /// Finds whatever is wrong before any work; `hours` of containers are what the search may take, by default enough for 120 settings.
    ///
    /// # Errors
    /// An unknown autoscaler, a space of other parameters, or hours that do not suffice for the default and one setting more.
    pub fn new(task: Task, recordings: Vec<Recording>, hours: Option<f64>, space: Space) -> Result<Self> {
        default_space(&task.autoscaler)?;
        let known = registry::find(&task.autoscaler)?;
        for end in [Domain::first, Domain::last] {
            settings(known, &space.parameters().iter().map(|p| (p.name.clone(), end(&p.domain))).collect())?;
        }
        let each: f64 = recordings.iter().flat_map(|recording| &recording.cases).map(hours_of).sum();
        let budget = hours.unwrap_or(SETTINGS * each);
        if !(budget >= 2.0 * each && budget.is_finite() && each > 0.0) {
            let message = format!(
                "is {budget}, expected at least {:.1}: the first parts take {each:.1} simulated hours, once for the default and once for a setting",
                2.0 * each
            );
            return Err(Error::config("hours", message));
        }
        // A whole quotient may come out a little below itself.
        let settings = (budget / each + 1e-9).floor() as u64;
        Ok(Self { task, known, space, recordings, budget, settings })
    }

    /// Searches in `dir`, or goes on with what is there, plays the second part and writes everything. `None` once `stop` is set; the same
    /// call goes on. `tell` gets how far it is, 0…1, and the least mean loss so far.
    ///
    /// # Errors
    /// Another task or study in `dir`; a series that cannot be played; [`Error::Write`].
    pub fn run(
        &self,
        dir: &Path,
        study: StudyConfig,
        threads: usize,
        command: &str,
        stop: &AtomicBool,
        tell: &(dyn Fn(f64, Option<f64>) + Sync),
    ) -> Result<Option<TunedVertical>> {
        self.open(dir)?;
        let mut study = Study::open(dir, study, self.space.clone())?;
        let default = self.candidate(Settings::default(), f64::INFINITY)?;
        let Some(default) = default else { return Err(Error::config(self.known.name, "has no loss")) };
        // Half of few settings would be too many for tidying.
        let tidying = self.space.parameters().len() as u64;
        let trials =
            if self.settings > 4 * tidying { self.settings - 1 - tidying } else { self.settings - 1 };
        let tell_trial = |trial: &Trial| tell((trial.number + 1) as f64 / trials as f64, trial.value);
        if !study.run(trials, threads, stop, &|attempt| self.attempt(attempt), &tell_trial)? {
            return Ok(None);
        }
        let mut best = default.clone();
        if let Some((loss, point)) =
            study.ranked().first().and_then(|trial| Some((trial.value?, &trial.point)))
            && loss < default.loss
        {
            best = Candidate { settings: self.rounded(point)?, loss };
        }
        let (best, tidied) = self.tidy(best, self.settings - 1 - trials, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let hours = Hours {
            budget: self.budget,
            search: self.hours_of(&study, tidied),
            settings: 1 + study.trials().len() + tidied as usize,
        };
        let named = |candidate: &Candidate| Named {
            name: self.name(&candidate.settings),
            training_loss: candidate.loss,
        };
        let comparison = duel(
            &self.recordings,
            self.known,
            (TUNED, &best.settings),
            &self.task.config,
            threads,
            command.to_owned(),
            &|_| (),
        )?;
        let tuned = TunedVertical {
            schema: SCHEMA.to_owned(),
            task: self.task.clone(),
            hours,
            default: named(&default),
            best: named(&best),
            comparison,
        };
        self.write(&tuned, &best.settings, &study, dir)?;
        Ok(Some(tuned))
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
        if path.exists() {
            let there: Result<Task, _> = toml::from_str(&files::read_text(&path)?);
            if there.is_ok_and(|there| there == self.task) {
                return Ok(true);
            }
            let message = "tunes something else, expected the same settings or another directory";
            return Err(Error::run(&path, message));
        }
        files::create_dir(dir)?;
        let text = toml::to_string(&self.task).expect("a task has a TOML form");
        files::write_atomic(&path, text.as_bytes())?;
        Ok(false)
    }

    fn name(&self, settings: &Settings) -> String {
        let (name, text) = (self.known.name, settings.text());
        if text.is_empty() { name.to_owned() } else { format!("{name}:{text}") }
    }

    /// Plays every container's first part; `None` where `each`, told of the mean loss so far, ends it.
    fn play(&self, settings: &Settings, each: &mut dyn FnMut(u64, f64) -> bool) -> Result<Option<f64>> {
        let (mut sum, mut played) = (0.0, 0);
        for recording in &self.recordings {
            let fitting = Fitting {
                cases: &recording.cases,
                recordings: &self.recordings,
                config: &self.task.config,
                threads: 1,
            };
            let fitted = self.known.fit(&fitting, settings)?;
            for (index, case) in recording.cases.iter().enumerate() {
                let mut rule = fitted.build(case)?;
                sum += super::calibration::loss(case, fitted.start(index, case), &mut *rule)?;
                played += 1;
                if !each(played, sum / played as f64) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(sum / played as f64))
    }

    /// What `settings` do, where it is no worse than `most`.
    fn candidate(&self, settings: Settings, most: f64) -> Result<Option<Candidate>> {
        let loss = self.play(&settings, &mut |_, _| true)?;
        Ok(loss.filter(|loss| *loss <= most).map(|loss| Candidate { settings, loss }))
    }

    fn attempt(&self, attempt: &mut Attempt<'_>) -> Found {
        let settings = match self.rounded(attempt.point) {
            Ok(settings) => settings,
            Err(error) => return Found::Failed(chain(&error)),
        };
        let mut verdict = Verdict::GoOn;
        let played = self.play(&settings, &mut |step, mean| {
            verdict = attempt.report(step, mean);
            verdict == Verdict::GoOn
        });
        match (played, verdict) {
            (Err(error), _) => Found::Failed(chain(&error)),
            (Ok(_), Verdict::Stop) => Found::Stopped,
            (Ok(Some(loss)), _) => Found::Value(loss),
            (Ok(None), _) => Found::Pruned,
        }
    }

    /// A point with its numbers to two significant digits, without what says no more than the defaults.
    fn rounded(&self, point: &Point) -> Result<Settings> {
        let round = |(name, value): (&String, &Value)| {
            let range = self.known.parameters.iter().find(|p| p.name == name).map(|p| p.range);
            (name.clone(), range.map_or(value.clone(), |range| rounded(value, &range)))
        };
        settings(self.known, &point.iter().map(round).collect())
    }

    /// Puts back to its default what does not pay for itself, with at most so many settings; and how many it took.
    fn tidy(&self, mut best: Candidate, most: u64, stop: &AtomicBool) -> Result<(Candidate, u64)> {
        let mut tried = 0;
        for parameter in self.known.parameters {
            if !best.settings.has(parameter.name) || tried == most || stop.load(Ordering::Relaxed) {
                continue;
            }
            let others = self.known.parameters.iter().filter(|other| other.name != parameter.name);
            let point = others.filter_map(|p| Some((p.name.to_owned(), best.settings.get(p.name)?.clone())));
            tried += 1;
            // As good as before is better: one setting fewer.
            if let Some(better) = self.candidate(settings(self.known, &point.collect())?, best.loss)? {
                best = better;
            }
        }
        Ok((best, tried))
    }

    /// Hours of the default, of the trials as far as they went, and of `tidied` whole settings.
    fn hours_of(&self, study: &Study, tidied: u64) -> f64 {
        let each: Vec<f64> = self.recordings.iter().flat_map(|r| &r.cases).map(hours_of).collect();
        let trials = study.trials().iter().map(|trial| each.iter().take(trial.reports.len()).sum::<f64>());
        trials.sum::<f64>() + (1 + tidied) as f64 * each.iter().sum::<f64>()
    }

    fn write(&self, tuned: &TunedVertical, best: &Settings, study: &Study, dir: &Path) -> Result<()> {
        let manifests = manifests(self.known, best, &self.recordings)?;
        if let Manifests::Yaml(text) = &manifests {
            files::write_atomic(&dir.join("kubernetes.yaml"), text.as_bytes())?;
        }
        let mut text = String::from(
            "# The best setting that `trimtab tune` found; `trimtab compare --usage --autoscalers` takes the name.\n\n",
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "autoscaler = {}", Value::from(tuned.best.name.as_str()));
        let _ = writeln!(text, "usage = {}", Value::from(self.task.usage.clone()));
        files::write_atomic(&dir.join("best.toml"), text.as_bytes())?;
        let json = serde_json::to_vec_pretty(tuned).expect("a result has a JSON form");
        files::write_atomic(&dir.join("result.json"), &json)?;
        let page = report::vertical(tuned, self.known, best, study, &manifests);
        files::write_atomic(&dir.join("report.html"), page.as_bytes())
    }
}

/// Hours of a container's first part.
fn hours_of(case: &Case) -> f64 {
    case.split.since(Stamp::from(case.points[0].at)).over(Span::HOUR)
}

/// A point as settings, without what says no more than the defaults.
fn settings(known: &KnownVertical, point: &Point) -> Result<Settings> {
    let typed = |point: &Point| {
        let pairs: Vec<String> =
            point.iter().map(|(name, value)| format!("{name}={}", in_text(value))).collect();
        Settings::parse_for(known.name, known.parameters, &pairs.join(","))
    };
    let all = typed(point)?;
    let set = known.parameters.iter().filter_map(|p| Some((p, all.get(p.name)?)));
    let differs = set.filter(|(parameter, value)| known.default_of(parameter) != **value);
    typed(&differs.map(|(parameter, value)| (parameter.name.to_owned(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Pruner, Sampler};
    use trimtab_workload::usage::UsageWorkload;

    fn recordings() -> Vec<Recording> {
        let config = CaseConfig { interval_secs: 600.0, ..CaseConfig::default() };
        let example = UsageWorkload::example("alibaba").unwrap();
        let cases = (0..2).map(|seed| {
            let series = UsageWorkload { seed, ..example.clone() }.build().unwrap();
            Case { container: format!("machine_{seed}"), ..Case::of(&series, &config) }
        });
        vec![Recording { name: "made-up".to_owned(), remark: String::new(), cases: cases.collect() }]
    }

    fn task(autoscaler: &str) -> Task {
        let config = CaseConfig { interval_secs: 600.0, ..CaseConfig::default() };
        Task { autoscaler: autoscaler.to_owned(), usage: vec!["made-up".to_owned()], config }
    }

    fn study() -> StudyConfig {
        let sampler: Sampler = Value::from("tpe").try_into().unwrap();
        StudyConfig { seed: 0, sampler, pruner: Pruner::None, batch: 4 }
    }

    fn tuned(autoscaler: &str, dir: &Path) -> TunedVertical {
        let few = "margin_percent = { low = 0.0, high = 15.0 }\ncpu_percentile = { low = 80.0, high = 99.0 }";
        let space = match autoscaler {
            "window" => Space::parse("space.toml", few).unwrap(),
            other => default_space(other).unwrap(),
        };
        let each: f64 = recordings()[0].cases.iter().map(hours_of).sum();
        let tuning = Tuning::new(task(autoscaler), recordings(), Some(25.0 * each), space).unwrap();
        let stop = AtomicBool::new(false);
        let told = tuning.run(dir, study(), 2, "command", &stop, &|_, _| ()).unwrap().unwrap();
        // Sums of hours round.
        assert!(
            told.hours.search <= told.hours.budget + 1e-6 && told.hours.settings <= 25,
            "{:?}",
            told.hours
        );
        told
    }

    #[test]
    fn what_is_found_loses_less_where_it_was_searched_for_and_is_beside_the_default_elsewhere() {
        for autoscaler in ["vpa", "window"] {
            let dir = tempfile::tempdir().unwrap();
            let first = tuned(autoscaler, dir.path());
            assert!(first.best.training_loss < first.default.training_loss, "{autoscaler}: {first:?}");
            let names: Vec<&str> =
                first.comparison.autoscalers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, [autoscaler, TUNED]);
            assert!(first.comparison.paired.iter().any(|p| p.metric == "loss" && p.candidate == TUNED));
            // The name is one that a comparison takes.
            let command = || "command".to_owned();
            let again = [autoscaler.to_owned(), first.best.name.clone()];
            let compared =
                super::super::compare(&recordings(), &again, &task(autoscaler).config, 1, command(), &|_| ());
            let loss = |c: &UsageComparison, name: &str| c.value("made-up", name, "loss").unwrap().mean;
            assert_eq!(loss(&compared.unwrap(), &first.best.name), loss(&first.comparison, TUNED));
            // The same call again finds the same, without searching.
            let second = tuned(autoscaler, dir.path());
            assert_eq!((second.best, second.hours), (first.best, first.hours));
            assert_eq!(dir.path().join("kubernetes.yaml").exists(), autoscaler == "vpa");
        }
    }

    #[test]
    fn what_cannot_be_tuned_is_said() {
        let refused = |name: &str, usage: bool| is_vertical(name, usage).unwrap_err().to_string();
        assert!(is_vertical("vpa", true).unwrap() && !is_vertical("hpa", false).unwrap());
        assert!(refused("vpa", false).contains("expected --usage"));
        assert!(refused("hpa", true).contains("sets replicas, expected one of these with --usage: vpa, "));
        assert!(refused("windw", true).contains("did you mean \"window\""));
        assert!(refused("vpaa", false).contains("did you mean \"vpa\""));
        assert!(default_space("constant").unwrap_err().to_string().contains("has nothing to tune"));
        let space = default_space("vpa").unwrap();
        let error = Tuning::new(task("vpa"), recordings(), Some(1.0), space).err().unwrap().to_string();
        assert!(error.contains("hours: is 1, expected at least"), "{error}");
    }
}
