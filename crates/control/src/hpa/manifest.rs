//! The `autoscaling/v2` manifest of an HPA: what a user applies, as serialisable data.
//!
//! Writing gives every field that decides something; reading fills in what is missing as the API server does. Status
//! and all metadata but name and namespace are passed over when reading; an unknown field of the spec is an error.
//!
//! Source: `staging/src/k8s.io/api/autoscaling/v2/types.go`, `pkg/apis/autoscaling/v2/defaults.go`. Left out: the text
//! format (YAML or JSON), which is the edge's.

use super::spec::{
    Behavior, HpaSpec, LabelSelector, Metric, MetricIdentifier, ObjectReference, Policy, PolicyKind,
    Resource, Rules, Select, Target,
};
use crate::{Error, Result, quantity::Quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trimtab_model::ReplicaBounds;

/// A whole `HorizontalPodAutoscaler` object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `autoscaling/v2`.
    pub api_version: String,
    /// `HorizontalPodAutoscaler`.
    pub kind: String,
    /// Name and namespace.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: ManifestSpec,
}

/// The part of `metadata` that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `name`.
    pub name: String,
    /// `namespace`; `None` is the one of whoever applies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// `spec` of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestSpec {
    /// What is scaled.
    pub scale_target_ref: ObjectReference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_replicas: Option<u32>,
    max_replicas: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behavior: Option<BehaviorForm>,
}

impl Manifest {
    /// The manifest of an HPA called `name` that scales `target` by `spec`.
    pub fn new(name: &str, target: ObjectReference, spec: &HpaSpec) -> Self {
        Self {
            api_version: "autoscaling/v2".to_owned(),
            kind: "HorizontalPodAutoscaler".to_owned(),
            metadata: Metadata { name: name.to_owned(), namespace: None },
            spec: ManifestSpec::new(target, spec),
        }
    }

    /// The spec with defaults filled in. It is not validated.
    ///
    /// # Errors
    /// Another kind or version, a metric without a part that its type needs, a quantity that is none.
    pub fn spec(&self) -> Result<HpaSpec> {
        expect("apiVersion", self.api_version == "autoscaling/v2", "autoscaling/v2", &self.api_version)?;
        expect("kind", self.kind == "HorizontalPodAutoscaler", "HorizontalPodAutoscaler", &self.kind)?;
        self.spec.spec()
    }
}

impl ManifestSpec {
    /// The `spec` that scales `target` by `spec`.
    pub fn new(target: ObjectReference, spec: &HpaSpec) -> Self {
        Self {
            scale_target_ref: target,
            min_replicas: Some(spec.min_replicas),
            max_replicas: spec.max_replicas,
            metrics: spec.metrics.iter().map(MetricForm::from).collect(),
            behavior: spec.behavior.as_ref().map(|behavior| BehaviorForm {
                scale_up: Some(RulesForm::from(&behavior.scale_up)),
                scale_down: Some(RulesForm::from(&behavior.scale_down)),
            }),
        }
    }

    /// The spec with defaults filled in. It is not validated.
    ///
    /// # Errors
    /// A metric without a part that its type needs, a quantity that is none.
    pub fn spec(&self) -> Result<HpaSpec> {
        let min_replicas = self.min_replicas.unwrap_or(1);
        let metrics = if self.metrics.is_empty() {
            HpaSpec::cpu(ReplicaBounds { min: min_replicas, max: self.max_replicas }, 80).metrics
        } else {
            self.metrics.iter().map(MetricForm::metric).collect::<Result<_>>()?
        };
        let behavior = self.behavior.as_ref().map(|behavior| Behavior {
            scale_up: RulesForm::rules(behavior.scale_up.as_ref(), Rules::scale_up()),
            scale_down: RulesForm::rules(behavior.scale_down.as_ref(), Rules::scale_down()),
        });
        Ok(HpaSpec { min_replicas, max_replicas: self.max_replicas, metrics, behavior })
    }
}

