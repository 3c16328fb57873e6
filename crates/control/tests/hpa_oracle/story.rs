//! A story as `oracle/hpa/story.go` reads it, and what the controller did in it. Times are seconds since its beginning.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_control::hpa::manifest::ManifestSpec;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// Of the syncs, the first of which comes one period and a second after the beginning.
    pub(crate) period: f64,
    pub(crate) downscale: f64,
    pub(crate) tolerance: f64,
    pub(crate) cpu_init: f64,
    pub(crate) readiness: f64,
    pub(crate) gates: BTreeMap<String, bool>,
    pub(crate) replicas: i32,
    /// Whether there is another HPA, which steps with the selector `ambiguous` need.
    pub(crate) other_hpa: bool,
    pub(crate) steps: Vec<Step>,
}

/// What the controller finds at one sync.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) spec: Option<ManifestSpec>,
    /// Somebody else's change of the scale target.
    pub(crate) replicas: Option<i32>,
    pub(crate) status_replicas: i32,
    /// `ok`, `missing`, `invalid` or `ambiguous`.
    pub(crate) selector: String,
    pub(crate) get_fails: bool,
    pub(crate) update_fails: bool,
    pub(crate) pods: Vec<Pod>,
    /// By `resource/container`, or by the name of the metric.
    pub(crate) readings: BTreeMap<String, Reading>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) phase: String,
    pub(crate) deleting: bool,
    pub(crate) started: Option<f64>,
    pub(crate) ready: Option<Ready>,
    pub(crate) containers: Vec<Container>,
    pub(crate) init: Vec<Container>,
    pub(crate) pod_level: Option<Amounts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ready {
    pub(crate) status: String,
    pub(crate) since: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) requests: Amounts,
    pub(crate) restartable: bool,
}

/// Millicores and bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amounts {
    pub(crate) cpu: Option<i64>,
    pub(crate) memory: Option<i64>,
}

/// Values are thousandths.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reading {
    pub(crate) fails: bool,
    pub(crate) samples: Vec<Sample>,
    pub(crate) value: i64,
    pub(crate) series: Vec<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    pub(crate) pod: String,
    pub(crate) value: i64,
    pub(crate) at: f64,
    pub(crate) window: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) steps: Option<Vec<Done>>,
    pub(crate) error: Option<String>,
}

/// What the controller did at one sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// How often the controller looked at the HPA: once.
    pub(crate) syncs: u32,
    pub(crate) replicas: i32,
    pub(crate) current: i32,
    pub(crate) desired: i32,
    pub(crate) last_scale: Option<f64>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) metrics: Vec<Option<Value>>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) events: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) percent: Option<i32>,
    pub(crate) average: Option<i64>,
    pub(crate) value: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) since: f64,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
