//! A timetable: replicas by time of day, from a quantile of the rates of past days. What a platform team writes as cron
//! entries when it knows its day.
//!
//! Times are UTC. A slot begins a little early so that its pods are ready, and the slot before keeps its own until its
//! end. A time of day that no past day had gets the most that any other got.
//!
//! Left out: weekdays, holidays, and looking at any metric.

use crate::{Autoscaler, RateSeries, Result, capacity::Capacity, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, Seconds, Snapshot, Time};

/// Settings of [`Schedule`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Minutes of a slot; must divide the day.
    pub slot_minutes: u32,
    /// Quantile of a slot's rates over past days, in percent.
    pub quantile_percent: f64,
    /// Use of a pod at that rate, in percent of what it serves at its CPU limit.
    pub target_percent: f64,
    /// Seconds by which a slot begins early.
    pub lead_secs: f64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { slot_minutes: 60, quantile_percent: 95.0, target_percent: 70.0, lead_secs: 120.0 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::integer("slot_minutes", "min", 5, 1440, "length of an entry; must divide the day")
        .on_log_scale()
        // Few numbers divide the day.
        .left_as_set(),
    Parameter::float("quantile_percent", "%", 50.0, 100.0, "quantile of a slot's rates over past days"),
    Parameter::float("target_percent", "% of what a pod serves", 5.0, 100.0, "use of a pod at that rate")
        .on_log_scale(),
    Parameter::float("lead_secs", "s", 0.0, 1800.0, "by how much a slot begins early"),
];

const DAY: f64 = 86_400.0;

/// See the module.
#[derive(Clone, Debug)]
pub struct Schedule {
    slot: Seconds,
    lead: Seconds,
    /// Replicas by slot and service.
    table: Vec<Vec<u32>>,
}

impl Schedule {
    /// Learns a timetable from past days. Slots that do not divide the day are shortened until they do.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn learn(config: &ScheduleConfig, history: &[RateSeries], application: &Application) -> Result<Self> {
        check("slot_minutes", (1..=1440).contains(&config.slot_minutes), "1 to 1440", config.slot_minutes)?;
        let quantile = config.quantile_percent / 100.0;
        check("quantile_percent", (0.0..=1.0).contains(&quantile), "0 to 100", config.quantile_percent)?;
        check("target_percent", config.target_percent > 0.0, "above zero", config.target_percent)?;
        check("lead_secs", config.lead_secs >= 0.0, "zero or more", config.lead_secs)?;
        let slots = 1440usize.div_ceil(config.slot_minutes as usize);
        let slot = Seconds(DAY / slots as f64);
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); slots];
        for series in history {
            for (step, rate) in series.rates.iter().enumerate() {
                let at = series.start + Seconds(series.step.0 * step as f64);
                rates[slot_of_day(at, slot)].push(*rate);
            }
        }
        let capacities = Capacity::of(application);
        let quantiles: Vec<Option<f64>> =
            rates.iter_mut().map(|rates| quantile_of(rates, quantile)).collect();
        let most = quantiles.iter().flatten().copied().fold(0.0, f64::max);
        let row = |rate: Option<f64>| {
            let replicas = |c: &Capacity| {
                c.replicas(rate.unwrap_or(most), c.calls_per_pod * config.target_percent / 100.0)
            };
            capacities.iter().map(replicas).collect()
        };
        Ok(Self { slot, lead: Seconds(config.lead_secs), table: quantiles.into_iter().map(row).collect() })
    }

    /// Replicas by slot of the day and service.
    pub fn table(&self) -> &[Vec<u32>] {
        &self.table
    }
}

fn slot_of_day(at: Time, slot: Seconds) -> usize {
    // The last slot's end may round to its successor.
    let slots = (DAY / slot.0).round() as usize;
    ((at.0.rem_euclid(DAY) / slot.0) as usize).min(slots - 1)
}

fn quantile_of(rates: &mut [f64], quantile: f64) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    let last = rates.len().checked_sub(1)?;
    Some(rates[(quantile * last as f64).ceil() as usize])
}

impl Autoscaler for Schedule {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let now = &self.table[slot_of_day(seen.time, self.slot)];
        let soon = &self.table[slot_of_day(seen.time + self.lead, self.slot)];
        for ((wish, now), soon) in proposal.services.iter_mut().zip(now).zip(soon) {
            wish.replicas = Some(*now.max(soon));
        }
    }

    fn reset(&mut self) {}
}