/// A quantity as text; a manifest may have a plain number instead.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount {
    quantity: Quantity,
    binary: bool,
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = if self.binary { self.quantity.binary() } else { self.quantity.to_string() };
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Whole(i64),
            Number(f64),
            Text(String),
        }
        let text = match Form::deserialize(deserializer)? {
            Form::Whole(number) => number.to_string(),
            Form::Number(number) => number.to_string(),
            Form::Text(text) => text,
        };
        let quantity = Quantity::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no Kubernetes quantity")))?;
        Ok(Self { quantity, binary: false })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetricForm {
    #[serde(rename = "type")]
    source_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_resource: Option<ResourceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pods: Option<CustomForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<CustomForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external: Option<CustomForm>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceForm {
    name: Resource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    target: TargetForm,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CustomForm {
    metric: IdentifierForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    described_object: Option<ObjectReference>,
    target: TargetForm,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifierForm {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<LabelSelector>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TargetForm {
    #[serde(rename = "type")]
    target_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average_utilization: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average_value: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Amount>,
}

impl TargetForm {
    fn new(target: Target, binary: bool) -> Self {
        let amount = |milli| Some(Amount { quantity: Quantity::from_milli(milli), binary });
        match target {
            Target::Utilization(percent) => Self {
                target_type: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..Self::default()
            },
            Target::AverageValue(milli) => Self {
                target_type: "AverageValue".to_owned(),
                average_value: amount(milli),
                ..Self::default()
            },
            Target::Value(milli) => {
                Self { target_type: "Value".to_owned(), value: amount(milli), ..Self::default() }
            }
        }
    }

    fn average(&self) -> Option<Result<Target>> {
        self.average_value.map(|amount| Ok(Target::AverageValue(milli(amount)?)))
    }

    fn whole(&self) -> Option<Result<Target>> {
        self.value.map(|amount| Ok(Target::Value(milli(amount)?)))
    }

    fn utilization(&self) -> Option<Result<Target>> {
        self.average_utilization.map(|percent| Ok(Target::Utilization(percent)))
    }
}

fn milli(amount: Amount) -> Result<i64> {
    let wrong = || Error::Config {
        key: "metrics.target".to_owned(),
        expected: "a quantity below 2^63 thousandths",
        found: amount.quantity.to_string(),
    };
    amount.quantity.milli().ok_or_else(wrong)
}

impl From<&Metric> for MetricForm {
    fn from(metric: &Metric) -> Self {
        let resource = |name: Resource, container: Option<String>, target| {
            Some(ResourceForm { name, container, target: TargetForm::new(target, name == Resource::Memory) })
        };
        let custom = |metric: &MetricIdentifier, described_object, target| {
            let metric = IdentifierForm { name: metric.name.clone(), selector: metric.selector.clone() };
            Some(CustomForm { metric, described_object, target: TargetForm::new(target, false) })
        };
        let form = Self { source_type: source_type(metric).to_owned(), ..Self::default() };
        match metric {
            Metric::Resource { resource: name, target } => {
                Self { resource: resource(*name, None, *target), ..form }
            }
            Metric::ContainerResource { resource: name, container, target } => {
                Self { container_resource: resource(*name, Some(container.clone()), *target), ..form }
            }
            Metric::Pods { metric, target } => Self { pods: custom(metric, None, *target), ..form },
            Metric::Object { metric, described_object, target } => {
                Self { object: custom(metric, Some(described_object.clone()), *target), ..form }
            }
            Metric::External { metric, target } => Self { external: custom(metric, None, *target), ..form },
            Metric::Unknown { .. } => form,
        }
    }
}

fn source_type(metric: &Metric) -> &str {
    match metric {
        Metric::Resource { .. } => "Resource",
        Metric::ContainerResource { .. } => "ContainerResource",
        Metric::Pods { .. } => "Pods",
        Metric::Object { .. } => "Object",
        Metric::External { .. } => "External",
        Metric::Unknown { source_type } => source_type,
    }
}

impl MetricForm {
    fn metric(&self) -> Result<Metric> {
        let missing = |what: &'static str| Error::Config {
            key: format!("metrics of type {}", self.source_type),
            expected: what,
            found: "without".to_owned(),
        };
        let resource = |form: &Option<ResourceForm>| {
            let form = form.clone().ok_or_else(|| missing("a section of the type's name"))?;
            // The controller looks for a raw value first.
            let target = form.target.average().or_else(|| form.target.utilization());
            Ok::<_, Error>((form.name, form.container, target.ok_or_else(|| missing("a target"))??))
        };
        let custom = |form: &Option<CustomForm>| {
            let form = form.clone().ok_or_else(|| missing("a section of the type's name"))?;
            let average = form.target.average();
            let target = if self.source_type == "Object" && form.target.target_type == "Value" {
                form.target.whole().or(average)
            } else {
                average.or_else(|| form.target.whole())
            };
            let metric = MetricIdentifier { name: form.metric.name, selector: form.metric.selector };
            Ok::<_, Error>((metric, form.described_object, target.ok_or_else(|| missing("a target"))??))
        };
        Ok(match self.source_type.as_str() {
            "Resource" => {
                let (resource, _, target) = resource(&self.resource)?;
                Metric::Resource { resource, target }
            }
            "ContainerResource" => {
                let (resource, container, target) = resource(&self.container_resource)?;
                let container = container.ok_or_else(|| missing("a container"))?;
                Metric::ContainerResource { resource, container, target }
            }
            "Pods" => {
                let (metric, _, target) = custom(&self.pods)?;
                Metric::Pods { metric, target }
            }
            "Object" => {
                let (metric, described, target) = custom(&self.object)?;
                let described_object = described.ok_or_else(|| missing("a describedObject"))?;
                Metric::Object { metric, described_object, target }
            }
            "External" => {
                let (metric, _, target) = custom(&self.external)?;
                Metric::External { metric, target }
            }
            other => Metric::Unknown { source_type: other.to_owned() },
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BehaviorForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale_up: Option<RulesForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale_down: Option<RulesForm>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RulesForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stabilization_window_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    select_policy: Option<SelectForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<PolicyForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance: Option<Amount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SelectForm {
    Max,
    Min,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyForm {
    #[serde(rename = "type")]
    kind: PolicyTypeForm,
    value: u32,
    period_seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum PolicyTypeForm {
    Pods,
    Percent,
}

impl From<&Rules> for RulesForm {
    fn from(rules: &Rules) -> Self {
        let policy = |policy: &Policy| PolicyForm {
            kind: match policy.kind {
                PolicyKind::Pods => PolicyTypeForm::Pods,
                PolicyKind::Percent => PolicyTypeForm::Percent,
            },
            value: policy.value,
            period_seconds: policy.period_secs,
        };
        let tolerance = |value| Amount { quantity: Quantity::from_f64(value), binary: false };
        Self {
            stabilization_window_seconds: rules.stabilization_secs.map(|seconds| seconds as u32),
            select_policy: Some(match rules.select {
                Select::Max => SelectForm::Max,
                Select::Min => SelectForm::Min,
                Select::Disabled => SelectForm::Disabled,
            }),
            policies: Some(rules.policies.iter().map(policy).collect()),
            tolerance: rules.tolerance.map(tolerance),
        }
    }
}

impl RulesForm {
    fn rules(form: Option<&Self>, defaults: Rules) -> Rules {
        let Some(form) = form else { return defaults };
        let policy = |policy: &PolicyForm| Policy {
            kind: match policy.kind {
                PolicyTypeForm::Pods => PolicyKind::Pods,
                PolicyTypeForm::Percent => PolicyKind::Percent,
            },
            value: policy.value,
            period_secs: policy.period_seconds,
        };
        Rules {
            stabilization_secs: form
                .stabilization_window_seconds
                .map(f64::from)
                .or(defaults.stabilization_secs),
            select: match form.select_policy {
                None => defaults.select,
                Some(SelectForm::Max) => Select::Max,
                Some(SelectForm::Min) => Select::Min,
                Some(SelectForm::Disabled) => Select::Disabled,
            },
            policies: match &form.policies {
                None => defaults.policies,
                Some(policies) => policies.iter().map(policy).collect(),
            },
            tolerance: form.tolerance.map(|amount| amount.quantity.approximate()),
        }
    }
}

fn expect(key: &str, right: bool, expected: &'static str, found: &str) -> Result<()> {
    crate::error::check(key, right, expected, found)
}
