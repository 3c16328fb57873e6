//! Holt–Winters with a damped trend and multiplicative seasons (Hyndman & Athanasopoulos, *Forecasting: Principles and
//! Practice*, 3rd ed., 8.3):
//!
//! * level `ℓ = α y / s + (1 − α)(ℓ' + φ b')`
//! * trend `b = β (ℓ − ℓ') + (1 − β) φ b'`
//! * season `s = γ y / (ℓ' + φ b') + (1 − γ) s'`
//! * forecast, `h` slots ahead: `(ℓ + (φ + φ² + … + φʰ) b) s`
//!
//! Seasons multiply because traffic's swings grow with its level. The seasons start as the mean shape of the days
//! learned from; without any they are 1 and what remains is Holt's damped trend. After a gap the level starts again from
//! what is seen and the trend from 0: what lies between is not known.
//!
//! Left out: a search for the smoothing parameters here; they are tuned like any other.

use super::{
    Forecaster, SLOT, feed,
    seasonal_naive::{phase, slots_in},
    slot_of,
};
use crate::{RateSeries, Result, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// Settings of [`HoltWinters`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoltWintersConfig {
    /// Length of a season in hours.
    pub season_hours: u32,
    /// Smoothing of the level, 0 to 1.
    pub alpha: f64,
    /// Smoothing of the trend, 0 to 1.
    pub beta: f64,
    /// Smoothing of the seasons, 0 to 1.
    pub gamma: f64,
    /// Damping of the trend a slot, 0 to 1.
    pub phi: f64,
}

