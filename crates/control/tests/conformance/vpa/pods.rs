//! What pods make of a recommendation: capping, limits, priority, and the eviction budget.

use super::{array, function, integer, list, list_json, names, number};
use crate::cases::Case;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use trimtab_control::vpa::{
    Container, ContainerPolicy, ContainerRecommendation, ContainerResources, ControlledValues, Disruption,
    DisruptionConfig, Group, GroupKind, InPlaceDecision, LimitRangeItem, LimitRanges, Pod, Priority,
    Quantity, Recommendation, ResizeCondition, ResizeKind, Resource, ResourceList, ResourcePolicy, Span,
    Stamp, Termination, Thresholds, UpdateMode, UpdatePolicy, capping,
    disruption::{FirstSeen, InfeasibleAttempts},
    limits, priority,
};
use trimtab_model::PodPhase;

const NOW: Stamp = Stamp::from_secs(1_700_006_400);

fn entry(name: &str, value: &Value) -> ContainerRecommendation {
    ContainerRecommendation {
        container: name.to_owned(),
        target: list(&value["target"]),
        lower_bound: list(&value["lower_bound"]),
        upper_bound: list(&value["upper_bound"]),
        uncapped_target: list(&value["uncapped_target"]),
    }
}

fn entry_json(entry: &ContainerRecommendation) -> Value {
    json!({
        "target": list_json(&entry.target),
        "lower_bound": list_json(&entry.lower_bound),
        "upper_bound": list_json(&entry.upper_bound),
        "uncapped_target": list_json(&entry.uncapped_target),
    })
}

fn quantity(resource: Resource, value: &Value) -> Option<Quantity> {
    value.as_i64().map(|amount| match resource {
        Resource::Cpu => Quantity::from_milli(amount),
        Resource::Memory => Quantity::from_units(amount),
    })
}

fn resource(value: &Value) -> Result<Resource, Failed> {
    match value.as_str() {
        Some("cpu") => Ok(Resource::Cpu),
        Some("memory") => Ok(Resource::Memory),
        _ => Err(format!("{value} is no resource").into()),
    }
}

fn amount_json(resource: Resource, quantity: Quantity) -> Value {
    match resource {
        Resource::Cpu => quantity.milli().into(),
        Resource::Memory => quantity.units().into(),
    }
}

fn single(resource: Resource, quantity: Option<Quantity>) -> ResourceList {
    let mut list = ResourceList::default();
    *list.get_mut(resource) = quantity;
    list
}

fn one_container(name: &str, requests: ResourceList, limits: ResourceList) -> Container {
    Container { name: name.to_owned(), spec: ContainerResources { requests, limits }, ..Container::default() }
}

