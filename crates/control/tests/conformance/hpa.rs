//! The families `hpa_*`, through the public interface of `trimtab_control::hpa`.
//!
//! A metric's proposal is read off a whole reconcile: it is the outcome's `proposed`, before any limit.

mod read;
mod reconcile;

use crate::cases::{Case, Input, Runner};
use libtest_mimic::Failed;
use read::{Pods, constants, events, order, rules};
use serde_json::{Value, json};
use trimtab_control::hpa::{
    Behavior, ConditionType, Controller, Group, History, HpaSpec, Metric, MetricError, MetricIdentifier,
    ObjectReference, Observation, Range, Reading, Reason, Release, Reported, Requests, Resource, Rules,
    Scale, Status, SyncError, Target, change_within, group, limit_without_behavior, per_pod_usage,
    usage_ratio, utilization_ratio,
};
use trimtab_model::{Seconds, Time};

pub(crate) const FAMILIES: [(&str, Runner); 12] = [
    ("hpa_resource_utilization", resource_utilization),
    ("hpa_pods_metric", pods_metric),
    ("hpa_object_metric", whole_metric),
    ("hpa_external_metric", whole_metric),
    ("hpa_group_pods", group_pods),
    ("hpa_pod_requests", pod_requests),
    ("hpa_ratio_helpers", ratio_helpers),
    ("hpa_behavior", behavior),
    ("hpa_convert_rules", convert_rules),
    ("hpa_stabilization", stabilization),
    ("hpa_scale_events", scale_events),
    ("hpa_reconcile", reconcile::run),
];

/// What one metric proposes and how it is reported, or why it is invalid.
type Proposal = Result<(i32, Reported), MetricError>;

fn propose(
    case: &Case,
    metric: Metric,
    scale: Scale,
    pods: &Pods,
    reading: Reading<'_>,
) -> Result<Proposal, Failed> {
    let tolerance = &case.inputs["tolerance"];
    let rules = |direction, defaults: Rules| -> Result<Rules, Failed> {
        Ok(Rules { tolerance: Some(tolerance.float(direction)?), ..defaults })
    };
    let behavior = Behavior {
        scale_up: rules("scale_up", Rules::scale_up())?,
        scale_down: rules("scale_down", Rules::scale_down())?,
    };
    // From zero the controller reads metrics only after it has scaled to zero itself and may not stay there.
    let spec = HpaSpec {
        min_replicas: u32::from(scale.spec_replicas == 0),
        max_replicas: i32::MAX as u32,
        metrics: vec![metric],
        behavior: Some(behavior),
    };
    let now = Time(case.inputs["now_s"].as_f64().unwrap_or(1_000_000.0));
    let mut controller = Controller::admitted(spec, constants(&case.defaults, &Value::Null)?);
    let mut status = Status::default();
    status.conditions.set(ConditionType::ScaledToZero, true, Reason::ScaledToZero, now);
    controller.set_status(status);
    let seen = Observation { scale: Some(scale), selector: Ok(()), pods: &pods.pods, readings: &[reading] };
    let outcome = controller.decide(now, &seen);
    match (outcome.proposed, controller.status().current_metrics.as_slice(), outcome.error) {
        (Some(replicas), [Ok(reported)], None) => Ok(Ok((replicas, *reported))),
        (None, _, Some(SyncError::InvalidMetrics { first, .. })) => Ok(Err(first)),
        _ => Err(format!("unexpected outcome {outcome:?}").into()),
    }
}

/// What came out of a proposal; an error comes out as the text that is expected, if that text means this error.
fn told(case: &Case, proposal: Proposal) -> Value {
    match proposal {
        Err(error) => failed(case, error),
        Ok((replicas, reported)) => match reported {
            Reported::Utilization { percent, average } => {
                json!({ "replicas": replicas, "utilization_percent": percent, "raw_average_milli": average })
            }
            Reported::AverageValue(value) => json!({
                "replicas": replicas, "usage_milli": value, "average_milli": value, "raw_average_milli": value,
            }),
            Reported::Value(value) => json!({ "replicas": replicas, "usage_milli": value }),
        },
    }
}

