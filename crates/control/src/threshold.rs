//! Step scaling between two thresholds, the rule most people write first.
//!
//! Above the upper CPU utilisation add a step, below the lower remove one, and then wait out a cooldown. With 30 %, 60 %
//! and a cooldown of one interval it is the baseline of MARLISE (arXiv 2507.07671), whose step is 25 millicores of CPU
//! limit where this one's is a replica.
//!
//! Left out: MARLISE's budget that all services share; a service's own bounds take its place.

use crate::{Autoscaler, Result, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Decision, ReplicaBounds, Seconds, Snapshot, Time};

/// Settings of [`Threshold`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThresholdConfig {
    /// Utilisation of the CPU request, in percent, below which a step is removed.
    pub lower_percent: f64,
    /// Utilisation of the CPU request, in percent, above which a step is added.
    pub upper_percent: f64,
    /// Replicas added or removed at a time.
    pub step: u32,
    /// Seconds after a change during which a service is left alone.
    pub cooldown_secs: f64,
}

impl Default for ThresholdConfig {
    fn default() -> Self {
        Self { lower_percent: 30.0, upper_percent: 60.0, step: 1, cooldown_secs: 60.0 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("lower_percent", "% of the CPU request", 1.0, 400.0, "below it a step is removed")
        .on_log_scale(),
    Parameter::float("upper_percent", "% of the CPU request", 1.0, 400.0, "above it a step is added")
        .on_log_scale(),
    Parameter::integer("step", "replicas", 1, 10, "added or removed at a time"),
    Parameter::float("cooldown_secs", "s", 0.0, 1800.0, "rest after a change"),
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Threshold {
    config: ThresholdConfig,
    bounds: Vec<ReplicaBounds>,
    changed: Vec<Option<Time>>,
}

impl Threshold {
    /// One rule for every service with the given bounds.
    ///
    /// # Errors
    /// When the thresholds are not 0 < lower < upper or the step is 0.
    pub fn new(config: ThresholdConfig, bounds: Vec<ReplicaBounds>) -> Result<Self> {
        let ordered = config.lower_percent > 0.0 && config.lower_percent < config.upper_percent;
        check("threshold.lower_percent", ordered, "0 < lower_percent < upper_percent", config.lower_percent)?;
        check("threshold.step", config.step > 0, "at least 1", config.step)?;
        check("threshold.cooldown_secs", config.cooldown_secs >= 0.0, "zero or more", config.cooldown_secs)?;
        let changed = vec![None; bounds.len()];
        Ok(Self { config, bounds, changed })
    }
}

impl Autoscaler for Threshold {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        for (i, service) in seen.services.iter().enumerate() {
            let spec = service.replicas.spec;
            let resting =
                self.changed[i].is_some_and(|at| seen.time - at < Seconds(self.config.cooldown_secs));
            let Some(cpu) = service.cpu.filter(|_| !resting) else { continue };
            let percent = 100.0 * f64::from(cpu.value.0) / f64::from(service.allocation.cpu_request.0.max(1));
            let wish = if percent > self.config.upper_percent {
                spec + self.config.step
            } else if percent < self.config.lower_percent {
                spec.saturating_sub(self.config.step)
            } else {
                spec
            };
            let wish = wish.clamp(self.bounds[i].min, self.bounds[i].max);
            if wish != spec {
                proposal.services[i].replicas = Some(wish);
                self.changed[i] = Some(seen.time);
            }
        }
    }

    fn reset(&mut self) {
        self.changed.fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_model::{Allocation, Millicores, Replicas, Sample, ServiceState};

    fn seen(time: f64, spec: u32, cpu: Option<u32>) -> Snapshot {
        let service = ServiceState {
            replicas: Replicas { spec, ready: spec, starting: 0 },
            cpu: cpu.map(|m| Sample { value: Millicores(m), age: Seconds(5.0) }),
            allocation: Allocation { cpu_request: Millicores(100), ..Allocation::default() },
            ..ServiceState::default()
        };
        Snapshot { time: Time(time), services: vec![service], ..Snapshot::default() }
    }

    fn decide(rule: &mut Threshold, seen: &Snapshot) -> Option<u32> {
        let mut proposal = Decision::default();
        proposal.clear(1);
        rule.decide(seen, &mut proposal);
        proposal.services[0].replicas
    }

    #[test]
    fn a_step_is_added_above_and_removed_below() {
        let mut rule =
            Threshold::new(ThresholdConfig::default(), vec![ReplicaBounds { min: 1, max: 8 }]).unwrap();
        assert_eq!(decide(&mut rule, &seen(0.0, 2, Some(61))), Some(3));
        rule.reset();
        assert_eq!(decide(&mut rule, &seen(0.0, 2, Some(29))), Some(1));
        rule.reset();
        assert_eq!(decide(&mut rule, &seen(0.0, 2, Some(45))), None);
    }

    #[test]
    fn a_change_is_followed_by_a_cooldown() {
        let mut rule =
            Threshold::new(ThresholdConfig::default(), vec![ReplicaBounds { min: 1, max: 8 }]).unwrap();
        assert_eq!(decide(&mut rule, &seen(0.0, 2, Some(90))), Some(3));
        assert_eq!(decide(&mut rule, &seen(45.0, 3, Some(90))), None);
        assert_eq!(decide(&mut rule, &seen(60.0, 3, Some(90))), Some(4));
    }

    #[test]
    fn a_missing_metric_changes_nothing() {
        let mut rule =
            Threshold::new(ThresholdConfig::default(), vec![ReplicaBounds { min: 1, max: 8 }]).unwrap();
        assert_eq!(decide(&mut rule, &seen(0.0, 2, None)), None);
    }
}
