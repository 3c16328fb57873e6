//! Target tracking on the p95 that clients see, against a share of the SLO's bound.
//!
//! Response time is not proportional to load, so the step is damped: `n' = n (p95 / target)^damping`. An end-to-end
//! p95 does not say which service is slow: services whose CPU use, relative to their request, is above the
//! application's mean scale out, those below it scale in. Where a service reports its own latency, that is not used:
//! its share of the SLO is not known.
//!
//! Left out: tracing.

use super::{PACE, Pace, Tracker};
use crate::{Autoscaler, Result, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, ReplicaBounds, Seconds, ServiceState, Snapshot};

/// Settings of [`LatencyTracking`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyTrackingConfig {
    /// p95 that is aimed at, in percent of the SLO's bound.
    pub target_percent: f64,
    /// Exponent of the step, 1 is undamped.
    pub damping: f64,
    /// When to act.
    #[serde(flatten)]
    pub pace: Pace,
}

impl Default for LatencyTrackingConfig {
    fn default() -> Self {
        Self { target_percent: 80.0, damping: 0.5, pace: Pace::default() }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("target_percent", "% of the SLO's bound", 10.0, 100.0, "p95 that is aimed at")
        .on_log_scale(),
    Parameter::float("damping", "", 0.05, 1.0, "exponent of the step; 1 is undamped"),
    PACE[0],
    PACE[1],
    PACE[2],
    PACE[3],
];

/// Largest factor by which one step grows a service: a p95 at the client's timeout says "too slow", not how much.
const LARGEST_STEP: f64 = 2.0;

/// See the module.
#[derive(Clone, Debug)]
pub struct LatencyTracking {
    config: LatencyTrackingConfig,
    target: Seconds,
    services: Vec<(ReplicaBounds, Tracker)>,
}

impl LatencyTracking {
    /// One policy for each service.
    ///
    /// # Errors
    /// A target or damping that is not above zero, or a negative length of time.
    pub fn new(config: LatencyTrackingConfig, application: &Application) -> Result<Self> {
        check("target_percent", config.target_percent > 0.0, "above zero", config.target_percent)?;
        check("damping", config.damping > 0.0, "above zero", config.damping)?;
        config.pace.check()?;
        let target = Seconds(application.slo.p95.0 * config.target_percent / 100.0);
        let services = application.services.iter().map(|s| (s.replicas, Tracker::default())).collect();
        Ok(Self { config, target, services })
    }
}

/// CPU use over the request.
fn utilization(service: &ServiceState) -> Option<f64> {
    let request = service.allocation.cpu_request.0;
    service.cpu.filter(|_| request > 0).map(|cpu| f64::from(cpu.value.0) / f64::from(request))
}

impl Autoscaler for LatencyTracking {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let ratio = seen.latency.map(|l| l.value.p95.0 / self.target.0).filter(|ratio| ratio.is_finite());
        let (sum, count) =
            seen.services.iter().filter_map(utilization).fold((0.0, 0), |(sum, n), u| (sum + u, n + 1));
        let mean = sum / f64::from(count.max(1));
        for (service, (bounds, tracker)) in self.services.iter_mut().enumerate() {
            let view = &seen.services[service];
            let concerned = |ratio: &f64| match utilization(view) {
                Some(own) if *ratio > 1.0 => own >= mean,
                Some(own) => own <= mean,
                None => *ratio > 1.0,
            };
            let factor = ratio.map_or(1.0, |r| r.powf(self.config.damping).min(LARGEST_STEP));
            let wanted = |n: u32| ((f64::from(n) * factor).ceil() as u32).clamp(bounds.min, bounds.max);
            proposal.services[service].replicas = tracker.step(
                &self.config.pace,
                seen.time,
                ratio.filter(concerned),
                view.replicas.spec,
                wanted,
            );
        }
    }

    fn reset(&mut self) {
        for (_, tracker) in &mut self.services {
            *tracker = Tracker::default();
        }
    }
}
