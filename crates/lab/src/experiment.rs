//! The whole job, end to end, for each traffic: calibrate the rivals on the training days, train a policy for
//! each seed, score everybody on the test days, and write what came of it.
//!
//! ```text
//! <dir>/<traffic>/seed-<n>/   a run directory for each training run
//! <dir>/comparison.json       every figure
//! <dir>/report.html           the report
//! <dir>/config.toml           the configuration without what is particular to a run
//! ```

use crate::{
    Error, Result,
    calibration::{self, CalibratedHpa, Outcome, Search},
    comparison::{
        AutoscalerSummary, Cell, Comparison, Contender, LearningCurve, LearningPoint, Timeline,
        TrafficSummary, compare, judge, summarize,
    },
    config::RunConfig,
    evaluation::Scenario,
    files, parallel, policy_file, report,
    run_dir::RunDir,
    traffic::Traffic,
    training::{self, Ending, Progress},
};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};
use trimtab_control::{Autoscaler, Fixed, Hpa};

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

/// The name under which the learned policy appears.
pub const CANDIDATE: &str = "trim";
/// The name of the calibrated HPA.
pub const BASELINE: &str = "hpa_calibrated";

/// Rivals fitted to one traffic.
struct Rivals {
    hpa: CalibratedHpa,
    fixed: Vec<u32>,
    fixed_outcome: Outcome,
}

impl Experiment {
    /// Does it. `None` if `stop` was set meanwhile; the same call goes on from where it stopped.
    ///
    /// # Errors
    /// Whatever in configuration, traffic or directory cannot work.
    pub fn run(&self, stop: &AtomicBool, tell: &(dyn Fn(Event) + Sync)) -> Result<Option<Comparison>> {
        let scenario = training::scenario(&self.config)?;
        let traffics: Vec<Traffic> = self
            .config
            .traffic
            .iter()
            .map(|t| Traffic::load(t, &scenario.application))
            .collect::<Result<_>>()?;
        if let Some(empty) = traffics.iter().find(|t| t.train.is_empty() || t.test.is_empty()) {
            return Err(Error::config(
                &empty.name,
                "leaves no day to train or to test on, expected at least one each",
            ));
        }
        files::create_dir(&self.dir)?;
        files::write_atomic(&self.dir.join("config.toml"), self.config.to_toml().as_bytes())?;
        let mut comparison = self.empty(&scenario, &traffics);
        for (number, traffic) in traffics.iter().enumerate() {
            let stage = |what: &str, fraction: f64| {
                tell(Event::Stage { traffic: traffic.name.clone(), what: what.to_owned(), fraction });
            };
            traffic
                .left_out
                .iter()
                .for_each(|day| tell(Event::Note(format!("{}: leaving out {day}", traffic.name))));
            let rivals = self.calibrate(&scenario, traffic, &stage)?;
            if !self.train(number, traffic, &rivals, stop, tell)? {
                return Ok(None);
            }
            let (cells, timeline) = self.score(&scenario, traffic, &rivals, &stage)?;
            comparison.paired.push(judge(&cells, &traffic.name, CANDIDATE, BASELINE));
            comparison.cells.extend(cells);
            comparison.timelines.push(timeline);
            self.seeds.iter().try_for_each(|&seed| {
                comparison.learning.push(learning_curve(&self.run_dir(traffic, seed), &traffic.name, seed)?);
                Ok::<_, Error>(())
            })?;
            describe(&mut comparison.autoscalers, traffic, &rivals);
        }
        comparison.summaries = summarize(&comparison.cells);
        self.write(&comparison)?;
        Ok(Some(comparison))
    }

    fn empty(&self, scenario: &Scenario, traffics: &[Traffic]) -> Comparison {
        let labels = |days: &[crate::traffic::Day]| days.iter().map(|d| d.label.clone()).collect();
        Comparison {
            title: format!("Autoscaling {}", scenario.application.name),
            application: scenario.application.name.clone(),
            services: scenario.application.services.iter().map(|s| s.name.clone()).collect(),
            slo_ms: scenario.application.slo.p95.millis(),
            traffic: traffics
                .iter()
                .map(|t| TrafficSummary {
                    name: t.name.clone(),
                    source: t.description.clone(),
                    train_days: labels(&t.train),
                    test_days: labels(&t.test),
                    train_peak: t.train_peak.0,
                    test_peak: t.test_peak.0,
                })
                .collect(),
            autoscalers: Vec::new(),
            cells: Vec::new(),
            summaries: Vec::new(),
            paired: Vec::new(),
            timelines: Vec::new(),
            learning: Vec::new(),
            config: self.config.to_toml(),
            command: self.command.clone(),
        }
    }

    fn run_dir(&self, traffic: &Traffic, seed: u64) -> RunDir {
        RunDir::new(self.dir.join(&traffic.name).join(format!("seed-{seed}")))
    }

    fn calibrate(&self, scenario: &Scenario, traffic: &Traffic, stage: &dyn Fn(&str, f64)) -> Result<Rivals> {
        let settings = &self.config.inner.calibration;
        let mut search = Search::new(scenario, &traffic.train, settings, self.threads);
        let hpa = search.hpa(&mut |what, fraction| stage(what, fraction))?;
        let (fixed, fixed_outcome) = search.fixed(&mut |what, fraction| stage(what, fraction))?;
        Ok(Rivals { hpa, fixed, fixed_outcome })
    }

