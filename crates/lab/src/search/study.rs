//! A study: its settings, its trials, and the directory that both live in.
//!
//! ```text
//! study.toml     settings, the space among them
//! trials.jsonl   one line a trial, in the order in which they ended; in that of their numbers once a batch is whole
//! ```
//!
//! A trial's line is written and synced when it ends, so what is killed loses the running trials only.

use super::{
    pruner::Pruner,
    sampler::Sampler,
    space::{Point, Space},
};
use crate::{Error, Result, files, parallel};
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Settings of a study; two with equal ones make equal trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// Seed of the sampler.
    pub seed: u64,
    /// Where to look next.
    pub sampler: Sampler,
    /// Which trials to end early.
    pub pruner: Pruner,
    /// Trials that are proposed together, at least 1: what more threads than this cannot speed up.
    pub batch: u64,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has a value.
    Complete,
    /// It was ended early.
    Pruned,
    /// It could not be tried.
    Failed,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// From 0.
    pub number: u64,
    /// What was tried.
    pub point: Point,
    /// How it ended.
    pub state: State,
    /// The objective; less is better. Only of a complete trial.
    pub value: Option<f64>,
    /// Steps and values reported on the way.
    pub reports: Vec<(u64, f64)>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What an objective gets.
pub struct Attempt<'a> {
    /// The trial's number.
    pub number: u64,
    /// What to try.
    pub point: &'a Point,
    stop: &'a AtomicBool,
    report: &'a mut dyn FnMut(u64, f64) -> Verdict,
}

/// What is to become of a running trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// It ends: return [`Found::Pruned`].
    Prune,
    /// The study was asked to stop: return [`Found::Stopped`].
    Stop,
}

/// What an objective found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The value; less is better. One that is no number is a failure.
    Value(f64),
    /// It was ended after [`Verdict::Prune`].
    Pruned,
    /// It was given up after [`Verdict::Stop`]; the trial is made again when the study goes on.
    Stopped,
    /// It cannot be tried, and why.
    Failed(String),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Study {
    config: StudyConfig,
    space: Space,
    dir: Option<PathBuf>,
    /// By number.
    trials: Vec<Trial>,
}

/// `study.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    study: StudyConfig,
    space: toml::Table,
}

