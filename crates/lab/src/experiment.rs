//! The whole job, end to end, for each traffic: calibrate the rivals on the training days, train a policy for
//! each seed, score everybody on the test days, and write what came of it. Its second half alone, with whoever is
//! named, is [`comparison`].
//!
//! ```text
//! <dir>/<traffic>/seed-<n>/   a run directory for each training run
//! <dir>/comparison.json       every figure, and what the report is rendered from
//! <dir>/report.html           the report
//! <dir>/report.json           the report as data, with its schema's version
//! <dir>/config.toml           the configuration without what is particular to a run
//! ```

use crate::{
    Error, Result,
    comparison::{
        Analysis, AutoscalerSummary, Cell, Comparison, Contender, LearningCurve, LearningPoint, Scored,
        TrafficSummary, compare, judge, shift_cell, summarize,
    },
    config::RunConfig,
    contenders::{self, Entrant, Fitting, Trained},
    demand::Demand,
    environments,
    evaluation::{DecisionTimes, Scenario},
    files, parallel, report,
    run_dir::RunDir,
    traffic::{Day, Traffic},
    training::{self, Ending, Progress},
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// What to do.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Configuration; its `traffic` entries are experiments of their own, one after the other.
    pub config: RunConfig,
    /// Seeds: one training run each, and the same for scoring.
    pub seeds: Vec<u64>,
    /// Where to write.
    pub dir: PathBuf,
    /// Threads.
    pub threads: usize,
    /// Command that repeats it, for the report.
    pub command: String,
}

/// What is going on.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new piece of work on a traffic.
    Stage {
        /// Name of the traffic.
        traffic: String,
        /// What is done.
        what: String,
        /// How far along the stage is, 0…1.
        fraction: f64,
    },
    /// A training run has made progress.
    Training {
        /// Name of the traffic.
        traffic: String,
        /// Seed of the run.
        seed: u64,
        /// How far it is.
        progress: Progress,
    },
    /// Something worth a line.
    Note(String),
}

/// The name under which the learned policy of an experiment appears.
pub const CANDIDATE: &str = "trim";

/// Who the learned policy of an experiment is measured against.
const RIVALS: [&str; 3] = ["fixed", contenders::DEFAULT, contenders::CALIBRATED];

impl Experiment {
    /// Does it. `None` if `stop` was set meanwhile; the same call goes on from where it stopped.
    ///
    /// # Errors
    /// Whatever in configuration, traffic or directory cannot work.
    pub fn run(&self, stop: &AtomicBool, tell: &(dyn Fn(Event) + Sync)) -> Result<Option<Comparison>> {
        match self.run_whole(stop, tell) {
            Err(Error::Interrupted) => Ok(None),
            outcome => outcome,
        }
    }

    fn run_whole(&self, stop: &AtomicBool, tell: &(dyn Fn(Event) + Sync)) -> Result<Option<Comparison>> {
        if environments::find(&self.config.env).is_some() {
            let message =
                format!("is {:?}, expected an application to compare autoscalers on", self.config.env);
            return Err(Error::config("env", message));
        }
        let (mut contest, traffics) =
            Contest::new(&self.config, &self.seeds, self.threads, self.command.clone(), tell)?;
        for traffic in &traffics {
            training::rehearse(&self.config, &contest.scenario.application, &traffic.train)?;
        }
        files::create_dir(&self.dir)?;
        files::write_atomic(&self.dir.join("config.toml"), self.config.to_toml().as_bytes())?;
        let scenario = contest.scenario.clone();
        let settings = &self.config.inner.calibration;
        let mut fittings: Vec<Fitting<'_>> =
            traffics.iter().map(|t| Fitting::new(&scenario, t, settings, self.threads).until(stop)).collect();
        if !self.train(&traffics, &mut fittings, stop, tell)? {
            return Ok(None);
        }
        for (traffic, fitting) in traffics.iter().zip(&mut fittings) {
            let dir = self.dir.join(&traffic.name);
            let mut entrants = RIVALS
                .map(|name| Entrant::find(name, &scenario, traffic, &self.seeds))
                .into_iter()
                .collect::<Result<Vec<_>>>()?;
            let candidate = Trained::load(CANDIDATE.to_owned(), &dir, &scenario, &self.seeds)?;
            entrants.push(Entrant::Trained(Box::new(candidate)));
            contest.hold(traffic, entrants, fitting)?;
            for &seed in &self.seeds {
                let curve = learning_curve(&self.run_dir(traffic, seed), &traffic.name, seed)?;
                contest.comparison.learning.push(curve);
            }
        }
        let comparison = contest.finish();
        write(&comparison, &self.dir)?;
        Ok(Some(comparison))
    }

