//! A percentile of the use within a moving window, plus a margin: what most right-sizing tools recommend.
//!
//! With the defaults, the 95th percentile of CPU and the highest memory of a week plus 15 %, it is in the manner of Robusta's
//! KRR; with both percentiles at 100 it is the peak of the window. After an OOM kill, memory counts as a fifth more than the
//! limit.
//!
//! Left out: samples weighed by age ([`super::autopilot`] and the VPA do that).

use super::{ContainerUpdater, Managed, Mode, Recommend, UpdaterSettings, around, beyond_limit};
use crate::{
    Result,
    error::check,
    parameter::Parameter,
    vpa::{Amount, ContainerRecommendation, LimitRanges, Running, Span, Stamp},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use trimtab_model::Seconds;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowConfig {
    /// Length of the window in hours.
    pub window_hours: f64,
    /// Percentile of CPU.
    pub cpu_percentile: f64,
    /// Percentile of memory.
    pub memory_percentile: f64,
    /// Percent added to both.
    pub margin_percent: f64,
    /// Percent by which a request may be off before the container is touched.
    pub band_percent: f64,
    /// How it is touched.
    pub mode: Mode,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self {
            window_hours: 168.0,
            cpu_percentile: 95.0,
            memory_percentile: 100.0,
            margin_percent: 15.0,
            band_percent: 10.0,
            mode: Mode::InPlaceOrRecreate,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("window_hours", "h", 0.1, 1000.0, "length of the window").on_log_scale(),
    Parameter::float("cpu_percentile", "%", 1.0, 100.0, "percentile of CPU; 100 is the peak"),
    Parameter::float("memory_percentile", "%", 1.0, 100.0, "percentile of memory; 100 is the peak"),
    Parameter::float("margin_percent", "%", 0.0, 200.0, "added to both"),
    Parameter::float("band_percent", "%", 0.0, 90.0, "how far off a request may be"),
    Parameter::choice("mode", Mode::NAMES, "how the container is touched"),
];

/// Time between two looks at the whole window.
const EVERY: Span = Span::secs(900);

/// See the module.
#[derive(Clone, Debug)]
pub struct Window {
    config: WindowConfig,
    length: Span,
    samples: VecDeque<(Stamp, [Amount; 2])>,
    sorted: Vec<Amount>,
    target: [Amount; 2],
    looked: Stamp,
}

impl Window {
    /// A rule that has seen nothing.
    ///
    /// # Errors
    /// A window of no length or a percentile outside 0…100.
    pub fn new(config: WindowConfig) -> Result<Self> {
        check("window.window_hours", config.window_hours > 0.0, "above 0", config.window_hours)?;
        for (key, percentile) in [
            ("window.cpu_percentile", config.cpu_percentile),
            ("window.memory_percentile", config.memory_percentile),
        ] {
            check(key, (0.0..=100.0).contains(&percentile), "a number from 0 to 100", percentile)?;
        }
        Ok(Self {
            length: Span::from(Seconds(3600.0 * config.window_hours)),
            config,
            samples: VecDeque::new(),
            sorted: Vec::new(),
            target: [Amount(0); 2],
            looked: Stamp::NEVER,
        })
    }

    /// The amount that `percent` of the samples do not exceed.
    fn percentile(&mut self, slot: usize, percent: f64) -> Amount {
        self.sorted.clear();
        self.sorted.extend(self.samples.iter().map(|(_, usage)| usage[slot]));
        let place = (percent / 100.0 * self.sorted.len() as f64).ceil() as usize;
        let place = place.saturating_sub(1).min(self.sorted.len() - 1);
        *self.sorted.select_nth_unstable(place).1
    }
}

impl WindowConfig {
    /// The rule with the VPA's updater.
    ///
    /// # Errors
    /// Those of [`Window::new`].
    pub fn build(&self, limit_ranges: LimitRanges) -> Result<Managed<Window>> {
        let settings = UpdaterSettings { mode: self.mode, limit_ranges, ..UpdaterSettings::default() };
        Ok(Managed::new(Window::new(*self)?, ContainerUpdater::new(settings)))
    }
}

impl Recommend for Window {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], _: &Running) {
        self.samples.push_back((now, usage));
        let oldest = now.minus(self.length);
        while self.samples.front().is_some_and(|(at, _)| *at < oldest) {
            self.samples.pop_front();
        }
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        let cpu = self.samples.back().map_or(Amount(0), |(_, usage)| usage[0]);
        self.samples.push_back((now, [cpu, beyond_limit(running)]));
        self.looked = Stamp::NEVER;
    }

    fn recommend(&mut self, now: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        if self.samples.is_empty() {
            return None;
        }
        if !self.looked.is_set() || now.since(self.looked) >= EVERY {
            let percentiles = [self.config.cpu_percentile, self.config.memory_percentile];
            let margin = 1.0 + self.config.margin_percent / 100.0;
            self.target = [0, 1].map(|slot| self.percentile(slot, percentiles[slot]).scaled(margin));
            self.looked = now;
        }
        Some(around(self.target, self.config.band_percent))
    }
}