impl Default for HoltWintersConfig {
    fn default() -> Self {
        Self { season_hours: 24, alpha: 0.3, beta: 0.05, gamma: 0.1, phi: 0.95 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::integer("season_hours", "h", 1, 168, "length of a season: 24 for a day, 168 for a week")
        .on_log_scale(),
    Parameter::float("alpha", "", 0.01, 1.0, "smoothing of the level").on_log_scale(),
    Parameter::float("beta", "", 0.001, 1.0, "smoothing of the trend").on_log_scale(),
    Parameter::float("gamma", "", 0.0, 1.0, "smoothing of the seasons"),
    Parameter::float("phi", "", 0.5, 1.0, "damping of the trend, a minute"),
];

/// Slots without a sample after which the level starts again.
const GAP: i64 = 5;
/// Seasonal factors stay within this and its inverse: a night without traffic must not make a morning infinite.
const SMALLEST_FACTOR: f64 = 0.01;
/// Slots to either side that the first seasonal factors are averaged over: a minute of one day is mostly noise.
const SMOOTHING: usize = 5;

/// See the module.
#[derive(Clone, Debug)]
pub struct HoltWinters {
    config: HoltWintersConfig,
    seasons: Vec<f64>,
    level: f64,
    trend: f64,
    /// Slot of the latest sample.
    latest: Option<i64>,
}

impl HoltWinters {
    /// A model that has seen nothing.
    ///
    /// # Errors
    /// A season of no hours or a smoothing parameter that is not between 0 and 1.
    pub fn new(config: HoltWintersConfig) -> Result<Self> {
        check("season_hours", config.season_hours > 0, "at least 1", config.season_hours)?;
        let shares =
            [("alpha", config.alpha), ("beta", config.beta), ("gamma", config.gamma), ("phi", config.phi)];
        for (key, share) in shares {
            check(key, (0.0..=1.0).contains(&share), "a number from 0 to 1", share)?;
        }
        let seasons = vec![1.0; slots_in(config.season_hours)];
        Ok(Self { config, seasons, level: 0.0, trend: 0.0, latest: None })
    }

    fn season(&self, at: Time) -> f64 {
        self.seasons[phase(at, self.seasons.len())]
    }

    /// Mean shape of the days: each slot over its day's mean, averaged over days and neighbours.
    fn first_seasons(&mut self, history: &[RateSeries]) {
        let slots = self.seasons.len();
        let (mut sums, mut counts) = (vec![0.0; slots], vec![0u32; slots]);
        for series in history {
            let mean = series.rates.iter().sum::<f64>() / series.rates.len().max(1) as f64;
            // Less than a season has no mean to compare its slots with.
            if mean <= 0.0 || (series.end() - series.start).0 < SLOT.0 * slots as f64 {
                continue;
            }
            let steps = ((series.end() - series.start).0 / SLOT.0) as usize;
            for step in 0..steps {
                let at = series.start + Seconds(SLOT.0 * step as f64);
                if let Some(rate) = series.at(at) {
                    let slot = phase(at, slots);
                    sums[slot] += rate / mean;
                    counts[slot] += 1;
                }
            }
        }
        for slot in 0..slots {
            let near = (slot + slots - SMOOTHING..=slot + slots + SMOOTHING).map(|i| i % slots);
            let (sum, count) = near.fold((0.0, 0), |(sum, count), i| (sum + sums[i], count + counts[i]));
            if count > 0 {
                self.seasons[slot] = bounded(sum / f64::from(count));
            }
        }
    }
}

fn bounded(factor: f64) -> f64 {
    factor.clamp(SMALLEST_FACTOR, 1.0 / SMALLEST_FACTOR)
}

impl Forecaster for HoltWinters {
    fn observe(&mut self, at: Time, rate: f64) {
        let slot = phase(at, self.seasons.len());
        let season = self.seasons[slot];
        let now = slot_of(at);
        if self.latest.is_none_or(|latest| now - latest > GAP || now <= latest) {
            (self.level, self.trend) = (rate / season, 0.0);
        } else {
            let HoltWintersConfig { alpha, beta, gamma, phi, .. } = self.config;
            let expected = (self.level + phi * self.trend).max(0.0);
            let level = alpha * rate / season + (1.0 - alpha) * expected;
            self.trend = beta * (level - self.level) + (1.0 - beta) * phi * self.trend;
            self.level = level;
            if expected > 0.0 {
                self.seasons[slot] = bounded(gamma * rate / expected + (1.0 - gamma) * season);
            }
        }
        self.latest = Some(now);
    }

    fn expect(&self, at: Time) -> Option<f64> {
        let ahead = (slot_of(at) - self.latest?).max(1) as f64;
        let phi = self.config.phi;
        let steps = if phi < 1.0 { phi * (1.0 - phi.powf(ahead)) / (1.0 - phi) } else { ahead };
        Some(((self.level + steps * self.trend) * self.season(at)).max(0.0))
    }

    fn learn(&mut self, history: &[RateSeries]) {
        self.first_seasons(history);
        feed(self, history);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: usize, rate: impl Fn(usize, f64) -> f64) -> Vec<RateSeries> {
        let day = |day: usize| RateSeries {
            start: Time(86_400.0 * day as f64),
            step: SLOT,
            rates: (0..1440).map(|minute| rate(day, f64::from(minute) / 1440.0)).collect(),
        };
        (0..count).map(day).collect()
    }

    fn wave(share: f64) -> f64 {
        1.0 + 0.5 * (std::f64::consts::TAU * share).sin()
    }

    #[test]
    fn one_step_follows_the_equations() {
        let config = HoltWintersConfig { season_hours: 1, alpha: 0.5, beta: 0.5, gamma: 0.5, phi: 0.9 };
        let mut model = HoltWinters::new(config).unwrap();
        model.observe(Time(0.0), 10.0);
        assert_eq!((model.level, model.trend), (10.0, 0.0));
        model.observe(Time(60.0), 20.0);
        // ℓ = 0.5 · 20 + 0.5 · 10, b = 0.5 · 5, s = 0.5 · 20 / 10 + 0.5.
        assert_eq!((model.level, model.trend, model.seasons[1]), (15.0, 2.5, 1.5));
        // Two slots on, a season of 1: 15 + (0.9 + 0.81) · 2.5.
        assert!((model.expect(Time(180.0)).unwrap() - 19.275).abs() < 1e-12);
    }

    #[test]
    fn a_day_of_another_level_keeps_the_learned_shape() {
        let mut model = HoltWinters::new(HoltWintersConfig::default()).unwrap();
        model.learn(&days(3, |_, share| 100.0 * wave(share)));
        // The fourth day has twice the traffic.
        for minute in 0..300 {
            let share = f64::from(minute) / 1440.0;
            model.observe(Time(3.0 * 86_400.0 + 60.0 * f64::from(minute)), 200.0 * wave(share));
        }
        let (at, share) = (Time(3.0 * 86_400.0 + 60.0 * 310.0), 310.0 / 1440.0);
        let error = model.expect(at).unwrap() / (200.0 * wave(share)) - 1.0;
        assert!(error.abs() < 0.03, "{error}");
    }

    #[test]
    fn nights_without_traffic_give_finite_forecasts() {
        let mut model = HoltWinters::new(HoltWintersConfig::default()).unwrap();
        model.learn(&days(2, |_, share| if share < 0.5 { 0.0 } else { 50.0 }));
        for slot in 0..1440 {
            let expected = model.expect(Time(2.0 * 86_400.0 + 60.0 * f64::from(slot))).unwrap();
            assert!(expected.is_finite() && expected >= 0.0, "{slot}: {expected}");
        }
    }
}