    fn run_dir(&self, traffic: &Traffic, seed: u64) -> RunDir {
        RunDir::new(self.dir.join(&traffic.name).join(format!("seed-{seed}")))
    }

    /// Trains a policy for every traffic and seed, side by side; false if it was stopped.
    fn train(
        &self,
        traffics: &[Traffic],
        fittings: &mut [Fitting<'_>],
        stop: &AtomicBool,
        tell: &(dyn Fn(Event) + Sync),
    ) -> Result<bool> {
        let calibrate = |(traffic, fitting): (&Traffic, &mut Fitting<'_>)| {
            Ok(fitting.calibrated_hpa(&mut stage(traffic, tell))?.clone())
        };
        let hpas = traffics.iter().zip(fittings).map(calibrate).collect::<Result<Vec<_>>>()?;
        let endings = parallel::map(traffics.len() * self.seeds.len(), self.threads, |i| {
            let (number, seed) = (i / self.seeds.len(), self.seeds[i % self.seeds.len()]);
            let traffic = &traffics[number];
            let dir = self.run_dir(traffic, seed);
            if dir.file("policy.safetensors").exists() {
                return Ok(Ending::Finished);
            }
            let mut config =
                RunConfig { seed, traffic: vec![self.config.traffic[number].clone()], ..self.config.clone() };
            hpas[number].fill(&mut config.inner);
            training::train(&config, &dir, dir.exists(), stop, &mut |progress| {
                tell(Event::Training { traffic: traffic.name.clone(), seed, progress: progress.clone() });
            })
        });
        let endings = endings.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(endings.iter().all(|ending| *ending == Ending::Finished))
    }
}

/// Whether autoscalers are also scored on traffic that they were not fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Everybody is scored on test days of the traffic that they were fitted to.
    Left,
    /// And on those of each other traffic.
    Scored,
}

/// Scores the autoscalers called `names` ([`Entrant::find`]) on the test days of all traffic of `config`, with `seeds`.
/// Learned ones are judged against the calibrated HPA, or the default one where only that takes part; where nobody
/// learned, everybody else is.
///
/// # Errors
/// Whatever in configuration, traffic, names or run directories cannot work; all of it is found before anything is
/// simulated.
pub fn comparison(
    config: &RunConfig,
    names: &[String],
    seeds: &[u64],
    shift: Shift,
    threads: usize,
    command: String,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Comparison> {
    let (mut contest, traffics) = Contest::new(config, seeds, threads, command, tell)?;
    if shift == Shift::Scored && traffics.len() < 2 {
        let message = "is one traffic only, expected two or more for a shift from one to another";
        return Err(Error::config("traffic", message));
    }
    let scenario = contest.scenario.clone();
    let entrants =
        traffics.iter().map(|t| find_all(names, &scenario, t, seeds)).collect::<Result<Vec<_>>>()?;
    let mut fitted = Vec::new();
    for ((entrants, traffic), setting) in entrants.into_iter().zip(&traffics).zip(&config.traffic) {
        for entrant in &entrants {
            let seen = days_seen(entrant, traffic, &setting.source, &scenario)?;
            if !seen.is_empty() {
                let (name, days) = (entrant.name(), seen.join(", "));
                tell(Event::Note(format!("{}: {name} was trained on test days: {days}", traffic.name)));
            }
        }
        let mut fitting = Fitting::new(&scenario, traffic, &config.inner.calibration, threads);
        fitted.push(contest.hold(traffic, entrants, &mut fitting)?);
    }
    if shift == Shift::Scored {
        contest.shift(&traffics, &fitted)?;
    }
    Ok(contest.finish())
}

/// Looks up everybody; two runs whose directories have one name are shown by their paths.
fn find_all(names: &[String], scenario: &Scenario, traffic: &Traffic, seeds: &[u64]) -> Result<Vec<Entrant>> {
    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(Error::config("autoscalers", format!("has {:?} twice, expected each once", twice.1)));
    }
    let mut entrants =
        names.iter().map(|n| Entrant::find(n, scenario, traffic, seeds)).collect::<Result<Vec<_>>>()?;
    let shown: Vec<String> = entrants.iter().map(|e| e.name().to_owned()).collect();
    for (entrant, name) in entrants.iter_mut().zip(names) {
        if shown.iter().filter(|s| *s == entrant.name()).count() > 1 {
            entrant.rename(name);
        }
    }
    Ok(entrants)
}

