//! From a name to an autoscaler that takes part in a comparison: one of [`KNOWN`], with settings where there are any
//! (`threshold:step=2`), or the directory of a training run.
//!
//! A name is looked up, and the policies of a run are read, before anything is simulated; what has to be searched for
//! is searched for once a traffic, and only when someone takes part who needs it. To add an autoscaler, add a row to
//! [`KNOWN`].
//!
//! Left out: running them ([`crate::comparison`]).

mod registry;
mod settings;

pub use registry::{KNOWN, Known, find, space};

use registry::known;
pub(crate) use settings::defaults;
pub use settings::{Settings, in_text, rejoin};
pub use trimtab_control::{Parameter, Range};

use crate::{
    Error, Result,
    calibration::{CalibratedHpa, Outcome, Search},
    comparison::{Build, Contender},
    config::{CalibrationConfig, RunConfig},
    evaluation::Scenario,
    policy_file,
    run_dir::RunDir,
    traffic::Traffic,
    tuning::autoscaler,
};
use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool};
use trimtab_control::{ActionKind, Autoscaler, Learned};

/// The name of the calibrated HPA, which a learned policy is judged against.
pub const CALIBRATED: &str = "hpa_calibrated";
/// The name of the HPA that nobody tuned.
pub const DEFAULT: &str = "hpa";

/// Who takes part, looked up but not yet fitted to a traffic.
pub enum Entrant {
    /// One of [`KNOWN`], its settings, and how it was asked for.
    Known(&'static Known, Settings, String),
    /// One of [`KNOWN`] with the settings that a tuning found, the name of its directory, and what it was tuned on.
    Tuned(&'static Known, Settings, String, Tuned),
    /// Policies from run directories.
    Trained(Box<Trained>),
}

/// What settings were tuned on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    /// Sources of the traffic.
    pub source: Vec<String>,
    /// Labels of its training days.
    pub days: Vec<String>,
}

/// The policies of one run, or of one run for each seed.
pub struct Trained {
    name: String,
    /// Configuration of the run, or of the first seed's.
    config: RunConfig,
    policies: BTreeMap<u64, Learned>,
}

impl Entrant {
    /// The autoscaler called `name`: one of [`KNOWN`], maybe with settings after a colon, or at that path the
    /// directory of a run or of a tuned autoscaler. Where a directory holds runs
    /// called `seed-<n>`, itself or below the name of the traffic, each of `seeds` gets its own.
    ///
    /// # Errors
    /// [`Error::Unknown`] naming the nearest, or whatever keeps a policy from being used in `scenario`.
    pub fn find(name: &str, scenario: &Scenario, traffic: &Traffic, seeds: &[u64]) -> Result<Self> {
        let path = Path::new(name);
        let (word, settings) = name.split_once(':').unwrap_or((name, ""));
        if let Some(known) = known(word) {
            return Ok(Self::Known(known, Settings::parse(known, settings)?, name.to_owned()));
        }
        if let Some((tuned, source, days)) = autoscaler::best_of(path) {
            return Self::tuned(name, &tuned, &source, days);
        }
        if !path.exists() {
            let known = KNOWN
                .iter()
                .map(|known| known.name)
                .chain(["the directory of a run or of a tuned autoscaler"]);
            return Err(Error::unknown("autoscaler", word, known));
        }
        let shown = path.file_name().map_or_else(|| name.to_owned(), |n| n.to_string_lossy().into_owned());
        let below = path.join(&traffic.name);
        let path = if holds_seeds(&below) { &below } else { path };
        Ok(Self::Trained(Box::new(Trained::load(shown, path, scenario, seeds)?)))
    }

    /// The autoscaler that a tuning left in the directory `dir`.
    fn tuned(dir: &str, autoscaler: &str, source: &[String], days: Vec<String>) -> Result<Self> {
        let (word, settings) = autoscaler.split_once(':').unwrap_or((autoscaler, ""));
        let known = find(word)?;
        let settings = Settings::parse(known, settings)?;
        let shown =
            Path::new(dir).file_name().map_or_else(|| dir.to_owned(), |n| n.to_string_lossy().into_owned());
        let tuned = Tuned { source: source.to_vec(), days };
        Ok(Self::Tuned(known, settings, shown, tuned))
    }