pub(crate) fn capping(case: &Case) -> Result<Value, Failed> {
    let got = match function(case) {
        "apply_vpa_policy" => {
            if case.inputs["recommendation"].is_null() {
                return Ok(json!({ "recommendation": null }));
            }
            let mut wish = Recommendation { containers: vec![entry("a", &case.inputs["recommendation"])] };
            let own = ContainerPolicy {
                container: "a".to_owned(),
                min_allowed: list(&case.inputs["policy"]["min_allowed"]),
                max_allowed: list(&case.inputs["policy"]["max_allowed"]),
                ..ContainerPolicy::default()
            };
            let containers = if case.inputs["policy"].is_null() { Vec::new() } else { vec![own] };
            let max = list(&case.inputs["global_max_allowed"]);
            capping::apply_policy(&mut wish, &ResourcePolicy { containers }, max);
            json!({ "recommendation": entry_json(&wish.containers[0]) })
        }
        "cap_to_container_limit" => {
            let limits = list(&case.inputs["container_limit"]);
            let requests_only = case.inputs["controlled_values"] == json!("RequestsOnly");
            let policy = ContainerPolicy {
                container: "a".to_owned(),
                controlled_values: if requests_only {
                    ControlledValues::RequestsOnly
                } else {
                    ControlledValues::RequestsAndLimits
                },
                ..ContainerPolicy::default()
            };
            let pod = Pod {
                containers: vec![one_container("a", ResourceList::default(), limits)],
                ..Pod::default()
            };
            let wish = Recommendation { containers: vec![entry("a", &case.inputs["recommendation"])] };
            let policy = ResourcePolicy { containers: vec![policy] };
            let capped = capping::for_pod(Some(&wish), Some(&policy), &pod, &LimitRanges::default())
                .ok_or("nothing recommended")?;
            let mut target = wish.containers[0].target;
            let annotated = requests_only && capping::cap_to_limits(&mut target, &limits)[1];
            let mut got = entry_json(&capped.containers[0]);
            got["memory_capped_annotation"] = annotated.into();
            got
        }
        "pod_limit_range" => {
            let resource = resource(&case.inputs["resource"])?;
            let range = LimitRangeItem {
                min: single(resource, quantity(resource, &case.inputs["min"])),
                max: single(resource, quantity(resource, &case.inputs["max"])),
                default: ResourceList::default(),
            };
            let containers = case.inputs["containers"].as_object().ok_or("no containers")?;
            let pod = Pod {
                containers: containers
                    .iter()
                    .map(|(name, own)| {
                        let of = |key: &str| single(resource, quantity(resource, &own[key]));
                        one_container(name, of("request"), of("limit"))
                    })
                    .collect(),
                ..Pod::default()
            };
            let wishes = case.inputs["recommendations"].as_object().ok_or("no recommendations")?;
            let mut wishes: Vec<ContainerRecommendation> = wishes
                .iter()
                .map(|(name, target)| ContainerRecommendation {
                    container: name.clone(),
                    target: single(resource, quantity(resource, target)),
                    ..ContainerRecommendation::default()
                })
                .collect();
            capping::fit_pod_range(&mut wishes, &pod, &range, resource, |entry| &mut entry.target);
            let got: serde_json::Map<String, Value> = wishes
                .iter()
                .map(|wish| (wish.container.clone(), amount_json(resource, wish.target.or_zero(resource))))
                .collect();
            json!({ "recommendations": got })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

pub(crate) fn limit_scaling(case: &Case) -> Result<Value, Failed> {
    let resource = resource(&case.inputs["resource"])?;
    let of = |key: &str| quantity(resource, &case.inputs[key]).unwrap_or_default();
    let limit = limits::proportional_limit(
        resource,
        of("original_limit"),
        of("original_request"),
        of("recommended_request"),
        of("default_limit"),
    );
    Ok(json!({
        "limit": limit.limit.map(|limit| amount_json(resource, limit)),
        "annotated": limit.annotated,
    }))
}

fn targets(value: &Value) -> Option<Recommendation> {
    let containers = value.as_object()?;
    let entry = |(name, target): (&String, &Value)| ContainerRecommendation {
        container: name.clone(),
        target: list(target),
        ..ContainerRecommendation::default()
    };
    Some(Recommendation { containers: containers.iter().map(entry).collect() })
}

fn priority_of(value: &Value) -> Priority {
    Priority {
        outside_recommended_range: value["outside_recommended_range"] == json!(true),
        scale_up: value["scale_up"] == json!(true),
        resource_diff: value["resource_diff"].as_f64().unwrap_or(0.0),
    }
}

pub(crate) fn updater_priority(case: &Case) -> Result<Value, Failed> {
    let got = match function(case) {
        "update_priority" => {
            let requests = case.inputs["requests"].as_object().ok_or("no requests")?;
            let container = |(name, request): (&String, &Value)| {
                one_container(name, list(request), ResourceList::default())
            };
            let observed = &case.inputs["observed_containers"];
            let pod = Pod {
                containers: requests.iter().map(container).collect(),
                observed_containers: (!observed.is_null()).then(|| names(observed)),
                ..Pod::default()
            };
            let wishes = case.inputs["recommendations"].as_object().ok_or("no recommendations")?;
            let wish =
                Recommendation { containers: wishes.iter().map(|(name, wish)| entry(name, wish)).collect() };
            serde_json::to_value(Priority::of(&pod, Some(&wish)))?
        }
        "less" => {
            let (a, b) = (priority_of(&case.inputs["a"]), priority_of(&case.inputs["b"]));
            json!({ "less": a.is_less_than(&b) })
        }
        "accept_and_sort" => accept_and_sort(case)?,
        "has_lower_resource" => {
            let (last, new) = (targets(&case.inputs["last_attempt"]), targets(&case.inputs["new"]));
            let lower = last.zip(new).is_some_and(|(last, new)| new.is_lower_somewhere_than(&last));
            json!({ "lower": lower })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}

fn accept_and_sort(case: &Case) -> Result<Value, Failed> {
    let thresholds = Thresholds {
        min_change: number(&case.inputs["min_change_priority"])?,
        lifetime: Span::HOUR.times(integer(&case.inputs["pod_lifetime_threshold_h"])?),
        evict_after_oom: Span::secs(integer(&case.inputs["evict_after_oom_threshold_s"])?),
    };
    let started = NOW.minus(Span::HOUR.times(integer(&case.inputs["pod_age_h"])?));
    let mut accepted = Vec::new();
    for pod in array(&case.inputs["pods"])? {
        let priority = priority_of(pod);
        let termination = pod["oom_run_s"].as_i64().map(|seconds| Termination {
            oom_killed: true,
            started: NOW.minus(Span::secs(seconds)),
            finished: NOW,
        });
        let container = Container { last_termination: termination, ..Container::default() };
        let view = Pod { containers: vec![container], ..Pod::default() };
        let quick = priority::has_quick_oom(&view, None, thresholds.evict_after_oom, NOW);
        if priority::is_accepted(&priority, quick, Some(started), &thresholds, NOW) {
            accepted.push((priority, pod["name"].clone()));
        }
    }
    priority::sort(&mut accepted);
    let order: Vec<Value> = accepted.into_iter().map(|(_, name)| name).collect();
    Ok(json!({ "order": order }))
}

fn pod(index: usize, value: &Value) -> Pod {
    let resize = value["resize"].as_object().map(|resize| ResizeCondition {
        kind: match resize["condition"].as_str() {
            Some("PodResizeInProgress") => ResizeKind::InProgress,
            _ => ResizeKind::Pending,
        },
        status: true,
        reason: resize["reason"].as_str().unwrap_or_default().to_owned(),
        message: resize.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
    });
    let restarts = value["restart_container_on_resize"] == json!(true);
    Pod {
        name: format!("p{index}"),
        group: Some(0),
        phase: match value["phase"].as_str() {
            Some("Pending") => PodPhase::Pending,
            _ => PodPhase::Running,
        },
        boosted: value["cpu_boost_in_progress"] == json!(true),
        resize: resize.into_iter().collect(),
        containers: vec![Container { restarts_on_resize: restarts, ..Container::default() }],
        ..Pod::default()
    }
}

pub(crate) fn disruption(case: &Case) -> Result<Value, Failed> {
    let config = DisruptionConfig {
        min_replicas: integer(&case.inputs["min_replicas"])? as u32,
        eviction_tolerance: number(&case.inputs["eviction_tolerance"])?,
        in_place_skips_budget: case.inputs["skip_disruption_budget"] == json!(true),
    };
    let replicas = integer(&case.inputs["configured_replicas"])? as u32;
    let groups = [Group { kind: GroupKind::ReplicaSet, name: "group".to_owned(), replicas }];
    let pods: Vec<Pod> =
        array(&case.inputs["pods"])?.iter().enumerate().map(|(index, value)| pod(index, value)).collect();
    let live: Vec<&Pod> = pods.iter().collect();
    let mode = case.inputs["update_mode"].as_str().unwrap_or("Recreate");
    let update =
        UpdatePolicy { mode: serde_json::from_value::<UpdateMode>(json!(mode))?, ..UpdatePolicy::default() };
    let mut seen = FirstSeen::new();
    if let Some(age) = case.inputs["last_in_place_attempt_age_s"].as_f64() {
        let first = NOW.minus(trimtab_model::Seconds(age).into());
        seen.extend(pods.iter().map(|pod| (pod.name.clone(), first)));
    }
    let mut disruption = Disruption::new(config, &groups, &live, Some(&update));
    let got = match function(case) {
        "evict" => {
            let can: Vec<bool> = pods.iter().map(|pod| disruption.can_evict(pod, &mut seen, NOW)).collect();
            let mut evicted = Vec::new();
            for pod in &pods {
                let can = disruption.can_evict(pod, &mut seen, NOW);
                if can && pod.phase != PodPhase::Pending {
                    disruption.disrupted(pod);
                }
                evicted.push(can);
            }
            json!({ "can_evict": can, "evict_in_order": evicted })
        }
        "can_in_place" => {
            let recommendation = match &case.inputs["recommendation"] {
                Value::String(_) => Some(Recommendation::default()),
                other => targets(other),
            };
            let attempt = targets(&case.inputs["last_infeasible_attempt"]);
            let infeasible: InfeasibleAttempts =
                attempt.into_iter().map(|attempt| (pods[0].name.clone(), Some(attempt))).collect();
            let update = Some(&update);
            let decision =
                disruption.can_resize(&pods[0], update, recommendation.as_ref(), &infeasible, &mut seen, NOW);
            json!({ "decision": match decision {
                InPlaceDecision::Approved => "Approved",
                InPlaceDecision::Deferred => "Deferred",
                InPlaceDecision::Evict => "Evict",
                InPlaceDecision::Infeasible => "Infeasible",
                InPlaceDecision::InfeasibleCached => "InfeasibleCached",
            } })
        }
        other => return Err(format!("unknown function {other}").into()),
    };
    Ok(got)
}
