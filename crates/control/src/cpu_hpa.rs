//! The few numbers of an HPA on CPU that people tune, the same for every service.
//!
//! Source of the defaults: `kubectl autoscale` and the flags of kube-controller-manager. Left out: everything else an
//! [`HpaSpec`] can say, and a target of its own for each service.

use crate::{
    Hpa, Result,
    hpa::{Behavior, Constants, HpaSpec},
    parameter::Parameter,
};
use serde::{Deserialize, Serialize};
use trimtab_model::Application;

/// Settings of an HPA on CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CpuHpaConfig {
    /// `averageUtilization`: percent of the CPU request.
    pub target_percent: u32,
    /// `scaleDown.stabilizationWindowSeconds`.
    pub scale_down_secs: f64,
    /// Most of the replicas that may be removed in a minute, in percent.
    pub scale_down_percent: u32,
    /// `tolerance` of both directions.
    pub tolerance: f64,
}

impl Default for CpuHpaConfig {
    fn default() -> Self {
        Self { target_percent: 80, scale_down_secs: 300.0, scale_down_percent: 100, tolerance: 0.1 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::integer("target_percent", "% of the CPU request", 10, 400, "averageUtilization")
        .on_log_scale(),
    Parameter::float(
        "scale_down_secs",
        "s",
        0.0,
        3600.0,
        "scaleDown.stabilizationWindowSeconds, whole seconds",
    ),
    Parameter::integer(
        "scale_down_percent",
        "% a minute",
        5,
        100,
        "most of the replicas that may be removed",
    )
    .on_log_scale(),
    Parameter::float("tolerance", "", 0.0, 0.5, "deviation from the target that changes nothing"),
];

impl CpuHpaConfig {
    /// The HPA of every service. Settings at their defaults are left out of the spec, so that the default is what
    /// `kubectl autoscale` makes.
    ///
    /// # Errors
    /// What the Kubernetes API would refuse.
    pub fn build(&self, application: &Application) -> Result<Hpa> {
        let plain = Self { target_percent: self.target_percent, ..Self::default() };
        let specs = application.services.iter().map(|service| {
            let mut spec = HpaSpec::cpu(service.replicas, self.target_percent);
            if *self != plain {
                spec = spec
                    .with_scale_down_window(self.scale_down_secs.round())
                    .with_scale_down_rate(self.scale_down_percent);
                let behavior = spec.behavior.get_or_insert_with(Behavior::default);
                behavior.scale_up.tolerance = Some(self.tolerance);
                behavior.scale_down.tolerance = Some(self.tolerance);
            }
            spec
        });
        Hpa::new(specs.collect(), Constants::default())
    }
}