fn failed(case: &Case, error: MetricError) -> Value {
    const MEANINGS: [(&str, MetricError); 9] = [
        ("missing request for", MetricError::MissingRequest),
        ("missing pod-level request for", MetricError::MissingRequest),
        ("not found in Pod", MetricError::MissingContainer),
        ("no metrics returned matched known pods", MetricError::NoMatch),
        ("did not receive metrics for", MetricError::NoSamples),
        ("no pods returned by selector", MetricError::NoPods),
        ("unable to get", MetricError::Unavailable),
        ("unable to fetch", MetricError::Unavailable),
        ("no metrics returned from", MetricError::Unavailable),
    ];
    let wanted = case.expected["error_contains"].as_str().unwrap_or_default();
    let means = MEANINGS.iter().any(|(text, meaning)| wanted.contains(text) && *meaning == error);
    let text = error.to_string();
    json!({ "error": true, "error_contains": if means || text.contains(wanted) { wanted } else { &text } })
}

fn both(replicas: i64) -> Scale {
    Scale { spec_replicas: replicas as i32, status_replicas: replicas as i32 }
}

fn resource_utilization(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let container = inputs["container"].as_str();
    let pods = Pods::read(inputs)?;
    let samples = pods.resource_samples(inputs, container)?;
    let requests = pods.requests(inputs, container, true)?;
    let resource = if inputs["resource"] == "cpu" { Resource::Cpu } else { Resource::Memory };
    let target = match inputs["target_utilization_percent"].as_u64() {
        Some(percent) => Target::Utilization(percent as u32),
        None => Target::AverageValue(inputs.int("target_average_milli")?),
    };
    let metric = match container {
        Some(name) => Metric::ContainerResource { resource, container: name.to_owned(), target },
        None => Metric::Resource { resource, target },
    };
    let reading = samples.reading(Requests::PerPod(&requests));
    let proposal = propose(case, metric, both(inputs.int("current_replicas")?), &pods, reading)?;
    Ok(told(case, proposal))
}

fn named(name: &str) -> MetricIdentifier {
    MetricIdentifier { name: name.to_owned(), selector: None }
}

fn pods_metric(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let pods = Pods::read(inputs)?;
    let samples = pods.plain_samples(inputs)?;
    let target = Target::AverageValue(inputs.int("target_average_milli")?);
    let metric = Metric::Pods { metric: named("qps"), target };
    let reading = samples.reading(Requests::Each(0));
    let proposal = propose(case, metric, both(inputs.int("current_replicas")?), &pods, reading)?;
    Ok(told(case, proposal))
}

fn whole_metric(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let pods = Pods::read(inputs)?;
    let values: Vec<i64> = inputs
        .list("metric_values_milli")?
        .iter()
        .map(Value::as_i64)
        .collect::<Option<_>>()
        .ok_or("values")?;
    let current = inputs.int("current_replicas")?;
    let (target, scale) = match inputs["target_value_milli"].as_i64() {
        Some(value) => (Target::Value(value), both(current)),
        // Only `status.replicas` matters here.
        None => (
            Target::AverageValue(inputs.int("target_average_milli")?),
            Scale { spec_replicas: 1, status_replicas: current as i32 },
        ),
    };
    let object = inputs.text("kind")?.starts_with("object");
    let (metric, reading) = if object {
        let described_object = ObjectReference {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            name: "a".to_owned(),
        };
        let value = values.first().map_or(Reading::Failed, |value| Reading::Value(*value));
        (Metric::Object { metric: named("qps"), described_object, target }, value)
    } else {
        (Metric::External { metric: named("qps"), target }, Reading::Series(&values))
    };
    let proposal = propose(case, metric, scale, &pods, reading)?;
    Ok(told(case, proposal))
}

