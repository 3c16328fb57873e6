//! One HPA's reconcile loop and its memory.

use super::{
    metric::{MetricError, group_pods, replicas_for_average, replicas_for_utilization, request},
    policy::{Events, Recommendation, legacy_scale_up_limit, stabilize, stabilize_legacy, windows},
    spec::{Constants, HpaSpec, Target},
};
use crate::Result;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use trimtab_model::{ServiceState, Time};

/// Result of one reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Replicas to ask for.
    pub desired: u32,
    /// Replicas that the metrics alone propose; absent when no metric was usable or none was read.
    pub proposed: Option<u32>,
    /// First metric that failed.
    pub error: Option<MetricError>,
}

/// One HPA: its spec and what it remembers between syncs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    spec: HpaSpec,
    constants: Constants,
    log: Vec<Recommendation>,
    events: Events,
}

impl Controller {
    /// A controller that has seen nothing.
    ///
    /// # Errors
    /// As [`HpaSpec::validate`].
    pub fn new(spec: HpaSpec, constants: Constants) -> Result<Self> {
        spec.validate()?;
        Ok(Self { spec, constants, log: Vec::new(), events: Events::default() })
    }

    /// The spec.
    pub fn spec(&self) -> &HpaSpec {
        &self.spec
    }

    /// Forgets recommendations and scale events, as a restart of the controller does.
    pub fn reset(&mut self) {
        self.log.clear();
        self.events.clear();
    }

    /// One reconcile at `now` for a target that has `current` replicas. Every metric's target is multiplied
    /// by `trim`; 1 is the exact HPA.
    ///
    /// A desired count that differs from `spec.replicas` is logged as a scale event at once, as if the write
    /// to the scale subresource succeeded.
    pub fn sync(&mut self, now: Time, seen: &ServiceState, current: u32, trim: f64) -> Sync {
        if self.log.is_empty() {
            self.log.push(Recommendation { replicas: current, at: now });
        }
        let mut sync = Sync { desired: current, proposed: None, error: None };
        if current == 0 {
            return sync;
        }
        if current > self.spec.max_replicas {
            sync.desired = self.spec.max_replicas;
        } else if current < self.spec.min_replicas {
            sync.desired = self.spec.min_replicas;
        } else {
            let (proposed, error) = self.propose(now, seen, current, trim);
            sync.error = error;
            // A failing metric blocks scaling down, never scaling up.
            let Some(proposed) = proposed.filter(|&n| error.is_none() || n >= current) else { return sync };
            sync.proposed = Some(proposed);
            sync.desired = self.normalize(now, current, proposed);
        }
        if sync.desired != current {
            self.events.log(current, sync.desired, &self.spec, now);
        }
        sync
    }

    fn propose(
        &self,
        now: Time,
        seen: &ServiceState,
        current: u32,
        trim: f64,
    ) -> (Option<u32>, Option<MetricError>) {
        let tolerance = match &self.spec.behavior {
            Some(b) => (b.scale_down.tolerance, b.scale_up.tolerance),
            None => (None, None),
        };
        let default = self.constants.tolerance;
        let tolerance = (tolerance.0.unwrap_or(default), tolerance.1.unwrap_or(default));
        let (mut largest, mut error) = (None, None);
        for metric in &self.spec.metrics {
            let totals = group_pods(&seen.pods, metric.resource, now, &self.constants);
            let proposal = match metric.target {
                Target::Utilization(percent) => {
                    let request = request(&seen.allocation, metric.resource);
                    replicas_for_utilization(&totals, request, percent * trim, current, tolerance)
                }
                Target::AverageValue(value) => {
                    replicas_for_average(&totals, value * trim, current, tolerance)
                }
            };
            match proposal {
                Ok(n) => largest = largest.max(Some(n)),
                Err(e) => error = error.or(Some(e)),
            }
        }
        (largest, error)
    }

    fn normalize(&mut self, now: Time, current: u32, proposed: u32) -> u32 {
        let (min, max) = (self.spec.min_replicas, self.spec.max_replicas);
        let Some(behavior) = &self.spec.behavior else {
            let window = self.constants.downscale_stabilization_secs;
            let stable = stabilize_legacy(&mut self.log, proposed, window, now);
            return stable.clamp(min, max.min(legacy_scale_up_limit(current)).max(min));
        };
        let (up, down) = (&behavior.scale_up, &behavior.scale_down);
        let stable = stabilize(&mut self.log, current, proposed, windows(up, down, &self.constants), now);
        match stable.cmp(&current) {
            Ordering::Greater => stable.min(max.min(self.events.up_limit(current, up, now))),
            Ordering::Less => stable.max(min.max(self.events.down_limit(current, down, now))),
            Ordering::Equal => stable,
        }
    }
}
