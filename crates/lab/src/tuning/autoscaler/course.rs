//! Training days, simulated one after the other from the busiest on, until somebody has seen enough.
//!
//! Left out: which setting is simulated next.

use super::{Candidate, check};
use crate::{
    Result,
    calibration::Outcome,
    comparison::Build,
    config::CalibrationConfig,
    contenders::{Entrant, Fitting, Known, Settings},
    evaluation::{Detail, Scenario, WARM_UP},
    parallel,
    traffic::{Day, Traffic},
};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use trimtab_model::Seconds;

/// What a percentage point of violations beyond the budget costs in the score, over the cost of the default: its whole
/// cost, so that nothing beyond the budget looks good.
const EXCESS_WEIGHT: f64 = 100.0;
/// A setting this much dearer than the default on the days so far is given up.
const DEARER_THAN_DEFAULT: f64 = 1.1;
/// The same of one that is held against the best so far.
const DEARER_THAN_BEST: f64 = 1.02;
/// Days that are simulated before it is asked whether to go on, where settings come one by one.
const CHUNK: usize = 2;

/// What a setting did, day by day in the course's order; fewer days than the course has where it was given up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Simulated hours.
    pub(super) hours: Vec<f64>,
    core_hours: Vec<f64>,
    windows: Vec<f64>,
    violated: Vec<f64>,
}

impl Run {
    /// Days so far.
    pub(super) fn days(&self) -> usize {
        self.hours.len()
    }

    fn cost(&self, days: usize) -> f64 {
        self.core_hours[..days].iter().sum()
    }

    fn violation_share(&self) -> f64 {
        self.violated.iter().sum::<f64>() / self.windows.iter().sum::<f64>().max(1.0)
    }
}

/// Cost and violations on the training days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Requested core-hours a day.
    pub core_hours: f64,
    /// Requested core-hours over those of the default on the same days.
    pub cost: f64,
    /// Share of SLO windows violated.
    pub violation_share: f64,
}

impl Figures {
    /// Whether `self` is to be preferred, as [`Outcome::beats`] has it.
    pub(super) fn beats(self, other: Self, budget: f64) -> bool {
        let outcome = |figures: Self| Outcome {
            core_hours: figures.core_hours,
            violation_share: figures.violation_share,
            ..Outcome::default()
        };
        outcome(self).beats(outcome(other), budget)
    }
}

/// Simulated hours of a day: itself and what comes before it unscored.
pub(super) fn hours_of(day: &Day) -> f64 {
    (WARM_UP.0 + day.length.0) / 3600.0
}

/// See the module.
pub(super) struct Course<'a> {
    scenario: &'a Scenario,
    traffics: &'a [Traffic],
    known: &'static Known,
    calibration: CalibrationConfig,
    threads: usize,
    stop: &'a AtomicBool,
    /// Traffic, day of it, seed of its arrivals; the busiest first.
    days: Vec<(usize, usize, u64)>,
    default: Run,
}

impl<'a> Course<'a> {
    /// Simulates the default, to measure others by.
    ///
    /// # Errors
    /// A configuration that cannot work, or `Interrupted`.
    pub(super) fn new(
        scenario: &'a Scenario,
        traffics: &'a [Traffic],
        known: &'static Known,
        violation_budget: f64,
        threads: usize,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let all = traffics
            .iter()
            .enumerate()
            .flat_map(|(t, traffic)| (0..traffic.train.len()).map(move |d| (t, d)));
        // Seeds as in calibration.
        let mut days: Vec<_> = all.zip(1_000..).map(|((traffic, day), seed)| (traffic, day, seed)).collect();
        let busy = |&(traffic, day, _): &(usize, usize, u64)| {
            let day = &traffics[traffic].train[day];
            day.rate.mean(Seconds(0.0), day.length).0
        };
        days.sort_by(|a, b| busy(b).total_cmp(&busy(a)));
        let calibration = CalibrationConfig { violation_budget, ..CalibrationConfig::default() };
        let default = Run::default();
        let mut this = Self { scenario, traffics, known, calibration, threads, stop, days, default };
        this.default = this.run(&Settings::default(), threads, this.days(), &mut |_| false)?;
        Ok(this)
    }

    /// What the default did.
    pub(super) fn default_run(&self) -> &Run {
        &self.default
    }

    /// Largest share of violated windows.
    pub(super) fn budget(&self) -> f64 {
        self.calibration.violation_budget
    }

    /// Days of the course.
    pub(super) fn days(&self) -> usize {
        self.days.len()
    }