/// Test days that an entrant was trained on.
fn days_seen(entrant: &Entrant, traffic: &Traffic, source: &str, scenario: &Scenario) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    let Some(config) = entrant.trained_with() else { return Ok(seen) };
    for trained in config.traffic.iter().filter(|t| t.source == source) {
        let trained = labels(&Traffic::load(trained, &scenario.application)?.train);
        seen.extend(labels(&traffic.test).into_iter().filter(|day| trained.contains(day)));
    }
    Ok(seen)
}

/// Writes `comparison.json`, `report.html` and `report.json` into `dir`.
///
/// # Errors
/// [`Error::Write`].
///
/// # Panics
/// Never: a comparison has a JSON form.
pub fn write(comparison: &Comparison, dir: &Path) -> Result<()> {
    let json = serde_json::to_vec_pretty(comparison).expect("a comparison has a JSON form");
    files::write_atomic(&dir.join("comparison.json"), &json)?;
    let analysis = Analysis::of(comparison);
    files::write_atomic(&dir.join("report.json"), report::document(comparison, &analysis).as_bytes())?;
    files::write_atomic(&dir.join("report.html"), report::render(comparison, &analysis).as_bytes())
}

/// Reads `comparison.json` in `dir` back, and from `report.json` how long decisions took, where that is there.
///
/// # Errors
/// [`Error::Read`], or [`Error::Run`] for a file that is not a comparison.
pub fn read(dir: &Path) -> Result<Comparison> {
    let path = dir.join("comparison.json");
    let text = files::read_text(&path)?;
    let mut comparison: Comparison = serde_json::from_str(&text)
        .map_err(|e| Error::run(&path, format!("is not a whole comparison: {e}")))?;
    if let Ok(text) = files::read_text(&dir.join("report.json")) {
        comparison.time = report::time_of(&text);
    }
    Ok(comparison)
}

/// A comparison that is being made, one traffic after the other.
struct Contest<'a> {
    scenario: Scenario,
    demand: Demand,
    seeds: &'a [u64],
    threads: usize,
    tell: &'a (dyn Fn(Event) + Sync),
    comparison: Comparison,
    /// How long decisions took, by autoscaler.
    times: Vec<(String, DecisionTimes)>,
}

