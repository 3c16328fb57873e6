//! Estimators, the recommender's list, amounts, whole cores, and usage to recommendation end to end.

use super::{array, function, integer, list_json, names, number};
use crate::cases::Case;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trimtab_control::vpa::{
    Aggregate, AggregationConfig, Amount, ContainerPolicy, ContainerRecommendation, Format, History,
    Percentiles, Quantity, Recommendation, Recommender, RecommenderConfig, Resource, ResourceList,
    ResourcePolicy, Span, Stamp, UsageSink, humanized,
    recommender::{
        LOWER, UPPER, annotated_container, confidence_multiplier, whole_cpu, with_confidence, with_margin,
    },
};
use trimtab_model::PodPhase;

const ORIGIN: Stamp = Stamp::from_secs(1_700_006_400);

fn aggregate() -> Aggregate {
    Aggregate::new(&AggregationConfig::default(), ORIGIN)
}

fn sampled(case: &Case) -> Result<(Aggregate, Span), Failed> {
    let mut aggregate = aggregate();
    let spacing = Span::secs(integer(&case.inputs["sample_spacing_s"])?);
    for k in 0..integer(&case.inputs["cpu_samples"])? {
        aggregate.add(Resource::Cpu, Amount(1000), ORIGIN.plus(spacing.times(k)));
    }
    Ok((aggregate, Span::secs(integer(&case.inputs["confidence_interval_s"])?)))
}

