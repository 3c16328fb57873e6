//! From a name to an autoscaler that takes part in a comparison: `fixed`, `hpa`, `hpa_calibrated`, `threshold`, or the
//! directory of a training run.
//!
//! A name is looked up, and the policies of a run are read, before anything is simulated; what has to be searched for
//! is searched for once a traffic, and only when someone takes part who needs it. To add an autoscaler, add a row to
//! [`KNOWN`].
//!
//! Left out: running them ([`crate::comparison`]).

use crate::{
    Error, Result,
    calibration::{self, CalibratedHpa, Outcome, Search},
    comparison::{Build, Contender},
    config::{CalibrationConfig, RunConfig},
    evaluation::Scenario,
    policy_file,
    run_dir::RunDir,
    traffic::Traffic,
};
use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool};
use trimtab_control::{ActionKind, Autoscaler, Fixed, Hpa, Learned, Threshold, threshold::ThresholdConfig};

/// The name of the calibrated HPA, which a learned policy is judged against.
pub const CALIBRATED: &str = "hpa_calibrated";
/// The name of the HPA that nobody tuned.
pub const DEFAULT: &str = "hpa";

/// An autoscaler that needs no file.
pub struct Known {
    name: &'static str,
    description: &'static str,
    fit: Fit,
}

/// Makes a builder, and says in words how it was fitted.
type Fit = fn(&mut Fitting<'_>, &mut dyn FnMut(&str, f64)) -> Result<(String, Build<'static>)>;

/// Every autoscaler that needs no file.
pub const KNOWN: [Known; 4] = [
    Known {
        name: "fixed",
        description: "The cheapest constant replicas within the violation budget on the training days.",
        fit: |fitting, progress| {
            let (replicas, outcome) = fitting.fixed(progress)?.clone();
            let fitted = format!("{replicas:?}, {}", in_words(&outcome));
            Ok((fitted, each(move || Ok(Fixed::new(replicas.clone())))))
        },
    },
    Known {
        name: DEFAULT,
        description: "Kubernetes' HPA as kubectl autoscale makes it: CPU at 80 %, no behaviour.",
        fit: |fitting, _| {
            let application = fitting.scenario.application.clone();
            Ok((String::new(), each(move || Ok(Hpa::default_for(&application)?))))
        },
    },
    Known {
        name: CALIBRATED,
        description: "Kubernetes' HPA with the cheapest targets (one for all, then one a service), scale-down window and rate within the violation budget on the training days.",
        fit: |fitting, progress| {
            let hpa = fitting.calibrated_hpa(progress)?.clone();
            let fitted = format!(
                "targets {:?} % (one for all: {} %), window {} s, at most {} % fewer a minute, {}",
                hpa.target_percent,
                hpa.common_target_percent,
                hpa.scale_down_secs,
                hpa.scale_down_percent,
                in_words(&hpa.outcome)
            );
            let application = fitting.scenario.application.clone();
            let build = each(move || {
                let (targets, window) = (&hpa.target_percent, hpa.scale_down_secs);
                calibration::hpa(&application, targets, window, hpa.scale_down_percent)
            });
            Ok((fitted, build))
        },
    },
    Known {
        name: "threshold",
        description: "One replica more above 60 % of the CPU request, one fewer below 30 %, then a minute of rest.",
        fit: |fitting, _| {
            let bounds: Vec<_> = fitting.scenario.application.services.iter().map(|s| s.replicas).collect();
            let build = each(move || Ok(Threshold::new(ThresholdConfig::default(), bounds.clone())?));
            Ok((String::new(), build))
        },
    },
];

fn each<A: Autoscaler + 'static>(make: impl Fn() -> Result<A> + Sync + 'static) -> Build<'static> {
    Box::new(move |_| Ok(Box::new(make()?) as Box<dyn Autoscaler>))
}

fn in_words(outcome: &Outcome) -> String {
    format!(
        "{:.1} core-hours a day and {:.2} % of windows violated on the training days",
        outcome.core_hours,
        100.0 * outcome.violation_share
    )
}

