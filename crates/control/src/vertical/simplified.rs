//! The smart-vpa system's VPA: its simplified recommender with one of the three updater rules, its own by default.
//!
//! Left out: the recommender itself ([`Simplified`]).

use super::{CONTAINER, ContainerUpdater, Managed, Mode, Recommend, UpdaterRule, UpdaterSettings, list};
use crate::{
    parameter::Parameter,
    vpa::{
        Amount, ContainerRecommendation, LimitRanges, Resource, Running, Simplified, SimplifiedConfig, Stamp,
    },
};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimplifiedVpaConfig {
    /// Whether 15 % is added.
    pub margin: bool,
    /// Whether bounds are wider while the history is short.
    pub confidence: bool,
    /// Whether 25 millicores and 250 MB are the least.
    pub min_resource: bool,
    /// When the container is touched.
    pub rule: UpdaterRule,
    /// How.
    pub mode: Mode,
}

impl Default for SimplifiedVpaConfig {
    fn default() -> Self {
        Self {
            margin: true,
            confidence: false,
            min_resource: false,
            rule: UpdaterRule::Usage,
            mode: Mode::Recreate,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::choice("rule", UpdaterRule::NAMES, "when the container is touched"),
    Parameter::choice("mode", Mode::NAMES, "how it is touched"),
    Parameter::choice("margin", &["true", "false"], "whether 15 % is added"),
    Parameter::choice("confidence", &["true", "false"], "whether bounds are wide while history is short"),
    Parameter::choice("min_resource", &["true", "false"], "whether 25 mCPU and 250 MB are the least"),
];

impl SimplifiedVpaConfig {
    /// A VPA that has seen nothing.
    pub fn build(&self, limit_ranges: LimitRanges) -> Managed<Simplified> {
        let config = SimplifiedConfig {
            margin: self.margin,
            confidence: self.confidence,
            min_resource: self.min_resource,
            ..SimplifiedConfig::default()
        };
        let settings =
            UpdaterSettings { rule: self.rule, mode: self.mode, limit_ranges, ..UpdaterSettings::default() };
        Managed::new(Simplified::new(config), ContainerUpdater::new(settings))
    }
}

impl Recommend for Simplified {
    fn observe(&mut self, now: Stamp, [cpu, memory]: [Amount; 2], _: &Running) {
        self.update(cpu, memory, now);
    }

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn recommend(&mut self, _: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        let estimates = Resource::ALL.map(|resource| Simplified::recommend(self, resource));
        let target = list(estimates.map(|estimate| estimate.target));
        Some(ContainerRecommendation {
            container: CONTAINER.to_owned(),
            target,
            lower_bound: list(estimates.map(|estimate| estimate.lower)),
            upper_bound: list(estimates.map(|estimate| estimate.upper)),
            uncapped_target: target,
        })
    }
}
