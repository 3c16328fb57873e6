//! Seasonal naive: what was seen one season ago comes again (Hyndman & Athanasopoulos, *Forecasting: Principles and
//! Practice*, 3rd ed., 5.2). The forecast that every other one has to beat.
//!
//! Left out: adapting to today's level; see [`super::HoltWinters`].

use super::{Forecaster, SLOT, slot_of};
use crate::{Result, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::Time;

/// Settings of [`SeasonalNaive`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeasonalNaiveConfig {
    /// Length of a season in hours.
    pub season_hours: u32,
}

impl Default for SeasonalNaiveConfig {
    fn default() -> Self {
        Self { season_hours: 24 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] =
    &[Parameter::integer("season_hours", "h", 1, 168, "length of a season: 24 for a day, 168 for a week")
        .on_log_scale()];

/// See the module.
#[derive(Clone, Debug)]
pub struct SeasonalNaive {
    /// Latest rate of each slot of a season.
    season: Vec<Option<f64>>,
    latest: Option<f64>,
}

impl SeasonalNaive {
    /// A model that has seen nothing.
    ///
    /// # Errors
    /// A season of no hours.
    pub fn new(config: &SeasonalNaiveConfig) -> Result<Self> {
        check("season_hours", config.season_hours > 0, "at least 1", config.season_hours)?;
        Ok(Self { season: vec![None; slots_in(config.season_hours)], latest: None })
    }
}

/// Slots of a season of so many hours.
pub(super) fn slots_in(hours: u32) -> usize {
    (3600.0 * f64::from(hours) / SLOT.0) as usize
}

/// Place of `at` within a season of `slots`.
pub(super) fn phase(at: Time, slots: usize) -> usize {
    slot_of(at).rem_euclid(slots as i64) as usize
}

impl Forecaster for SeasonalNaive {
    fn observe(&mut self, at: Time, rate: f64) {
        let slot = phase(at, self.season.len());
        self.season[slot] = Some(rate);
        self.latest = Some(rate);
    }

    /// Where that slot was never seen, the latest rate of all.
    fn expect(&self, at: Time) -> Option<f64> {
        self.season[phase(at, self.season.len())].or(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_one_season_ago_is_expected_again() {
        let mut model = SeasonalNaive::new(&SeasonalNaiveConfig { season_hours: 1 }).unwrap();
        assert_eq!(model.expect(Time(0.0)), None);
        for minute in 0..90 {
            model.observe(Time(60.0 * f64::from(minute)), f64::from(minute));
        }
        // Minute 100 is minute 40 of its hour, last seen as minute 40; minute 80 has been seen again since.
        assert_eq!(model.expect(Time(6000.0)), Some(40.0));
        assert_eq!(model.expect(Time(60.0 * 140.0)), Some(80.0));
        assert_eq!(model.peak(Time(60.0 * 145.0), Time(60.0 * 152.0)), Some(89.0));
    }

    #[test]
    fn a_slot_that_was_never_seen_is_expected_to_go_on_as_now() {
        let mut model = SeasonalNaive::new(&SeasonalNaiveConfig::default()).unwrap();
        model.observe(Time(0.0), 7.0);
        assert_eq!(model.expect(Time(600.0)), Some(7.0));
    }
}