    /// Its name in tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(_, _, asked) | Self::Tuned(_, _, asked, _) => asked,
            Self::Trained(trained) => &trained.name,
        }
    }

    /// The configuration that it was trained with, if it was.
    pub fn trained_with(&self) -> Option<&RunConfig> {
        match self {
            Self::Known(..) | Self::Tuned(..) => None,
            Self::Trained(trained) => Some(&trained.config),
        }
    }

    /// Gives it another name in tables.
    pub fn rename(&mut self, name: &str) {
        match self {
            Self::Known(..) => {}
            Self::Tuned(_, _, shown, _) => name.clone_into(shown),
            Self::Trained(trained) => name.clone_into(&mut trained.name),
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
            Entrant::Known(known, settings, name) => {
                let (fitted, build) = (known.fit)(self, &settings, progress)?;
                let description = described(known, &settings, "Set:");
                Ok(Contender { name, description, fitted, build })
            }
            Entrant::Tuned(known, settings, name, tuned) => {
                let (fitted, build) = (known.fit)(self, &settings, progress)?;
                let on = format!("Tuned on {}:", tuned.source.join(" and "));
                Ok(Contender { name, description: described(known, &settings, &on), fitted, build })
            }
        }
    }
}

/// What an autoscaler is, and its settings where they are not the defaults.
fn described(known: &Known, settings: &Settings, how: &str) -> String {
    if settings.is_empty() {
        return known.description.to_owned();
    }
    format!("{} {how} {}.", known.description, settings.text().replace(',', ", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evaluation::Detail, traffic::TrafficConfig, training};
    use trimtab_control::contract::{check_autoscaler, ordeal};

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
    fn every_parameter_has_a_default_within_its_range_and_every_setting_a_parameter() {
        for known in &KNOWN {
            for parameter in known.parameters {
                let default = known.default_of(parameter);
                let point = BTreeMap::from([(parameter.name.to_owned(), default)]);
                Settings::of_point(known, &point).unwrap();
                if let Range::Float { low, log: true, .. } = parameter.range {
                    assert!(low > 0.0, "{}: {}", known.name, parameter.name);
                }
            }
            assert_eq!(known.parameters.len(), known.settings(), "{}", known.name);
            known.space().parse::<toml::Table>().unwrap();
        }
    }

    #[test]
    fn every_autoscaler_keeps_its_promises() {
        let (config, scenario, traffic) = scene();
        let mut fitting = Fitting::new(&scenario, &traffic, &config.inner.calibration, 1);
        let snapshots = ordeal(&scenario.application, traffic.test[0].start, 300, 7);
        for known in &KNOWN {
            let entrant = Entrant::find(known.name, &scenario, &traffic, &[0]).unwrap();
            let contender = fitting.contender(entrant, &mut |_, _| {}).unwrap();
            let make = || (contender.build)(0).unwrap();
            let checked = check_autoscaler(&make, &scenario.application, &snapshots);
            assert!(checked.is_ok(), "{}: {}", known.name, checked.unwrap_err());
        }
    }

    #[test]
    fn settings_change_what_is_built_and_stand_in_its_name() {
        let (config, scenario, traffic) = scene();
        let mut fitting = Fitting::new(&scenario, &traffic, &config.inner.calibration, 1);
        let mut core_hours = |name: &str| {
            let entrant = Entrant::find(name, &scenario, &traffic, &[0]).unwrap();
            let contender = fitting.contender(entrant, &mut |_, _| {}).unwrap();
            assert_eq!(contender.name, name);
            let mut autoscaler = (contender.build)(0).unwrap();
            let run = scenario.run_day(autoscaler.as_mut(), &traffic.test[0], 0, Detail::Sums).unwrap();
            run.score.core_hours
        };
        assert!(core_hours("hpa:target_percent=20") > core_hours("hpa:target_percent=300"));
        assert!(
            core_hours("schedule:target_percent=20,lead_secs=0") > core_hours("schedule:target_percent=100")
        );
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused_before_anything_is_simulated() {
        let (config, scenario, traffic) = scene();
        let mut fitting = Fitting::new(&scenario, &traffic, &config.inner.calibration, 1);
        let entrant = Entrant::find("threshold:lower_percent=70", &scenario, &traffic, &[0]).unwrap();
        assert!(fitting.contender(entrant, &mut |_, _| {}).is_err());
        assert!(Entrant::find("threshold:stp=2", &scenario, &traffic, &[0]).is_err());
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
