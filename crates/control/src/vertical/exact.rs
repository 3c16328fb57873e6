//! Kubernetes' VPA of one container, whole: recommender and updater as release 1.8 computes them.
//!
//! Left out: what [`crate::vpa`] leaves out, and pods with several containers ([`crate::Vpa`] has them).

use super::{CONTAINER, ContainerUpdater, Managed, Mode, Recommend, UpdaterSettings};
use crate::{
    Result,
    parameter::Parameter,
    vpa::{
        AggregationConfig, Amount, ContainerRecommendation, History, LimitRanges, Percentiles, Quantity,
        Recommender, RecommenderConfig, Resource, ResourceList, ResourcePolicy, Running, Span, Stamp,
    },
};
use serde::{Deserialize, Serialize};
use trimtab_model::{PodPhase, Seconds};

/// The flags that people change; the defaults are upstream's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExactConfig {
    /// What happens to the container.
    pub mode: Mode,
    /// `--recommendation-margin-fraction`.
    pub safety_margin: f64,
    /// `--target-cpu-percentile`.
    pub target_cpu_percentile: f64,
    /// `--target-memory-percentile`.
    pub target_memory_percentile: f64,
    /// `--cpu-histogram-decay-half-life`, hours.
    pub cpu_half_life_hours: f64,
    /// `--memory-histogram-decay-half-life`, hours.
    pub memory_half_life_hours: f64,
    /// `--memory-aggregation-interval`, hours.
    pub memory_interval_hours: f64,
    /// `--oom-bump-up-ratio`.
    pub oom_bump_up_ratio: f64,
    /// `--pod-recommendation-min-cpu-millicores`.
    pub min_cpu_millicores: f64,
    /// `--pod-recommendation-min-memory-mb`.
    pub min_memory_mb: f64,
}

impl Default for ExactConfig {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            safety_margin: 0.15,
            target_cpu_percentile: 0.9,
            target_memory_percentile: 0.9,
            cpu_half_life_hours: 24.0,
            memory_half_life_hours: 24.0,
            memory_interval_hours: 24.0,
            oom_bump_up_ratio: 1.2,
            min_cpu_millicores: 25.0,
            min_memory_mb: 250.0,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::choice("mode", Mode::NAMES, "updateMode: what happens to the pod"),
    Parameter::float("safety_margin", "", 0.0, 2.0, "share of the use that is added to it"),
    Parameter::float("target_cpu_percentile", "", 0.01, 1.0, "share of CPU samples below the target"),
    Parameter::float("target_memory_percentile", "", 0.01, 1.0, "share of memory peaks below the target"),
    Parameter::float("cpu_half_life_hours", "h", 0.1, 1000.0, "half-life of CPU samples").on_log_scale(),
    Parameter::float("memory_half_life_hours", "h", 0.1, 1000.0, "half-life of memory peaks").on_log_scale(),
    Parameter::float("memory_interval_hours", "h", 0.1, 168.0, "interval of which the memory peak is kept")
        .on_log_scale(),
    Parameter::float("oom_bump_up_ratio", "", 1.0, 4.0, "factor on memory after an OOM kill"),
    Parameter::float("min_cpu_millicores", "mCPU", 0.0, 1000.0, "least CPU of a pod"),
    Parameter::float("min_memory_mb", "MiB", 0.0, 4096.0, "least memory of a pod"),
];

impl ExactConfig {
    fn aggregation(&self) -> AggregationConfig {
        let hours = |hours: f64| Span::from(Seconds(3600.0 * hours));
        AggregationConfig {
            cpu_half_life: hours(self.cpu_half_life_hours),
            memory_half_life: hours(self.memory_half_life_hours),
            memory_interval: hours(self.memory_interval_hours),
            oom_bump_up_ratio: self.oom_bump_up_ratio,
            ..AggregationConfig::default()
        }
    }

    fn recommender(&self) -> RecommenderConfig {
        let percentiles = |target: f64| Percentiles {
            target,
            lower: Percentiles::default().lower.min(target),
            upper: Percentiles::default().upper.max(target),
            ..Percentiles::default()
        };
        RecommenderConfig {
            safety_margin: self.safety_margin,
            cpu: percentiles(self.target_cpu_percentile),
            memory: percentiles(self.target_memory_percentile),
            pod_min_cpu_millicores: self.min_cpu_millicores,
            pod_min_memory_mb: self.min_memory_mb,
            ..RecommenderConfig::default()
        }
    }
}

