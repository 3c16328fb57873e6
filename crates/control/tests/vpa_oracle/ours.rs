//! Our answers to the stories.

use crate::{
    compact,
    story::{Amounts, Flags, Loop, PodStory, Policy, RecommenderStory, Step, Story, UpdaterStory},
};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use trimtab_control::vpa::{
    Actuator, AggregationConfig, Amount, BucketLayout, ChangeRequirement, Checkpoint, Container,
    ContainerPolicy, ContainerRecommendation, ContainerResources, ControlledValues, DisruptionConfig,
    EvictionRefused, EvictionRequirement, Format, Group, HistogramCheckpoint, History, LimitRangeItem,
    LimitRanges, LimitType, Percentiles, Pod, Quantity, Recommendation, Recommender, RecommenderConfig,
    ResizeCondition, ResizeError, ResizeKind, Resource, ResourceList, ResourcePolicy, ScalingMode, Situation,
    Span, Stamp, Termination, Thresholds, UpdatePolicy, Updater, UpdaterConfig,
};
use trimtab_model::PodPhase;

pub(crate) fn tell(story: &Story) -> Result<Value, Failed> {
    match (&story.recommender, &story.updater, &story.layout) {
        (Some(story), ..) => recommender(story),
        (_, Some(story), _) => updater(story),
        (_, _, Some(story)) => {
            let values = [&story.cpu, &story.memory];
            let find = |(layout, values): (BucketLayout, &Vec<f64>)| {
                let starts: Vec<String> =
                    (0..layout.count()).map(|bucket| layout.start(bucket).to_bits().to_string()).collect();
                let buckets: Vec<usize> = values.iter().map(|&value| layout.find(value)).collect();
                json!({ "buckets": buckets, "starts": starts })
            };
            Ok(layouts().into_iter().zip(values).map(find).collect())
        }
        _ => Err("a story without a plot".into()),
    }
}

pub(crate) fn layouts() -> [BucketLayout; 2] {
    [AggregationConfig::cpu_layout(), AggregationConfig::memory_layout()]
}

fn list(amounts: &Amounts) -> ResourceList {
    ResourceList {
        cpu: amounts.cpu.map(Quantity::from_milli),
        memory: amounts.memory.map(Quantity::from_milli),
    }
}

fn list_json(list: &ResourceList) -> Value {
    let of = |quantity: Option<Quantity>| quantity.map(|quantity| quantity.thousandths().to_string());
    compact(json!({ "cpu": of(list.cpu), "memory": of(list.memory) }))
}

fn resource(name: &str) -> Resource {
    if name == "cpu" { Resource::Cpu } else { Resource::Memory }
}

fn phase(name: &str) -> PodPhase {
    match name {
        "Pending" => PodPhase::Pending,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => PodPhase::Running,
    }
}

fn resource_policy(policies: &[Policy]) -> ResourcePolicy {
    let one = |policy: &Policy| ContainerPolicy {
        container: policy.container.clone(),
        mode: if policy.off { ScalingMode::Off } else { ScalingMode::Auto },
        min_allowed: list(&policy.min),
        max_allowed: list(&policy.max),
        controlled_resources: policy
            .controlled
            .as_ref()
            .map(|names| names.iter().map(|name| resource(name)).collect()),
        controlled_values: if policy.requests_only {
            ControlledValues::RequestsOnly
        } else {
            ControlledValues::RequestsAndLimits
        },
        oom_bump_up_ratio: policy.oom_bump_up_ratio.map(Quantity::from_milli),
        oom_min_bump_up: policy.oom_min_bump_up.map(Quantity::from_milli),
        memory_aggregation_interval_secs: policy.memory_interval_secs,
        memory_aggregation_interval_count: policy.memory_interval_count,
    };
    ResourcePolicy { containers: policies.iter().map(one).collect() }
}

fn aggregation(flags: &Flags) -> AggregationConfig {
    AggregationConfig {
        memory_interval: Span::secs(flags.memory_interval_secs),
        memory_interval_count: flags.memory_interval_count,
        cpu_half_life: Span::secs(flags.cpu_half_life_secs),
        memory_half_life: Span::secs(flags.memory_half_life_secs),
        oom_bump_up_ratio: flags.oom_bump_up_ratio,
        oom_min_bump_up: flags.oom_min_bump_up,
    }
}

fn recommender_config(story: &RecommenderStory) -> RecommenderConfig {
    let flags = &story.config;
    RecommenderConfig {
        safety_margin: flags.margin,
        pod_min_cpu_millicores: flags.pod_min_cpu_millicores,
        pod_min_memory_mb: flags.pod_min_memory_mb,
        cpu: Percentiles {
            target: flags.target_cpu,
            lower: flags.lower_cpu,
            upper: flags.upper_cpu,
            confidence_interval: Span::secs(flags.confidence_cpu_secs),
        },
        memory: Percentiles {
            target: flags.target_memory,
            lower: flags.lower_memory,
            upper: flags.upper_memory,
            confidence_interval: Span::secs(flags.confidence_memory_secs),
        },
        format: Format {
            humanize_memory: flags.humanize,
            round_cpu_millicores: flags.round_cpu_millicores,
            round_memory_bytes: flags.round_memory_bytes,
        },
        max_allowed: list(&flags.max_allowed),
        whole_cpu_containers: if flags.whole_cpu { story.integer_cpu.clone() } else { Vec::new() },
    }
}

