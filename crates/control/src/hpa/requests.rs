//! What a pod requests of a resource, as a Utilization target divides by it.
//!
//! Source: `calculateRequests` in `replica_calculator.go`. Left out: reading pods.

use super::status::MetricError;

/// A container's request of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRequest<'a> {
    /// Name of the container.
    pub name: &'a str,
    /// Thousandths of the resource; `None` without a request.
    pub request: Option<i64>,
}

/// The containers of a pod and what they request of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRequests<'a> {
    /// Ordinary containers.
    pub containers: &'a [ContainerRequest<'a>],
    /// Init containers that restart (sidecars). Other init containers never count.
    pub sidecars: &'a [ContainerRequest<'a>],
    /// Request of the pod as a whole; the outer `None` without any pod-level request, the inner one where there
    /// are some and none of this resource.
    pub pod_level: Option<Option<i64>>,
}

/// Request of `container`, or of the whole pod. `pod_level_resources` is the gate of that name.
///
/// # Errors
/// [`MetricError::MissingRequest`] when a container that counts has none, [`MetricError::MissingContainer`] when no
/// container has that name.
pub fn pod_request(
    pod: &PodRequests<'_>,
    container: Option<&str>,
    pod_level_resources: bool,
) -> Result<i64, MetricError> {
    let all = pod.containers.iter().chain(pod.sidecars);
    match (container, pod.pod_level) {
        (Some(name), _) => {
            let found = all.into_iter().find(|c| c.name == name).ok_or(MetricError::MissingContainer)?;
            found.request.ok_or(MetricError::MissingRequest)
        }
        (None, Some(request)) if pod_level_resources => request.ok_or(MetricError::MissingRequest),
        (None, _) => all
            .into_iter()
            .try_fold(0_i64, |sum, c| Ok(sum.wrapping_add(c.request.ok_or(MetricError::MissingRequest)?))),
    }
}
