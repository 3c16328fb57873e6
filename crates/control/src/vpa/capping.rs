//! What policies, container limits and `LimitRange`s leave of a recommendation.
//!
//! The recommender applies the container policies alone; for a pod, the order is: `LimitRange` of type Pod, then for each
//! container `LimitRange` of type Container, policy, and with `RequestsOnly` its own limits.
//! Source: `pkg/utils/vpa/capping.go` of the VPA.
//!
//! Where a `LimitRange` of type Pod meets a container without recommendation, upstream writes into a nil map and
//! crashes; here such a container is left as it is. Left out: the annotations that explain a cap.

use super::{
    ContainerPolicy, ContainerRecommendation, ContainerResources, ControlledValues, LimitRangeItem,
    LimitRanges, Pod, Quantity, Recommendation, Resource, ResourceList, ResourcePolicy, limits,
    limits::Rounding,
};

/// Caps by the container policies, with `max_allowed` for resources whose policy names no maximum.
pub fn apply_policy(recommendation: &mut Recommendation, policy: &ResourcePolicy, max_allowed: ResourceList) {
    for entry in &mut recommendation.containers {
        let policy = policy.of(&entry.container);
        let min = policy.map(|policy| policy.min_allowed).unwrap_or_default();
        let own = policy.map(|policy| policy.max_allowed).unwrap_or_default();
        let max =
            ResourceList { cpu: own.cpu.or(max_allowed.cpu), memory: own.memory.or(max_allowed.memory) };
        for list in [&mut entry.target, &mut entry.lower_bound, &mut entry.upper_bound] {
            clamp(list, &min, &max);
        }
    }
}

/// The recommendation as a pod may have it; nothing where there is neither recommendation nor policy.
pub fn for_pod(
    recommendation: Option<&Recommendation>,
    policy: Option<&ResourcePolicy>,
    pod: &Pod,
    ranges: &LimitRanges,
) -> Option<Recommendation> {
    if recommendation.is_none() && policy.is_none() {
        return None;
    }
    let mut containers = recommendation.map(|list| list.containers.clone()).unwrap_or_default();
    if let Some(range) = &ranges.pod {
        apply_pod_range(&mut containers, pod, range);
    }
    let none = ResourcePolicy::default();
    let policy = policy.unwrap_or(&none);
    containers.retain_mut(|entry| {
        let Some(container) = pod.container(&entry.container) else { return false };
        let own = policy.of(&entry.container);
        let values = policy.controlled_values(&entry.container);
        for list in [&mut entry.target, &mut entry.lower_bound, &mut entry.upper_bound] {
            cap_for_container(list, container.resources(), own, values, ranges.container.as_ref());
        }
        true
    });
    Some(Recommendation { containers })
}

fn cap_for_container(
    list: &mut ResourceList,
    resources: &ContainerResources,
    policy: Option<&ContainerPolicy>,
    values: ControlledValues,
    range: Option<&LimitRangeItem>,
) {
    if let Some(range) = range {
        apply_container_range(list, resources, range);
    }
    if let Some(policy) = policy {
        clamp(list, &policy.min_allowed, &policy.max_allowed);
    }
    if values == ControlledValues::RequestsOnly {
        cap_to_limits(list, &resources.limits);
    }
}

/// Lowers what is above the container's own limits; whether that happened, for each resource.
pub fn cap_to_limits(list: &mut ResourceList, limits: &ResourceList) -> [bool; 2] {
    let mut capped = [false; 2];
    for (index, resource) in Resource::ALL.into_iter().enumerate() {
        if let (Some(wish), Some(limit)) = (list.get(resource), limits.get(resource))
            && wish.milli() > limit.milli()
        {
            *list.get_mut(resource) = Some(limit);
            capped[index] = true;
        }
    }
    capped
}

