//! Everything remembered of the pods that one VPA selects.
//!
//! Aggregates belong to (container name, pod labels), so they outlive pods and are shared by replicas; a VPA merges
//! those of one container name, and what its checkpoints held, anew for every recommendation. Source:
//! `pkg/recommender/model/cluster.go` and `vpa.go`, `pkg/recommender/checkpoint` of the VPA.
//!
//! The detail others get wrong: merging moves references inside the merged aggregates, so recommending changes, in
//! the last bits, what later samples weigh. Upstream merges in the random order of a Go map; here the order is that of
//! the labels. Left out: other VPAs, selectors, and the Prometheus history.

use super::{
    Aggregate, AggregationConfig, Amount, Checkpoint, CheckpointError, ContainerState, Resource,
    ResourcePolicy, Span, Stamp, UsageSink,
};
use crate::Result;
use std::collections::BTreeMap;
use trimtab_model::PodPhase;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    container: String,
    labels: String,
}

#[derive(Clone, Debug)]
struct PodHistory {
    labels: String,
    phase: PodPhase,
    containers: BTreeMap<String, ContainerState>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct History {
    config: AggregationConfig,
    policy: ResourcePolicy,
    pods: BTreeMap<String, PodHistory>,
    aggregates: BTreeMap<Key, Aggregate>,
    loaded: BTreeMap<String, Aggregate>,
}

impl History {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// Those of [`AggregationConfig::validate`].
    pub fn new(config: AggregationConfig, policy: ResourcePolicy) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config,
            policy,
            pods: BTreeMap::new(),
            aggregates: BTreeMap::new(),
            loaded: BTreeMap::new(),
        })
    }

    /// The resource policy in force.
    pub fn policy(&self) -> &ResourcePolicy {
        &self.policy
    }

    /// Puts another resource policy in force.
    pub fn set_policy(&mut self, policy: ResourcePolicy) {
        self.policy = policy;
        for (key, aggregate) in &mut self.aggregates {
            aggregate.follow(self.policy.of(&key.container));
        }
    }

    /// Makes a pod and its containers known, or updates its phase. A pod keeps the labels it came with.
    pub fn observe_pod<'a>(
        &mut self,
        pod: &str,
        labels: &str,
        phase: PodPhase,
        containers: impl IntoIterator<Item = &'a str>,
        now: Stamp,
    ) {
        let known = self.pods.entry(pod.to_owned()).or_insert_with(|| PodHistory {
            labels: labels.to_owned(),
            phase,
            containers: BTreeMap::new(),
        });
        known.phase = phase;
        for name in containers {
            if known.containers.contains_key(name) {
                continue;
            }
            known.containers.insert(name.to_owned(), ContainerState::default());
            let mut link = Link {
                aggregates: &mut self.aggregates,
                config: &self.config,
                policy: &self.policy,
                container: name,
                labels: &known.labels,
                now,
            };
            link.aggregate();
        }
    }

    /// Names of the pods that are known.
    pub fn pods(&self) -> impl Iterator<Item = &str> {
        self.pods.keys().map(String::as_str)
    }

    /// Forgets a pod; its aggregates stay.
    pub fn forget_pod(&mut self, pod: &str) {
        self.pods.remove(pod);
    }

    /// Takes a sample of a container's use; whether it counted.
    pub fn add_sample(
        &mut self,
        pod: &str,
        container: &str,
        resource: Resource,
        usage: Amount,
        at: Stamp,
        now: Stamp,
    ) -> bool {
        self.with(pod, container, now, |state, link| state.add(resource, usage, at, link))
    }

    /// Takes an OOM kill of a container that requested `request` bytes; whether it counted.
    pub fn out_of_memory(
        &mut self,
        pod: &str,
        container: &str,
        request: Amount,
        at: Stamp,
        now: Stamp,
    ) -> bool {
        self.with(pod, container, now, |state, link| state.out_of_memory(request, at, link))
    }

    /// What a recommendation is made of: an aggregate for each container name that is not switched off, in order.
    pub fn merged(&mut self, now: Stamp) -> BTreeMap<String, Aggregate> {
        let mut merged = self.merged_with_off(now);
        merged.retain(|container, _| !self.policy.is_off(container));
        merged
    }

    /// Forgets aggregates that are expired, and empty ones that no pod adds to. A pod adds while it is neither
    /// finished nor without its controller.
    pub fn collect_garbage(&mut self, now: Stamp, controller_exists: bool) {
        let pods = &self.pods;
        self.aggregates.retain(|key, aggregate| {
            let contributes = pods.values().any(|pod| {
                let finished = matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed);
                pod.labels == key.labels
                    && pod.containers.contains_key(&key.container)
                    && (!finished || controller_exists)
            });
            (contributes || !aggregate.is_empty()) && !aggregate.is_expired(now)
        });
    }

    /// Number of aggregates.
    pub fn aggregates(&self) -> usize {
        self.aggregates.len()
    }

    /// Checkpoints by container name, without the memory peaks of intervals that still run.
    pub fn checkpoints(&mut self, now: Stamp) -> BTreeMap<String, Checkpoint> {
        let mut merged = self.merged_with_off(now);
        for pod in self.pods.values() {
            for (name, state) in &pod.containers {
                let key = Key { container: name.clone(), labels: pod.labels.clone() };
                let (peak, end) = state.open_peak();
                if let Some(aggregate) = merged.get_mut(name)
                    && self.aggregates.contains_key(&key)
                    && now < end
                {
                    aggregate.subtract_memory(peak, end);
                }
            }
        }
        merged.into_iter().map(|(name, aggregate)| (name, aggregate.checkpoint())).collect()
    }

    /// Takes over a container's checkpoint, as a recommender does when it starts; one loaded before is replaced.
    ///
    /// # Errors
    /// Those of [`Aggregate::load`].
    pub fn load(
        &mut self,
        container: &str,
        checkpoint: &Checkpoint,
        now: Stamp,
    ) -> Result<(), CheckpointError> {
        let mut aggregate = Aggregate::new(&self.config, now);
        aggregate.load(checkpoint)?;
        self.loaded.insert(container.to_owned(), aggregate);
        Ok(())
    }

    /// Heap and inline bytes of the history of one container name with one set of labels.
    pub fn bytes_per_history() -> usize {
        let buckets = AggregationConfig::cpu_layout().count() + AggregationConfig::memory_layout().count();
        size_of::<Aggregate>() + size_of::<ContainerState>() + size_of::<Key>() + buckets * size_of::<f64>()
    }

    fn merged_with_off(&mut self, now: Stamp) -> BTreeMap<String, Aggregate> {
        let mut merged: BTreeMap<String, Aggregate> = BTreeMap::new();
        let current = self.aggregates.iter_mut().map(|(key, aggregate)| (&key.container, aggregate));
        for (container, aggregate) in current.chain(self.loaded.iter_mut()) {
            let sum = merged.entry(container.clone()).or_insert_with(|| Aggregate::new(&self.config, now));
            sum.merge(aggregate);
        }
        merged
    }

    fn with(
        &mut self,
        pod: &str,
        container: &str,
        now: Stamp,
        act: impl FnOnce(&mut ContainerState, &mut Link<'_>) -> bool,
    ) -> bool {
        let Some(known) = self.pods.get_mut(pod) else { return false };
        let Some(state) = known.containers.get_mut(container) else { return false };
        let mut link = Link {
            aggregates: &mut self.aggregates,
            config: &self.config,
            policy: &self.policy,
            container,
            labels: &known.labels,
            now,
        };
        act(state, &mut link)
    }
}