pub(crate) fn estimator(case: &Case) -> Result<Value, Failed> {
    let base = |key: &str| case.inputs["base"][key].as_i64().map(Amount);
    let both = |change: &dyn Fn(Amount) -> Amount| {
        let of = |key: &str| base(key).map(|amount| change(amount).0);
        json!({ "cpu_milli": of("cpu_milli"), "memory_bytes": of("memory_bytes") })
    };
    let got = match function(case) {
        "percentile" => {
            let mut aggregate = aggregate();
            for (key, histogram) in
                [("cpu_samples", &mut aggregate.cpu), ("memory_samples", &mut aggregate.memory)]
            {
                for sample in array(&case.inputs[key])? {
                    histogram.add(number(&sample[0])?, number(&sample[1])?, ORIGIN);
                }
            }
            let target = |key: &str| number(&case.inputs[key]);
            let config = RecommenderConfig {
                safety_margin: 0.0,
                cpu: Percentiles { target: target("cpu_percentile")?, ..Percentiles::default() },
                memory: Percentiles { target: target("memory_percentile")?, ..Percentiles::default() },
                ..RecommenderConfig::default()
            };
            let recommender = Recommender::new(config)?;
            json!({
                "cpu_cores": recommender.cpu(&aggregate).target.cores(),
                "memory_bytes": recommender.memory(&aggregate).target.0,
            })
        }
        "confidence_multiplier" => {
            let (aggregate, interval) = sampled(case)?;
            let confidence = aggregate.confidence(interval);
            let power = (number(&case.inputs["multiplier"])?, number(&case.inputs["exponent"])?);
            let mut got = both(&|amount| with_confidence(amount, power, confidence));
            got["confidence"] = confidence.into();
            got
        }
        "bound_multipliers" => {
            let (aggregate, interval) = sampled(case)?;
            let confidence = aggregate.confidence(interval);
            json!({
                "confidence": confidence,
                "lower_multiplier": confidence_multiplier(LOWER, confidence),
                "upper_multiplier": confidence_multiplier(UPPER, confidence),
            })
        }
        "margin" => {
            let fraction = number(&case.inputs["fraction"])?;
            both(&|amount| with_margin(amount, fraction))
        }
        function if function.starts_with("min") => {
            let inputs = case.inputs.as_object().ok_or("no inputs")?;
            let (_, minimum) = inputs
                .iter()
                .find(|(key, value)| key.starts_with("min") && value.is_object())
                .ok_or("no minimum")?;
            let least = |key: &str| minimum[key].as_i64().map(Amount);
            let of = |key: &str| base(key).max(least(key)).map(|amount| amount.0);
            json!({ "cpu_milli": of("cpu_milli"), "memory_bytes": of("memory_bytes") })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

pub(crate) fn recommender(case: &Case) -> Result<Value, Failed> {
    let containers = names(&case.inputs["containers"]);
    let got = match function(case) {
        "min_resources" => {
            let recommender = Recommender::new(RecommenderConfig {
                pod_min_cpu_millicores: number(&case.inputs["pod_min_cpu_milli"])?,
                pod_min_memory_mb: number(&case.inputs["pod_min_memory_mb"])?,
                ..RecommenderConfig::default()
            })?;
            let (cpu, memory) = recommender.minimum(containers.len());
            let cpu = cpu.max(Amount(integer(&case.inputs["const_cpu_milli"])?));
            let memory = memory.max(Amount(integer(&case.inputs["const_memory_bytes"])?));
            let all: BTreeMap<&String, Value> = containers
                .iter()
                .map(|name| (name, json!({ "cpu_milli": cpu.0, "memory_bytes": memory.0 })))
                .collect();
            json!({ "target": all, "lower_bound": all, "upper_bound": all })
        }
        "controlled_resources" => {
            let wanted = names(&case.inputs["controlled"]);
            let controlled = Resource::ALL
                .into_iter()
                .filter(|&resource| wanted.iter().any(|name| name == resource_name(resource)))
                .collect();
            let policy = ContainerPolicy {
                container: "a".to_owned(),
                controlled_resources: (!case.inputs["controlled"].is_null()).then_some(controlled),
                ..ContainerPolicy::default()
            };
            let policy = ResourcePolicy { containers: vec![policy] };
            let merged = BTreeMap::from([("a".to_owned(), aggregate())]);
            let list = Recommender::new(RecommenderConfig::default())?.list(&merged, &policy);
            let entry = &list.containers[0];
            let present: Vec<&str> = Resource::ALL
                .into_iter()
                .filter(|&resource| {
                    [entry.target, entry.lower_bound, entry.upper_bound]
                        .iter()
                        .all(|list| list.get(resource).is_some())
                })
                .map(resource_name)
                .collect();
            json!({ "present": present })
        }
        "list_order" => {
            let merged = containers.into_iter().map(|name| (name, aggregate())).collect();
            let list =
                Recommender::new(RecommenderConfig::default())?.list(&merged, &ResourcePolicy::default());
            let order: Vec<String> = list.containers.into_iter().map(|entry| entry.container).collect();
            json!({ "order": order })
        }
        "expired" => {
            let config = AggregationConfig {
                memory_interval: Span::secs(integer(&case.inputs["interval_s"])?),
                memory_interval_count: integer(&case.inputs["interval_count"])?,
                ..AggregationConfig::default()
            };
            let mut aggregate = Aggregate::new(&config, ORIGIN);
            if case.inputs["empty"] == json!(false) {
                aggregate.add(Resource::Cpu, Amount(1), ORIGIN);
            }
            json!({ "expired": aggregate.is_expired(ORIGIN.plus(Span::secs(integer(&case.inputs["age_s"])?))) })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

fn resource_name(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu",
        Resource::Memory => "memory",
    }
}

/// Thousandths of a quantity in a case: a number of bytes or a Kubernetes quantity with a binary suffix.
fn thousandths(value: &Value) -> Result<i128, Failed> {
    if let Some(bytes) = value.as_i64() {
        return Ok(i128::from(bytes) * 1000);
    }
    let text = value.as_str().ok_or("neither number nor quantity")?;
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit: i128 = match &text[digits.len()..] {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        other => return Err(format!("unknown suffix {other}").into()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let hundredths: i128 = format!("{whole}{part:0<2}").parse()?;
    Ok(hundredths * unit * 10)
}

pub(crate) fn resource_amounts(case: &Case) -> Result<Value, Failed> {
    let of = |key: &str| integer(&case.inputs[key]);
    let got = match function(case) {
        "resource_list" => {
            let format = Format {
                humanize_memory: case.inputs["humanize"] == json!(true),
                round_cpu_millicores: of("round_cpu_milli")?,
                round_memory_bytes: of("round_memory_bytes")?,
            };
            let memory = format.quantity(Resource::Memory, Amount(of("memory_bytes")?));
            if !case.expected["memory"].is_null() {
                let want = thousandths(&case.expected["memory"])?;
                if want != memory.thousandths() {
                    return Err(
                        format!("memory: expected {want}, got {} thousandths", memory.thousandths()).into()
                    );
                }
            }
            let cpu = format.quantity(Resource::Cpu, Amount(of("cpu_milli")?)).milli();
            json!({ "cpu_milli": cpu, "memory": case.expected["memory"] })
        }
        "humanize" => json!({ "text": humanized(of("bytes")?) }),
        "round_up_to_scale" => {
            let value = Amount(of("value")?);
            let rounded = value.rounded_up_to(of("scale")?);
            json!({ "value": rounded.unwrap_or(value).0, "error": rounded.is_none() })
        }
        "cpu_from_cores" => json!({ "cpu_milli": Amount::from_cores(number(&case.inputs["cores"])?).0 }),
        "memory_from_bytes" => json!({ "memory_bytes": Amount::truncated(number(&case.inputs["bytes"])?).0 }),
        "scale" => json!({ "amount": Amount(of("amount")?).scaled(number(&case.inputs["factor"])?).0 }),
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

pub(crate) fn cpu_integer(case: &Case) -> Result<Value, Failed> {
    let got = match function(case) {
        "process" => {
            let targets = case.inputs["targets_milli"].as_object().ok_or("no targets")?;
            let entry = |(name, milli): (&String, &Value)| {
                let list = ResourceList { cpu: milli.as_i64().map(Quantity::from_milli), memory: None };
                ContainerRecommendation {
                    container: name.clone(),
                    target: list,
                    lower_bound: list,
                    upper_bound: list,
                    uncapped_target: list,
                }
            };
            let mut list = Recommendation { containers: targets.iter().map(entry).collect() };
            whole_cpu(&mut list, &names(&case.inputs["annotated_containers"]));
            let all: BTreeMap<&String, Option<i64>> = list
                .containers
                .iter()
                .map(|entry| (&entry.container, entry.target.cpu.map(Quantity::milli)))
                .collect();
            json!({ "targets_milli": all })
        }
        "round" => {
            json!({ "milli": Quantity::from_milli(integer(&case.inputs["milli"])?).rounded_up().milli() })
        }
        "extract" => {
            let text = |key: &str| case.inputs[key].as_str().unwrap_or_default();
            json!({ "container": annotated_container(text("key"), text("prefix"), text("suffix")) })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

/// CPU in millicores and memory in bytes of sample `k`.
fn usage(trace: &str, k: i64, samples: i64) -> Option<(i64, i64)> {
    const MIB: i64 = 1 << 20;
    Some(match trace {
        "constant" => (100, 200 * MIB),
        "low_then_high" if k < samples / 2 => (50, 100 * MIB),
        "low_then_high" => (800, 900 * MIB),
        "sawtooth" => (10 + 37 * k % 991, 64 * MIB + 7919 * k % 4096 * 256 * 1024),
        "tiny" => (1, 1_000_000),
        _ => return None,
    })
}

pub(crate) fn end_to_end(case: &Case) -> Result<Value, Failed> {
    let of = |key: &str| integer(&case.inputs[key]);
    let (samples, spacing, t0) = (of("samples")?, of("spacing_s")?, of("t0_s")?);
    let containers: Vec<String> = (0..of("containers_in_pod")?).map(|i| format!("c{i}")).collect();
    let trace = case.inputs["trace"].as_str().unwrap_or_default();
    let oom = case.inputs["oom_at_sample"].as_i64();
    let start = Stamp::from_secs(t0);
    let mut history = History::new(AggregationConfig::default(), ResourcePolicy::default())?;
    history.observe_pod("p", "", PodPhase::Running, containers.iter().map(String::as_str), start);
    let mut at = start;
    for k in 0..samples {
        at = Stamp::from_secs(t0 + k * spacing);
        let (cpu, memory) = usage(trace, k, samples).ok_or("unknown trace")?;
        for name in &containers {
            history.add_sample("p", name, Resource::Cpu, Amount(cpu), at, at);
            history.add_sample("p", name, Resource::Memory, Amount(memory), at, at);
            if oom == Some(k) {
                history.out_of_memory("p", name, Amount(memory), at, at);
            }
        }
    }
    let confidence = history.merged(at)[&containers[0]].confidence(Span::DAY);
    let list = Recommender::new(RecommenderConfig::default())?.recommend(&mut history, at);
    let entry = &list.containers[0];
    Ok(json!({
        "confidence": confidence,
        "target": list_json(&entry.target),
        "lower_bound": list_json(&entry.lower_bound),
        "upper_bound": list_json(&entry.upper_bound),
    }))
}
