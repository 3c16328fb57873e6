//! What a user writes into a `HorizontalPodAutoscaler`'s spec, after the API server has filled its defaults in.
//!
//! Amounts are integers in thousandths, as the controller computes with them: millicores, thousandths of a byte,
//! thousandths of a custom metric's unit.
//!
//! Left out: the YAML form ([`manifest`](super::manifest)) and the scale target's reference, which decides nothing.

use super::constants::FeatureGates;
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_model::ReplicaBounds;

/// A pod resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU in millicores.
    Cpu,
    /// Working set in thousandths of a byte.
    Memory,
}

/// Where to hold a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `averageUtilization`: percent of the request.
    Utilization(u32),
    /// `averageValue`: thousandths a pod.
    AverageValue(i64),
    /// `value`: thousandths.
    Value(i64),
}

/// One term of `selector.matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelectorRequirement {
    /// Name of the label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values that the operator takes.
    #[serde(default)]
    pub values: Vec<String>,
}

/// Which series of a metric count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSelector {
    /// Labels that a series must have.
    pub match_labels: BTreeMap<String, String>,
    /// Terms that a series must meet.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// A metric of the custom or external metrics API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricIdentifier {
    /// Its name.
    pub name: String,
    /// Its series; `None` is all of them.
    pub selector: Option<LabelSelector>,
}

/// The object that an Object metric describes, and the scale target in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectReference {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`, in the HPA's namespace.
    pub name: String,
}

/// One entry of `metrics`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// A resource of whole pods.
    Resource {
        /// Which resource.
        resource: Resource,
        /// `Utilization` or `AverageValue`.
        target: Target,
    },
    /// A resource of one container of each pod.
    ContainerResource {
        /// Which resource.
        resource: Resource,
        /// Name of the container.
        container: String,
        /// `Utilization` or `AverageValue`.
        target: Target,
    },
    /// A custom metric of each pod.
    Pods {
        /// Which metric.
        metric: MetricIdentifier,
        /// `AverageValue`.
        target: Target,
    },
    /// A custom metric of one object.
    Object {
        /// Which metric.
        metric: MetricIdentifier,
        /// Of which object.
        described_object: ObjectReference,
        /// `Value` or `AverageValue`.
        target: Target,
    },
    /// A metric from outside the cluster.
    External {
        /// Which metric.
        metric: MetricIdentifier,
        /// `Value` or `AverageValue`.
        target: Target,
    },
    /// A source type that the controller does not know. The API server refuses it; one that was stored by a newer
    /// API server is invalid at every sync.
    Unknown {
        /// What the spec calls it.
        source_type: String,
    },
}

impl Metric {
    /// Where to hold it; `None` for an unknown source type.
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Resource { target, .. }
            | Self::ContainerResource { target, .. }
            | Self::Pods { target, .. }
            | Self::Object { target, .. }
            | Self::External { target, .. } => Some(*target),
            Self::Unknown { .. } => None,
        }
    }

    /// Whether it can be read while there are no pods.
    pub fn is_object_or_external(&self) -> bool {
        matches!(self, Self::Object { .. } | Self::External { .. })
    }

    /// What may stand in `target`, for an error.
    fn accepts(&self, target: Target) -> bool {
        match (self, target) {
            (Self::Resource { .. } | Self::ContainerResource { .. }, Target::Utilization(percent)) => {
                percent > 0
            }
            (
                Self::Resource { .. } | Self::ContainerResource { .. } | Self::Pods { .. },
                Target::AverageValue(value),
            )
            | (
                Self::Object { .. } | Self::External { .. },
                Target::AverageValue(value) | Target::Value(value),
            ) => value > 0,
            _ => false,
        }
    }
}

/// Unit of a scaling policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// A number of pods.
    Pods,
    /// Percent of the replicas at the period's start.
    Percent,
}

/// How far a direction may go in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Unit of `value`.
    pub kind: PolicyKind,
    /// Largest change.
    pub value: u32,
    /// Length of the period in seconds, 1 to 1800.
    pub period_secs: u32,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// `behavior.scaleUp` or `behavior.scaleDown`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// `stabilizationWindowSeconds`, 0 to 3600; `None` is the controller's default (scale-down only).
    pub stabilization_secs: Option<f64>,
    /// `selectPolicy`.
    #[serde(default)]
    pub select: Select,
    /// `policies`.
    pub policies: Vec<Policy>,
    /// `tolerance` of this direction; `None` is the controller's.
    #[serde(default)]
    pub tolerance: Option<f64>,
}