impl ExactConfig {
    /// Arguments of the recommender that differ from upstream's defaults, as `--name=value`. The least of a pod is among them only
    /// where it is below the default: above it, [`Self::min_allowed`] says it for a pod of one container.
    pub fn recommender_flags(&self) -> Vec<String> {
        let (set, default) = (self.recommender(), Self::default());
        let upstream = default.recommender();
        let mut flags = Vec::new();
        let mut flag = |name: &str, value: f64, default: f64, unit: &str| {
            if value != default {
                flags.push(format!("--{name}={value}{unit}"));
            }
        };
        flag("recommendation-margin-fraction", self.safety_margin, default.safety_margin, "");
        let (cpu, memory) = ((&set.cpu, &upstream.cpu), (&set.memory, &upstream.memory));
        for (resource, (set, upstream)) in [("cpu", cpu), ("memory", memory)] {
            flag(&format!("target-{resource}-percentile"), set.target, upstream.target, "");
            let bound = |side: &str| format!("recommendation-{side}-bound-{resource}-percentile");
            flag(&bound("lower"), set.lower, upstream.lower, "");
            flag(&bound("upper"), set.upper, upstream.upper, "");
        }
        flag("cpu-histogram-decay-half-life", self.cpu_half_life_hours, default.cpu_half_life_hours, "h");
        flag(
            "memory-histogram-decay-half-life",
            self.memory_half_life_hours,
            default.memory_half_life_hours,
            "h",
        );
        flag("memory-aggregation-interval", self.memory_interval_hours, default.memory_interval_hours, "h");
        flag("oom-bump-up-ratio", self.oom_bump_up_ratio, default.oom_bump_up_ratio, "");
        let below = |value: f64, default: f64| value.min(default);
        let (cpu, memory) = (default.min_cpu_millicores, default.min_memory_mb);
        flag("pod-recommendation-min-cpu-millicores", below(self.min_cpu_millicores, cpu), cpu, "");
        flag("pod-recommendation-min-memory-mb", below(self.min_memory_mb, memory), memory, "");
        flags
    }

    /// The least of a pod as `minAllowed` of its one container, where it is above upstream's default.
    pub fn min_allowed(&self) -> ResourceList {
        let default = Self::default();
        let recommender = self.recommender();
        let cpu = Amount::from_cores(recommender.pod_min_cpu_millicores * 0.001);
        let memory = Amount::truncated(recommender.pod_min_memory_mb * 1024.0 * 1024.0);
        ResourceList {
            cpu: (self.min_cpu_millicores > default.min_cpu_millicores)
                .then(|| Quantity::from_amount(Resource::Cpu, cpu)),
            memory: (self.min_memory_mb > default.min_memory_mb)
                .then(|| Quantity::from_amount(Resource::Memory, memory)),
        }
    }
}

/// A VPA of one container.
pub type ContainerVpa = Managed<VpaRecommender>;

impl ContainerVpa {
    /// A VPA that has seen nothing.
    ///
    /// # Errors
    /// Flags out of range.
    pub fn exact(config: &ExactConfig, limit_ranges: LimitRanges) -> Result<Self> {
        let settings = UpdaterSettings { mode: config.mode, limit_ranges, ..UpdaterSettings::default() };
        Ok(Self::new(VpaRecommender::new(config)?, ContainerUpdater::new(settings)))
    }
}

/// The recommender alone.
#[derive(Clone, Debug)]
pub struct VpaRecommender {
    history: History,
    recommender: Recommender,
    pod: String,
    started: Stamp,
}

impl VpaRecommender {
    /// A recommender that has seen nothing.
    ///
    /// # Errors
    /// Flags out of range.
    pub fn new(config: &ExactConfig) -> Result<Self> {
        Ok(Self {
            history: History::new(config.aggregation(), ResourcePolicy::default())?,
            recommender: Recommender::new(config.recommender())?,
            pod: String::new(),
            started: Stamp::NEVER,
        })
    }

    /// A pod that started anew has a name of its own, and so a memory window of its own.
    fn know_pod(&mut self, now: Stamp, running: &Running) {
        if running.started != self.started || self.pod.is_empty() {
            self.history.forget_pod(&self.pod);
            self.started = running.started;
            self.pod = format!("pod-{}", running.started.millis().unwrap_or(0));
        }
        self.history.observe_pod(&self.pod, "", PodPhase::Running, [CONTAINER], now);
    }
}

impl Recommend for VpaRecommender {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        self.know_pod(now, running);
        for resource in Resource::ALL {
            self.history.add_sample(&self.pod, CONTAINER, resource, usage[resource as usize], now, now);
        }
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        self.know_pod(now, running);
        let request = Amount(running.resources.requests.or_zero(Resource::Memory).units());
        self.history.out_of_memory(&self.pod, CONTAINER, request, now, now);
    }

    fn recommend(&mut self, now: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        self.recommender.recommend(&mut self.history, now).containers.pop()
    }
}
