//! A target for each service: looser where that does no harm, tighter where it buys most for its cost.
//!
//! Targets are *raised* one by one, those of the services that use most CPU first, as long as that is preferred. Then they are
//! *traded*: all are loosened, which costs too many violations; each service is tightened alone to see what that buys and
//! what it costs (on the busiest third of the days); and services are tightened in the order of what they buy for their cost
//! until the budget holds. So room is found where no single target has any left.
//!
//! Left out: windows, rates and tolerances, which stay the same for all.

use super::{
    Candidate,
    course::Course,
    ledger::{Ledger, Stage},
};
use crate::{Result, contenders::Settings, parallel};
use toml::Value;
use trimtab_control::{CpuHpaConfig, capacity::Capacity, cpu_hpa};
use trimtab_model::Application;

/// The parameter that all services share.
pub(super) const COMMON_TARGET: &str = "target_percent";
/// The one with targets of single services.
const TARGETS: &str = "targets";
/// What is done with which step, in turn.
const MOVES: [(Move, f64); 5] =
    [(Move::Raise, 1.25), (Move::Raise, 1.1), (Move::Trade, 1.12), (Move::Raise, 1.05), (Move::Trade, 1.06)];

/// See the module.
#[derive(Clone, Copy)]
enum Move {
    Raise,
    Trade,
}

/// Whole courses that a trade may take after its prices are known: the halvings of up to 32 services.
const HALVINGS: f64 = 6.0;

/// The best candidate with targets of single services; `common` itself where none is preferred to it. `left` is the
/// simulated hours that may still be used.
///
/// # Errors
/// `Interrupted`, or a ledger that cannot be written.
pub(super) fn refine(
    common: &Candidate,
    course: &Course<'_>,
    ledger: &Ledger,
    left: &(dyn Fn() -> f64 + Sync),
    told: &dyn Fn(f64),
) -> Result<Candidate> {
    let search = Search { course, ledger, left };
    let mut best = common.clone();
    for (number, (what, step)) in MOVES.into_iter().enumerate() {
        told(number as f64 / MOVES.len() as f64);
        match what {
            Move::Raise => {
                for service in largest_first(course.application()) {
                    let mut targets = search.targets(&best)?;
                    targets[service] = scaled(targets[service], step);
                    let Some(found) = search.whole(&best, &targets)? else { continue };
                    if found.figures.beats(best.figures, course.budget()) {
                        best = found;
                    }
                }
            }
            Move::Trade => {
                while let Some(found) = search.trade(&best, step)? {
                    if !found.figures.beats(best.figures, course.budget()) {
                        break;
                    }
                    best = found;
                }
            }
        }
    }
    Ok(best)
}

/// Services by the CPU that a request from outside takes of them.
fn largest_first(application: &Application) -> Vec<usize> {
    let used: Vec<f64> = Capacity::of(application)
        .iter()
        .map(|service| service.visits * service.millicores_per_call)
        .collect();
    let mut order: Vec<usize> = (0..used.len()).collect();
    order.sort_by(|&a, &b| used[b].total_cmp(&used[a]));
    order
}

struct Search<'a> {
    course: &'a Course<'a>,
    ledger: &'a Ledger,
    left: &'a (dyn Fn() -> f64 + Sync),
}

fn scaled(target: u32, factor: f64) -> u32 {
    let target = (f64::from(target) * factor).round() as u32;
    target.clamp(cpu_hpa::LEAST_PERCENT, cpu_hpa::MOST_PERCENT)
}

impl Search<'_> {
    fn targets(&self, of: &Candidate) -> Result<Vec<u32>> {
        let known = self.course.known();
        let config: CpuHpaConfig = of.settings.config(known.name, known.parameters)?;
        Ok(config.target_of_each(self.course.application())?)
    }

    fn settings(&self, base: &Candidate, targets: &[u32]) -> Result<Settings> {
        let known = self.course.known();
        let config: CpuHpaConfig = base.settings.config(known.name, known.parameters)?;
        let text = config.targets_text(self.course.application(), targets);
        Ok(base.settings.with(known, TARGETS, &Value::from(text))?.without_defaults(known))
    }

    /// A candidate on all days, or as many as it takes to see that `base` is preferred. `None` where hours do not reach.
    fn whole(&self, base: &Candidate, targets: &[u32]) -> Result<Option<Candidate>> {
        let settings = self.settings(base, targets)?;
        let known = self.ledger.get(Stage::Services, &settings);
        if known.is_none() && (self.left)() < self.course.hours() {
            return Ok(None);
        }
        let run = self.ledger.get_or(Stage::Services, &settings, || {
            self.course.run_parallel(&settings, &mut |run| self.course.is_hopeless(run, Some(&base.run)))
        })?;
        let whole = run.days() == self.course.days();
        Ok(whole.then(|| self.course.candidate(settings, run)))
    }

    /// Loosens all and tightens those that buy most; `None` where hours do not reach or no candidate holds the budget.
    fn trade(&self, base: &Candidate, step: f64) -> Result<Option<Candidate>> {
        let course = self.course;
        let before = self.targets(base)?;
        let loose: Vec<u32> = before.iter().map(|&target| scaled(target, step)).collect();
        let tight: Vec<u32> = before.iter().map(|&target| scaled(target, 1.0 / step)).collect();
        let sample = course.days().div_ceil(3);
        let need = (before.len() + 1) as f64 * course.hours_of_first(sample) + HALVINGS * course.hours();
        let begun = self.ledger.get(Stage::Prices, &self.settings(base, &loose)?).is_some();
        if !begun && (self.left)() < need {
            return Ok(None);
        }
        // The first is loose throughout, each other one tight at one service.
        let trials: Vec<Vec<u32>> = (0..=before.len())
            .map(|trial| {
                let mut targets = loose.clone();
                if let Some(service) = trial.checked_sub(1) {
                    targets[service] = tight[service];
                }
                targets
            })
            .collect();
        let figures = parallel::map(trials.len(), course.threads(), |i| {
            let settings = self.settings(base, &trials[i])?;
            let run = self
                .ledger
                .get_or(Stage::Prices, &settings, || course.run(&settings, 1, sample, &mut |_| true))?;
            Ok(course.figures(&run))
        });
        let figures = figures.into_iter().collect::<Result<Vec<_>>>()?;
        let bought = |service: usize| {
            let (all, one) = (figures[0], figures[service + 1]);
            (all.violation_share - one.violation_share) / (one.core_hours - all.core_hours).max(1e-6)
        };
        let mut order: Vec<usize> = (0..before.len()).collect();
        order.sort_by(|&a, &b| bought(b).total_cmp(&bought(a)));
        // The fewest tightened services that hold the budget.
        let (mut low, mut high) = (0, before.len());
        let mut found: Option<Candidate> = None;
        while low < high {
            let middle = usize::midpoint(low, high);
            let mut targets = loose.clone();
            for &service in &order[..middle] {
                targets[service] = tight[service];
            }
            match self.whole(base, &targets)? {
                Some(candidate) if candidate.figures.violation_share <= course.budget() => {
                    high = middle;
                    found = Some(candidate);
                }
                _ => low = middle + 1,
            }
        }
        Ok(found)
    }
}
