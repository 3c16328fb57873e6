//! Steps between two thresholds of the limit: the baseline of MARLISE (arXiv 2507.07671).
//!
//! Every interval: CPU above `upper_percent` of the limit adds a step, below `lower_percent` takes one away, in place, with
//! request and limit in their old proportion. MARLISE's numbers are 60 %, 30 % and 25 millicores, and it leaves memory alone;
//! here memory has a ladder of its own, with a step of 0 as MARLISE's.
//!
//! Left out: MARLISE's budget that all containers share, and that only a container that was raised before is lowered: it starts
//! from the minimum, where that makes no difference.

use super::LEAST;
use crate::{
    Result,
    error::check,
    parameter::Parameter,
    vpa::{
        Amount, Change, ContainerResources, Quantity, Resource, ResourceList, Running, Stamp, Vertical, Way,
        limits,
    },
};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LadderConfig {
    /// Percent of the CPU limit below which a step is taken away.
    pub lower_percent: f64,
    /// Percent of the CPU limit above which a step is added.
    pub upper_percent: f64,
    /// Step in millicores.
    pub step_millicores: f64,
    /// Percent of the memory limit below which a step is taken away.
    pub memory_lower_percent: f64,
    /// Percent of the memory limit above which a step is added.
    pub memory_upper_percent: f64,
    /// Step in MB (10⁶ bytes); 0 leaves memory alone.
    pub step_mb: f64,
}

impl Default for LadderConfig {
    fn default() -> Self {
        Self {
            lower_percent: 30.0,
            upper_percent: 60.0,
            step_millicores: 25.0,
            memory_lower_percent: 60.0,
            memory_upper_percent: 85.0,
            step_mb: 0.0,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("lower_percent", "% of the CPU limit", 1.0, 99.0, "below it a step is taken away"),
    Parameter::float("upper_percent", "% of the CPU limit", 1.0, 100.0, "above it a step is added"),
    Parameter::float("step_millicores", "mCPU", 1.0, 16_000.0, "added or taken away at a time")
        .on_log_scale(),
    Parameter::float("memory_lower_percent", "% of the limit", 1.0, 99.0, "below it memory is lowered"),
    Parameter::float("memory_upper_percent", "% of the limit", 1.0, 100.0, "above it memory is raised"),
    Parameter::float("step_mb", "MB", 0.0, 100_000.0, "memory at a time; 0 leaves it alone"),
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Ladder {
    config: LadderConfig,
    usage: Option<[Amount; 2]>,
}

impl Ladder {
    /// A rule that has seen nothing.
    ///
    /// # Errors
    /// Thresholds that are not lower < upper, or a CPU step of nothing.
    pub fn new(config: LadderConfig) -> Result<Self> {
        let LadderConfig { lower_percent: lower, upper_percent: upper, .. } = config;
        check(
            "ladder.lower_percent",
            0.0 < lower && lower < upper,
            "0 < lower_percent < upper_percent",
            lower,
        )?;
        let (lower, upper) = (config.memory_lower_percent, config.memory_upper_percent);
        let expected = "0 < memory_lower_percent < memory_upper_percent";
        check("ladder.memory_lower_percent", 0.0 < lower && lower < upper, expected, lower)?;
        let step = config.step_millicores;
        check("ladder.step_millicores", step >= 1.0, "at least 1", step)?;
        Ok(Self { config, usage: None })
    }
}

impl Vertical for Ladder {
    fn observe(&mut self, _: Stamp, usage: [Amount; 2], _: &Running) {
        self.usage = Some(usage);
    }

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn decide(&mut self, _: Stamp, running: &Running) -> Option<Change> {
        let usage = self.usage.take()?;
        let own = running.resources;
        let c = &self.config;
        let ladders = [
            (c.lower_percent, c.upper_percent, c.step_millicores),
            (c.memory_lower_percent, c.memory_upper_percent, 1e6 * c.step_mb),
        ];
        let mut requests = ResourceList::default();
        for resource in Resource::ALL {
            let slot = resource as usize;
            let (lower, upper, step) = ladders[slot];
            let units = |quantity: Quantity| match resource {
                Resource::Cpu => quantity.milli(),
                Resource::Memory => quantity.units(),
            };
            let Some(request) = own.requests.get(resource) else { continue };
            let limit = own.limits.get(resource).unwrap_or(request);
            let percent = 100.0 * usage[slot].0 as f64 / (units(limit) as f64).max(1.0);
            // The step is one of the limit, as MARLISE's.
            let share = units(request) as f64 / (units(limit) as f64).max(1.0);
            let step = (step * share).round() as i64;
            let wish = if percent > upper {
                units(request) + step
            } else if percent < lower {
                (units(request) - step).max(LEAST[slot].0.min(units(request)))
            } else {
                units(request)
            };
            *requests.get_mut(resource) = Some(Quantity::from_amount(resource, Amount(wish)));
        }
        if requests == own.requests {
            return None;
        }
        let limits =
            limits::proportional_limits(&own.limits, &own.requests, &requests, &ResourceList::default());
        Some(Change { resources: ContainerResources { requests, limits }, way: Way::InPlace })
    }
}
