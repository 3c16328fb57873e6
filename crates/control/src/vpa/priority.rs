//! Which pods differ enough from their recommendation to be touched, and in what order.
//!
//! A pod counts when a request lies outside its bounds; or it was killed for memory soon after a start and something
//! would change; or it has lived long enough and would change by enough. Scale-ups come first, then larger changes.
//! Source: `pkg/updater/priority` of the VPA. Left out: whether a pod may be disrupted
//! ([`Disruption`](super::Disruption)).

use super::{
    ChangeRequirement, EvictionRequirement, Pod, Recommendation, Resource, ResourceList, ResourcePolicy,
    Span, Stamp,
};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Why and how much a pod would change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Priority {
    /// A request lies outside its bounds or is missing.
    pub outside_recommended_range: bool,
    /// Some target is above its request, or the request is missing.
    pub scale_up: bool,
    /// `Σ |requests − targets| / requests` over the resources, of the sums over the pod's containers.
    pub resource_diff: f64,
}

impl Priority {
    /// What a recommendation would change of a pod.
    pub fn of(pod: &Pod, recommendation: Option<&Recommendation>) -> Self {
        let mut priority = Self::default();
        let (mut requested, mut recommended) = ([0_i64; 2], [None::<i64>; 2]);
        for container in pod.containers.iter().filter(|container| pod.observes(&container.name)) {
            let Some(wish) = recommendation.and_then(|list| list.of(&container.name)) else { continue };
            for (resource, target) in wish.target.entries() {
                let slot = resource as usize;
                // Sums wrap around, as upstream's do.
                recommended[slot] = Some(recommended[slot].unwrap_or(0).wrapping_add(target.milli()));
                let Some(request) = container.resources().requests.get(resource) else {
                    priority.scale_up = true;
                    priority.outside_recommended_range = true;
                    continue;
                };
                requested[slot] = requested[slot].wrapping_add(request.milli());
                priority.scale_up |= target.milli() > request.milli();
                priority.outside_recommended_range |=
                    wish.lower_bound.get(resource).is_some_and(|bound| request < bound)
                        || wish.upper_bound.get(resource).is_some_and(|bound| request > bound);
            }
        }
        for slot in 0..2 {
            if let Some(recommended) = recommended[slot] {
                let requested = (requested[slot] as f64).max(1.0);
                priority.resource_diff += (requested - recommended as f64).abs() / requested;
            }
        }
        priority
    }

    /// Whether it comes after `other`: scale-ups first, then the larger change.
    pub fn is_less_than(&self, other: &Self) -> bool {
        if self.scale_up == other.scale_up {
            self.resource_diff < other.resource_diff
        } else {
            other.scale_up
        }
    }

    /// The order in which pods are touched; equal ones keep theirs.
    fn order(a: &Self, b: &Self) -> Ordering {
        if b.is_less_than(a) {
            Ordering::Less
        } else if a.is_less_than(b) {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }
}

/// When a change is worth it (the updater's flags).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Least change of a pod within its bounds.
    pub min_change: f64,
    /// Least age of a pod within its bounds.
    pub lifetime: Span,
    /// Longest run before an OOM kill, and longest time since, that make it a quick one.
    pub evict_after_oom: Span,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { min_change: 0.1, lifetime: Span::HOUR.times(12), evict_after_oom: Span::MINUTE.times(10) }
    }
}

/// Whether some container that the VPA scales was killed for memory within `threshold` of its start, as recently.
pub fn has_quick_oom(pod: &Pod, policy: Option<&ResourcePolicy>, threshold: Span, now: Stamp) -> bool {
    pod.containers.iter().any(|container| {
        let scaled =
            pod.observes(&container.name) && !policy.is_some_and(|policy| policy.is_off(&container.name));
        scaled
            && container.last_termination.is_some_and(|end| {
                end.oom_killed
                    && end.finished.since(end.started) < threshold
                    && now.since(end.finished) < threshold
            })
    })
}

/// Whether a pod of this priority is touched at all.
pub fn is_accepted(
    priority: &Priority,
    quick_oom: bool,
    started: Option<Stamp>,
    thresholds: &Thresholds,
    now: Stamp,
) -> bool {
    if quick_oom && priority.resource_diff == 0.0 {
        return false;
    }
    priority.outside_recommended_range
        || quick_oom
        || (started.is_some_and(|started| now >= started.plus(thresholds.lifetime))
            && priority.resource_diff >= thresholds.min_change)
}

/// Sorts what is touched first to the front.
pub fn sort<T>(pods: &mut [(Priority, T)]) {
    pods.sort_by(|a, b| Priority::order(&a.0, &b.0));
}

/// Whether the VPA's eviction requirements let a pod be disrupted: all of them hold for some container. `requirements`
/// is absent where the VPA has no update policy, and then every pod may be.
pub fn meets_requirements(
    pod: &Pod,
    recommendation: Option<&Recommendation>,
    requirements: Option<&[EvictionRequirement]>,
) -> bool {
    let Some(requirements) = requirements else { return true };
    pod.containers.iter().any(|container| {
        let requests = &container.resources().requests;
        recommendation.and_then(|list| list.of(&container.name)).is_some_and(|wish| {
            requests.cpu.is_none()
                || requests.memory.is_none()
                || requirements.iter().all(|requirement| holds(requirement, requests, &wish.target))
        })
    })
}

fn holds(requirement: &EvictionRequirement, requests: &ResourceList, target: &ResourceList) -> bool {
    requirement.resources.iter().any(|&resource: &Resource| {
        let (request, target) = (requests.or_zero(resource).milli(), target.or_zero(resource).milli());
        match requirement.change {
            ChangeRequirement::TargetHigherThanRequests => target > request,
            ChangeRequirement::TargetLowerThanRequests => target < request,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpa::{Container, ContainerRecommendation, ContainerResources};

    fn pod(millicores: i64) -> Pod {
        let requests = ResourceList { cpu: Some(crate::vpa::Quantity::from_milli(millicores)), memory: None };
        let container = Container {
            name: "a".to_owned(),
            spec: ContainerResources { requests, ..ContainerResources::default() },
            ..Container::default()
        };
        Pod { containers: vec![container], ..Pod::default() }
    }

    fn target(millicores: i64) -> Recommendation {
        let target = ResourceList { cpu: Some(crate::vpa::Quantity::from_milli(millicores)), memory: None };
        let entry = ContainerRecommendation { container: "a".to_owned(), target, ..Default::default() };
        Recommendation { containers: vec![entry] }
    }

    #[test]
    fn the_difference_is_relative_to_the_request() {
        let priority = Priority::of(&pod(2000), Some(&target(10_000)));
        assert_eq!((priority.scale_up, priority.resource_diff), (true, 4.0));
    }

    #[test]
    fn within_bounds_a_pod_has_to_be_old_and_change_enough() {
        let now = Stamp::from_secs(1_700_000_000);
        let thresholds = Thresholds::default();
        let small = Priority { resource_diff: 0.09, ..Priority::default() };
        let large = Priority { resource_diff: 0.1, ..Priority::default() };
        let old = Some(now.minus(Span::HOUR.times(12)));
        let young = Some(now.minus(Span::HOUR.times(11)));
        assert!(is_accepted(&large, false, old, &thresholds, now));
        assert!(!is_accepted(&large, false, young, &thresholds, now));
        assert!(!is_accepted(&small, false, old, &thresholds, now));
        assert!(!is_accepted(&large, false, None, &thresholds, now));
        assert!(is_accepted(&large, true, young, &thresholds, now));
    }
}