fn group_pods(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let pods = Pods::read(inputs)?;
    let samples = pods.plain_samples(inputs)?;
    let constants = constants(&case.defaults, &Value::Null)?;
    let (cpu, now) = (inputs["resource"] == "cpu", Time(inputs.float("now_s")?));
    let mut ready = 0;
    let (mut unready, mut missing, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    for ((name, pod), sample) in pods.names.iter().zip(&pods.pods).zip(&samples.samples) {
        match group(pod, sample.as_ref(), cpu, now, &constants) {
            Group::Ready => ready += 1,
            Group::Unready => unready.push(name),
            Group::Missing => missing.push(name),
            Group::Ignored => ignored.push(name),
        }
    }
    Ok(json!({
        "ready_pod_count": ready, "unready": order(unready, &case.expected["unready"]), "missing": order(missing, &case.expected["missing"]), "ignored": order(ignored, &case.expected["ignored"]),
    }))
}

fn pod_requests(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let pods = Pods::read(inputs)?;
    let gate = inputs["pod_level_resources_gate"].as_bool().unwrap_or_default();
    let requests = pods.requests(inputs, inputs["container"].as_str(), gate)?;
    match requests.iter().find_map(|request| request.err()) {
        Some(error) => Ok(failed(case, error)),
        None => {
            let named =
                pods.names.iter().zip(&requests).map(|(name, request)| (name.clone(), json!(request.ok())));
            Ok(json!({ "requests_milli": named.collect::<serde_json::Map<_, _>>() }))
        }
    }
}

fn ratio_helpers(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let values = |key: &str| -> Result<Vec<(String, i64)>, Failed> {
        let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_i64()?));
        inputs.fields(key)?.iter().map(pair).collect::<Option<_>>().ok_or_else(|| format!("`{key}`").into())
    };
    match inputs.text("function")? {
        "resource_utilization_ratio" => {
            let (metrics, requests) = (values("metrics_milli")?, values("requests_milli")?);
            let (mut usage, mut requested, mut pods) = (0, 0, 0);
            for (name, value) in &metrics {
                if let Some((_, request)) = requests.iter().find(|(pod, _)| pod == name) {
                    (usage, requested, pods) = (usage + value, requested + request, pods + 1);
                }
            }
            match utilization_ratio(usage, requested, pods, inputs.float("target_percent")?) {
                Ok((ratio, percent, average)) => Ok(json!({
                    "ratio": ratio, "utilization_percent": percent, "raw_average_milli": average,
                })),
                Err(error) => Ok(failed(case, error)),
            }
        }
        "metric_usage_ratio" => {
            let metrics = values("metrics_milli")?;
            let usage = metrics.iter().map(|(_, value)| value).sum();
            match usage_ratio(usage, metrics.len() as i64, inputs.float("target_milli")?) {
                Ok((ratio, mean)) => Ok(json!({ "ratio": ratio, "usage_milli": mean, "usage": mean })),
                Err(error) => Ok(failed(case, error)),
            }
        }
        "per_pod_usage" => {
            let replicas = inputs.int("status_replicas")? as i32;
            let usage = per_pod_usage(inputs.int("usage")?, replicas, Release::default());
            Ok(json!({ "usage": usage, "usage_milli": usage }))
        }
        other => Err(format!("no function `{other}`").into()),
    }
}

/// Events and logs have ages, so any present will do.
const NOW: Time = Time(1_000_000.0);

fn history(inputs: &Value) -> Result<History, Failed> {
    Ok(History::new(None, events(inputs, "scale_up_events", NOW)?, events(inputs, "scale_down_events", NOW)?))
}

