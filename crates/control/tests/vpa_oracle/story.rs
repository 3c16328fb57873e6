//! What is told: the same documents that `oracle/vpa/story.go`, `recommender.go` and `updater.go` read.
//!
//! Instants are milliseconds since the Unix epoch, amounts thousandths of a core or a byte.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Story {
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recommender: Option<RecommenderStory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) updater: Option<UpdaterStory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layout: Option<Layout>,
}

impl Story {
    /// How often it asks for a recommendation.
    pub(crate) fn recommendations(&self) -> u64 {
        let steps = self.recommender.iter().flat_map(|story| &story.steps);
        steps.filter(|step| step.what == "recommend").count() as u64
    }

    /// How often it runs the updater.
    pub(crate) fn loops(&self) -> u64 {
        self.updater.as_ref().map_or(0, |story| story.loops.len() as u64)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) cpu: Vec<f64>,
    pub(crate) memory: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amounts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) container: String,
    pub(crate) off: bool,
    pub(crate) min: Amounts,
    pub(crate) max: Amounts,
    pub(crate) controlled: Option<Vec<String>>,
    pub(crate) requests_only: bool,
    pub(crate) oom_bump_up_ratio: Option<i64>,
    pub(crate) oom_min_bump_up: Option<i64>,
    pub(crate) memory_interval_secs: Option<i64>,
    pub(crate) memory_interval_count: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecommenderStory {
    pub(crate) config: Flags,
    pub(crate) policies: Option<Vec<Policy>>,
    pub(crate) integer_cpu: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flags {
    pub(crate) memory_interval_secs: i64,
    pub(crate) memory_interval_count: i64,
    pub(crate) cpu_half_life_secs: i64,
    pub(crate) memory_half_life_secs: i64,
    pub(crate) oom_bump_up_ratio: f64,
    pub(crate) oom_min_bump_up: f64,
    pub(crate) margin: f64,
    pub(crate) pod_min_cpu_millicores: f64,
    pub(crate) pod_min_memory_mb: f64,
    pub(crate) target_cpu: f64,
    pub(crate) lower_cpu: f64,
    pub(crate) upper_cpu: f64,
    pub(crate) target_memory: f64,
    pub(crate) lower_memory: f64,
    pub(crate) upper_memory: f64,
    pub(crate) confidence_cpu_secs: i64,
    pub(crate) confidence_memory_secs: i64,
    pub(crate) humanize: bool,
    pub(crate) round_cpu_millicores: i64,
    pub(crate) round_memory_bytes: i64,
    pub(crate) whole_cpu: bool,
    pub(crate) max_allowed: Amounts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) at: i64,
    #[serde(rename = "do")]
    pub(crate) what: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) pod: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) labels: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) phase: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) containers: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) container: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) samples: Vec<[i64; 3]>,
    pub(crate) time: i64,
    pub(crate) request: i64,
    pub(crate) policies: Option<Vec<Policy>>,
    pub(crate) controller_exists: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpdaterStory {
    pub(crate) min_replicas: u32,
    pub(crate) tolerance: f64,
    pub(crate) skip_budget: bool,
    pub(crate) threshold: f64,
    pub(crate) lifetime_secs: i64,
    pub(crate) evict_after_oom_secs: i64,
    pub(crate) loops: Vec<Loop>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Loop {
    pub(crate) at: i64,
    pub(crate) policies: Option<Vec<Policy>>,
    pub(crate) update: Option<Update>,
    pub(crate) recommendations: Option<Vec<Wish>>,
    pub(crate) limit_ranges: Vec<LimitItem>,
    pub(crate) groups: Vec<GroupStory>,
    pub(crate) pods: Vec<PodStory>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) mode: String,
    pub(crate) min_replicas: Option<u32>,
    pub(crate) evict_after_oom_secs: Option<i64>,
    pub(crate) requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) resources: Vec<String>,
    pub(crate) higher: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) container: String,
    pub(crate) target: Amounts,
    pub(crate) lower: Amounts,
    pub(crate) upper: Amounts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LimitItem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) min: Amounts,
    pub(crate) max: Amounts,
    pub(crate) default: Amounts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupStory {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) replicas: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PodStory {
    pub(crate) name: String,
    pub(crate) group: Option<usize>,
    pub(crate) phase: String,
    pub(crate) deleting: bool,
    pub(crate) started: Option<i64>,
    pub(crate) observed: Option<Vec<String>>,
    pub(crate) boosted: bool,
    pub(crate) resize: Vec<ResizeStory>,
    pub(crate) containers: Vec<ContainerStory>,
    pub(crate) resize_fails: String,
    pub(crate) evict_fails: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResizeStory {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContainerStory {
    pub(crate) name: String,
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
    pub(crate) status: Option<Allocated>,
    pub(crate) termination: Option<Ended>,
    pub(crate) restart_to_apply: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Allocated {
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) reason: String,
    pub(crate) started: i64,
    pub(crate) finished: i64,
}
