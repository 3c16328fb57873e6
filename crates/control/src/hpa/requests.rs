//! What a pod requests of a resource, as a Utilization target divides by it.
//!
//! Source: `calculateRequests` in `replica_calculator.go`, and `PodRequests` of `component-helpers` for pods that have
//! requests of their own. Left out: reading pods.

use super::status::MetricError;

/// A container's request of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRequest<'a> {
    /// Name of the container.
    pub name: &'a str,
    /// Thousandths of the resource; `None` without a request.
    pub request: Option<i64>,
}

/// An init container's request of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitRequest<'a> {
    /// The container.
    pub container: ContainerRequest<'a>,
    /// Whether it restarts always (a sidecar).
    pub restartable: bool,
}

/// The containers of a pod and what they request of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRequests<'a> {
    /// Ordinary containers.
    pub containers: &'a [ContainerRequest<'a>],
    /// Init containers in their order.
    pub init: &'a [InitRequest<'a>],
    /// Request of the pod as a whole: the outer `None` without any pod-level request, the inner one where there
    /// are some and none of this resource.
    pub pod_level: Option<Option<i64>>,
    /// `spec.overhead` of the resource; counts only for a pod with pod-level requests.
    pub overhead: Option<i64>,
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
    let sidecars = pod.init.iter().filter(|init| init.restartable).map(|init| &init.container);
    let mut counted = pod.containers.iter().chain(sidecars);
    let request = match (container, pod.pod_level) {
        (Some(name), _) => counted.find(|c| c.name == name).ok_or(MetricError::MissingContainer)?.request,
        (None, Some(request)) if pod_level_resources => add(request.or(aggregate(pod)), pod.overhead),
        // Ordinary init containers never count, and a container without a request makes the sum none.
        (None, _) => counted.try_fold(0_i64, |sum, c| Some(sum.wrapping_add(c.request?))),
    };
    request.ok_or(MetricError::MissingRequest)
}

/// What the pod needs at once: its containers with their sidecars, or an init container with the sidecars before it.
fn aggregate(pod: &PodRequests<'_>) -> Option<i64> {
    let mut running = pod.containers.iter().fold(None, |sum, c| add(sum, c.request));
    let (mut sidecars, mut starting) = (None, None);
    for init in pod.init {
        let needed = add(sidecars, init.container.request);
        if init.restartable {
            running = add(running, init.container.request);
            sidecars = needed;
        }
        starting = starting.max(needed);
    }
    running.max(starting)
}

fn add(sum: Option<i64>, request: Option<i64>) -> Option<i64> {
    match (sum, request) {
        (Some(sum), Some(request)) => Some(sum.wrapping_add(request)),
        (sum, request) => sum.or(request),
    }
}
