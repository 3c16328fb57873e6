//! One pass of the reconcile loop over an HPA's spec, memory and status.
//!
//! Source: `horizontal.go`, `reconcileAutoscaler` and what it calls, in its order. Left out: who holds these parts
//! between passes ([`controller`](super::controller)).

use super::{
    constants::Constants,
    controller::Outcome,
    metric::{self, Tolerances},
    observation::Evidence,
    policy::{History, Range, limit_without_behavior},
    spec::{HpaSpec, Metric},
    status::{ConditionType, MetricError, Reason, Rescale, RescaleReason, SelectorError, Status, SyncError},
};
use trimtab_model::Time;

/// What one pass works on.
pub(super) struct Reconcile<'a> {
    pub(super) spec: &'a HpaSpec,
    pub(super) constants: &'a Constants,
    pub(super) history: &'a mut History,
    pub(super) status: &'a mut Status,
    pub(super) now: Time,
}

/// What the metrics together ask for.
struct Proposed {
    replicas: i32,
    metric: Option<usize>,
    error: Option<SyncError>,
}

impl Reconcile<'_> {
    /// Everything up to the write.
    pub(super) fn run(&mut self, seen: &impl Evidence, trim: f64) -> Outcome {
        let Self { spec, constants, now, .. } = *self;
        let mut outcome = Outcome { current: 0, rescale: None, proposed: None, error: None };
        let Some(scale) = seen.scale() else {
            self.condition(ConditionType::AbleToScale, false, Reason::FailedGetScale);
            outcome.error = Some(SyncError::FailedGetScale);
            return outcome;
        };
        self.condition(ConditionType::AbleToScale, true, Reason::SucceededGetScale);
        let current = scale.spec_replicas;
        outcome.current = current;
        self.history.start(current, now);
        self.status.current_metrics.clear();

        let range = Range { current, min: spec.min_replicas as i32, max: spec.max_replicas as i32 };
        let gate = constants.gates.scale_to_zero;
        let scaled_to_zero =
            gate && self.status.conditions.get(ConditionType::ScaledToZero).is_some_and(|c| c.status);
        if current == 0 {
            let remote = spec.metrics.iter().any(Metric::is_object_or_external);
            if !(scaled_to_zero && (range.min != 0 || remote)) {
                self.condition(ConditionType::ScalingActive, false, Reason::ScalingDisabled);
                if !gate {
                    self.status.conditions.remove(ConditionType::ScaledToZero);
                }
                self.settle(current, current);
                return outcome;
            }
        } else if current > range.max {
            outcome.rescale = Some(Rescale { replicas: range.max, reason: Some(RescaleReason::AboveMax) });
            return outcome;
        } else if current < range.min {
            outcome.rescale = Some(Rescale { replicas: range.min, reason: Some(RescaleReason::BelowMin) });
            return outcome;
        }

        let proposed = match seen.selector() {
            Ok(()) => {
                let sync = metric::Sync { now, scale, tolerances: self.tolerances(), constants, trim };
                self.propose(seen, &sync)
            }
            Err(error) => {
                let reason = match error {
                    SelectorError::Missing | SelectorError::Invalid => Reason::InvalidSelector,
                    SelectorError::Ambiguous => Reason::AmbiguousSelector,
                };
                self.condition(ConditionType::ScalingActive, false, reason);
                Err(SyncError::Selector(error))
            }
        };
        let proposed = match proposed {
            Ok(proposed) => proposed,
            Err(error) => {
                self.status.current_replicas = current;
                outcome.error = Some(error);
                return outcome;
            }
        };
        outcome.error = proposed.error;
        outcome.proposed = Some(proposed.replicas);
        // A proposal below zero, which negative metrics can make, is zero.
        let wanted = proposed.replicas.max(0);
        let mut reason = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => proposed.metric.map(RescaleReason::AboveTarget),
            std::cmp::Ordering::Less => Some(RescaleReason::BelowTarget),
            std::cmp::Ordering::Equal => None,
        };
        let mut desired = self.normalize(range, wanted);
        if current == 0 && range.min != 0 && scaled_to_zero && desired < range.min {
            desired = range.min;
            reason = reason.or(Some(RescaleReason::BelowMin));
        }
        if desired == current {
            self.settle(current, current);
        } else {
            outcome.rescale = Some(Rescale { replicas: desired, reason });
        }
        outcome
    }

    /// The largest proposal. A failing metric blocks scaling down, never scaling up.
    fn propose(&mut self, seen: &impl Evidence, sync: &metric::Sync<'_>) -> Result<Proposed, SyncError> {
        let metrics = &self.spec.metrics;
        let (mut replicas, mut metric) = (0, None);
        let mut failed: Option<(usize, MetricError)> = None;
        let mut invalid = 0;
        for (index, spec) in metrics.iter().enumerate() {
            let proposal = metric::propose(spec, index, seen, sync);
            self.status.current_metrics.push(proposal.map(|p| p.reported));
            match proposal {
                Ok(proposal) => {
                    if replicas == 0 || proposal.replicas > replicas {
                        (replicas, metric) = (proposal.replicas, Some(index));
                    }
                }
                Err(error) => {
                    invalid += 1;
                    failed.get_or_insert((index, error));
                }
            }
        }
        let error =
            failed.map(|(_, first)| SyncError::InvalidMetrics { invalid, total: metrics.len(), first });
        if let (Some((index, _)), Some(error)) = (failed, error)
            && (invalid >= metrics.len() || replicas < sync.scale.spec_replicas)
        {
            self.condition(ConditionType::ScalingActive, false, failure(&metrics[index]));
            return Err(error);
        }
        self.condition(ConditionType::ScalingActive, true, Reason::ValidMetricFound);
        Ok(Proposed { replicas, metric, error })
    }

    fn normalize(&mut self, range: Range, proposed: i32) -> i32 {
        let Self { spec, constants, now, .. } = *self;
        let (stable, stabilized) = match &spec.behavior {
            None => {
                let stable = self.history.stabilize_without_behavior(proposed, constants, now);
                (stable, Reason::ScaleDownStabilized)
            }
            Some(behavior) => self.history.stabilize(range.current, proposed, behavior, constants, now),
        };
        let reason = if stable == proposed { Reason::ReadyForNewScale } else { stabilized };
        let (desired, limit) = match &spec.behavior {
            None => limit_without_behavior(range, stable, constants),
            Some(behavior) => self.history.limit(range, stable, behavior, now),
        };
        self.condition(ConditionType::AbleToScale, true, reason);
        self.condition(ConditionType::ScalingLimited, desired != stable, limit);
        desired
    }

    fn tolerances(&self) -> Tolerances {
        let default = self.constants.tolerance;
        let rules = self.spec.behavior.as_ref().filter(|_| self.constants.gates.configurable_tolerance);
        let of = |own: Option<f64>| own.unwrap_or(default);
        Tolerances {
            down: of(rules.and_then(|behavior| behavior.scale_down.tolerance)),
            up: of(rules.and_then(|behavior| behavior.scale_up.tolerance)),
        }
    }

    pub(super) fn condition(&mut self, kind: ConditionType, status: bool, reason: Reason) {
        self.status.conditions.set(kind, status, reason, self.now);
    }

    /// What follows a write that succeeded.
    pub(super) fn rescaled(&mut self, from: i32, to: i32) {
        self.condition(ConditionType::AbleToScale, true, Reason::SucceededRescale);
        self.history.record_scale(from, to, self.spec.behavior.as_ref(), self.now);
        if self.constants.gates.scale_to_zero {
            let remote = self.spec.metrics.iter().any(Metric::is_object_or_external);
            let to_zero = from > 0 && to == 0 && self.spec.min_replicas == 0 && remote;
            let reason = if to_zero { Reason::ScaledToZero } else { Reason::NotScaledToZero };
            self.condition(ConditionType::ScaledToZero, to_zero, reason);
        } else {
            self.status.conditions.remove(ConditionType::ScaledToZero);
        }
        self.settle(from, to);
        self.status.last_scale_time = Some(self.now);
    }

    fn settle(&mut self, current: i32, desired: i32) {
        self.status.current_replicas = current;
        self.status.desired_replicas = desired;
    }
}

/// Reason of `ScalingActive` when `metric` cannot be used.
pub(super) fn failure(metric: &Metric) -> Reason {
    match metric {
        Metric::Resource { .. } => Reason::FailedGetResourceMetric,
        Metric::ContainerResource { .. } => Reason::FailedGetContainerResourceMetric,
        Metric::Pods { .. } => Reason::FailedGetPodsMetric,
        Metric::Object { .. } => Reason::FailedGetObjectMetric,
        Metric::External { .. } => Reason::FailedGetExternalMetric,
        Metric::Unknown { .. } => Reason::InvalidMetricSourceType,
    }
}