    /// Simulated hours of the course.
    pub(super) fn hours(&self) -> f64 {
        self.hours_of_first(self.days())
    }

    /// Simulated hours of its first days.
    pub(super) fn hours_of_first(&self, days: usize) -> f64 {
        self.days[..days].iter().map(|&(traffic, day, _)| hours_of(&self.traffics[traffic].train[day])).sum()
    }

    /// Services in the application's order, by name.
    pub(super) fn application(&self) -> &trimtab_model::Application {
        &self.scenario.application
    }

    /// The autoscaler.
    pub(super) fn known(&self) -> &'static Known {
        self.known
    }

    /// Threads there are.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Simulates `settings`, `chunk` days at a time, until `ends` says so or all days are done.
    ///
    /// # Errors
    /// Settings that do not fit together, or `Interrupted`.
    pub(super) fn run(
        &self,
        settings: &Settings,
        threads: usize,
        chunk: usize,
        ends: &mut dyn FnMut(&Run) -> bool,
    ) -> Result<Run> {
        let builds =
            self.traffics.iter().map(|traffic| self.build(settings, traffic)).collect::<Result<Vec<_>>>()?;
        let mut run = Run::default();
        for days in self.days.chunks(chunk.max(1)) {
            let tallies: Vec<Result<_>> = parallel::map(days.len(), threads, |i| {
                check(self.stop)?;
                let (traffic, day, seed) = days[i];
                let day = &self.traffics[traffic].train[day];
                let mut autoscaler = (builds[traffic])(0)?;
                let run = self.scenario.run_day(autoscaler.as_mut(), day, seed, Detail::Sums)?;
                Ok((hours_of(day), run.tally))
            });
            for day in tallies {
                let (hours, tally) = day?;
                run.hours.push(hours);
                run.core_hours.push(tally.core_hours());
                run.windows.push(tally.windows);
                run.violated.push(tally.violated_windows);
            }
            if ends(&run) {
                break;
            }
        }
        Ok(run)
    }

    /// As [`Self::run`], with days side by side.
    ///
    /// # Errors
    /// As there.
    pub(super) fn run_parallel(
        &self,
        settings: &Settings,
        ends: &mut dyn FnMut(&Run) -> bool,
    ) -> Result<Run> {
        self.run(settings, self.threads, CHUNK, ends)
    }

    fn build(&self, settings: &Settings, traffic: &Traffic) -> Result<Build<'static>> {
        let mut fitting = Fitting::new(self.scenario, traffic, &self.calibration, 1);
        let entrant = Entrant::Known(self.known, settings.clone(), String::new());
        Ok(fitting.contender(entrant, &mut |_, _| {})?.build)
    }

    /// The number that the study minimises: cost over the default's on the same days, and the price of violations.
    pub(super) fn score(&self, run: &Run) -> f64 {
        let excess = (run.violation_share() - self.budget()).max(0.0);
        run.cost(run.days()) / self.default.cost(run.days()).max(f64::MIN_POSITIVE) + EXCESS_WEIGHT * excess
    }

    /// Whether a setting can hardly be preferred to `best` (the default, if none is given) any more: it has violated more than
    /// all days allow, or it is clearly dearer so far.
    pub(super) fn is_hopeless(&self, run: &Run, best: Option<&Run>) -> bool {
        let (best, dearer) =
            best.map_or((&self.default, DEARER_THAN_DEFAULT), |best| (best, DEARER_THAN_BEST));
        let allowed = self.budget().max(best.violation_share());
        let violated: f64 = run.violated.iter().sum();
        violated > allowed * best.windows.iter().sum::<f64>()
            || (best.violation_share() <= self.budget()
                && run.cost(run.days()) > dearer * best.cost(run.days()))
    }

    /// What a run amounts to.
    pub(super) fn figures(&self, run: &Run) -> Figures {
        let cost = run.cost(run.days());
        let days = (run.hours.iter().sum::<f64>() - run.days() as f64 * WARM_UP.0 / 3600.0) / 24.0;
        Figures {
            core_hours: cost / days.max(f64::MIN_POSITIVE),
            cost: cost / self.default.cost(run.days()).max(f64::MIN_POSITIVE),
            violation_share: run.violation_share(),
        }
    }

    /// Settings with what they did.
    pub(super) fn candidate(&self, settings: Settings, run: Run) -> Candidate {
        Candidate { name: settings.name(self.known), figures: self.figures(&run), settings, run }
    }
}
