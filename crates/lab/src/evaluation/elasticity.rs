//! SPEC's elasticity metrics: how well supply follows demand.
//!
//! Formulas after SPEC RG (Herbst et al. 2016, "Ready for Rain?", SPEC-RG-2016-01; Ilyushkin et al. 2018, ACM TOMPECS 3(2)):
//! accuracy and timeshare of under- and over-provisioning relative to demand, and instability. A service is one
//! resource; the metrics of an application are the means over its services.
//!
//! Left out: one number out of the five; the exponents in use differ between papers.

use serde::{Deserialize, Serialize};

/// The five metrics, each in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Elasticity {
    /// `θ_U`: replicas missing, relative to demand, mean over time.
    pub under_accuracy: f64,
    /// `θ_O`: replicas too many, relative to demand, mean over time.
    pub over_accuracy: f64,
    /// `τ_U`: share of time with replicas missing.
    pub under_time: f64,
    /// `τ_O`: share of time with replicas too many.
    pub over_time: f64,
    /// υ: share of time in which supply and demand do not move in the same direction.
    pub instability: f64,
}

/// Adds up intervals of equal length.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    sum: Elasticity,
    intervals: f64,
    /// Demand and supply of the interval before, by service.
    before: Vec<(u32, u32)>,
}

impl Meter {
    /// One interval: replicas needed and replicas serving, by service.
    pub(super) fn add(&mut self, needed: &[u32], serving: impl Iterator<Item = u32>) {
        let services = needed.len() as f64;
        let first = self.before.is_empty();
        self.before.resize(needed.len(), (0, 0));
        for ((&demand, supply), before) in needed.iter().zip(serving).zip(&mut self.before) {
            let missing = f64::from(demand.saturating_sub(supply));
            let spare = f64::from(supply.saturating_sub(demand));
            let relative = 1.0 / (f64::from(demand.max(1)) * services);
            self.sum.under_accuracy += missing * relative;
            self.sum.over_accuracy += spare * relative;
            self.sum.under_time += f64::from(missing > 0.0) / services;
            self.sum.over_time += f64::from(spare > 0.0) / services;
            if !first && demand.cmp(&before.0) != supply.cmp(&before.1) {
                self.sum.instability += 1.0 / services;
            }
            *before = (demand, supply);
        }
        self.intervals += 1.0;
    }

    pub(super) fn finish(&self) -> Elasticity {
        let share = |sum: f64, of: f64| if of > 0.0 { 100.0 * sum / of } else { 0.0 };
        let Elasticity { under_accuracy, over_accuracy, under_time, over_time, instability } = self.sum;
        Elasticity {
            under_accuracy: share(under_accuracy, self.intervals),
            over_accuracy: share(over_accuracy, self.intervals),
            under_time: share(under_time, self.intervals),
            over_time: share(over_time, self.intervals),
            instability: share(instability, self.intervals - 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(demand: &[u32], supply: &[u32]) -> Elasticity {
        let mut meter = Meter::default();
        for (&needed, &serving) in demand.iter().zip(supply) {
            meter.add(&[needed], std::iter::once(serving));
        }
        meter.finish()
    }

    #[test]
    fn supply_that_is_demand_is_perfect() {
        assert_eq!(of(&[2, 4, 3, 3], &[2, 4, 3, 3]), Elasticity::default());
    }

    #[test]
    fn supply_one_interval_late_is_missing_then_too_much() {
        // Missing 2 of 4 in one interval of four, one too many for 2 in another.
        let found = of(&[2, 4, 4, 2], &[2, 2, 4, 3]);
        assert_eq!((found.under_accuracy, found.under_time), (12.5, 25.0));
        assert_eq!((found.over_accuracy, found.over_time), (12.5, 25.0));
        // Up against level, level against up, down with down.
        assert!((found.instability - 100.0 * 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn services_count_alike() {
        let mut meter = Meter::default();
        meter.add(&[10, 1], [10, 2].into_iter());
        assert_eq!(meter.finish().over_accuracy, 50.0);
    }
}