impl<'a> Contest<'a> {
    /// Nobody has been scored yet. Returns the traffic too, in the order of the configuration.
    fn new(
        config: &RunConfig,
        seeds: &'a [u64],
        threads: usize,
        command: String,
        tell: &'a (dyn Fn(Event) + Sync),
    ) -> Result<(Self, Vec<Traffic>)> {
        let scenario = training::scenario(config)?;
        let traffics: Vec<Traffic> =
            config.traffic.iter().map(|t| Traffic::load(t, &scenario.application)).collect::<Result<_>>()?;
        for (number, traffic) in traffics.iter().enumerate() {
            if traffic.train.is_empty() || traffic.test.is_empty() {
                let message = "leaves no day to train or to test on, expected at least one each";
                return Err(Error::config(&traffic.name, message));
            }
            if traffics[..number].iter().any(|other| other.name == traffic.name) {
                let message = format!("has {:?} twice, expected each name once", traffic.name);
                return Err(Error::config("traffic", message));
            }
            for day in &traffic.left_out {
                tell(Event::Note(format!("{}: leaving out {day}", traffic.name)));
            }
        }
        let comparison = Comparison {
            title: format!("Autoscaling {}", scenario.application.name),
            application: scenario.application.name.clone(),
            services: scenario.application.services.iter().map(|s| s.name.clone()).collect(),
            slo_ms: scenario.application.slo.p95.millis(),
            traffic: traffics.iter().map(summary).collect(),
            autoscalers: Vec::new(),
            cells: Vec::new(),
            summaries: Vec::new(),
            paired: Vec::new(),
            timelines: Vec::new(),
            learning: Vec::new(),
            latency: Vec::new(),
            shift: Vec::new(),
            time: Vec::new(),
            config: config.to_toml(),
            command,
        };
        let demand = Demand::new(&scenario.application, &scenario.sim)?;
        let times = Vec::new();
        Ok((Self { scenario, demand, seeds, threads, tell, comparison, times }, traffics))
    }

