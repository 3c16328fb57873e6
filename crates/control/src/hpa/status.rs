//! What the controller tells: conditions, metric values, events and errors, with upstream's names.
//!
//! Source: `horizontal.go`. Left out: the sentences of condition messages.

use serde::{Deserialize, Serialize};
use trimtab_model::Time;

/// Why a metric gives no proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MetricError {
    /// The metrics API failed or had nothing.
    #[error("unable to get metrics")]
    Unavailable,
    /// The selector matches no pod.
    #[error("no pods returned by selector while calculating replica count")]
    NoPods,
    /// No counted pod has a sample.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    NoSamples,
    /// A pod requests none of the resource.
    #[error("missing request for the resource in a container")]
    MissingRequest,
    /// A pod has no container of the metric's name.
    #[error("container not found in a pod")]
    MissingContainer,
    /// The pods with samples request nothing.
    #[error("no metrics returned matched known pods")]
    NoMatch,
    /// The metric has no target of this kind.
    #[error("invalid metric source: the target is of another kind")]
    InvalidTarget,
    /// The controller does not know the source type.
    #[error("unknown metric source type")]
    UnknownSource,
}

/// Type of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionType {
    /// Whether the scale target can be read and written, and what stabilisation did.
    AbleToScale,
    /// Whether a count could be computed.
    ScalingActive,
    /// Whether a bound or a rate changed the count.
    ScalingLimited,
    /// Whether it was the HPA that scaled to zero.
    ScaledToZero,
}

/// Reason of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "upstream's names, which say what they mean")]
pub enum Reason {
    SucceededGetScale,
    FailedGetScale,
    ReadyForNewScale,
    ScaleUpStabilized,
    ScaleDownStabilized,
    SucceededRescale,
    FailedUpdateScale,
    ValidMetricFound,
    ScalingDisabled,
    InvalidSelector,
    AmbiguousSelector,
    FailedGetResourceMetric,
    FailedGetContainerResourceMetric,
    FailedGetPodsMetric,
    FailedGetObjectMetric,
    FailedGetExternalMetric,
    InvalidMetricSourceType,
    DesiredWithinRange,
    TooFewReplicas,
    TooManyReplicas,
    ScaleUpLimit,
    ScaleDownLimit,
    ScaledToZero,
    NotScaledToZero,
}

/// One condition of the status.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`.
    pub kind: ConditionType,
    /// `status`: `"True"` or `"False"`.
    pub status: bool,
    /// `reason`.
    pub reason: Reason,
    /// `lastTransitionTime`.
    pub since: Time,
}

/// The conditions, in the order in which they first arose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    slots: [Option<Condition>; 4],
}

impl Conditions {
    /// The conditions in order.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.slots.iter().flatten()
    }

    /// The condition of type `kind`.
    pub fn get(&self, kind: ConditionType) -> Option<&Condition> {
        self.iter().find(|condition| condition.kind == kind)
    }

    /// Sets a condition in its place or at the end; its time moves when its status does.
    pub fn set(&mut self, kind: ConditionType, status: bool, reason: Reason, now: Time) {
        for slot in &mut self.slots {
            match slot {
                Some(condition) if condition.kind == kind => {
                    if condition.status != status {
                        condition.since = now;
                    }
                    (condition.status, condition.reason) = (status, reason);
                    return;
                }
                Some(_) => {}
                None => {
                    *slot = Some(Condition { kind, status, reason, since: now });
                    return;
                }
            }
        }
    }

    /// Takes a condition out; those after it move up.
    pub fn remove(&mut self, kind: ConditionType) {
        let mut kept = [None; 4];
        for (slot, condition) in kept.iter_mut().zip(self.iter().filter(|c| c.kind != kind)) {
            *slot = Some(*condition);
        }
        self.slots = kept;
    }
}

/// Value of a metric that was usable, in the status' units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reported {
    /// `averageUtilization` in percent, and `averageValue` in thousandths.
    Utilization {
        /// Whole percent of the requests, truncated.
        percent: i32,
        /// Mean of a pod in thousandths, truncated.
        average: i64,
    },
    /// `averageValue` in thousandths.
    AverageValue(i64),
    /// `value` in thousandths.
    Value(i64),
}

/// `status` of an HPA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// `currentReplicas`: `spec.replicas` of the scale target as last read.
    pub current_replicas: i32,
    /// `desiredReplicas`: the last count that was decided.
    pub desired_replicas: i32,
    /// `lastScaleTime`.
    pub last_scale_time: Option<Time>,
    /// `currentMetrics`, one for each metric of the spec, or empty when none was read.
    pub current_metrics: Vec<Result<Reported, MetricError>>,
    /// `conditions`.
    pub conditions: Conditions,
}

/// Why replicas change, as the event `SuccessfulRescale` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RescaleReason {
    /// Current number of replicas above `spec.maxReplicas`.
    AboveMax,
    /// Current number of replicas below `spec.minReplicas`.
    BelowMin,
    /// The metric of this index is above its target.
    AboveTarget(usize),
    /// All metrics are below their targets.
    BelowTarget,
}

/// A change of replicas to be written to the scale target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Replicas to write.
    pub replicas: i32,
    /// Why; `None` where the metrics ask for no change and stabilisation does.
    pub reason: Option<RescaleReason>,
}

/// What is wrong with the scale target's selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectorError {
    /// There is none.
    Missing,
    /// It does not parse.
    Invalid,
    /// Another HPA selects some of the pods as well.
    Ambiguous,
}

/// What the controller returns beside, or instead of, a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The scale subresource could not be read.
    #[error("failed to query scale subresource")]
    FailedGetScale,
    /// The selector cannot be used.
    #[error("failed to compute desired number of replicas: the selector is {0:?}")]
    Selector(SelectorError),
    /// Some metrics cannot be used.
    #[error("invalid metrics ({invalid} invalid out of {total}), first error is: {first}")]
    InvalidMetrics {
        /// How many.
        invalid: usize,
        /// Of how many.
        total: usize,
        /// What is wrong with the first of them.
        first: MetricError,
    },
    /// The scale subresource could not be written.
    #[error("failed to rescale")]
    FailedUpdateScale,
}

/// An event of the HPA object, by its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The scale subresource could not be read.
    FailedGetScale,
    /// The selector is missing.
    SelectorRequired,
    /// The selector does not parse.
    InvalidSelector,
    /// The pods have several HPAs.
    AmbiguousSelector,
    /// The metric of this index cannot be used, with the condition's reason.
    FailedMetric(usize, Reason),
    /// Nothing was decided because of metrics or the selector.
    FailedComputeMetricsReplicas,
    /// The replicas were changed.
    SuccessfulRescale(Rescale),
    /// The replicas could not be changed.
    FailedRescale(Rescale),
}

impl Event {
    /// `reason` of the event object.
    pub fn reason(&self) -> String {
        match self {
            Self::FailedMetric(_, reason) => format!("{reason:?}"),
            Self::SuccessfulRescale(_) => "SuccessfulRescale".to_owned(),
            Self::FailedRescale(_) => "FailedRescale".to_owned(),
            plain => format!("{plain:?}"),
        }
    }
}
