//! What kube-controller-manager is started with: its flags, its feature gates and its release.
//!
//! Left out: what a user writes into an HPA ([`spec`](super::spec)).

use serde::{Deserialize, Serialize};

/// Whose code is followed where releases differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// Kubernetes 1.36: a pod that ended with success is a pod like any other, and the value per pod of an
    /// `averageValue` target without pods is whatever the processor makes of a division by zero.
    V1_36,
    /// Kubernetes 1.37: a pod that ended with success is ignored, and the value per pod without pods is 0.
    #[default]
    V1_37,
}

/// Feature gates that change a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureGates {
    /// `HPAScaleToZero` (KEP-2021).
    pub scale_to_zero: bool,
    /// `HPAConfigurableTolerance` (KEP-4951).
    pub configurable_tolerance: bool,
    /// `PodLevelResources` (KEP-2837).
    pub pod_level_resources: bool,
}

impl Default for FeatureGates {
    /// The defaults of 1.37.
    fn default() -> Self {
        Self { scale_to_zero: true, configurable_tolerance: true, pod_level_resources: true }
    }
}

/// Flags of kube-controller-manager, with their defaults, and what is compiled into it.
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
    /// Without behaviour, replicas may grow to this multiple at once. Not a flag: upstream's tests raise it to 8.
    pub scale_up_limit_factor: f64,
    /// Without behaviour, replicas may always grow to this many.
    pub scale_up_limit_minimum: f64,
    /// `--feature-gates`.
    pub gates: FeatureGates,
    /// The release followed.
    pub release: Release,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            downscale_stabilization_secs: 300.0,
            cpu_initialization_secs: 300.0,
            initial_readiness_secs: 30.0,
            scale_up_limit_factor: 2.0,
            scale_up_limit_minimum: 4.0,
            gates: FeatureGates::default(),
            release: Release::default(),
        }
    }
}