impl Attempt<'_> {
    /// Reports a value on the way, at a step later than the one before.
    pub fn report(&mut self, step: u64, value: f64) -> Verdict {
        (self.report)(step, value)
    }

    /// Whether the study was asked to stop: return [`Found::Stopped`].
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Study {
    /// A study that is kept in memory only.
    ///
    /// # Errors
    /// [`Error::Config`] for a batch of none.
    pub fn new(config: StudyConfig, space: Space) -> Result<Self> {
        if config.batch == 0 {
            return Err(Error::config("study.batch", "is 0, expected at least 1"));
        }
        Ok(Self { config, space, dir: None, trials: Vec::new() })
    }

    /// The study in `dir`: a new one with these settings, or the one that is there, which must have been made with them.
    ///
    /// # Errors
    /// [`Error::Run`] where another study is, or a file of it is damaged; [`Error::Write`].
    pub fn open(dir: &Path, config: StudyConfig, space: Space) -> Result<Self> {
        let mut this = Self { dir: Some(dir.to_owned()), ..Self::new(config, space)? };
        let settings = this.settings();
        let path = dir.join("study.toml");
        if !path.exists() {
            files::create_dir(dir)?;
            files::write_atomic(&path, settings.as_bytes())?;
        }
        let text = files::read_text(&path)?;
        let there = text.parse::<toml::Table>();
        let there =
            there.map_err(|e| Error::run(&path, format!("is damaged: {}", e.to_string().trim_end())))?;
        if Ok(&there) != settings.parse::<toml::Table>().as_ref() {
            let message = "is a study with other settings, expected the same ones or another directory";
            return Err(Error::run(&path, message));
        }
        this.trials = read_trials(&dir.join("trials.jsonl"), &this.space)?;
        Ok(this)
    }

    fn settings(&self) -> String {
        let space = self.space.to_toml().parse().expect("a space is written as TOML");
        let file = File { study: self.config.clone(), space };
        toml::to_string(&file).expect("settings have a TOML form")
    }

    /// Makes trials until there are `total`, `threads` at a time; false if `stop` was set before. `tell` is called with
    /// each trial that ends.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn run(
        &mut self,
        total: u64,
        threads: usize,
        stop: &AtomicBool,
        objective: &(dyn Fn(&mut Attempt<'_>) -> Found + Sync),
        tell: &(dyn Fn(&Trial) + Sync),
    ) -> Result<bool> {
        for first in (0..total).step_by(self.config.batch as usize) {
            let last = (first + self.config.batch).min(total);
            let made = |number: u64| self.trials.iter().any(|trial| trial.number == number);
            let open: Vec<u64> = (first..last).filter(|number| !made(*number)).collect();
            if open.is_empty() {
                continue;
            }
            // Only whole batches count, so that it does not matter who of this one ends first.
            let history: Vec<Trial> = self.trials.iter().filter(|t| t.number < first).cloned().collect();
            let log = Mutex::new(());
            let ended = parallel::map(open.len(), threads, |i| {
                let trial = self.attempt(open[i], &history, stop, objective);
                if let Some(trial) = &trial {
                    let _guard = log.lock().unwrap_or_else(PoisonError::into_inner);
                    self.append(trial)?;
                    tell(trial);
                }
                Ok(trial)
            });
            let ended = ended.into_iter().collect::<Result<Vec<Option<Trial>>>>()?;
            let whole = ended.iter().all(Option::is_some);
            self.trials.extend(ended.into_iter().flatten());
            self.trials.sort_by_key(|trial| trial.number);
            if !whole {
                return Ok(false);
            }
            self.write_all()?;
        }
        Ok(true)
    }

    fn attempt(
        &self,
        number: u64,
        history: &[Trial],
        stop: &AtomicBool,
        objective: &(dyn Fn(&mut Attempt<'_>) -> Found + Sync),
    ) -> Option<Trial> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let StudyConfig { seed, sampler, pruner, .. } = &self.config;
        let point = self.space.point(&sampler.suggest(&self.space, history, *seed, number));
        let mut reports = Vec::new();
        let mut report = |step, value| {
            reports.push((step, value));
            if stop.load(Ordering::Relaxed) {
                Verdict::Stop
            } else if pruner.ends(&reports, history) {
                Verdict::Prune
            } else {
                Verdict::GoOn
            }
        };
        let found = objective(&mut Attempt { number, point: &point, stop, report: &mut report });
        let (state, value, error) = match found {
            Found::Stopped => return None,
            Found::Value(value) if value.is_finite() => (State::Complete, Some(value), None),
            Found::Value(value) => {
                (State::Failed, None, Some(format!("the value is {value}, expected a finite number")))
            }
            Found::Pruned => (State::Pruned, None, None),
            Found::Failed(error) => (State::Failed, None, Some(error)),
        };
        Some(Trial { number, point, state, value, reports, error })
    }

    /// All trials so far, by number.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Settings.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The whole trials, the best first; of equals the earlier.
    pub fn ranked(&self) -> Vec<&Trial> {
        let mut whole: Vec<&Trial> = self.trials.iter().filter(|trial| trial.value.is_some()).collect();
        let value = |trial: &Trial| trial.value.unwrap_or(f64::INFINITY);
        whole.sort_by(|a, b| value(a).total_cmp(&value(b)));
        whole
    }

    fn append(&self, trial: &Trial) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let path = dir.join("trials.jsonl");
        let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
            file.write_all(line(trial).as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| Error::Write { path, source })
    }

    fn write_all(&self) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let text: String = self.trials.iter().map(line).collect();
        files::write_atomic(&dir.join("trials.jsonl"), text.as_bytes())
    }
}

fn line(trial: &Trial) -> String {
    serde_json::to_string(trial).expect("a trial has a JSON form") + "\n"
}

