//! From histograms to target, lower and upper bound.
//!
//! For each resource, with `p` the percentile of the histogram and `c` the days of history:
//! target `m(p₉₀)`, lower `m(p₅₀)·(1 + 0.001/c)⁻²`, upper `m(p₉₅)·(1 + 1/c)`, where `m(x) = x + 0.15·x` and each step is
//! truncated; then the pod's minimum, split evenly over its containers. Source: `pkg/recommender/logic` and
//! `pkg/recommender/routines` of the VPA. The lower bound is ×0 without history, ×0.6 after 5 min, ×0.95 after an hour;
//! the upper is unbounded without history, ×3 after 12 h, ×2 after a day.
//!
//! Left out: status conditions.

use super::{
    Aggregate, Amount, ContainerRecommendation, DecayingHistogram, Format, History, Recommendation, Resource,
    ResourceList, ResourcePolicy, Span, Stamp, capping, elementary,
};
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Factor and power of the lower bound's [`confidence_multiplier`].
pub const LOWER: (f64, f64) = (0.001, -2.0);
/// Factor and power of the upper bound's [`confidence_multiplier`].
pub const UPPER: (f64, f64) = (1.0, 1.0);

/// Shares of the weight that lie below target and bounds of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Of the target.
    pub target: f64,
    /// Of the lower bound.
    pub lower: f64,
    /// Of the upper bound.
    pub upper: f64,
    /// Length of history that counts as one unit of confidence.
    pub confidence_interval: Span,
}

impl Default for Percentiles {
    fn default() -> Self {
        Self { target: 0.9, lower: 0.5, upper: 0.95, confidence_interval: Span::DAY }
    }
}

/// The recommender's flags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecommenderConfig {
    /// Share of the usage that is added to it.
    pub safety_margin: f64,
    /// Least CPU of a pod in millicores.
    pub pod_min_cpu_millicores: f64,
    /// Least memory of a pod in mebibytes.
    pub pod_min_memory_mb: f64,
    /// CPU.
    pub cpu: Percentiles,
    /// Memory.
    pub memory: Percentiles,
    /// How amounts are written.
    pub format: Format,
    /// Greatest recommendation of a container for resources whose policy names none.
    pub max_allowed: ResourceList,
    /// Containers whose CPU is rounded up to whole cores, those that the VPA's annotations opt in.
    pub whole_cpu_containers: Vec<String>,
}

impl Default for RecommenderConfig {
    fn default() -> Self {
        Self {
            safety_margin: 0.15,
            pod_min_cpu_millicores: 25.0,
            pod_min_memory_mb: 250.0,
            cpu: Percentiles::default(),
            memory: Percentiles::default(),
            format: Format::default(),
            max_allowed: ResourceList::default(),
            whole_cpu_containers: Vec::new(),
        }
    }
}

/// Target and bounds of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// What should be requested.
    pub target: Amount,
    /// Too little below this.
    pub lower: Amount,
    /// Too much above this.
    pub upper: Amount,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommender {
    config: RecommenderConfig,
}

impl Recommender {
    /// A recommender with the given flags.
    ///
    /// # Errors
    /// A negative margin or minimum, or a confidence interval that is not positive.
    pub fn new(config: RecommenderConfig) -> Result<Self> {
        check("vpa.safety_margin", config.safety_margin >= 0.0, "zero or more", config.safety_margin)?;
        check(
            "vpa.pod_min_cpu_millicores",
            config.pod_min_cpu_millicores >= 0.0,
            "zero or more",
            config.pod_min_cpu_millicores,
        )?;
        check(
            "vpa.pod_min_memory_mb",
            config.pod_min_memory_mb >= 0.0,
            "zero or more",
            config.pod_min_memory_mb,
        )?;
        for part in [&config.cpu, &config.memory] {
            let interval = part.confidence_interval;
            check(
                "vpa.confidence_interval",
                interval.is_positive(),
                "positive",
                interval.over(Span::secs(1)),
            )?;
        }
        Ok(Self { config })
    }

    /// The flags.
    pub fn config(&self) -> &RecommenderConfig {
        &self.config
    }

    /// What the recommender writes into the VPA's status at `now`.
    pub fn recommend(&self, history: &mut History, now: Stamp) -> Recommendation {
        let merged = history.merged(now);
        let mut recommendation = self.list(&merged, history.policy());
        whole_cpu(&mut recommendation, &self.config.whole_cpu_containers);
        capping::apply_policy(&mut recommendation, history.policy(), self.config.max_allowed);
        recommendation
    }

