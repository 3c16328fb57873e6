//! What the user says in a `VerticalPodAutoscaler`: resource policies by container and the update policy.
//!
//! Source: `pkg/apis/autoscaling.k8s.io/v1/types.go` of the VPA. Left out: CPU startup boost, and the choice among
//! several recommenders.

use super::{Quantity, Resource, ResourceList};
use serde::{Deserialize, Serialize};

/// Name of the policy that counts for every container without its own.
const EVERY_OTHER: &str = "*";

/// `mode` of a container policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalingMode {
    /// The container is scaled.
    #[default]
    Auto,
    /// The container is left alone and does not share in the pod's minimum.
    Off,
}

/// `controlledValues` of a container policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlledValues {
    /// Limits follow requests in proportion.
    #[default]
    RequestsAndLimits,
    /// Limits stay, and cap the recommendation.
    RequestsOnly,
}

/// One entry of `containerPolicies`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerPolicy {
    /// Container it counts for; `*` for every one without its own.
    pub container: String,
    /// Whether the container is scaled.
    pub mode: ScalingMode,
    /// Least recommendation; an entry of zero does not count.
    pub min_allowed: ResourceList,
    /// Greatest recommendation; an entry of zero does not count.
    pub max_allowed: ResourceList,
    /// Resources that are recommended; both where absent.
    pub controlled_resources: Option<Vec<Resource>>,
    /// Whether limits follow.
    pub controlled_values: ControlledValues,
    /// Factor on memory after an OOM kill.
    pub oom_bump_up_ratio: Option<Quantity>,
    /// Least increase of memory after an OOM kill, in bytes.
    pub oom_min_bump_up: Option<Quantity>,
    /// Length of a memory aggregation interval in seconds.
    pub memory_aggregation_interval_secs: Option<i64>,
    /// Memory aggregation intervals after which an idle history expires.
    pub memory_aggregation_interval_count: Option<i64>,
}

impl ContainerPolicy {
    /// The resources it controls.
    pub fn controls(&self, resource: Resource) -> bool {
        self.controlled_resources.as_ref().is_none_or(|list| list.contains(&resource))
    }
}

/// `resourcePolicy` of a VPA; without an entry it is like none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// In the object's order: the first entry of a name counts, the last `*`.
    pub containers: Vec<ContainerPolicy>,
}

impl ResourcePolicy {
    /// The policy that counts for a container.
    pub fn of(&self, container: &str) -> Option<&ContainerPolicy> {
        let own = self.containers.iter().position(|policy| policy.container == container);
        let other = self.containers.iter().rposition(|policy| policy.container == EVERY_OTHER);
        own.or(other).map(|index| &self.containers[index])
    }

    /// Whether a container's limits follow its requests.
    pub fn controlled_values(&self, container: &str) -> ControlledValues {
        self.of(container).map_or_else(ControlledValues::default, |policy| policy.controlled_values)
    }

    /// Whether a container is left alone.
    pub fn is_off(&self, container: &str) -> bool {
        self.of(container).is_some_and(|policy| policy.mode == ScalingMode::Off)
    }
}

/// `updateMode`: what happens to pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateMode {
    /// Only recommend.
    Off,
    /// Only new pods get the recommendation.
    Initial,
    /// Pods are evicted so that new ones get the recommendation.
    #[default]
    Recreate,
    /// The old name of [`Recreate`](Self::Recreate).
    Auto,
    /// Pods are resized in place, and evicted where that fails.
    InPlaceOrRecreate,
    /// Pods are resized in place and never evicted.
    InPlace,
}

/// Direction of an [`EvictionRequirement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeRequirement {
    /// The target is above the request.
    TargetHigherThanRequests,
    /// The target is below the request.
    TargetLowerThanRequests,
}

/// Some resource of a container has to change in a direction before its pod is disrupted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvictionRequirement {
    /// One of these suffices.
    pub resources: Vec<Resource>,
    /// In this direction.
    pub change: ChangeRequirement,
}

/// `updatePolicy` of a VPA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdatePolicy {
    /// What happens to pods.
    pub mode: UpdateMode,
    /// Live pods a group needs to be touched; the updater's setting where absent.
    pub min_replicas: Option<u32>,
    /// All of these have to hold for some container of a pod.
    pub eviction_requirements: Vec<EvictionRequirement>,
    /// Seconds within which an OOM kill after a start is a quick one; the updater's setting where absent.
    pub evict_after_oom_secs: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_its_own_policy_or_the_star() {
        let named = |name: &str| ContainerPolicy { container: name.to_owned(), ..ContainerPolicy::default() };
        let policy = ResourcePolicy { containers: vec![named("*"), named("a")] };
        assert_eq!(policy.of("a").unwrap().container, "a");
        assert_eq!(policy.of("b").unwrap().container, "*");
        assert_eq!(ResourcePolicy::default().of("a"), None);
    }
}
