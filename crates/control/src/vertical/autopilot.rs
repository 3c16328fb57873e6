//! A moving-window recommender in the manner of Google's Autopilot (Rzadca et al., `EuroSys` 2020).
//!
//! CPU is a percentile of the *load-adjusted* decaying histogram, in which a sample weighs as much as its use: the percentile
//! is one of work done, not of time. Memory is the highest of a window. A margin is added, and the highest recommendation of the last
//! hour counts, so that a dip does not lower a limit. After an OOM kill, memory counts as a fifth more than the limit.
//!
//! Autopilot itself is not public: percentile, half-life and margin are ours to choose within what the paper says, and are
//! parameters. Left out: its second recommender, an ensemble that is trained, and horizontal scaling.

use super::{ContainerUpdater, Managed, Mode, Recommend, UpdaterSettings, around, beyond_limit};
use crate::{
    Result,
    error::check,
    parameter::Parameter,
    vpa::{
        AggregationConfig, Amount, ContainerRecommendation, DecayingHistogram, LimitRanges, Running, Span,
        Stamp,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use trimtab_model::Seconds;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutopilotConfig {
    /// Percentile of CPU work.
    pub cpu_percentile: f64,
    /// Half-life of CPU samples in hours.
    pub cpu_half_life_hours: f64,
    /// Window of the memory peak in hours.
    pub memory_window_hours: f64,
    /// Percent added to both.
    pub margin_percent: f64,
    /// Hours of which the highest recommendation counts.
    pub hold_hours: f64,
    /// Percent by which a request may be off before the container is touched.
    pub band_percent: f64,
    /// How it is touched.
    pub mode: Mode,
}

impl Default for AutopilotConfig {
    fn default() -> Self {
        Self {
            cpu_percentile: 95.0,
            cpu_half_life_hours: 12.0,
            memory_window_hours: 48.0,
            margin_percent: 12.0,
            hold_hours: 1.0,
            band_percent: 10.0,
            mode: Mode::InPlaceOrRecreate,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("cpu_percentile", "%", 1.0, 100.0, "percentile of CPU work"),
    Parameter::float("cpu_half_life_hours", "h", 0.1, 1000.0, "half-life of CPU samples").on_log_scale(),
    Parameter::float("memory_window_hours", "h", 0.1, 1000.0, "window of the memory peak").on_log_scale(),
    Parameter::float("margin_percent", "%", 0.0, 200.0, "added to both"),
    Parameter::float("hold_hours", "h", 0.0, 48.0, "hours of which the highest recommendation counts"),
    Parameter::float("band_percent", "%", 0.0, 90.0, "how far off a request may be"),
    Parameter::choice("mode", Mode::NAMES, "how the container is touched"),
];

/// Amounts of which the highest is asked for: a queue in which nothing is behind a greater one.
#[derive(Clone, Debug)]
struct Highest {
    length: Span,
    queue: VecDeque<(Stamp, Amount)>,
}

impl Highest {
    fn of_hours(hours: f64) -> Self {
        Self { length: Span::from(Seconds(3600.0 * hours)), queue: VecDeque::new() }
    }

    fn add(&mut self, at: Stamp, amount: Amount) -> Amount {
        while self.queue.back().is_some_and(|(_, last)| *last <= amount) {
            self.queue.pop_back();
        }
        self.queue.push_back((at, amount));
        let oldest = at.minus(self.length);
        while self.queue.front().is_some_and(|(first, _)| *first < oldest) {
            self.queue.pop_front();
        }
        self.queue.front().map_or(amount, |(_, highest)| *highest)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Autopilot {
    config: AutopilotConfig,
    cpu: DecayingHistogram,
    memory: Highest,
    held: [Highest; 2],
    latest: Option<[Amount; 2]>,
}

impl Autopilot {
    /// A rule that has seen nothing.
    ///
    /// # Errors
    /// A half-life or window of no length, or a percentile outside 0…100.
    pub fn new(config: AutopilotConfig) -> Result<Self> {
        let percentile = config.cpu_percentile;
        check(
            "autopilot.cpu_percentile",
            (0.0..=100.0).contains(&percentile),
            "a number from 0 to 100",
            percentile,
        )?;
        for (key, hours) in [
            ("autopilot.cpu_half_life_hours", config.cpu_half_life_hours),
            ("autopilot.memory_window_hours", config.memory_window_hours),
        ] {
            check(key, hours > 0.0, "above 0", hours)?;
        }
        let half_life = Span::from(Seconds(3600.0 * config.cpu_half_life_hours));
        Ok(Self {
            config,
            cpu: DecayingHistogram::new(AggregationConfig::cpu_layout(), half_life),
            memory: Highest::of_hours(config.memory_window_hours),
            held: [Highest::of_hours(config.hold_hours), Highest::of_hours(config.hold_hours)],
            latest: None,
        })
    }
}

impl AutopilotConfig {
    /// The rule with the VPA's updater.
    ///
    /// # Errors
    /// Those of [`Autopilot::new`].
    pub fn build(&self, limit_ranges: LimitRanges) -> Result<Managed<Autopilot>> {
        let settings = UpdaterSettings { mode: self.mode, limit_ranges, ..UpdaterSettings::default() };
        Ok(Managed::new(Autopilot::new(*self)?, ContainerUpdater::new(settings)))
    }
}

impl Recommend for Autopilot {
    fn observe(&mut self, now: Stamp, [cpu, memory]: [Amount; 2], _: &Running) {
        // A millicore at least: a container that idles has a histogram all the same.
        self.cpu.add(cpu.cores(), cpu.cores().max(0.001), now);
        let margin = 1.0 + self.config.margin_percent / 100.0;
        let cores = self.cpu.percentile(self.config.cpu_percentile / 100.0);
        let wish = [Amount::from_cores(cores), self.memory.add(now, memory)];
        let wish = wish.map(|amount| amount.scaled(margin));
        self.latest = Some([self.held[0].add(now, wish[0]), self.held[1].add(now, wish[1])]);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        self.memory.add(now, beyond_limit(running));
    }

    fn recommend(&mut self, _: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        Some(around(self.latest?, self.config.band_percent))
    }
}
