//! Calibration of the rivals on the training days: the strictest ruler a learned policy can be held against.
//!
//! The HPA is searched over one target for all services and the scale-down window, then over a target for
//! each service; the constant allocation over one level for all, then pod by pod. Both minimise cost under the
//! same budget of SLO violations, on the same simulated days that a policy trains on.

use crate::{
    Error, Result,
    config::{CalibrationConfig, InnerConfig},
    evaluation::{Detail, Scenario},
    initial::replicas_for,
    parallel,
    traffic::Day,
};
use std::sync::atomic::{AtomicBool, Ordering};
use trimtab_control::{
    Autoscaler, Fixed, Hpa,
    hpa::{Constants, HpaSpec},
};
use trimtab_model::Application;

/// An HPA fitted to training days.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibratedHpa {
    /// CPU target of each service in percent of its request.
    pub target_percent: Vec<u32>,
    /// Scale-down stabilisation window in seconds.
    pub scale_down_secs: f64,
    /// Most of the replicas that may be removed in a minute, in percent.
    pub scale_down_percent: u32,
    /// What it did on the training days.
    pub outcome: Outcome,
    /// The best single target for all services.
    pub common_target_percent: u32,
    /// Days simulated for the search.
    pub days_simulated: usize,
}

impl CalibratedHpa {
    /// Makes it the inner autoscaler of a configuration.
    pub fn fill(&self, inner: &mut InnerConfig) {
        inner.target_percent.clone_from(&self.target_percent);
        inner.scale_down_secs = self.scale_down_secs;
        inner.scale_down_percent = self.scale_down_percent;
        inner.violation_share = self.outcome.violation_share;
        inner.tail_used = self.outcome.tail_used;
    }
}

/// Cost and violations over the training days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Requested core-hours a day.
    pub core_hours: f64,
    /// Share of SLO windows violated.
    pub violation_share: f64,
    /// Mean tail used up (the signal `tail`).
    pub tail_used: f64,
}

impl Outcome {
    /// Whether `self` is to be preferred: inside the budget, then cheaper; outside it, nearer.
    pub fn beats(self, other: Self, budget: f64) -> bool {
        match (self.violation_share <= budget, other.violation_share <= budget) {
            (true, true) => self.core_hours < other.core_hours,
            (false, false) => self.violation_share < other.violation_share,
            (inside, _) => inside,
        }
    }
}

/// A search over training days.
pub struct Search<'a> {
    scenario: &'a Scenario,
    days: &'a [Day],
    config: &'a CalibrationConfig,
    threads: usize,
    stop: Option<&'a AtomicBool>,
    simulated: usize,
}

/// Multiples of a service's target that are tried, in each of the passes over the services.
const PASSES: [[f64; 2]; 2] = [[1.25, 0.8], [1.12, 0.9]];

impl<'a> Search<'a> {
    /// A search on `days`.
    pub fn new(
        scenario: &'a Scenario,
        days: &'a [Day],
        config: &'a CalibrationConfig,
        threads: usize,
    ) -> Self {
        Self { scenario, days, config, threads, stop: None, simulated: 0 }
    }

    /// Gives up with [`Error::Interrupted`] once `stop` is set.
    #[must_use]
    pub fn until(self, stop: &'a AtomicBool) -> Self {
        Self { stop: Some(stop), ..self }
    }

    /// The best HPA. `progress` is told what is being tried and how far along it is (0…1).
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn hpa(&mut self, progress: &mut dyn FnMut(&str, f64)) -> Result<CalibratedHpa> {
        let application = &self.scenario.application;
        let services = application.services.len();
        let budget = self.config.violation_budget;
        let mut best: Option<((u32, f64), Outcome)> = None;
        progress("HPA: one target for all services", 0.0);
        for round in 0..2 {
            // Every 20 % first, then 10 % to either side of the best.
            let grid: Vec<(u32, f64)> = match best {
                None => self
                    .config
                    .scale_down_secs
                    .iter()
                    .flat_map(|&window| (2..=9).map(move |t| (20 * t, window)))
                    .collect(),
                Some(((target, window), _)) => vec![(target - 10, window), (target + 10, window)],
            };
            let outcomes =
                self.outcomes(grid.len(), |i| hpa(application, &vec![grid[i].0; services], grid[i].1, 100))?;
            for (candidate, outcome) in grid.into_iter().zip(outcomes) {
                if best.is_none_or(|(_, known)| outcome.beats(known, budget)) {
                    best = Some((candidate, outcome));
                }
            }
            progress("HPA: one target for all services", 0.2 * f64::from(round + 1));
        }
        let Some(((common, window), mut outcome)) = best else {
            return Err(Error::config(
                "inner.calibration.scale_down_secs",
                "is empty, expected at least one window",
            ));
        };
        let mut targets = vec![common; services];
        if self.config.per_service {
            for (pass, steps) in PASSES.iter().enumerate() {
                for service in 0..services {
                    let done = (pass * services + service) as f64 / (PASSES.len() * services) as f64;
                    progress("HPA: a target for each service", 0.4 + 0.6 * done);
                    let trials: Vec<Vec<u32>> = steps
                        .iter()
                        .map(|step| {
                            let mut trial = targets.clone();
                            trial[service] =
                                (f64::from(trial[service]) * step).round().clamp(10.0, 400.0) as u32;
                            trial
                        })
                        .collect();
                    let outcomes =
                        self.outcomes(trials.len(), |i| hpa(application, &trials[i], window, 100))?;
                    for (trial, found) in trials.into_iter().zip(outcomes) {
                        if found.beats(outcome, budget) {
                            targets = trial;
                            outcome = found;
                        }
                    }
                }
            }
        }
        let rates = &self.config.scale_down_percent;
        progress("HPA: scale-down rate", 0.95);
        let outcomes = self.outcomes(rates.len(), |i| hpa(application, &targets, window, rates[i]))?;
        let mut rate = 100;
        for (&candidate, found) in rates.iter().zip(outcomes) {
            if found.beats(outcome, budget) {
                (rate, outcome) = (candidate, found);
            }
        }
        Ok(CalibratedHpa {
            target_percent: targets,
            scale_down_secs: window,
            scale_down_percent: rate,
            outcome,
            common_target_percent: common,
            days_simulated: self.simulated,
        })
    }