/// Who takes part, looked up but not yet fitted to a traffic.
pub enum Entrant {
    /// One of [`KNOWN`].
    Known(&'static Known),
    /// Policies from run directories.
    Trained(Box<Trained>),
}

/// The policies of one run, or of one run for each seed.
pub struct Trained {
    name: String,
    /// Configuration of the run, or of the first seed's.
    config: RunConfig,
    policies: BTreeMap<u64, Learned>,
}

impl Entrant {
    /// The autoscaler called `name`: one of [`KNOWN`], or the run directory at that path. Where a directory holds runs
    /// called `seed-<n>`, itself or below the name of the traffic, each of `seeds` gets its own.
    ///
    /// # Errors
    /// [`Error::Unknown`] naming the nearest, or whatever keeps a policy from being used in `scenario`.
    pub fn find(name: &str, scenario: &Scenario, traffic: &Traffic, seeds: &[u64]) -> Result<Self> {
        let path = Path::new(name);
        if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
            return Ok(Self::Known(known));
        }
        if !path.exists() {
            let known = KNOWN.iter().map(|known| known.name).chain(["the directory of a run"]);
            return Err(Error::unknown("autoscaler", name, known));
        }
        let shown = path.file_name().map_or_else(|| name.to_owned(), |n| n.to_string_lossy().into_owned());
        let below = path.join(&traffic.name);
        let path = if holds_seeds(&below) { &below } else { path };
        Ok(Self::Trained(Box::new(Trained::load(shown, path, scenario, seeds)?)))
    }

    /// Its name in tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name,
            Self::Trained(trained) => &trained.name,
        }
    }

    /// The configuration that it was trained with, if it was.
    pub fn trained_with(&self) -> Option<&RunConfig> {
        match self {
            Self::Known(_) => None,
            Self::Trained(trained) => Some(&trained.config),
        }
    }

    /// Gives it another name in tables.
    pub fn rename(&mut self, name: &str) {
        if let Self::Trained(trained) = self {
            name.clone_into(&mut trained.name);
        }
    }
}

fn seed_dir(dir: &Path, seed: u64) -> RunDir {
    RunDir::new(dir.join(format!("seed-{seed}")))
}

fn holds_seeds(dir: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(dir) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("seed-")?.parse::<u64>().ok());
            number.is_some() && RunDir::new(entry.path()).exists()
        })
    })
}

impl Trained {
    /// The policies in `dir`, shown as `name`.
    ///
    /// # Errors
    /// A seed without a run, or whatever keeps a policy from being used in `scenario`.
    pub fn load(name: String, dir: &Path, scenario: &Scenario, seeds: &[u64]) -> Result<Self> {
        let by_seed = holds_seeds(dir);
        let mut first = None;
        let mut policies = BTreeMap::new();
        for &seed in seeds {
            let run = if by_seed { seed_dir(dir, seed) } else { RunDir::new(dir) };
            if by_seed && !run.exists() {
                let message = format!("holds no run seed-{seed}, expected one for each seed that is scored");
                return Err(Error::run(dir, message));
            }
            let config = run.config()?;
            check_pace(&run, &config, scenario)?;
            policies.insert(seed, policy_file::load(&run, &scenario.application)?);
            first.get_or_insert(config);
        }
        let config = first.ok_or_else(|| Error::config("seeds", "is empty, expected at least one"))?;
        Ok(Self { name, config, policies })
    }

    fn description(&self) -> String {
        let algorithm = self.config.algorithm.name().to_uppercase();
        let does = match self.config.action {
            ActionKind::Trim | ActionKind::TrimContinuous => {
                "that shifts the targets of an HPA calibrated on its training days and adds or removes replicas within bounds, one policy for all services"
            }
            ActionKind::Delta => "that asks for one bounded step of replicas a service",
            ActionKind::Move => "that changes the replicas of one service at a time",
        };
        format!("A policy {does}, trained with {algorithm}.")
    }

    fn contender(self) -> Contender<'static> {
        let sources: Vec<&str> = self.config.traffic.iter().map(|t| t.source.as_str()).collect();
        let fitted =
            format!("trained for {} steps on {}", self.config.total_timesteps, sources.join(" and "));
        let description = self.description();
        let Self { name, policies, .. } = self;
        let build: Build<'static> = Box::new(move |seed| {
            let policy = policies.get(&seed).expect("a policy was read for every seed that is scored");
            Ok(Box::new(policy.clone()) as Box<dyn Autoscaler>)
        });
        Contender { name, description, fitted, build }
    }
}

/// A policy acts at the pace that it learned at.
fn check_pace(run: &RunDir, config: &RunConfig, scenario: &Scenario) -> Result<()> {
    let (trained, expected) = (config.episode.interval_secs, scenario.interval_secs);
    if trained == expected {
        return Ok(());
    }
    let message =
        format!("was trained with episode.interval_secs {trained}, expected {expected} as in this scoring");
    Err(Error::run(run.path(), message))
}

