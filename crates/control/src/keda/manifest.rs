//! KEDA's `keda.sh/v1alpha1` `ScaledObject` of a service: what a user applies, as serialisable data.
//!
//! Source: `apis/keda/v1alpha1/scaledobject_types.go` and the Prometheus and cron scalers of kedacore/keda. Values of a
//! trigger's `metadata` are text, whatever they say. Left out: the text format (YAML or JSON), which is the edge's; other
//! scalers; `advanced`, authentication, status.

use super::{Behavior, KedaConfig};
use crate::{
    capacity::Capacity,
    hpa::{ObjectReference, manifest::Metadata},
    quantity::Quantity,
};
use serde::{Deserialize, Serialize};

/// A whole `ScaledObject`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaledObject {
    /// `keda.sh/v1alpha1`.
    pub api_version: String,
    /// `ScaledObject`.
    pub kind: String,
    /// Name and namespace.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: Spec,
}

/// `spec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// What is scaled.
    pub scale_target_ref: ObjectReference,
    /// Seconds between two looks at activity.
    pub polling_interval: u32,
    /// Seconds without activity before zero.
    pub cooldown_period: u32,
    /// Fewest replicas while nothing is active.
    pub min_replica_count: u32,
    /// Most replicas.
    pub max_replica_count: u32,
    /// What to do without a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// What is scaled on; the one that asks for most counts.
    pub triggers: Vec<Trigger>,
}

/// `fallback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fallback {
    /// Failed readings in a row that are put up with.
    pub failure_threshold: u32,
    /// Replicas to fall back to.
    pub replicas: u32,
    /// What that number means.
    #[serde(default)]
    pub behavior: Behavior,
}

/// One of `triggers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "metadata", rename_all = "lowercase", deny_unknown_fields)]
pub enum Trigger {
    /// A Prometheus query.
    Prometheus(Prometheus),
    /// A window of time.
    Cron(Cron),
}

/// `metadata` of a Prometheus trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// Where Prometheus is.
    pub server_address: String,
    /// A query with a single number for an answer.
    pub query: String,
    /// That number for each replica.
    pub threshold: String,
    /// The number above which the trigger is active.
    pub activation_threshold: String,
}

/// `metadata` of a cron trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cron {
    /// Such as `Etc/UTC`.
    pub timezone: String,
    /// Cron expression of the window's start.
    pub start: String,
    /// Cron expression of the window's end.
    pub end: String,
    /// Replicas within the window.
    pub desired_replicas: String,
}

impl ScaledObject {
    /// What [`super::Keda`] does for the deployment `service` of that capacity. `query` gives its calls per second, asked of
    /// the Prometheus at `server`.
    pub fn new(config: &KedaConfig, service: &str, capacity: &Capacity, server: &str, query: &str) -> Self {
        let threshold = capacity.calls_per_pod * config.threshold / 100.0;
        let mut triggers = vec![Trigger::Prometheus(Prometheus {
            server_address: server.to_owned(),
            query: query.to_owned(),
            threshold: decimal(threshold),
            activation_threshold: decimal(config.activation_threshold),
        })];
        if config.cron.desired_replicas > 0 {
            triggers.push(Trigger::Cron(Cron {
                timezone: "Etc/UTC".to_owned(),
                start: config.cron.start.clone(),
                end: config.cron.end.clone(),
                desired_replicas: config.cron.desired_replicas.to_string(),
            }));
        }
        let fallback = &config.fallback;
        Self {
            api_version: "keda.sh/v1alpha1".to_owned(),
            kind: "ScaledObject".to_owned(),
            metadata: Metadata { name: service.to_owned(), namespace: None },
            spec: Spec {
                scale_target_ref: ObjectReference {
                    api_version: "apps/v1".to_owned(),
                    kind: "Deployment".to_owned(),
                    name: service.to_owned(),
                },
                polling_interval: config.polling_interval.round() as u32,
                cooldown_period: config.cooldown_period.round() as u32,
                min_replica_count: capacity.bounds.min,
                max_replica_count: capacity.bounds.max.max(1),
                fallback: (fallback.replicas > 0).then_some(Fallback {
                    failure_threshold: fallback.failure_threshold,
                    replicas: fallback.replicas,
                    behavior: fallback.behavior,
                }),
                triggers,
            },
        }
    }
}

/// At most three decimals: the HPA behind KEDA counts in thousandths.
fn decimal(value: f64) -> String {
    let thousandths = Quantity::from_f64((1000.0 * value).round() / 1000.0);
    let text = format!("{:.3}", thousandths.approximate());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keda::{CronTrigger, Fallback as FallbackConfig};
    use serde_json::json;
    use trimtab_model::{Millicores, ReplicaBounds};

    fn capacity() -> Capacity {
        Capacity {
            visits: 1.0,
            millicores_per_call: 10.0,
            calls_per_pod: 25.0,
            request: Millicores(100),
            idle: Millicores(0),
            bounds: ReplicaBounds { min: 1, max: 20 },
        }
    }

    fn json_of(config: &KedaConfig) -> serde_json::Value {
        let made =
            ScaledObject::new(config, "web", &capacity(), "http://prometheus:9090", "sum(rate(x[1m]))");
        let json = serde_json::to_value(&made).unwrap();
        assert_eq!(serde_json::from_value::<ScaledObject>(json.clone()).unwrap(), made);
        json
    }

    #[test]
    fn a_scaled_object_has_upstreams_field_names_and_text_in_its_metadata() {
        assert_eq!(
            json_of(&KedaConfig { polling_interval: 14.7, threshold: 33.3333, ..KedaConfig::default() }),
            json!({
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "metadata": { "name": "web" },
                "spec": {
                    "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
                    "pollingInterval": 15,
                    "cooldownPeriod": 300,
                    "minReplicaCount": 1,
                    "maxReplicaCount": 20,
                    "triggers": [{ "type": "prometheus", "metadata": {
                        "serverAddress": "http://prometheus:9090",
                        "query": "sum(rate(x[1m]))",
                        "threshold": "8.333",
                        "activationThreshold": "0"
                    } }]
                }
            })
        );
    }

    #[test]
    fn a_window_and_a_fallback_are_there_only_when_asked_for() {
        let cron = CronTrigger { desired_replicas: 6, ..CronTrigger::default() };
        let fallback = FallbackConfig {
            replicas: 4,
            behavior: Behavior::CurrentReplicasIfHigher,
            ..FallbackConfig::default()
        };
        let json = json_of(&KedaConfig { fallback, cron, ..KedaConfig::default() });
        assert_eq!(
            json["spec"]["triggers"][1],
            json!({ "type": "cron", "metadata": {
                "timezone": "Etc/UTC", "start": "0 6 * * *", "end": "0 20 * * *", "desiredReplicas": "6"
            } })
        );
        assert_eq!(
            json["spec"]["fallback"],
            json!({ "failureThreshold": 3, "replicas": 4, "behavior": "currentReplicasIfHigher" })
        );
    }
}