/// Raises to the minimum, then lowers to the maximum; a bound of zero does not count.
fn clamp(list: &mut ResourceList, min: &ResourceList, max: &ResourceList) {
    list.map_entries(|resource, wish| {
        let mut wish = wish;
        if let Some(min) = min.get(resource).filter(|min| !min.is_zero()) {
            wish = wish.max(min);
        }
        if let Some(max) = max.get(resource).filter(|max| !max.is_zero()) {
            wish = wish.min(max);
        }
        wish
    });
}

fn apply_container_range(list: &mut ResourceList, resources: &ContainerResources, range: &LimitRangeItem) {
    let boundary = |bound: &ResourceList| {
        if bound.is_empty() {
            return ResourceList::default();
        }
        let of = |resource| {
            limits::boundary_request(
                resource,
                resources.requests.or_zero(resource),
                resources.limits.or_zero(resource),
                bound.or_zero(resource),
                range.default.or_zero(resource),
            )
        };
        ResourceList::new(of(Resource::Cpu), of(Resource::Memory))
    };
    let max = boundary(&range.max);
    let mut min = boundary(&range.min);
    for (resource, least) in range.min.entries() {
        // A request may not be under the minimum either, whatever its limit comes to.
        if least > min.or_zero(resource) {
            *min.get_mut(resource) = Some(least);
        }
    }
    clamp(list, &min, &max);
}

/// A list of a recommendation that a pod's `LimitRange` is applied to.
type Field = fn(&mut ContainerRecommendation) -> &mut ResourceList;

fn apply_pod_range(containers: &mut Vec<ContainerRecommendation>, pod: &Pod, range: &LimitRangeItem) {
    for container in &pod.containers {
        let requests = container.resources().requests;
        if !requests.is_empty() && !containers.iter().any(|entry| entry.container == container.name) {
            containers.push(ContainerRecommendation {
                container: container.name.clone(),
                target: requests,
                ..ContainerRecommendation::default()
            });
        }
    }
    let fields: [Field; 3] =
        [|entry| &mut entry.upper_bound, |entry| &mut entry.target, |entry| &mut entry.lower_bound];
    for field in fields {
        for resource in Resource::ALL {
            fit_pod_range(containers, pod, range, resource, field);
        }
    }
}

/// Scales one list of a pod's recommendations so that the sum of requests reaches the minimum and the sum of
/// proportional limits lies within the range.
pub fn fit_pod_range(
    containers: &mut [ContainerRecommendation],
    pod: &Pod,
    range: &LimitRangeItem,
    resource: Resource,
    field: Field,
) {
    let (min, max) = (range.min.or_zero(resource), range.max.or_zero(resource));
    let default = range.default.or_zero(resource);
    let (mut sum_limits, mut sum_requests) = (Quantity::ZERO, Quantity::ZERO);
    for container in &pod.containers {
        let own = container.resources();
        let request = own.requests.or_zero(resource);
        let wish = containers
            .iter_mut()
            .find(|entry| entry.container == container.name)
            .map_or(request, |entry| field(entry).or_zero(resource));
        let limit =
            limits::proportional_limit(resource, own.limits.or_zero(resource), request, wish, default).limit;
        sum_limits = sum_limits.plus(limit.unwrap_or_default());
        sum_requests = sum_requests.plus(wish);
    }
    let above_max = !max.is_zero() && max < sum_limits;
    let (base, result, rounding) = if min > sum_requests && !sum_limits.is_zero() {
        (sum_requests, min, Rounding::Up)
    } else if sum_limits.is_zero() {
        return;
    } else if above_max {
        (sum_limits, max, Rounding::Down)
    } else if min > sum_limits {
        (sum_limits, min, Rounding::Down)
    } else {
        return;
    };
    for container in &pod.containers {
        let Some(entry) = containers.iter_mut().find(|entry| entry.container == container.name) else {
            continue;
        };
        let list = field(entry);
        if !list.is_empty() {
            let (share, _) = limits::scaled(resource, list.or_zero(resource), base, result, rounding);
            *list.get_mut(resource) = Some(share);
        }
    }
}
