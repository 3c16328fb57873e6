//! Target tracking on requests per second and pod (AWS' `ALBRequestCountPerTarget`), for each service.
//!
//! The target is a share of what a load test says that a pod serves. Left out: learning that share.

use super::{PACE, Pace, Tracker};
use crate::{Autoscaler, Result, capacity::Capacity, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, Snapshot};

/// Settings of [`RequestTracking`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestTrackingConfig {
    /// Calls per second and pod that are aimed at, in percent of what a pod serves at its CPU limit.
    pub target_percent: f64,
    /// When to act.
    #[serde(flatten)]
    pub pace: Pace,
}

impl Default for RequestTrackingConfig {
    fn default() -> Self {
        Self { target_percent: 50.0, pace: Pace::default() }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("target_percent", "% of what a pod serves", 5.0, 100.0, "calls per second and pod")
        .on_log_scale(),
    PACE[0],
    PACE[1],
    PACE[2],
    PACE[3],
];

/// See the module.
#[derive(Clone, Debug)]
pub struct RequestTracking {
    config: RequestTrackingConfig,
    services: Vec<(Capacity, Tracker)>,
}

impl RequestTracking {
    /// One policy for each service.
    ///
    /// # Errors
    /// A target that is not above zero, or a negative length of time.
    pub fn new(config: RequestTrackingConfig, application: &Application) -> Result<Self> {
        check("target_percent", config.target_percent > 0.0, "above zero", config.target_percent)?;
        config.pace.check()?;
        let capacities = Capacity::of(application).into_iter();
        Ok(Self { config, services: capacities.map(|capacity| (capacity, Tracker::default())).collect() })
    }
}

impl Autoscaler for RequestTracking {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        for (service, (capacity, tracker)) in self.services.iter_mut().enumerate() {
            let view = &seen.services[service];
            let spec = view.replicas.spec;
            let target = capacity.calls_per_pod * self.config.target_percent / 100.0;
            let pods = view.rate.map(|rate| rate.value.0 / target).filter(|pods| pods.is_finite());
            let ratio = pods.map(|pods| pods / f64::from(spec.max(1)));
            let wanted = |_| capacity.within(pods.unwrap_or(0.0));
            proposal.services[service].replicas =
                tracker.step(&self.config.pace, seen.time, ratio, spec, wanted);
        }
    }

    fn reset(&mut self) {
        for (_, tracker) in &mut self.services {
            *tracker = Tracker::default();
        }
    }
}
