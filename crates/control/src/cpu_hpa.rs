//! The few numbers of an HPA on CPU that people tune: the same for every service, but for targets of single ones.
//!
//! Source of the defaults: `kubectl autoscale` and the flags of kube-controller-manager. Left out: everything else an
//! [`HpaSpec`] can say.

use crate::{
    Error, Hpa, Result,
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
    /// Targets of single services, `service:percent` separated by `/`; the others have `target_percent`.
    pub targets: String,
}

impl Default for CpuHpaConfig {
    fn default() -> Self {
        Self {
            target_percent: 80,
            scale_down_secs: 300.0,
            scale_down_percent: 100,
            tolerance: 0.1,
            targets: String::new(),
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::integer(
        "target_percent",
        "% of the CPU request",
        LEAST_PERCENT as i64,
        MOST_PERCENT as i64,
        "averageUtilization",
    )
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
    Parameter::text("targets", "service:%/service:%", "averageUtilization of single services"),
];

/// The largest `averageUtilization` that [`PARAMETERS`] have.
pub const MOST_PERCENT: u32 = 400;
/// The smallest one.
pub const LEAST_PERCENT: u32 = 10;

impl CpuHpaConfig {
    /// The HPA of every service. Settings at their defaults are left out of the spec, so that the default is what
    /// `kubectl autoscale` makes.
    ///
    /// # Errors
    /// What the Kubernetes API would refuse, and targets of services that are not there.
    pub fn build(&self, application: &Application) -> Result<Hpa> {
        Hpa::new(self.specs(application)?, Constants::default())
    }

    /// The spec of every service, in the application's order.
    ///
    /// # Errors
    /// Targets that cannot be read or are of services that are not there.
    pub fn specs(&self, application: &Application) -> Result<Vec<HpaSpec>> {
        let targets = self.target_of_each(application)?;
        let plain = Self::default();
        let behaves = self.scale_down_secs != plain.scale_down_secs
            || self.scale_down_percent != plain.scale_down_percent;
        let services = application.services.iter().zip(targets);
        let spec = services.map(|(service, percent)| {
            let mut spec = HpaSpec::cpu(service.replicas, percent);
            if behaves {
                spec = spec
                    .with_scale_down_window(self.scale_down_secs.round())
                    .with_scale_down_rate(self.scale_down_percent);
            }
            // A cluster before Kubernetes 1.35 does not know the field.
            if self.tolerance != plain.tolerance {
                let behavior = spec.behavior.get_or_insert_with(Behavior::default);
                behavior.scale_up.tolerance = Some(self.tolerance);
                behavior.scale_down.tolerance = Some(self.tolerance);
            }
            spec
        });
        Ok(spec.collect())
    }

    /// The target of every service in percent, in the application's order.
    ///
    /// # Errors
    /// As [`Self::specs`].
    pub fn target_of_each(&self, application: &Application) -> Result<Vec<u32>> {
        let mut targets = vec![self.target_percent; application.services.len()];
        let wrong = |expected: &'static str, found: &str| Error::Config {
            key: "targets".to_owned(),
            expected,
            found: found.to_owned(),
        };
        for pair in self.targets.split('/').filter(|pair| !pair.is_empty()) {
            let (name, percent) =
                pair.split_once(':').ok_or_else(|| wrong("service:percent separated by /", pair))?;
            let at = application.services.iter().position(|service| service.name == name);
            let at = at.ok_or_else(|| wrong("the name of a service", name))?;
            let percent = percent.parse().ok().filter(|n| (LEAST_PERCENT..=MOST_PERCENT).contains(n));
            targets[at] = percent.ok_or_else(|| wrong("a target from 10 to 400 percent", pair))?;
        }
        Ok(targets)
    }

    /// `targets` of every service as text for [`CpuHpaConfig::targets`]: those that are not `target_percent`.
    pub fn targets_text(&self, application: &Application, targets: &[u32]) -> String {
        let services = application.services.iter().zip(targets);
        let own = services.filter(|(_, percent)| **percent != self.target_percent);
        own.map(|(service, percent)| format!("{}:{percent}", service.name)).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> Application {
        Application::from_toml(include_str!("../../../apps/redis.toml")).unwrap()
    }

    fn targets(text: &str) -> Result<Vec<u32>> {
        let config = CpuHpaConfig { targets: text.to_owned(), ..CpuHpaConfig::default() };
        config.target_of_each(&application())
    }

    #[test]
    fn a_service_without_a_target_of_its_own_has_that_of_all() {
        let application = application();
        let name = &application.services[0].name;
        let found = targets(&format!("{name}:95")).unwrap();
        assert_eq!((found[0], &found[1..]), (95, &vec![80; found.len() - 1][..]));
        let config = CpuHpaConfig::default();
        assert_eq!(config.targets_text(&application, &found), format!("{name}:95"));
        assert_eq!(config.targets_text(&application, &targets("").unwrap()), "");
    }

    #[test]
    fn targets_of_nobody_and_targets_out_of_range_are_refused() {
        let name = application().services[0].name.clone();
        for wrong in ["nobody:50".to_owned(), name.clone(), format!("{name}:5"), format!("{name}:401")] {
            assert!(targets(&wrong).unwrap_err().to_string().starts_with("targets is "), "{wrong}");
        }
    }

    #[test]
    fn what_is_at_its_default_is_not_in_the_spec() {
        let spec = |config: CpuHpaConfig| config.specs(&application()).unwrap().swap_remove(0);
        assert_eq!(spec(CpuHpaConfig::default()).behavior, None);
        let tolerant = spec(CpuHpaConfig { tolerance: 0.2, ..CpuHpaConfig::default() }).behavior.unwrap();
        assert_eq!((tolerant.scale_up.tolerance, tolerant.scale_down.tolerance), (Some(0.2), Some(0.2)));
        let calm = spec(CpuHpaConfig { scale_down_secs: 60.0, ..CpuHpaConfig::default() }).behavior.unwrap();
        assert_eq!((calm.scale_down.stabilization_secs, calm.scale_down.tolerance), (Some(60.0), None));
    }
}
