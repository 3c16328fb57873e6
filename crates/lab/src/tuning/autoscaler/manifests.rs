//! Settings as what a cluster takes: one YAML text with a document for each service, for `kubectl apply -f`.
//!
//! Deployments are taken to be called as the application's services. Left out: autoscalers that no Kubernetes object
//! describes, which get a sentence; `VerticalPodAutoscaler` ([`crate::vertical::tuning`] has them).

use crate::{
    Result,
    contenders::{DEFAULT, Known, Settings},
    manifest::to_yaml,
};
use trimtab_control::{
    CpuHpaConfig, KedaConfig,
    capacity::Capacity,
    hpa::{Manifest, ObjectReference},
    keda::manifest::ScaledObject,
};
use trimtab_model::Application;

/// What a cluster takes, or why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifests {
    /// The documents.
    Yaml(String),
    /// A sentence.
    None(String),
}

/// Where Prometheus is, as its Helm chart has it; whoever applies the manifest puts their own.
const PROMETHEUS: &str = "http://prometheus-server.monitoring.svc:80";

/// The manifests of an autoscaler with `settings` for every service of `application`.
///
/// # Errors
/// Settings that do not fit together.
pub fn manifests(known: &Known, settings: &Settings, application: &Application) -> Result<Manifests> {
    let name = settings.name(known);
    let head = |more: &str| {
        format!("# {name}\n# for deployments called as the services of {}.{more}\n", application.name)
    };
    match known.name {
        DEFAULT => {
            let config: CpuHpaConfig = settings.config(known.name, known.parameters)?;
            let gate = "\n# `tolerance` needs Kubernetes 1.35, or the feature gate HPAConfigurableTolerance.";
            let gated = config.tolerance != CpuHpaConfig::default().tolerance;
            let mut text = head(if gated { gate } else { "" });
            for (service, spec) in application.services.iter().zip(config.specs(application)?) {
                text += "---\n";
                text += &to_yaml(&Manifest::new(&service.name, deployment(&service.name), &spec))?;
            }
            Ok(Manifests::Yaml(text))
        }
        "keda" => {
            let config: KedaConfig = settings.config(known.name, known.parameters)?;
            let mut text = head(
                "\n# Address and query are examples: put your Prometheus and your metric of requests per second.",
            );
            for (service, capacity) in application.services.iter().zip(Capacity::of(application)) {
                let query = format!("sum(rate(http_requests_total{{service=\"{}\"}}[1m]))", service.name);
                text += "---\n";
                text += &to_yaml(&ScaledObject::new(&config, &service.name, &capacity, PROMETHEUS, &query))?;
            }
            Ok(Manifests::Yaml(text))
        }
        other => Ok(Manifests::None(format!(
            "{other} is no Kubernetes object: it needs a controller of its own, so there is no YAML to apply."
        ))),
    }
}

fn deployment(name: &str) -> ObjectReference {
    let (api_version, kind) = ("apps/v1".to_owned(), "Deployment".to_owned());
    ObjectReference { api_version, kind, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{applications, contenders, manifest::from_yaml};
    use trimtab_control::keda::manifest::Trigger;

    fn yaml(name: &str, settings: &str) -> (String, Application) {
        let application = applications::load("online_boutique").unwrap();
        let known = contenders::find(name).unwrap();
        let settings = Settings::parse(known, settings).unwrap();
        match manifests(known, &settings, &application).unwrap() {
            Manifests::Yaml(text) => (text, application),
            Manifests::None(why) => panic!("{why}"),
        }
    }

    fn documents(text: &str) -> impl Iterator<Item = &str> {
        text.split("---\n").skip(1)
    }

    #[test]
    fn an_hpas_yaml_read_back_is_the_spec_that_was_simulated() {
        let settings = "target_percent=63,scale_down_secs=45,scale_down_percent=20,tolerance=0.05,targets=frontend:71/cartservice:90";
        for settings in ["", "target_percent=97", "tolerance=0.2", "scale_down_secs=0", settings] {
            let (text, application) = yaml("hpa", settings);
            let known = contenders::find("hpa").unwrap();
            let config: CpuHpaConfig =
                Settings::parse(known, settings).unwrap().config("hpa", known.parameters).unwrap();
            let specs = config.specs(&application).unwrap();
            assert_eq!(documents(&text).count(), specs.len());
            for ((document, spec), service) in documents(&text).zip(&specs).zip(&application.services) {
                let read: Manifest = from_yaml("kubernetes.yaml", document).unwrap();
                assert_eq!(read.spec().unwrap(), *spec, "{document}");
                assert_eq!(read.metadata.name, service.name);
                assert_eq!(read.spec.scale_target_ref, deployment(&service.name));
            }
            assert_eq!(text.contains("1.35"), settings.contains("tolerance"));
        }
    }

    #[test]
    fn a_target_of_one_service_is_in_its_own_manifest_only() {
        let (text, application) = yaml("hpa", "targets=frontend:71");
        for (document, service) in documents(&text).zip(&application.services) {
            let target =
                if service.name == "frontend" { "averageUtilization: 71" } else { "averageUtilization: 80" };
            assert!(document.contains(target), "{document}");
        }
    }

    #[test]
    fn a_scaled_object_is_read_back_and_holds_the_calls_that_were_aimed_at() {
        let (text, application) = yaml("keda", "threshold=40,pollingInterval=15,cron.desiredReplicas=3");
        let capacities = Capacity::of(&application);
        assert_eq!(documents(&text).count(), capacities.len());
        for (document, capacity) in documents(&text).zip(&capacities) {
            let read: ScaledObject = from_yaml("kubernetes.yaml", document).unwrap();
            let [Trigger::Prometheus(prometheus), Trigger::Cron(cron)] = &read.spec.triggers[..] else {
                panic!("{document}")
            };
            let threshold: f64 = prometheus.threshold.parse().unwrap();
            assert!((threshold - 0.4 * capacity.calls_per_pod).abs() < 1e-3, "{document}");
            assert_eq!((cron.desired_replicas.as_str(), read.spec.polling_interval), ("3", 15));
            // What a trigger's metadata holds is text for Kubernetes, too.
            assert!(document.contains("desiredReplicas: \"3\"") || document.contains("desiredReplicas: '3'"));
        }
    }

    #[test]
    fn what_no_object_describes_gets_a_sentence() {
        let known = contenders::find("threshold").unwrap();
        let application = applications::load("redis").unwrap();
        let made = manifests(known, &Settings::default(), &application).unwrap();
        assert!(matches!(made, Manifests::None(why) if why.contains("threshold is no Kubernetes object")));
    }
}