/// The way from a container to its aggregate, which is made when it is first needed.
struct Link<'a> {
    aggregates: &'a mut BTreeMap<Key, Aggregate>,
    config: &'a AggregationConfig,
    policy: &'a ResourcePolicy,
    container: &'a str,
    labels: &'a str,
    now: Stamp,
}

impl Link<'_> {
    fn aggregate(&mut self) -> &mut Aggregate {
        let key = Key { container: self.container.to_owned(), labels: self.labels.to_owned() };
        self.aggregates.entry(key).or_insert_with(|| {
            let mut aggregate = Aggregate::new(self.config, self.now);
            aggregate.follow(self.policy.of(self.container));
            aggregate
        })
    }
}

impl UsageSink for Link<'_> {
    fn add(&mut self, resource: Resource, amount: Amount, at: Stamp) {
        self.aggregate().add(resource, amount, at);
    }

    fn subtract_memory(&mut self, amount: Amount, at: Stamp) {
        self.aggregate().subtract_memory(amount, at);
    }

    fn oom_bump_up_ratio(&mut self) -> f64 {
        self.aggregate().oom_bump_up_ratio()
    }

    fn oom_min_bump_up(&mut self) -> f64 {
        self.aggregate().oom_min_bump_up()
    }

    fn memory_interval(&mut self) -> Span {
        self.aggregate().memory_interval()
    }
}

#[cfg(test)]
mod tests;