fn recommender(story: &RecommenderStory) -> Result<Value, Failed> {
    let recommender = Recommender::new(recommender_config(story))?;
    let aggregation = aggregation(&story.config);
    let mut history =
        History::new(aggregation, resource_policy(story.policies.as_deref().unwrap_or_default()))?;
    let mut pods: BTreeMap<&str, &Step> = BTreeMap::new();
    let mut answers = Vec::new();
    let mut clock = i64::MIN;
    for step in &story.steps {
        clock = clock.max(step.at);
        let now = Stamp::from_millis(clock);
        answers.push(match step.what.as_str() {
            "pod" => {
                pods.insert(&step.pod, step);
                add_pod(&mut history, step, now);
                Value::Null
            }
            "delete_pod" => {
                pods.remove(step.pod.as_str());
                history.forget_pod(&step.pod);
                Value::Null
            }
            "usage" => {
                let mut accepted = 0;
                for &[at, cpu, memory] in &step.samples {
                    let at = Stamp::from_millis(at);
                    for (resource, usage) in [(Resource::Cpu, cpu), (Resource::Memory, memory)] {
                        let usage = Amount(usage);
                        let taken = history.add_sample(&step.pod, &step.container, resource, usage, at, now);
                        accepted += u32::from(taken);
                    }
                }
                json!(accepted)
            }
            "oom" => {
                let at = Stamp::from_millis(step.time);
                json!(history.out_of_memory(&step.pod, &step.container, Amount(step.request), at, now))
            }
            "policies" => {
                history.set_policy(resource_policy(step.policies.as_deref().unwrap_or_default()));
                Value::Null
            }
            "collect_garbage" => {
                history.collect_garbage(now, step.controller_exists);
                json!(history.aggregates())
            }
            "restart" => {
                let checkpoints = history.checkpoints(now);
                history = History::new(aggregation, history.policy().clone())?;
                for (container, checkpoint) in &checkpoints {
                    history.load(container, checkpoint, now)?;
                }
                for step in pods.values() {
                    add_pod(&mut history, step, now);
                }
                checkpoints.iter().map(|(name, state)| (name.clone(), checkpoint_json(state))).collect()
            }
            "recommend" => {
                recommender.recommend(&mut history, now).containers.iter().map(entry_json).collect()
            }
            other => return Err(format!("unknown step {other}").into()),
        });
    }
    Ok(answers.into())
}

fn add_pod(history: &mut History, step: &Step, now: Stamp) {
    let containers = step.containers.iter().map(String::as_str);
    history.observe_pod(&step.pod, &step.labels, phase(&step.phase), containers, now);
}

fn checkpoint_json(checkpoint: &Checkpoint) -> Value {
    let millis = |at: Stamp| at.millis().unwrap_or(i64::MIN);
    let histogram = |h: &HistogramCheckpoint| {
        let buckets: BTreeMap<String, u32> = h.buckets.iter().map(|(k, v)| (k.to_string(), *v)).collect();
        json!({
            "reference": millis(h.reference),
            "total": h.total_weight.to_bits().to_string(),
            // An empty map is left out of an API object.
            "buckets": if buckets.is_empty() { Value::Null } else { json!(buckets) },
        })
    };
    json!({
        "first": millis(checkpoint.first_sample),
        "last": millis(checkpoint.last_sample),
        "samples": checkpoint.samples,
        "cpu": histogram(&checkpoint.cpu),
        "memory": histogram(&checkpoint.memory),
    })
}

fn entry_json(entry: &ContainerRecommendation) -> Value {
    json!({
        "container": entry.container,
        "target": list_json(&entry.target),
        "lower": list_json(&entry.lower_bound),
        "upper": list_json(&entry.upper_bound),
        "uncapped": list_json(&entry.uncapped_target),
    })
}

/// Writes down what the updater does and refuses what the story says is refused.
struct Stage<'a> {
    pods: &'a [PodStory],
    actions: Vec<Value>,
}

impl Stage<'_> {
    fn story(&self, pod: &Pod) -> Option<&PodStory> {
        self.pods.iter().find(|story| story.name == pod.name)
    }
}

impl Actuator for Stage<'_> {
    fn resize(&mut self, pod: &Pod, containers: &[ContainerResources]) -> Result<(), ResizeError> {
        let changed: serde_json::Map<String, Value> = pod
            .containers
            .iter()
            .zip(containers)
            .filter(|(_, resources)| !resources.requests.is_empty() || !resources.limits.is_empty())
            .map(|(container, resources)| {
                let requests = list_json(&resources.requests);
                (
                    container.name.clone(),
                    json!({ "requests": requests, "limits": list_json(&resources.limits) }),
                )
            })
            .collect();
        let changed = if changed.is_empty() { Value::Null } else { changed.into() };
        self.actions.push(compact(json!({ "do": "resize", "pod": pod.name, "containers": changed })));
        match self.story(pod).map(|story| story.resize_fails.as_str()) {
            Some("") | None => Ok(()),
            Some("infeasible") => Err(ResizeError::Infeasible),
            Some(_) => Err(ResizeError::Refused),
        }
    }

    fn evict(&mut self, pod: &Pod) -> Result<(), EvictionRefused> {
        self.actions.push(json!({ "do": "evict", "pod": pod.name }));
        if self.story(pod).is_some_and(|story| story.evict_fails) { Err(EvictionRefused) } else { Ok(()) }
    }
}

