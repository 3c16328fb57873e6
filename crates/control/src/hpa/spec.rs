//! What a user writes into a `HorizontalPodAutoscaler`, and the controller's own constants.

use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use trimtab_model::ReplicaBounds;

/// Flags of kube-controller-manager, with their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {
    /// `--horizontal-pod-autoscaler-tolerance`, for both directions.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`, seconds.
    pub downscale_stabilization_secs: f64,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`, seconds.
    pub cpu_initialization_secs: f64,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`, seconds.
    pub initial_readiness_secs: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            downscale_stabilization_secs: 300.0,
            cpu_initialization_secs: 300.0,
            initial_readiness_secs: 30.0,
        }
    }
}

/// A pod resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU in millicores.
    Cpu,
    /// Working set in bytes.
    Memory,
}

/// Target of a Resource metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `averageUtilization`: percent of the request.
    Utilization(f64),
    /// `averageValue`: millicores or bytes a pod.
    AverageValue(f64),
}

/// A Resource metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Which resource.
    pub resource: Resource,
    /// Where to hold it.
    pub target: Target,
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

/// A `HorizontalPodAutoscaler`'s spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HpaSpec {
    /// `minReplicas`, at least 1.
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
            metrics: vec![Metric {
                resource: Resource::Cpu,
                target: Target::Utilization(f64::from(percent)),
            }],
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
        self.behavior
            .get_or_insert_with(|| Behavior { scale_up: Rules::scale_up(), scale_down: Rules::scale_down() })
    }

    /// Checks what the API server would check.
    ///
    /// # Errors
    /// Names the field, as a path under `hpa`.
    pub fn validate(&self) -> Result<()> {
        check("hpa.min_replicas", self.min_replicas >= 1, "at least 1", self.min_replicas)?;
        check(
            "hpa.max_replicas",
            self.max_replicas >= self.min_replicas,
            "at least min_replicas",
            self.max_replicas,
        )?;
        check("hpa.metrics", !self.metrics.is_empty(), "at least one metric", "none")?;
        for metric in &self.metrics {
            let (Target::Utilization(value) | Target::AverageValue(value)) = metric.target;
            check("hpa.metrics.target", value > 0.0 && value.is_finite(), "a number above zero", value)?;
        }
        for rules in self.behavior.iter().flat_map(|b| [&b.scale_up, &b.scale_down]) {
            let window = rules.stabilization_secs.unwrap_or(0.0);
            check("hpa.behavior.stabilization_secs", (0.0..=3600.0).contains(&window), "0 to 3600", window)?;
            let some = !rules.policies.is_empty() || rules.select == Select::Disabled;
            check("hpa.behavior.policies", some, "at least one policy", "none")?;
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