/// The trials of a file, by number. Half a line at the end, which a crash leaves, is removed from it.
fn read_trials(path: &Path, space: &Space) -> Result<Vec<Trial>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read_text(path)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        files::write_atomic(path, &text.as_bytes()[..whole])?;
    }
    let mut trials = Vec::new();
    for (at, line) in text[..whole].lines().enumerate() {
        let trial: Trial = serde_json::from_str(line)
            .map_err(|e| Error::run(path, format!("line {}: is not a trial: {e}", at + 1)))?;
        if space.coordinates(&trial.point).is_none() {
            let message = format!("line {}: is a trial of another space", at + 1);
            return Err(Error::run(path, message));
        }
        trials.push(trial);
    }
    trials.sort_by_key(|trial| trial.number);
    trials.dedup_by_key(|trial| trial.number);
    Ok(trials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{MedianConfig, testbed::branin, testbed::branin_space};
    use std::fs;

    fn config(batch: u64) -> StudyConfig {
        let pruner = Pruner::Median(MedianConfig { startup_trials: 2, warmup_steps: 0 });
        StudyConfig { seed: 3, sampler: Sampler::Tpe, pruner, batch }
    }

    /// Branin's function, told in two steps; a corner of it cannot be tried.
    fn objective(attempt: &mut Attempt<'_>) -> Found {
        let value = branin(attempt.point);
        if value > 200.0 {
            return Found::Failed("too far out".to_owned());
        }
        match attempt.report(1, value + 1.0) {
            Verdict::GoOn => Found::Value(value),
            Verdict::Prune => Found::Pruned,
            Verdict::Stop => Found::Stopped,
        }
    }

    fn go(study: &mut Study, total: u64, threads: usize) -> bool {
        study.run(total, threads, &AtomicBool::new(false), &objective, &|_| ()).unwrap()
    }

    #[test]
    fn threads_change_nothing() {
        let run = |threads| {
            let mut study = Study::new(config(4), branin_space()).unwrap();
            assert!(go(&mut study, 30, threads));
            study.trials().to_vec()
        };
        let one = run(1);
        assert_eq!(one, run(3));
        let states: Vec<State> = one.iter().map(|trial| trial.state).collect();
        assert!([State::Complete, State::Pruned].iter().all(|state| states.contains(state)), "{states:?}");
    }

    #[test]
    fn a_study_that_was_cut_off_anywhere_ends_as_a_whole_one() {
        let temp = tempfile::tempdir().unwrap();
        let open = |name: &str| Study::open(&temp.path().join(name), config(4), branin_space()).unwrap();
        go(&mut open("whole"), 16, 2);
        let file = |name: &str| temp.path().join(name).join("trials.jsonl");
        let whole = fs::read(file("whole")).unwrap();
        for cut in [0, 10, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
            open("cut");
            fs::write(file("cut"), &whole[..cut]).unwrap();
            let mut study = open("cut");
            go(&mut study, 16, 1);
            assert!(fs::read(file("cut")).unwrap() == whole, "cut at {cut}");
        }
        // More trials can be asked for later.
        let mut longer = open("whole");
        go(&mut longer, 18, 1);
        assert_eq!(longer.trials().len(), 18);
    }

    #[test]
    fn a_stopped_study_keeps_what_ended() {
        let stop = AtomicBool::new(false);
        let mut study = Study::new(config(4), branin_space()).unwrap();
        let finished = study.run(16, 1, &stop, &objective, &|trial| {
            stop.store(trial.number == 5, Ordering::Relaxed);
        });
        assert!(!finished.unwrap());
        assert_eq!(study.trials().len(), 6);
    }

    #[test]
    fn another_study_and_damaged_files_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let mut study = Study::open(temp.path(), config(4), branin_space()).unwrap();
        go(&mut study, 4, 1);
        let error = Study::open(temp.path(), config(5), branin_space()).unwrap_err().to_string();
        assert!(error.contains("study.toml") && error.contains("other settings"), "{error}");
        fs::write(temp.path().join("trials.jsonl"), "{}\n").unwrap();
        let error = Study::open(temp.path(), config(4), branin_space()).unwrap_err().to_string();
        assert!(error.contains("trials.jsonl: line 1: is not a trial"), "{error}");
    }

    #[test]
    fn a_value_that_is_no_number_is_a_failure() {
        let mut study = Study::new(config(1), branin_space()).unwrap();
        let objective = |_: &mut Attempt<'_>| Found::Value(f64::NAN);
        study.run(1, 1, &AtomicBool::new(false), &objective, &|_| ()).unwrap();
        assert_eq!(study.trials()[0].state, State::Failed);
        assert!(study.ranked().is_empty());
    }
}
