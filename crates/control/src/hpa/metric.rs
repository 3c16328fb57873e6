//! From pod samples to replicas: grouping, ratios, and the conservative treatment of what is missing.
//!
//! Source: `replica_calculator.go`. A [`PodGroup`] stands for `count` equal pods.

use super::spec::{Constants, Resource};
use trimtab_model::{Allocation, PodGroup, PodPhase, Seconds, Time};

/// Why a metric gives no proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// No counted pod has a sample.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    NoSamples,
    /// The pods request none of the resource.
    #[error("missing request of the resource")]
    NoRequest,
}

/// Pods of one service sorted into the controller's groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodTotals {
    /// Counted pods.
    pub ready: u64,
    /// Sum of their usage (millicores or bytes).
    pub usage: u64,
    /// Pods that are not ready, or whose CPU sample is from before they were.
    pub unready: u64,
    /// Pods without a sample.
    pub missing: u64,
}

/// Sorts pods into ready, unready and missing; terminal and deleted pods are left out.
pub fn group_pods(pods: &[PodGroup], resource: Resource, now: Time, constants: &Constants) -> PodTotals {
    let mut totals = PodTotals::default();
    for pod in pods {
        let count = u64::from(pod.count);
        if pod.deleting || matches!(pod.phase, PodPhase::Failed | PodPhase::Succeeded) {
            continue;
        }
        if pod.phase == PodPhase::Pending {
            totals.unready += count;
            continue;
        }
        let Some(usage) = pod.usage else {
            totals.missing += count;
            continue;
        };
        if resource == Resource::Cpu {
            let (Some(started), Some(readiness)) = (pod.started, pod.readiness) else {
                totals.unready += count;
                continue;
            };
            let unready = if started + Seconds(constants.cpu_initialization_secs) > now {
                !readiness.ready || usage.at < readiness.since + usage.window
            } else {
                // It has never been ready; a pod that lost readiness later still counts.
                !readiness.ready && started + Seconds(constants.initial_readiness_secs) > readiness.since
            };
            if unready {
                totals.unready += count;
                continue;
            }
        }
        totals.ready += count;
        totals.usage += count
            * match resource {
                Resource::Cpu => u64::from(usage.cpu.0),
                Resource::Memory => usage.memory.0,
            };
    }
    totals
}

/// Tolerances downwards and upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) down: f64,
    pub(super) up: f64,
}

impl Tolerance {
    fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// Replicas that bring utilisation of the request to `target` percent. Utilisation is truncated to whole
/// percent first, as upstream does.
///
/// # Errors
/// [`MetricError`] when the metric is invalid.
pub fn replicas_for_utilization(
    totals: &PodTotals,
    request: u64,
    target: f64,
    current: u32,
    tolerance: (f64, f64),
) -> Result<u32, MetricError> {
    if totals.ready == 0 {
        return Err(MetricError::NoSamples);
    }
    if request == 0 {
        return Err(MetricError::NoRequest);
    }
    let ratio = |usage: u64, pods: u64| ((100 * usage) / (request * pods)) as f64 / target;
    let full_share = (request as f64 * target.max(100.0) / 100.0) as u64;
    Ok(replicas(totals, current, Tolerance { down: tolerance.0, up: tolerance.1 }, full_share, ratio))
}

/// Replicas that bring the mean usage of a pod to `target` (millicores or bytes).
///
/// # Errors
/// [`MetricError::NoSamples`] when no pod counts.
pub fn replicas_for_average(
    totals: &PodTotals,
    target: f64,
    current: u32,
    tolerance: (f64, f64),
) -> Result<u32, MetricError> {
    if totals.ready == 0 {
        return Err(MetricError::NoSamples);
    }
    let ratio = |usage: u64, pods: u64| (usage / pods) as f64 / target;
    Ok(replicas(totals, current, Tolerance { down: tolerance.0, up: tolerance.1 }, target as u64, ratio))
}

/// The request of `resource` in the metric's unit.
pub(super) fn request(allocation: &Allocation, resource: Resource) -> u64 {
    match resource {
        Resource::Cpu => u64::from(allocation.cpu_request.0),
        Resource::Memory => allocation.memory_request.0,
    }
}

fn replicas(
    totals: &PodTotals,
    current: u32,
    tolerance: Tolerance,
    full_share: u64,
    ratio: impl Fn(u64, u64) -> f64,
) -> u32 {
    let first = ratio(totals.usage, totals.ready);
    let scale_up_unready = totals.unready > 0 && first > 1.0;
    if !scale_up_unready && totals.missing == 0 {
        return if tolerance.covers(first) { current } else { ceil(first * totals.ready as f64) };
    }
    let (mut usage, mut pods) = (totals.usage, totals.ready);
    if totals.missing > 0 && first != 1.0 {
        // Scaling down, a missing pod is taken to use its full share; scaling up, nothing.
        pods += totals.missing;
        if first < 1.0 {
            usage += totals.missing * full_share;
        }
    }
    if scale_up_unready {
        pods += totals.unready;
    }
    let second = ratio(usage, pods);
    let crossed = (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0);
    if tolerance.covers(second) || crossed {
        return current;
    }
    let wanted = ceil(second * pods as f64);
    if (second < 1.0 && wanted > current) || (second > 1.0 && wanted < current) { current } else { wanted }
}

/// Go's `int32(math.Ceil(x))`, saturating.
fn ceil(x: f64) -> u32 {
    x.ceil().clamp(0.0, f64::from(i32::MAX)) as u32
}