/// What is searched for on the training days of one traffic; each search is done when first asked for.
pub struct Fitting<'a> {
    scenario: &'a Scenario,
    traffic: &'a Traffic,
    settings: &'a CalibrationConfig,
    threads: usize,
    stop: Option<&'a AtomicBool>,
    hpa: Option<CalibratedHpa>,
    fixed: Option<(Vec<u32>, Outcome)>,
}

impl<'a> Fitting<'a> {
    /// Nothing is searched for yet.
    pub fn new(
        scenario: &'a Scenario,
        traffic: &'a Traffic,
        settings: &'a CalibrationConfig,
        threads: usize,
    ) -> Self {
        Self { scenario, traffic, settings, threads, stop: None, hpa: None, fixed: None }
    }

    /// Gives up with [`Error::Interrupted`] once `stop` is set.
    #[must_use]
    pub fn until(self, stop: &'a AtomicBool) -> Self {
        Self { stop: Some(stop), ..self }
    }

    fn search(&self) -> Search<'a> {
        let search = Search::new(self.scenario, &self.traffic.train, self.settings, self.threads);
        match self.stop {
            Some(stop) => search.until(stop),
            None => search,
        }
    }

    /// The best HPA.
    ///
    /// # Errors
    /// As [`Search::hpa`].
    pub fn calibrated_hpa(&mut self, progress: &mut dyn FnMut(&str, f64)) -> Result<&CalibratedHpa> {
        let found = match self.hpa.take() {
            Some(found) => found,
            None => self.search().hpa(progress)?,
        };
        Ok(self.hpa.insert(found))
    }

    /// The best constant replicas and what they did.
    ///
    /// # Errors
    /// As [`Search::fixed`].
    pub fn fixed(&mut self, progress: &mut dyn FnMut(&str, f64)) -> Result<&(Vec<u32>, Outcome)> {
        let found = match self.fixed.take() {
            Some(found) => found,
            None => self.search().fixed(progress)?,
        };
        Ok(self.fixed.insert(found))
    }

    /// Fits an entrant to the traffic.
    ///
    /// # Errors
    /// As [`Self::calibrated_hpa`] and [`Self::fixed`].
    pub fn contender(
        &mut self,
        entrant: Entrant,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Contender<'static>> {
        match entrant {
            Entrant::Trained(trained) => Ok(trained.contender()),
            Entrant::Known(known) => {
                let (fitted, build) = (known.fit)(self, progress)?;
                let (name, description) = (known.name.to_owned(), known.description.to_owned());
                Ok(Contender { name, description, fitted, build })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{traffic::TrafficConfig, training};

    /// Two hours of rising traffic on the smallest application.
    fn scene() -> (RunConfig, Scenario, Traffic) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rising.csv");
        let rows: Vec<String> = (0..120).map(|m| format!("{},{}", 60 * m, 100 + m)).collect();
        std::fs::write(&path, format!("time,count\n{}\n", rows.join("\n"))).unwrap();
        let source = path.to_string_lossy().into_owned();
        let traffic = TrafficConfig { source, ..TrafficConfig::default() };
        let config = RunConfig { env: "redis".to_owned(), ..RunConfig::default() };
        let scenario = training::scenario(&config).unwrap();
        let traffic = Traffic::load(&traffic, &scenario.application).unwrap();
        (config, scenario, traffic)
    }

    #[test]
    fn an_unknown_name_names_the_nearest() {
        let (_, scenario, traffic) = scene();
        let error = Entrant::find("hpa_calibratd", &scenario, &traffic, &[0]).err().unwrap().to_string();
        assert!(error.contains("did you mean \"hpa_calibrated\"") && error.contains("directory"), "{error}");
    }

    #[test]
    fn a_search_is_made_once_and_only_for_who_needs_it() {
        let (config, scenario, traffic) = scene();
        let mut fitting = Fitting::new(&scenario, &traffic, &config.inner.calibration, 1);
        let mut told = 0;
        let mut fit = |name: &str, told: &mut usize| {
            let entrant = Entrant::find(name, &scenario, &traffic, &[0]).unwrap();
            let contender = fitting.contender(entrant, &mut |_, _| *told += 1).unwrap();
            assert_eq!(contender.name, name);
            (contender.build)(0).unwrap();
        };
        fit("hpa", &mut told);
        fit("threshold", &mut told);
        assert_eq!(told, 0);
        fit("hpa_calibrated", &mut told);
        let once = told;
        assert!(once > 0);
        fit("hpa_calibrated", &mut told);
        assert_eq!(told, once);
    }
}