    /// The best constant allocation and what it did.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn fixed(&mut self, progress: &mut dyn FnMut(&str, f64)) -> Result<(Vec<u32>, Outcome)> {
        let application = &self.scenario.application;
        let budget = self.config.violation_budget;
        progress("constant replicas: one level for all services", 0.0);
        let capacity = application.largest_capacity();
        let levels: Vec<Vec<u32>> = (1..=12)
            .map(|i| {
                let mut replicas = vec![0; application.services.len()];
                replicas_for(application, capacity * f64::from(i) / 12.0, 0.9, &mut replicas);
                replicas
            })
            .collect();
        let outcomes = self.outcomes(levels.len(), |i| Ok(Fixed::new(levels[i].clone())))?;
        let mut best = 0;
        for i in 1..levels.len() {
            if outcomes[i].beats(outcomes[best], budget) {
                best = i;
            }
        }
        let (mut replicas, mut outcome) = (levels[best].clone(), outcomes[best]);
        for service in 0..replicas.len() {
            progress("constant replicas: pod by pod", 0.4 + 0.6 * service as f64 / replicas.len() as f64);
            let bounds = application.services[service].replicas;
            let trials: Vec<Vec<u32>> = [-2, -1, 1]
                .iter()
                .map(|&change: &i32| {
                    let mut trial = replicas.clone();
                    trial[service] =
                        trial[service].saturating_add_signed(change).clamp(bounds.min, bounds.max);
                    trial
                })
                .collect();
            let outcomes = self.outcomes(trials.len(), |i| Ok(Fixed::new(trials[i].clone())))?;
            for (trial, found) in trials.into_iter().zip(outcomes) {
                if found.beats(outcome, budget) {
                    replicas = trial;
                    outcome = found;
                }
            }
        }
        Ok((replicas, outcome))
    }

    /// Cost and violations of each of `count` candidates over all days, with seeds that all of them share.
    fn outcomes<A: Autoscaler>(
        &mut self,
        count: usize,
        candidate: impl Fn(usize) -> Result<A> + Sync,
    ) -> Result<Vec<Outcome>> {
        let days = self.days.len();
        self.simulated += count * days;
        let tallies = parallel::map(count * days, self.threads, |i| {
            if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Err(Error::Interrupted);
            }
            let mut autoscaler = candidate(i / days)?;
            let day = i % days;
            let run =
                self.scenario.run_day(&mut autoscaler, &self.days[day], 1_000 + day as u64, Detail::Sums)?;
            Ok(run.tally)
        });
        let tallies = tallies.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(tallies
            .chunks_exact(days)
            .map(|tallies| {
                let mut sum = trimtab_sim::Tally::default();
                for tally in tallies {
                    sum += *tally;
                }
                Outcome {
                    core_hours: sum.core_hours() * 86_400.0 / sum.seconds,
                    violation_share: sum.violation_share(),
                    tail_used: sum.mean_tail_used(),
                }
            })
            .collect())
    }
}

/// An HPA on CPU with a target for each service, a scale-down window and a scale-down rate (percent of the replicas
/// a minute).
///
/// # Errors
/// A target, window or rate that the Kubernetes API would refuse.
pub fn hpa(
    application: &Application,
    target_percent: &[u32],
    scale_down_secs: f64,
    scale_down_percent: u32,
) -> Result<Hpa> {
    let specs = application
        .services
        .iter()
        .zip(target_percent)
        .map(|(service, &percent)| {
            HpaSpec::cpu(service.replicas, percent)
                .with_scale_down_window(scale_down_secs)
                .with_scale_down_rate(scale_down_percent)
        })
        .collect();
    Ok(Hpa::new(specs, Constants::default())?)
}