    /// Trains a policy for every seed; false if it was stopped.
    fn train(
        &self,
        number: usize,
        traffic: &Traffic,
        rivals: &Rivals,
        stop: &AtomicBool,
        tell: &(dyn Fn(Event) + Sync),
    ) -> Result<bool> {
        let endings = parallel::map(self.seeds.len(), self.threads, |i| {
            let seed = self.seeds[i];
            let dir = self.run_dir(traffic, seed);
            if dir.file("policy.safetensors").exists() {
                return Ok(Ending::Finished);
            }
            let mut config =
                RunConfig { seed, traffic: vec![self.config.traffic[number].clone()], ..self.config.clone() };
            rivals.hpa.fill(&mut config.inner);
            training::train(&config, &dir, dir.exists(), stop, &mut |progress| {
                tell(Event::Training { traffic: traffic.name.clone(), seed, progress: *progress });
            })
        });
        let endings = endings.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(endings.iter().all(|ending| *ending == Ending::Finished))
    }

    fn score(
        &self,
        scenario: &Scenario,
        traffic: &Traffic,
        rivals: &Rivals,
        stage: &(dyn Fn(&str, f64) + Sync),
    ) -> Result<(Vec<Cell>, Timeline)> {
        let application = &scenario.application;
        let contender = |name: &str, build: crate::comparison::Build<'static>| Contender {
            name: name.to_owned(),
            description: String::new(),
            build,
        };
        let (fixed, hpa, app) = (rivals.fixed.clone(), rivals.hpa.clone(), application.clone());
        let default = application.clone();
        let contenders = [
            contender(
                "fixed",
                Box::new(move |_| Ok(Box::new(Fixed::new(fixed.clone())) as Box<dyn Autoscaler>)),
            ),
            contender(
                "hpa",
                Box::new(move |_| Ok(Box::new(Hpa::default_for(&default)?) as Box<dyn Autoscaler>)),
            ),
            contender(
                BASELINE,
                Box::new(move |_| {
                    Ok(Box::new(calibration::hpa(&app, &hpa.target_percent, hpa.scale_down_secs)?)
                        as Box<dyn Autoscaler>)
                }),
            ),
            Contender {
                name: CANDIDATE.to_owned(),
                description: String::new(),
                build: Box::new(|seed| {
                    let learned = policy_file::load(&self.run_dir(traffic, seed), application)?;
                    Ok(Box::new(learned) as Box<dyn Autoscaler>)
                }),
            },
        ];
        let total = contenders.len() * traffic.test.len() * self.seeds.len();
        let done = AtomicUsize::new(0);
        compare(scenario, traffic, &contenders, &self.seeds, self.threads, &|| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            stage("scoring on days never seen", done as f64 / total as f64);
        })
    }

    fn write(&self, comparison: &Comparison) -> Result<()> {
        let json = serde_json::to_vec_pretty(comparison).expect("a comparison has a JSON form");
        files::write_atomic(&self.dir.join("comparison.json"), &json)?;
        files::write_atomic(&self.dir.join("report.html"), report::render(comparison).as_bytes())
    }
}

/// One sentence for each autoscaler; what differs by traffic is added to it.
fn describe(autoscalers: &mut Vec<AutoscalerSummary>, traffic: &Traffic, rivals: &Rivals) {
    let mut add = |name: &str, general: &str, particular: String| {
        let particular = format!(" {}: {particular}.", traffic.name);
        match autoscalers.iter_mut().find(|a| a.name == name) {
            Some(known) => known.description.push_str(&particular),
            None => autoscalers.push(AutoscalerSummary {
                name: name.to_owned(),
                description: format!("{general}{particular}"),
            }),
        }
    };
    let outcome = |o: &Outcome| {
        format!(
            "{:.1} core-hours a day and {:.2} % of windows violated on the training days",
            o.core_hours,
            100.0 * o.violation_share
        )
    };
    add(
        "fixed",
        "The cheapest constant replicas within the violation budget on the training days.",
        format!("{:?}, {}", rivals.fixed, outcome(&rivals.fixed_outcome)),
    );
    add(
        "hpa",
        "Kubernetes' HPA as kubectl autoscale makes it: CPU at 80 %, no behaviour.",
        "the same".to_owned(),
    );
    add(
        BASELINE,
        "Kubernetes' HPA with the cheapest targets (one for all, then one a service) and scale-down window within the violation budget on the training days.",
        format!(
            "targets {:?} % (one for all: {} %), window {} s, {}",
            rivals.hpa.target_percent,
            rivals.hpa.common_target_percent,
            rivals.hpa.scale_down_secs,
            outcome(&rivals.hpa.outcome)
        ),
    );
    add(
        CANDIDATE,
        "A PPO policy that shifts the targets of the calibrated HPA and adds or removes replicas within bounds, one policy for all services, trained once a seed on the training days.",
        "on top of that HPA".to_owned(),
    );
}

/// Reads a run's learning curve back from its `progress.jsonl`.
///
/// # Errors
/// [`Error::Read`].
pub fn learning_curve(dir: &RunDir, traffic: &str, seed: u64) -> Result<LearningCurve> {
    let text = files::read_text(&dir.file("progress.jsonl"))?;
    let records: Vec<serde_json::Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let points = records
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
    Ok(LearningCurve { traffic: traffic.to_owned(), seed, points: thin(points) })
}

/// At most 200 points, each the mean of its neighbours: a picture shows no more.
fn thin(points: Vec<LearningPoint>) -> Vec<LearningPoint> {
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