    /// Fits everybody to a traffic, scores them on its test days and judges. Returns them as fitted.
    fn hold(
        &mut self,
        traffic: &Traffic,
        entrants: Vec<Entrant>,
        fitting: &mut Fitting<'_>,
    ) -> Result<Vec<Contender<'static>>> {
        let pairs = pairs(&entrants);
        let contenders = entrants
            .into_iter()
            .map(|entrant| fitting.contender(entrant, &mut stage(traffic, self.tell)))
            .collect::<Result<Vec<_>>>()?;
        let all: Vec<&Contender<'_>> = contenders.iter().collect();
        let scored = self.score(traffic, &all, "scoring on days never seen")?;
        for (candidate, baseline) in pairs {
            self.comparison.paired.push(judge(&scored.cells, &traffic.name, &candidate, &baseline));
        }
        for (contender, times) in contenders.iter().zip(&scored.times) {
            describe(&mut self.comparison.autoscalers, contender, &traffic.name);
            match self.times.iter_mut().find(|(name, _)| *name == contender.name) {
                Some((_, sum)) => sum.merge(times),
                None => self.times.push((contender.name.clone(), times.clone())),
            }
        }
        self.comparison.cells.extend(scored.cells);
        self.comparison.timelines.push(scored.timeline);
        self.comparison.latency.extend(scored.latency);
        Ok(contenders)
    }

    fn score(&self, traffic: &Traffic, contenders: &[&Contender<'_>], what: &str) -> Result<Scored> {
        let total = contenders.len() * traffic.test.len() * self.seeds.len();
        let done = AtomicUsize::new(0);
        let progress = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            stage(traffic, self.tell)(what, done as f64 / total as f64);
        };
        compare(&self.scenario, &self.demand, traffic, contenders, self.seeds, self.threads, &progress)
    }

    /// Scores everybody whom fitting changes on the traffic of the others; `fitted` is by traffic.
    fn shift(&mut self, traffics: &[Traffic], fitted: &[Vec<Contender<'static>>]) -> Result<()> {
        for (from, contenders) in traffics.iter().zip(fitted) {
            let moved: Vec<&Contender<'_>> = contenders.iter().filter(|c| !c.fitted.is_empty()).collect();
            for to in traffics.iter().filter(|_| !moved.is_empty()) {
                let cells = if from.name == to.name {
                    self.comparison.cells.clone()
                } else {
                    self.score(to, &moved, &["scoring who was fitted to ", &from.name].concat())?.cells
                };
                for contender in &moved {
                    let own = |c: &&Cell| c.autoscaler == contender.name && c.traffic == to.name;
                    let own: Vec<&Cell> = cells.iter().filter(own).collect();
                    self.comparison.shift.push(shift_cell(&contender.name, &from.name, &to.name, &own));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Comparison {
        self.comparison.summaries = summarize(&self.comparison.cells);
        self.comparison.time = self.times.iter().map(|(name, times)| times.summary(name)).collect();
        self.comparison
    }
}

/// Candidates and what each is judged against.
fn pairs(entrants: &[Entrant]) -> Vec<(String, String)> {
    let takes_part = |name: &&str| entrants.iter().any(|e| e.name() == *name);
    let Some(baseline) = [contenders::CALIBRATED, contenders::DEFAULT].into_iter().find(takes_part) else {
        return Vec::new();
    };
    let anyone_learned = entrants.iter().any(|e| e.trained_with().is_some());
    entrants
        .iter()
        .filter(|e| e.name() != baseline && (e.trained_with().is_some() || !anyone_learned))
        .map(|e| (e.name().to_owned(), baseline.to_owned()))
        .collect()
}

fn stage<'a>(traffic: &'a Traffic, tell: &'a (dyn Fn(Event) + Sync)) -> impl Fn(&str, f64) + 'a {
    move |what, fraction| {
        tell(Event::Stage { traffic: traffic.name.clone(), what: what.to_owned(), fraction });
    }
}

fn labels(days: &[Day]) -> Vec<String> {
    days.iter().map(|day| day.label.clone()).collect()
}

fn summary(traffic: &Traffic) -> TrafficSummary {
    TrafficSummary {
        name: traffic.name.clone(),
        source: traffic.description.clone(),
        train_days: labels(&traffic.train),
        test_days: labels(&traffic.test),
        train_peak: traffic.train_peak.0,
        test_peak: traffic.test_peak.0,
    }
}

/// One sentence for each autoscaler; what differs by traffic is added to it.
fn describe(autoscalers: &mut Vec<AutoscalerSummary>, contender: &Contender<'_>, traffic: &str) {
    let at = autoscalers.iter().position(|a| a.name == contender.name).unwrap_or_else(|| {
        let (name, description) = (contender.name.clone(), contender.description.clone());
        autoscalers.push(AutoscalerSummary { name, description });
        autoscalers.len() - 1
    });
    if !contender.fitted.is_empty() {
        let fitted = [" ", traffic, ": ", &contender.fitted, "."].concat();
        autoscalers[at].description.push_str(&fitted);
    }
}

/// Reads a run's learning curve back from its `progress.jsonl`.
///
/// # Errors
/// [`Error::Read`].
pub fn learning_curve(dir: &RunDir, traffic: &str, seed: u64) -> Result<LearningCurve> {
    let text = files::read_text(&dir.file("progress.jsonl"))?;
    let records: Vec<serde_json::Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let points: Vec<LearningPoint> = records
        .iter()
        .map(|record| {
            let number = |key: &str| record.get(key).and_then(serde_json::Value::as_f64);
            let multiplier = record.as_object().and_then(|o| {
                o.iter()
                    .find(|(k, _)| k.starts_with("train/lagrange_multiplier/"))
                    .and_then(|(_, v)| v.as_f64())
            });
            LearningPoint {
                timesteps: record.get("timesteps").and_then(serde_json::Value::as_u64).unwrap_or(0),
                episode_return: number("rollout/ep_rew_mean").unwrap_or(f64::NAN),
                cost: number("rollout/cost").unwrap_or(f64::NAN),
                violation_share: number("rollout/violation_share").unwrap_or(f64::NAN),
                multiplier,
            }
        })
        .filter(|point| point.episode_return.is_finite())
        .collect();
    Ok(LearningCurve { traffic: traffic.to_owned(), seed, points: thin(&points) })
}

/// At most 200 points, each the mean of its neighbours: a picture shows no more.
fn thin(points: &[LearningPoint]) -> Vec<LearningPoint> {
    let group = points.len().div_ceil(200).max(1);
    points
        .chunks(group)
        .map(|chunk| {
            let mean =
                |value: fn(&LearningPoint) -> f64| chunk.iter().map(value).sum::<f64>() / chunk.len() as f64;
            LearningPoint {
                timesteps: chunk[chunk.len() - 1].timesteps,
                episode_return: mean(|p| p.episode_return),
                cost: mean(|p| p.cost),
                violation_share: mean(|p| p.violation_share),
                multiplier: chunk[chunk.len() - 1].multiplier,
            }
        })
        .collect()
}
