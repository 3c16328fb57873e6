//! A pod as the updater sees it.
//!
//! Left out: everything of a pod that no decision of the VPA reads.

use super::{ResourceList, Stamp};
use serde::{Deserialize, Serialize};
use trimtab_model::PodPhase;

/// Kind of a controller that creates pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GroupKind {
    /// `spec.replicas` pods.
    ReplicaSet,
    /// `spec.replicas` pods.
    StatefulSet,
    /// `spec.replicas` pods.
    ReplicationController,
    /// A pod for each of `status.desiredNumberScheduled` nodes.
    DaemonSet,
    /// As many pods as live.
    Job,
}

/// The controller that creates a pod and its replicas.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// Kind of the controller.
    pub kind: GroupKind,
    /// Name of the controller.
    pub name: String,
    /// Pods it is to have; a group of a kind other than `Job` with none is skipped.
    pub replicas: u32,
}

/// Type of a pod condition about a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResizeKind {
    /// `PodResizePending`.
    Pending,
    /// `PodResizeInProgress`.
    InProgress,
}

/// A pod condition about a resize.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResizeCondition {
    /// Its type.
    pub kind: ResizeKind,
    /// Whether its status is true.
    pub status: bool,
    /// Its reason, such as `Deferred`, `Infeasible` or `Error`.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// Requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerResources {
    /// Requests.
    pub requests: ResourceList,
    /// Limits.
    pub limits: ResourceList,
}

/// How a container's previous run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Termination {
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// When it had started.
    pub started: Stamp,
    /// When it ended.
    pub finished: Stamp,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name in the pod.
    pub name: String,
    /// What the pod's spec gives it.
    pub spec: ContainerResources,
    /// What the kubelet says it has; this counts where it is known.
    pub status: Option<ContainerResources>,
    /// How its previous run ended.
    pub last_termination: Option<Termination>,
    /// Whether its resize policy restarts it for some resource.
    pub restarts_on_resize: bool,
}

impl Container {
    /// The resources that count.
    pub fn resources(&self) -> &ContainerResources {
        self.status.as_ref().unwrap_or(&self.spec)
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Name, unique among the pods given together.
    pub name: String,
    /// Index of its controller among the groups given together; a pod without one is left alone.
    pub group: Option<usize>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// Whether deletion has been requested.
    pub deleting: bool,
    /// `status.startTime`.
    pub started: Option<Stamp>,
    /// Containers that the admission controller saw, from its annotation; all count where it is absent.
    pub observed_containers: Option<Vec<String>>,
    /// Whether a CPU startup boost is in progress.
    pub boosted: bool,
    /// Conditions about a resize, in the pod's order.
    pub resize: Vec<ResizeCondition>,
    /// Containers.
    pub containers: Vec<Container>,
}

impl Pod {
    /// A container by its name.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// Whether the admission controller saw a container, or no pod of it at all.
    pub fn observes(&self, container: &str) -> bool {
        self.observed_containers.as_ref().is_none_or(|names| names.iter().any(|name| name == container))
    }

    /// Whether a resize is under way: what the first condition about one says.
    pub fn is_resizing(&self) -> bool {
        self.resize.first().is_some_and(|condition| condition.status)
    }

    /// The first condition of a kind, whatever its status.
    pub fn resize_condition(&self, kind: ResizeKind) -> Option<&ResizeCondition> {
        self.resize.iter().find(|condition| condition.kind == kind)
    }
}
