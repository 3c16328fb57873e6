//! What a controller may know at one instant.
//!
//! Missing is not zero: a metric is a [`Sample`] with its age, or absent. A snapshot is a buffer that its
//! owner reuses; filling it again allocates nothing once the vectors have grown.
//!
//! Left out: how the numbers were obtained, and every number that only a simulator could know.

use crate::quantity::{Bytes, Millicores, PerSecond, Seconds, Time};
use serde::{Deserialize, Serialize};

/// A measured value and how old it is at the snapshot's time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample<T> {
    /// The measurement.
    pub value: T,
    /// Snapshot time minus the end of the measuring window.
    pub age: Seconds,
}

/// Response times of requests that ended in one measuring window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Arithmetic mean.
    pub mean: Seconds,
    /// 95th percentile.
    pub p95: Seconds,
    /// 99th percentile.
    pub p99: Seconds,
}

/// Pod counts of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// Asked for (`spec.replicas`).
    pub spec: u32,
    /// Receiving traffic (`status.readyReplicas`).
    pub ready: u32,
    /// Created and not yet ready: pending, pulling, or failing their readiness probe.
    pub starting: u32,
}

/// What each pod of a service has been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// CPU request.
    pub cpu_request: Millicores,
    /// CPU limit; `None` is unlimited.
    pub cpu_limit: Option<Millicores>,
    /// Memory request.
    pub memory_request: Bytes,
    /// Memory limit; `None` is unlimited.
    pub memory_limit: Option<Bytes>,
    /// Maximum JVM heap, where the service has one.
    pub heap: Option<Bytes>,
}

/// A change of resources that has not reached every pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resizing {
    /// What each pod is to be given.
    pub target: Allocation,
    /// Pods that have not been given it.
    pub waiting: u32,
    /// Of these, pods whose node has no room now (`PodResizePending`, reason `Deferred`).
    pub deferred: u32,
    /// Of these, pods whose node could never have the room (reason `Infeasible`).
    pub infeasible: u32,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    /// Not scheduled, or its images are being pulled.
    #[default]
    Pending,
    /// At least one container runs.
    Running,
    /// Every container ended with success.
    Succeeded,
    /// Every container ended, at least one with failure.
    Failed,
}

/// The `Ready` condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// Status of the condition.
    pub ready: bool,
    /// `lastTransitionTime`.
    pub since: Time,
}

/// One pod's sample from the resource metrics pipeline (metrics-server).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodUsage {
    /// Mean CPU use over the window.
    pub cpu: Millicores,
    /// Working set at the window's end.
    pub memory: Bytes,
    /// End of the window.
    pub at: Time,
    /// Length of the window.
    pub window: Seconds,
}

/// Pods of one service that no rule can tell apart. A live plant may list each pod as a group of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodGroup {
    /// How many pods.
    pub count: u32,
    /// Their phase.
    pub phase: PodPhase,
    /// Whether deletion has been requested.
    pub deleting: bool,
    /// `status.startTime`; absent before the kubelet has seen the pod.
    pub started: Option<Time>,
    /// The `Ready` condition; absent before the kubelet has set one.
    pub readiness: Option<Readiness>,
    /// Latest resource sample; absent when the pipeline has none.
    pub usage: Option<PodUsage>,
}

/// One service as a controller sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Pod counts.
    pub replicas: Replicas,
    /// The pods, grouped.
    pub pods: Vec<PodGroup>,
    /// Mean CPU use of a ready pod.
    pub cpu: Option<Sample<Millicores>>,
    /// Mean working set of a ready pod.
    pub memory: Option<Sample<Bytes>>,
    /// Calls arriving at the service.
    pub rate: Option<Sample<PerSecond>>,
    /// Time the service takes to answer a call, its callees excluded.
    pub latency: Option<Sample<Latency>>,
    /// What each pod has been given; while pods differ, what most of them have.
    pub allocation: Allocation,
    /// The change of resources under way, if one is.
    #[serde(default)]
    pub resizing: Option<Resizing>,
}

/// Traffic on one edge of the call graph.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Index of the calling service; `None` is the outside.
    pub caller: Option<usize>,
    /// Index of the called service.
    pub callee: usize,
    /// Calls on this edge.
    pub rate: Sample<PerSecond>,
}

/// What a controller may know at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub time: Time,
    /// Requests arriving from outside.
    pub rate: Option<Sample<PerSecond>>,
    /// Response times seen by the application's clients.
    pub latency: Option<Sample<Latency>>,
    /// Services, in the application's order.
    pub services: Vec<ServiceState>,
    /// Edges of the call graph that carried traffic.
    pub flows: Vec<Flow>,
}