    /// Recommendations before post-processing, by container name.
    pub fn list(&self, containers: &BTreeMap<String, Aggregate>, policy: &ResourcePolicy) -> Recommendation {
        let (cpu, memory) = self.minimum(containers.len());
        let containers = containers
            .iter()
            .map(|(name, aggregate)| {
                let least = |estimate: Estimate, least: Amount| Estimate {
                    target: estimate.target.max(least),
                    lower: estimate.lower.max(least),
                    upper: estimate.upper.max(least),
                };
                let cpu = least(self.cpu(aggregate), cpu);
                let memory = least(self.memory(aggregate), memory);
                self.entry(name, cpu, memory, policy)
            })
            .collect();
        Recommendation { containers }
    }

    /// Least CPU and memory of each of `containers` containers of a pod.
    pub fn minimum(&self, containers: usize) -> (Amount, Amount) {
        let share = 1.0 / containers as f64;
        (
            Amount::from_cores(self.config.pod_min_cpu_millicores * 0.001).scaled(share),
            Amount::truncated(self.config.pod_min_memory_mb * 1024.0 * 1024.0).scaled(share),
        )
    }

    /// CPU of one container in millicores, before the minimum.
    pub fn cpu(&self, aggregate: &Aggregate) -> Estimate {
        self.estimate(&aggregate.cpu, &self.config.cpu, aggregate, Amount::from_cores)
    }

    /// Memory of one container in bytes, before the minimum.
    pub fn memory(&self, aggregate: &Aggregate) -> Estimate {
        self.estimate(&aggregate.memory, &self.config.memory, aggregate, Amount::truncated)
    }

    fn estimate(
        &self,
        histogram: &DecayingHistogram,
        percentiles: &Percentiles,
        aggregate: &Aggregate,
        amount: fn(f64) -> Amount,
    ) -> Estimate {
        let base = |share| with_margin(amount(histogram.percentile(share)), self.config.safety_margin);
        let confidence = aggregate.confidence(percentiles.confidence_interval);
        Estimate {
            target: base(percentiles.target),
            lower: with_confidence(base(percentiles.lower), LOWER, confidence),
            upper: with_confidence(base(percentiles.upper), UPPER, confidence),
        }
    }

    fn entry(
        &self,
        name: &str,
        cpu: Estimate,
        memory: Estimate,
        policy: &ResourcePolicy,
    ) -> ContainerRecommendation {
        let policy = policy.of(name);
        let list = |of: fn(&Estimate) -> Amount| {
            let mut list = ResourceList::default();
            for (resource, estimate) in [(Resource::Cpu, &cpu), (Resource::Memory, &memory)] {
                if policy.is_none_or(|policy| policy.controls(resource)) {
                    *list.get_mut(resource) = Some(self.config.format.quantity(resource, of(estimate)));
                }
            }
            list
        };
        let target = list(|estimate| estimate.target);
        ContainerRecommendation {
            container: name.to_owned(),
            target,
            lower_bound: list(|estimate| estimate.lower),
            upper_bound: list(|estimate| estimate.upper),
            uncapped_target: target,
        }
    }
}

/// `base + fraction·base`, the summand truncated.
pub fn with_margin(base: Amount, fraction: f64) -> Amount {
    Amount(base.0 + base.scaled(fraction).0)
}

/// `(1 + factor/confidence)^power`; a confidence of nothing gives 0 or infinity.
pub fn confidence_multiplier((factor, power): (f64, f64), confidence: f64) -> f64 {
    elementary::pow(1.0 + factor / confidence, power)
}

/// `base` times the [`confidence_multiplier`], truncated.
pub fn with_confidence(base: Amount, multiplier: (f64, f64), confidence: f64) -> Amount {
    base.scaled(confidence_multiplier(multiplier, confidence))
}

/// Rounds the CPU of the named containers up to whole cores, the uncapped target's too.
pub fn whole_cpu(recommendation: &mut Recommendation, containers: &[String]) {
    for entry in &mut recommendation.containers {
        if containers.contains(&entry.container) {
            for list in [
                &mut entry.target,
                &mut entry.lower_bound,
                &mut entry.upper_bound,
                &mut entry.uncapped_target,
            ] {
                list.cpu = list.cpu.map(super::Quantity::rounded_up);
            }
        }
    }
}

/// The container that an annotation `<prefix><container><suffix>` opts into something; empty where it is none.
pub fn annotated_container<'a>(key: &'a str, prefix: &str, suffix: &str) -> &'a str {
    key.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).unwrap_or("")
}
