//! A recommendation that never changes: the smart-vpa system's `threshold` recommender.
//!
//! Its six numbers and their defaults are that system's. Left out: learning anything; a constant *request* that is fitted to
//! past use needs no recommender.

use super::{ContainerUpdater, Managed, Mode, Recommend, UpdaterRule, UpdaterSettings, recommendation};
use crate::{
    Result,
    error::check,
    parameter::Parameter,
    vpa::{Amount, ContainerRecommendation, LimitRanges, Running, Stamp},
};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundsConfig {
    /// Millicores.
    pub cpu_lower: f64,
    /// Millicores.
    pub cpu_target: f64,
    /// Millicores.
    pub cpu_upper: f64,
    /// MB (10⁶ bytes).
    pub memory_lower_mb: f64,
    /// MB.
    pub memory_target_mb: f64,
    /// MB.
    pub memory_upper_mb: f64,
    /// When the container is touched.
    pub rule: UpdaterRule,
    /// How.
    pub mode: Mode,
}

impl Default for BoundsConfig {
    fn default() -> Self {
        Self {
            cpu_lower: 100.0,
            cpu_target: 600.0,
            cpu_upper: 1000.0,
            memory_lower_mb: 500.0,
            memory_target_mb: 2000.0,
            memory_upper_mb: 3000.0,
            rule: UpdaterRule::Usage,
            mode: Mode::Recreate,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("cpu_lower", "mCPU", 0.0, 1e6, "lower bound of CPU"),
    Parameter::float("cpu_target", "mCPU", 1.0, 1e6, "target of CPU"),
    Parameter::float("cpu_upper", "mCPU", 1.0, 1e6, "upper bound of CPU"),
    Parameter::float("memory_lower_mb", "MB", 0.0, 1e6, "lower bound of memory"),
    Parameter::float("memory_target_mb", "MB", 1.0, 1e6, "target of memory"),
    Parameter::float("memory_upper_mb", "MB", 1.0, 1e6, "upper bound of memory"),
    Parameter::choice("rule", UpdaterRule::NAMES, "when the container is touched"),
    Parameter::choice("mode", Mode::NAMES, "how it is touched"),
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Bounds {
    recommendation: ContainerRecommendation,
}

impl Bounds {
    /// The recommendation of a configuration.
    ///
    /// # Errors
    /// Numbers that are not lower ≤ target ≤ upper.
    pub fn new(config: &BoundsConfig) -> Result<Self> {
        let ordered = |lower: f64, target: f64, upper: f64| lower <= target && target <= upper;
        let c = config;
        check("bounds.cpu_target", ordered(c.cpu_lower, c.cpu_target, c.cpu_upper), EXPECTED, c.cpu_target)?;
        check(
            "bounds.memory_target_mb",
            ordered(c.memory_lower_mb, c.memory_target_mb, c.memory_upper_mb),
            EXPECTED,
            c.memory_target_mb,
        )?;
        let amounts = |cpu: f64, mb: f64| [Amount::truncated(cpu), Amount::truncated(mb * 1e6)];
        Ok(Self {
            recommendation: recommendation(
                amounts(c.cpu_lower, c.memory_lower_mb),
                amounts(c.cpu_target, c.memory_target_mb),
                amounts(c.cpu_upper, c.memory_upper_mb),
            ),
        })
    }
}

const EXPECTED: &str = "a target between its bounds";

impl BoundsConfig {
    /// The rule with its updater.
    ///
    /// # Errors
    /// Those of [`Bounds::new`].
    pub fn build(&self, limit_ranges: LimitRanges) -> Result<Managed<Bounds>> {
        let settings =
            UpdaterSettings { rule: self.rule, mode: self.mode, limit_ranges, ..UpdaterSettings::default() };
        Ok(Managed::new(Bounds::new(self)?, ContainerUpdater::new(settings)))
    }
}

impl Recommend for Bounds {
    fn observe(&mut self, _: Stamp, _: [Amount; 2], _: &Running) {}

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn recommend(&mut self, _: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        Some(self.recommendation.clone())
    }
}
