//! The `autoscaling.k8s.io/v1` manifest of a VPA: what a user applies, as serialisable data.
//!
//! Left out: the text format (YAML or JSON), which is the edge's; what an object that was read asks for; status.

use super::{
    ChangeRequirement, ContainerPolicy, Quantity, Resource, ResourceList, ResourcePolicy, ScalingMode,
    UpdateMode, UpdatePolicy,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole `VerticalPodAutoscaler` object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Metadata {
    name: String,
}

/// The controller whose pods are scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRef {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    target_ref: TargetRef,
    update_policy: UpdateForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_policy: Option<ResourceForm>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateForm {
    update_mode: UpdateMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    eviction_requirements: Vec<RequirementForm>,
    #[serde(default, rename = "evictAfterOOMSeconds", skip_serializing_if = "Option::is_none")]
    evict_after_oom_seconds: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequirementForm {
    resources: Vec<Resource>,
    change_requirement: ChangeRequirement,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceForm {
    container_policies: Vec<ContainerForm>,
}

/// Quantities as text, by resource.
type Amounts = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContainerForm {
    container_name: String,
    mode: ScalingMode,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    min_allowed: Amounts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    max_allowed: Amounts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    controlled_resources: Option<Vec<Resource>>,
    controlled_values: super::ControlledValues,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oom_bump_up_ratio: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oom_min_bump_up: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_aggregation_interval_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_aggregation_interval_count: Option<i64>,
}

impl Manifest {
    /// The manifest of a VPA called `name` on `target`.
    pub fn new(name: &str, target: TargetRef, update: &UpdatePolicy, resources: &ResourcePolicy) -> Self {
        let container_policies: Vec<ContainerForm> =
            resources.containers.iter().map(ContainerForm::from).collect();
        Self {
            api_version: "autoscaling.k8s.io/v1".to_owned(),
            kind: "VerticalPodAutoscaler".to_owned(),
            metadata: Metadata { name: name.to_owned() },
            spec: Spec {
                target_ref: target,
                update_policy: UpdateForm::from(update),
                resource_policy: (!container_policies.is_empty())
                    .then_some(ResourceForm { container_policies }),
            },
        }
    }
}

impl From<&UpdatePolicy> for UpdateForm {
    fn from(policy: &UpdatePolicy) -> Self {
        let requirement = |requirement: &super::EvictionRequirement| RequirementForm {
            resources: requirement.resources.clone(),
            change_requirement: requirement.change,
        };
        Self {
            update_mode: policy.mode,
            min_replicas: policy.min_replicas,
            eviction_requirements: policy.eviction_requirements.iter().map(requirement).collect(),
            evict_after_oom_seconds: policy.evict_after_oom_secs,
        }
    }
}

impl From<&ContainerPolicy> for ContainerForm {
    fn from(policy: &ContainerPolicy) -> Self {
        Self {
            container_name: policy.container.clone(),
            mode: policy.mode,
            min_allowed: amounts(&policy.min_allowed),
            max_allowed: amounts(&policy.max_allowed),
            controlled_resources: policy.controlled_resources.clone(),
            controlled_values: policy.controlled_values,
            oom_bump_up_ratio: policy.oom_bump_up_ratio.map(decimal),
            oom_min_bump_up: policy.oom_min_bump_up.map(binary),
            memory_aggregation_interval_seconds: policy.memory_aggregation_interval_secs,
            memory_aggregation_interval_count: policy.memory_aggregation_interval_count,
        }
    }
}

fn amounts(list: &ResourceList) -> Amounts {
    let text = |(resource, quantity)| match resource {
        Resource::Cpu => ("cpu".to_owned(), decimal(quantity)),
        Resource::Memory => ("memory".to_owned(), binary(quantity)),
    };
    list.entries().map(text).collect()
}

/// Whole units, or thousandths with the suffix `m`.
fn decimal(quantity: Quantity) -> String {
    let thousandths = quantity.thousandths();
    if thousandths % 1000 == 0 { format!("{}", thousandths / 1000) } else { format!("{thousandths}m") }
}

/// The largest binary unit that divides it.
fn binary(quantity: Quantity) -> String {
    let units = [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
    let thousandths = quantity.thousandths();
    let fits = |&(power, _): &(u32, &str)| thousandths != 0 && thousandths % (1000_i128 << power) == 0;
    match units.into_iter().find(|unit| fits(unit)) {
        Some((power, suffix)) => format!("{}{suffix}", thousandths / (1000_i128 << power)),
        None => decimal(quantity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_upstreams_field_names_and_quantities() {
        let policy = ContainerPolicy {
            container: "*".to_owned(),
            min_allowed: ResourceList::of(250, 256 << 20),
            max_allowed: ResourceList::of(4000, 3_000_000_001),
            controlled_resources: Some(vec![Resource::Cpu, Resource::Memory]),
            ..ContainerPolicy::default()
        };
        let update = UpdatePolicy {
            mode: UpdateMode::InPlaceOrRecreate,
            min_replicas: Some(1),
            evict_after_oom_secs: Some(300),
            ..UpdatePolicy::default()
        };
        let target = TargetRef {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
        };
        let manifest = Manifest::new("web", target, &update, &ResourcePolicy { containers: vec![policy] });
        let json = serde_json::to_value(&manifest).unwrap();
        assert_eq!(serde_json::from_value::<Manifest>(json.clone()).unwrap(), manifest);
        assert_eq!(
            json,
            serde_json::json!({
                "apiVersion": "autoscaling.k8s.io/v1",
                "kind": "VerticalPodAutoscaler",
                "metadata": { "name": "web" },
                "spec": {
                    "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
                    "updatePolicy": {
                        "updateMode": "InPlaceOrRecreate", "minReplicas": 1, "evictAfterOOMSeconds": 300
                    },
                    "resourcePolicy": { "containerPolicies": [{
                        "containerName": "*",
                        "mode": "Auto",
                        "minAllowed": { "cpu": "250m", "memory": "256Mi" },
                        "maxAllowed": { "cpu": "4", "memory": "3000000001" },
                        "controlledResources": ["cpu", "memory"],
                        "controlledValues": "RequestsAndLimits"
                    }] }
                }
            })
        );
    }
}
