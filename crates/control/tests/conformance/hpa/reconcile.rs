//! Whole reconciles.

use super::read::{Pods, constants, recommendations, rules};
use crate::cases::{Case, Input};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use trimtab_control::hpa::{
    Behavior, ConditionType, Controller, History, HpaSpec, Metric, MetricIdentifier, ObjectReference,
    Observation, Reading, Reason, Reported, Requests, Resource, Scale, SelectorError, Status, Target,
};
use trimtab_model::{Seconds, Time};

fn target(metric: &Value) -> Result<Target, Failed> {
    Ok(match metric.text("target_type")? {
        "Utilization" => Target::Utilization(metric.int("target")? as u32),
        "AverageValue" => Target::AverageValue(metric.int("target_milli")?),
        "Value" => Target::Value(metric.int("target_milli")?),
        other => return Err(format!("no target type `{other}`").into()),
    })
}

fn metric(value: &Value) -> Result<Metric, Failed> {
    let resource = if value["resource"] == "memory" { Resource::Memory } else { Resource::Cpu };
    let identifier =
        || MetricIdentifier { name: value["metric"].as_str().unwrap_or_default().to_owned(), selector: None };
    Ok(match value.text("type")? {
        "Resource" => Metric::Resource { resource, target: target(value)? },
        "ContainerResource" => {
            let container = value.text("container")?.to_owned();
            Metric::ContainerResource { resource, container, target: target(value)? }
        }
        "Pods" => Metric::Pods { metric: identifier(), target: target(value)? },
        "Object" => {
            let described_object = ObjectReference {
                api_version: String::new(),
                kind: "Deployment".to_owned(),
                name: "some-deployment".to_owned(),
            };
            Metric::Object { metric: identifier(), described_object, target: target(value)? }
        }
        "External" => Metric::External { metric: identifier(), target: target(value)? },
        other => Metric::Unknown { source_type: other.to_owned() },
    })
}

fn spec(inputs: &Value) -> Result<HpaSpec, Failed> {
    let behavior = match &inputs["behavior"] {
        Value::Null => None,
        behavior => Some(Behavior {
            scale_up: rules(&behavior["scale_up"])?,
            scale_down: rules(&behavior["scale_down"])?,
        }),
    };
    Ok(HpaSpec {
        min_replicas: inputs["min_replicas"].as_u64().unwrap_or(1) as u32,
        max_replicas: inputs.int("max_replicas")? as u32,
        metrics: inputs.list("metrics")?.iter().map(metric).collect::<Result<_, _>>()?,
        behavior,
    })
}

fn status(inputs: &Value, now: Time) -> Result<Status, Failed> {
    let mut status = Status::default();
    for condition in inputs.list("initial_conditions")? {
        let (kind, reason) = match condition.text("type")? {
            "ScaledToZero" => (ConditionType::ScaledToZero, Reason::ScaledToZero),
            "AbleToScale" => (ConditionType::AbleToScale, Reason::SucceededGetScale),
            "ScalingActive" => (ConditionType::ScalingActive, Reason::ValidMetricFound),
            "ScalingLimited" => (ConditionType::ScalingLimited, Reason::DesiredWithinRange),
            other => return Err(format!("no condition `{other}`").into()),
        };
        status.conditions.set(kind, condition["status"] == "True", reason, now);
    }
    Ok(status)
}

/// A condition as the cases write it.
fn told(kind: ConditionType, status: bool, reason: Reason) -> Value {
    let status = if status { "True" } else { "False" };
    json!({ "type": format!("{kind:?}"), "status": status, "reason": format!("{reason:?}") })
}

pub(crate) fn run(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let now = Time(inputs.float("now_s")?);
    let spec = spec(inputs)?;
    let pods = Pods::read(inputs)?;
    let levels: Vec<i64> =
        inputs.list("reported_levels")?.iter().map(Value::as_i64).collect::<Option<_>>().ok_or("levels")?;
    let window = Seconds(case.defaults["metric_window_s"].as_f64().unwrap_or(60.0));
    let failing = inputs["failing_source"].as_str().unwrap_or_default();

    let mut samples = Vec::new();
    let mut requests = Vec::new();
    for metric in &spec.metrics {
        let value = |level: &i64| match metric {
            Metric::Resource { .. } => Some(level / 2 * 2),
            Metric::ContainerResource { container, .. } => {
                matches!(container.as_str(), "container1" | "container2").then_some(level / 2)
            }
            _ => Some(*level),
        };
        let values: Vec<Option<i64>> = levels.iter().map(value).collect();
        samples.push(pods.indexed(&values, now, window));
        let container = match metric {
            Metric::ContainerResource { container, .. } => Some(container.as_str()),
            _ => None,
        };
        requests.push(pods.requests(inputs, container, true)?);
    }
    let readings: Vec<Reading<'_>> = spec
        .metrics
        .iter()
        .zip(samples.iter().zip(&requests))
        .map(|(metric, (samples, requests))| match metric {
            _ if failing == "all_metrics" || levels.is_empty() => Reading::Failed,
            Metric::External { .. } if failing == "external_metrics" => Reading::Failed,
            Metric::External { .. } => Reading::Series(&levels),
            Metric::Object { .. } => Reading::Value(levels[0]),
            _ => samples.reading(Requests::PerPod(requests)),
        })
        .collect();

    let mut controller = Controller::admitted(spec.clone(), constants(&case.defaults, inputs)?);
    controller.set_status(status(inputs, now)?);
    controller.set_history(History::new(recommendations(inputs, now)?, Vec::new(), Vec::new()));
    let replicas = inputs.int("spec_replicas")?;
    let scale = Scale {
        spec_replicas: replicas as i32,
        status_replicas: inputs["status_replicas"].as_i64().unwrap_or(replicas) as i32,
    };
    let seen = Observation {
        scale: (failing != "get_scale").then_some(scale),
        selector: match inputs["selector"].as_str() {
            Some("missing") => Err(SelectorError::Missing),
            Some("unparsable") => Err(SelectorError::Invalid),
            Some("ambiguous") => Err(SelectorError::Ambiguous),
            _ => Ok(()),
        },
        pods: &pods.pods,
        readings: &readings,
    };
    let mut outcome = controller.decide(now, &seen);
    // A conflict is retried by whoever writes, with success.
    let written = failing != "update_scale";
    let updated = outcome.rescale.filter(|_| written).map(|rescale| rescale.replicas);
    controller.commit(now, &mut outcome, written);

    let percent = controller.status().current_metrics.iter().find_map(|value| match value {
        Ok(Reported::Utilization { percent, .. }) => Some(*percent),
        _ => None,
    });
    let conditions: Vec<Value> =
        controller.status().conditions.iter().map(|c| told(c.kind, c.status, c.reason)).collect();
    Ok(json!({
        "desired_replicas": updated.map_or(replicas, i64::from),
        "scale_updated": updated.is_some(),
        "error": outcome.error.is_some(),
        "error_contains": error_text(case, outcome.error.map(|error| error.to_string())),
        "conditions": conditions,
        "cpu_utilization_percent": percent,
    }))
}

/// The expected text where the error contains it.
fn error_text(case: &Case, error: Option<String>) -> Value {
    let wanted = case.expected["error_contains"].as_str().unwrap_or_default();
    match error {
        Some(text) if text.contains(wanted) => json!(wanted),
        other => json!(other),
    }
}