impl Rules {
    /// Defaults of `scaleUp`: at once, 4 pods or 100 % in 15 s, whichever is more.
    pub fn scale_up() -> Self {
        Self {
            stabilization_secs: Some(0.0),
            select: Select::Max,
            policies: vec![
                Policy { kind: PolicyKind::Pods, value: 4, period_secs: 15 },
                Policy { kind: PolicyKind::Percent, value: 100, period_secs: 15 },
            ],
            tolerance: None,
        }
    }

    /// Defaults of `scaleDown`: the controller's window, 100 % in 15 s.
    pub fn scale_down() -> Self {
        Self {
            stabilization_secs: None,
            select: Select::Max,
            policies: vec![Policy { kind: PolicyKind::Percent, value: 100, period_secs: 15 }],
            tolerance: None,
        }
    }
}

/// `spec.behavior`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behavior {
    /// Upwards.
    pub scale_up: Rules,
    /// Downwards.
    pub scale_down: Rules,
}

impl Default for Behavior {
    /// What an empty `behavior` stands for.
    fn default() -> Self {
        Self { scale_up: Rules::scale_up(), scale_down: Rules::scale_down() }
    }
}

/// A `HorizontalPodAutoscaler`'s spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HpaSpec {
    /// `minReplicas`; 0 only with `HPAScaleToZero` and an Object or External metric.
    pub min_replicas: u32,
    /// `maxReplicas`.
    pub max_replicas: u32,
    /// `metrics`; the largest proposal wins.
    pub metrics: Vec<Metric>,
    /// `behavior`; without it the controller's older rules apply.
    #[serde(default)]
    pub behavior: Option<Behavior>,
}

impl HpaSpec {
    /// CPU at `percent` of the request and nothing else.
    pub fn cpu(bounds: ReplicaBounds, percent: u32) -> Self {
        Self {
            min_replicas: bounds.min,
            max_replicas: bounds.max,
            metrics: vec![Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(percent) }],
            behavior: None,
        }
    }

    /// The same with a scale-down stabilisation window in seconds.
    #[must_use]
    pub fn with_scale_down_window(mut self, seconds: f64) -> Self {
        self.behavior_mut().scale_down.stabilization_secs = Some(seconds);
        self
    }

    /// The same with at most `percent` of the replicas removed in a minute.
    #[must_use]
    pub fn with_scale_down_rate(mut self, percent: u32) -> Self {
        self.behavior_mut().scale_down.policies =
            vec![Policy { kind: PolicyKind::Percent, value: percent, period_secs: 60 }];
        self
    }

    fn behavior_mut(&mut self) -> &mut Behavior {
        self.behavior.get_or_insert_default()
    }

    /// Target of the first Resource metric on CPU, in percent of the request.
    pub fn cpu_utilization(&self) -> Option<u32> {
        self.metrics.iter().find_map(|metric| match metric {
            Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(percent) } => {
                Some(*percent)
            }
            _ => None,
        })
    }

    /// Checks what the API server would check.
    ///
    /// # Errors
    /// Names the field, as a path under `hpa`.
    pub fn validate(&self, gates: &FeatureGates) -> Result<()> {
        let remote = self.metrics.iter().any(Metric::is_object_or_external);
        let least = u32::from(!(gates.scale_to_zero && remote));
        check("hpa.min_replicas", self.min_replicas >= least, "at least 1", self.min_replicas)?;
        check(
            "hpa.max_replicas",
            self.max_replicas >= self.min_replicas.max(1) && i32::try_from(self.max_replicas).is_ok(),
            "at least min_replicas",
            self.max_replicas,
        )?;
        check("hpa.metrics", !self.metrics.is_empty(), "at least one metric", "none")?;
        for metric in &self.metrics {
            match metric.target() {
                None => check("hpa.metrics.type", false, "a known source type", format!("{metric:?}"))?,
                Some(target) => check(
                    "hpa.metrics.target",
                    metric.accepts(target),
                    "a kind of target that the metric has, above zero",
                    format!("{target:?}"),
                )?,
            }
        }
        for rules in self.behavior.iter().flat_map(|b| [&b.scale_up, &b.scale_down]) {
            let window = rules.stabilization_secs.unwrap_or(0.0);
            let right = (0.0..=3600.0).contains(&window) && window.fract() == 0.0;
            check("hpa.behavior.stabilization_secs", right, "whole seconds, 0 to 3600", window)?;
            check("hpa.behavior.policies", !rules.policies.is_empty(), "at least one policy", "none")?;
            for policy in &rules.policies {
                let right = (1..=1800).contains(&policy.period_secs);
                check("hpa.behavior.policies.period_secs", right, "1 to 1800", policy.period_secs)?;
                check("hpa.behavior.policies.value", policy.value > 0, "at least 1", policy.value)?;
            }
            let tolerance = rules.tolerance.unwrap_or(0.0);
            check("hpa.behavior.tolerance", tolerance >= 0.0, "zero or more", tolerance)?;
        }
        Ok(())
    }
}