fn behavior(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let history = history(inputs)?;
    let current = inputs.int("current_replicas")? as i32;
    match inputs["function"].as_str() {
        Some("scale_up_limit") => {
            Ok(json!({ "limit": history.up_limit(current, &rules(&inputs["rules"])?, NOW) }))
        }
        Some("scale_down_limit") => {
            Ok(json!({ "limit": history.down_limit(current, &rules(&inputs["rules"])?, NOW) }))
        }
        Some(other) => Err(format!("no function `{other}`").into()),
        None => {
            let behavior =
                Behavior { scale_up: rules(&inputs["scale_up"])?, scale_down: rules(&inputs["scale_down"])? };
            let desired = inputs.int("desired_replicas")? as i32;
            let (replicas, reason) = history.limit(range(inputs)?, desired, &behavior, NOW);
            Ok(json!({ "replicas": replicas, "reason": format!("{reason:?}") }))
        }
    }
}

fn range(inputs: &Value) -> Result<Range, Failed> {
    Ok(Range {
        current: inputs.int("current_replicas")? as i32,
        min: inputs["min_replicas"].as_i64().unwrap_or(1) as i32,
        max: inputs.int("max_replicas")? as i32,
    })
}

fn convert_rules(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let constants = constants(&case.defaults, inputs)?;
    let desired = inputs.int("desired_replicas")? as i32;
    let (replicas, reason) = limit_without_behavior(range(inputs)?, desired, &constants);
    Ok(json!({ "replicas": replicas, "reason": format!("{reason:?}") }))
}

fn stabilization(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let log = read::recommendations(inputs, NOW)?.unwrap_or_default();
    let mut history = History::new(Some(log), Vec::new(), Vec::new());
    let desired = inputs.int("desired_replicas")? as i32;
    let constants = constants(&case.defaults, inputs)?;
    let (stabilized, reason) = if inputs["mode"] == "no_behavior" {
        let stabilized = history.stabilize_without_behavior(desired, &constants, NOW);
        (stabilized, Reason::ScaleDownStabilized)
    } else {
        let window = |key, defaults| Rules { stabilization_secs: inputs[key].as_f64(), ..defaults };
        let behavior = Behavior {
            scale_up: window("scale_up_window_s", Rules::scale_up()),
            scale_down: window("scale_down_window_s", Rules::scale_down()),
        };
        history.stabilize(inputs.int("current_replicas")? as i32, desired, &behavior, &constants, NOW)
    };
    let reason = if stabilized == desired { Reason::ReadyForNewScale } else { reason };
    let log: Vec<i32> = history.recommendations().iter().map(|entry| entry.replicas).collect();
    Ok(json!({
        "stabilized": stabilized, "log_length": log.len(), "log": log, "reason": format!("{reason:?}"),
    }))
}

/// Both directions keep their events in the same way; a difference between them is an error here.
fn scale_events(case: &Case) -> Result<Value, Failed> {
    let inputs = &case.inputs;
    let change = inputs.int("replica_change")? as i32;
    let previous = events(inputs, "previous_events", NOW)?;
    let rules = if inputs["rules"].is_null() { None } else { Some(rules(&inputs["rules"])?) };
    let behavior = rules.map(|rules| Behavior { scale_up: rules.clone(), scale_down: rules });
    let told = |up: bool| -> Result<Value, Failed> {
        let (ups, downs) = if up { (previous.clone(), Vec::new()) } else { (Vec::new(), previous.clone()) };
        let mut history = History::new(None, ups, downs);
        let period = Seconds(inputs["query_period_s"].as_f64().unwrap_or_default());
        let before = change_within(&previous, period, NOW);
        let (from, to) = if up { (100, 100 + change) } else { (100, 100 - change) };
        history.record_scale(from, to, behavior.as_ref(), NOW);
        let after = if up { history.scale_up_events() } else { history.scale_down_events() };
        let after: Vec<Value> =
            after.iter().map(|e| json!({ "replica_change": e.change, "outdated": e.outdated })).collect();
        Ok(json!({ "change_in_period_before_store": before, "events_after": after }))
    };
    let (up, down) = (told(true)?, told(false)?);
    if up == down { Ok(up) } else { Err(format!("up {up} and down {down} differ").into()) }
}
