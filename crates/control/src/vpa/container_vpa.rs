//! VPAs of one container, for replays: upstream's whole chain, and the simplified one.
//!
//! The container is alone in its pod and the pod alone in its group, so an update policy that asks for two replicas, as the
//! default does, never touches it. Left out: anything that needs more than one pod.

use super::{
    Actuator, AggregationConfig, Amount, Change, Container, ContainerResources, EvictionRefused, Group,
    GroupKind, History, LimitRanges, Pod, Quantity, Recommendation, Recommender, RecommenderConfig,
    ResizeError, Resource, ResourceList, ResourcePolicy, Running, Simplified, SimplifiedConfig, Situation,
    Stamp, UpdatePolicy, Updater, UpdaterConfig, Vertical, Way, limits, pod_resources,
};
use crate::Result;
use serde::{Deserialize, Serialize};
use trimtab_model::PodPhase;

const CONTAINER: &str = "container";

/// Flags and policies of a [`ContainerVpa`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerVpaConfig {
    /// How samples become histograms.
    pub aggregation: AggregationConfig,
    /// How histograms become a recommendation.
    pub recommender: RecommenderConfig,
    /// When a pod is touched.
    pub updater: UpdaterConfig,
    /// The VPA's resource policy.
    pub resources: ResourcePolicy,
    /// The VPA's update policy.
    pub update: UpdatePolicy,
}

/// Recommender and updater of one container.
#[derive(Clone, Debug)]
pub struct ContainerVpa {
    history: History,
    recommender: Recommender,
    updater: Updater,
    update: UpdatePolicy,
    pod: String,
    recommendation: Recommendation,
}

impl ContainerVpa {
    /// A VPA that has seen nothing.
    ///
    /// # Errors
    /// Flags out of range.
    pub fn new(config: ContainerVpaConfig) -> Result<Self> {
        Ok(Self {
            history: History::new(config.aggregation, config.resources)?,
            recommender: Recommender::new(config.recommender)?,
            updater: Updater::new(config.updater),
            update: config.update,
            pod: "pod-0".to_owned(),
            recommendation: Recommendation::default(),
        })
    }

    /// The latest recommendation.
    pub fn recommendation(&self) -> &Recommendation {
        &self.recommendation
    }

    fn know_pod(&mut self, now: Stamp) {
        self.history.observe_pod(&self.pod, "", PodPhase::Running, [CONTAINER], now);
    }
}

/// Remembers the one thing that can happen to the one pod.
#[derive(Default)]
struct Taken {
    change: Option<Way>,
}

impl Actuator for Taken {
    fn resize(&mut self, _: &Pod, _: &[ContainerResources]) -> Result<(), ResizeError> {
        self.change = Some(Way::InPlace);
        Ok(())
    }

    fn evict(&mut self, _: &Pod) -> Result<(), EvictionRefused> {
        self.change = Some(Way::Recreate);
        Ok(())
    }
}

impl Vertical for ContainerVpa {
    fn observe(&mut self, now: Stamp, cpu: Amount, memory: Amount) {
        self.know_pod(now);
        for (resource, usage) in [(Resource::Cpu, cpu), (Resource::Memory, memory)] {
            self.history.add_sample(&self.pod, CONTAINER, resource, usage, now, now);
        }
        self.recommendation = self.recommender.recommend(&mut self.history, now);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        self.know_pod(now);
        let request = Amount(running.resources.requests.or_zero(Resource::Memory).units());
        self.history.out_of_memory(&self.pod, CONTAINER, request, now, now);
    }

    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change> {
        let pods = [Pod {
            name: self.pod.clone(),
            group: Some(0),
            phase: PodPhase::Running,
            started: Some(running.started),
            containers: vec![Container {
                name: CONTAINER.to_owned(),
                spec: running.resources,
                last_termination: running.last_termination,
                ..Container::default()
            }],
            ..Pod::default()
        }];
        let groups = [Group { kind: GroupKind::ReplicaSet, name: "group".to_owned(), replicas: 1 }];
        let seen = Situation {
            update: Some(&self.update),
            resources: Some(self.history.policy()),
            recommendation: Some(&self.recommendation),
            limit_ranges: &LimitRanges::default(),
            groups: &groups,
            pods: &pods,
        };
        let mut taken = Taken::default();
        self.updater.run_once(now, &seen, &mut taken);
        let way = taken.change?;
        let resources = pod_resources(&pods[0], &seen)[0];
        if way == Way::Recreate {
            self.history.forget_pod(&self.pod);
            let number: u64 = self.pod.trim_start_matches("pod-").parse().unwrap_or(0);
            self.pod = format!("pod-{}", number + 1);
        }
        Some(Change { resources, way })
    }
}

/// The smart-vpa system's recommender and its rule on the use.
#[derive(Clone, Debug)]
pub struct SimplifiedVpa {
    recommender: Simplified,
    usage: [Amount; 2],
}

impl Default for SimplifiedVpa {
    fn default() -> Self {
        Self::new(SimplifiedConfig::default())
    }
}

impl SimplifiedVpa {
    /// A VPA that has seen nothing.
    pub fn new(config: SimplifiedConfig) -> Self {
        Self { recommender: Simplified::new(config), usage: [Amount(0); 2] }
    }
}

impl Vertical for SimplifiedVpa {
    fn observe(&mut self, now: Stamp, cpu: Amount, memory: Amount) {
        self.recommender.update(cpu, memory, now);
        self.usage = [cpu, memory];
    }

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn decide(&mut self, _: Stamp, running: &Running) -> Option<Change> {
        let own = &running.resources;
        let limits = [
            own.limits.cpu.map(|limit| Amount(limit.milli())),
            own.limits.memory.map(|limit| Amount(limit.units())),
        ];
        if !self.recommender.must_recreate(self.usage, limits) {
            return None;
        }
        let mut requests = ResourceList::default();
        for resource in Resource::ALL {
            let target = self.recommender.recommend(resource).target;
            *requests.get_mut(resource) = Some(Quantity::from_amount(resource, target));
        }
        let limits =
            limits::proportional_limits(&own.limits, &own.requests, &requests, &ResourceList::default());
        let change = ContainerResources { requests, limits };
        // Nothing to recreate the pod for.
        (change.requests != own.requests).then_some(Change { resources: change, way: Way::Recreate })
    }
}
