//! Pods as the controller sorts them: counted, not ready, without a sample, or left out.
//!
//! Source: `groupPods` in `replica_calculator.go`. Everything that follows needs sums only, so one pass makes a
//! [`Tally`] and nothing is stored.
//!
//! Left out: what is computed from the sums ([`metric`](super::metric)).

use super::constants::{Constants, Release};
use trimtab_model::{PodGroup, PodPhase, PodUsage, Seconds, Time};

/// `status` of a pod's `Ready` condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyStatus {
    /// Ready.
    True,
    /// Not ready.
    False,
    /// The node does not say. Such a pod's CPU counts; it is not among the ready pods of a `value` target.
    Unknown,
}

/// The `Ready` condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadyCondition {
    /// Its status.
    pub status: ReadyStatus,
    /// `lastTransitionTime`.
    pub since: Time,
}

/// Pods that the scale target's selector matches and that no rule can tell apart; mostly one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pod {
    /// How many.
    pub count: u32,
    /// `status.phase`; `None` is the phase `Unknown`.
    pub phase: Option<PodPhase>,
    /// Whether deletion has been requested.
    pub deleting: bool,
    /// `status.startTime`.
    pub started: Option<Time>,
    /// The `Ready` condition.
    pub ready: Option<ReadyCondition>,
}

impl From<&PodGroup> for Pod {
    fn from(group: &PodGroup) -> Self {
        let condition = |readiness: trimtab_model::Readiness| ReadyCondition {
            status: if readiness.ready { ReadyStatus::True } else { ReadyStatus::False },
            since: readiness.since,
        };
        Self {
            count: group.count,
            phase: Some(group.phase),
            deleting: group.deleting,
            started: group.started,
            ready: group.readiness.map(condition),
        }
    }
}

/// One pod's value of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodSample {
    /// The value in thousandths.
    pub value: i64,
    /// End of the measuring window.
    pub at: Time,
    /// Length of the measuring window.
    pub window: Seconds,
}

impl PodSample {
    /// The sample of a resource sample's CPU (millicores) or memory (thousandths of a byte).
    pub(super) fn of(usage: &PodUsage, value: i64) -> Self {
        Self { value, at: usage.at, window: usage.window }
    }
}

/// What becomes of a pod in one metric's computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Counted with its sample.
    Ready,
    /// Not ready, or its CPU sample says nothing yet.
    Unready,
    /// Without a sample.
    Missing,
    /// Deleted or ended.
    Ignored,
}

/// Sorts one pod. `cpu`: whether the metric is the resource CPU, which alone asks for readiness.
pub fn group(pod: &Pod, sample: Option<&PodSample>, cpu: bool, now: Time, constants: &Constants) -> Group {
    let ended = match pod.phase {
        Some(PodPhase::Failed) => true,
        Some(PodPhase::Succeeded) => constants.release != Release::V1_36,
        _ => false,
    };
    if pod.deleting || ended {
        return Group::Ignored;
    }
    if pod.phase == Some(PodPhase::Pending) {
        return Group::Unready;
    }
    let Some(sample) = sample else { return Group::Missing };
    if !cpu {
        return Group::Ready;
    }
    let (Some(started), Some(ready)) = (pod.started, pod.ready) else { return Group::Unready };
    let down = ready.status == ReadyStatus::False;
    let unready = if started + Seconds(constants.cpu_initialization_secs) > now {
        down || sample.at < ready.since + sample.window
    } else {
        // It has never been ready; a pod that lost readiness later still counts.
        down && started + Seconds(constants.initial_readiness_secs) > ready.since
    };
    if unready { Group::Unready } else { Group::Ready }
}

/// Sums over the pods of one metric. Integers wrap as Go's do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Pods that the selector matches.
    pub(super) pods: i64,
    /// Counted pods.
    pub(super) ready: i64,
    /// Sum of their values.
    pub(super) usage: i64,
    /// Sum of their requests.
    pub(super) requests: i64,
    /// Pods that are not ready.
    pub(super) unready: i64,
    /// Sum of their requests.
    pub(super) unready_requests: i64,
    /// Pods without a sample.
    pub(super) missing: i64,
    /// Sum of their requests.
    pub(super) missing_requests: i64,
    /// Sum of what they count for when scaling down on utilisation.
    pub(super) missing_share: i64,
    /// Samples of pods that the selector no longer matches.
    pub(super) strays: i64,
    /// Sum of their values.
    pub(super) stray_usage: i64,
}

/// One pod with what a metric knows of it: its sample, and its request where the target is a utilisation.
pub(super) type Sampled = (Pod, Option<PodSample>, i64);

impl Tally {
    /// Adds up `pods`. `share`: what a pod without a sample counts for, given its request.
    #[inline]
    pub(super) fn of(
        pods: impl Iterator<Item = Sampled>,
        strays: &[i64],
        cpu: bool,
        now: Time,
        constants: &Constants,
        share: impl Fn(i64) -> i64,
    ) -> Self {
        let mut tally = Self::default();
        for (pod, sample, request) in pods {
            let count = i64::from(pod.count);
            let requests = count.wrapping_mul(request);
            tally.pods += count;
            match (group(&pod, sample.as_ref(), cpu, now, constants), sample) {
                (Group::Ready, Some(sample)) => {
                    tally.ready += count;
                    tally.usage = tally.usage.wrapping_add(count.wrapping_mul(sample.value));
                    tally.requests = tally.requests.wrapping_add(requests);
                }
                (Group::Unready, _) => {
                    tally.unready += count;
                    tally.unready_requests = tally.unready_requests.wrapping_add(requests);
                }
                (Group::Ignored, _) => {}
                (Group::Missing | Group::Ready, _) => {
                    tally.missing += count;
                    tally.missing_requests = tally.missing_requests.wrapping_add(requests);
                    let share = count.wrapping_mul(share(request));
                    tally.missing_share = tally.missing_share.wrapping_add(share);
                }
            }
        }
        tally.strays = strays.len() as i64;
        tally.stray_usage = strays.iter().fold(0, |sum: i64, value| sum.wrapping_add(*value));
        tally
    }
}