fn updater(story: &UpdaterStory) -> Result<Value, Failed> {
    let mut updater = Updater::new(UpdaterConfig {
        disruption: DisruptionConfig {
            min_replicas: story.min_replicas,
            eviction_tolerance: story.tolerance,
            in_place_skips_budget: story.skip_budget,
        },
        thresholds: Thresholds {
            min_change: story.threshold,
            lifetime: Span::secs(story.lifetime_secs),
            evict_after_oom: Span::secs(story.evict_after_oom_secs),
        },
    });
    let mut answers = Vec::new();
    let mut clock = i64::MIN;
    for seen in &story.loops {
        clock = clock.max(seen.at);
        let mut stage = Stage { pods: &seen.pods, actions: Vec::new() };
        run(&mut updater, Stamp::from_millis(clock), seen, &mut stage)?;
        let infeasible: BTreeSet<&str> = updater.infeasible().collect();
        answers.push(json!({ "actions": stage.actions, "infeasible": infeasible }));
    }
    Ok(answers.into())
}

fn run(updater: &mut Updater, now: Stamp, seen: &Loop, stage: &mut Stage<'_>) -> Result<(), Failed> {
    let update = match &seen.update {
        None => None,
        Some(policy) => Some(UpdatePolicy {
            mode: serde_json::from_value(json!(policy.mode))?,
            min_replicas: policy.min_replicas,
            eviction_requirements: policy
                .requirements
                .iter()
                .map(|requirement| EvictionRequirement {
                    resources: requirement.resources.iter().map(|name| resource(name)).collect(),
                    change: if requirement.higher {
                        ChangeRequirement::TargetHigherThanRequests
                    } else {
                        ChangeRequirement::TargetLowerThanRequests
                    },
                })
                .collect(),
            evict_after_oom_secs: policy.evict_after_oom_secs,
        }),
    };
    let wishes = seen.recommendations.as_ref().map(|wishes| Recommendation {
        containers: wishes
            .iter()
            .map(|wish| ContainerRecommendation {
                container: wish.container.clone(),
                target: list(&wish.target),
                lower_bound: list(&wish.lower),
                upper_bound: list(&wish.upper),
                uncapped_target: ResourceList::default(),
            })
            .collect(),
    });
    let items: Vec<(LimitType, LimitRangeItem)> = seen
        .limit_ranges
        .iter()
        .map(|item| {
            let kind = if item.kind == "Pod" { LimitType::Pod } else { LimitType::Container };
            let (min, max, default) = (list(&item.min), list(&item.max), list(&item.default));
            (kind, LimitRangeItem { min, max, default })
        })
        .collect();
    let groups = seen
        .groups
        .iter()
        .map(|group| serde_json::from_value(json!(group)))
        .collect::<Result<Vec<Group>, _>>()?;
    let pods: Vec<Pod> = seen.pods.iter().map(pod).collect();
    let policy = seen.policies.as_deref().map(resource_policy);
    let situation = Situation {
        update: update.as_ref(),
        resources: policy.as_ref(),
        recommendation: wishes.as_ref(),
        limit_ranges: &LimitRanges::of(&items),
        groups: &groups,
        pods: &pods,
    };
    updater.run_once(now, &situation, stage);
    Ok(())
}

fn pod(story: &PodStory) -> Pod {
    let resources = |requests: &Amounts, limits: &Amounts| ContainerResources {
        requests: list(requests),
        limits: list(limits),
    };
    Pod {
        name: story.name.clone(),
        group: story.group,
        phase: phase(&story.phase),
        deleting: story.deleting,
        started: story.started.map(Stamp::from_millis),
        observed_containers: story.observed.clone(),
        boosted: story.boosted,
        resize: story
            .resize
            .iter()
            .map(|condition| ResizeCondition {
                kind: if condition.kind == "PodResizePending" {
                    ResizeKind::Pending
                } else {
                    ResizeKind::InProgress
                },
                status: condition.status,
                reason: condition.reason.clone(),
                message: condition.message.clone(),
            })
            .collect(),
        containers: story
            .containers
            .iter()
            .map(|container| Container {
                name: container.name.clone(),
                spec: resources(&container.requests, &container.limits),
                status: container.status.as_ref().map(|status| resources(&status.requests, &status.limits)),
                last_termination: container.termination.as_ref().map(|end| Termination {
                    oom_killed: end.reason == "OOMKilled",
                    started: Stamp::from_millis(end.started),
                    finished: Stamp::from_millis(end.finished),
                }),
                restarts_on_resize: container.restart_to_apply,
            })
            .collect(),
    }
}
