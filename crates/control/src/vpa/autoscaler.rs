//! VPAs over what a plant shows: one for each service of an application.
//!
//! Every minute the pods' samples go into the service's history, and the updater looks at its pods. A plant gives all pods of
//! a service the same, so the first pod that the updater would resize or evict changes the service; the eviction budget
//! then limits how often that happens, and the plant how many pods restart at a time.
//!
//! Left out: OOM kills, which a snapshot does not show, and mode `Initial`, for which a plant has no new pods apart.

use super::{
    Actuator, AggregationConfig, Amount, Container, ContainerResources, EvictionRefused, Group, GroupKind,
    History, LimitRanges, Pod, Quantity, Recommendation, Recommender, RecommenderConfig, ResizeError,
    Resource, ResourceList, ResourcePolicy, Situation, Span, Stamp, UpdatePolicy, Updater, UpdaterConfig,
    pod_resources,
};
use crate::{Autoscaler, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_model::{
    Allocation, Bytes, Decision, Millicores, PodPhase, ServiceDecision, ServiceState, Snapshot,
};

/// Every service has one container.
const CONTAINER: &str = "container";
/// How often recommender and updater look.
const INTERVAL: Span = Span::MINUTE;

/// What one service's VPA object says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpaSpec {
    /// `resourcePolicy`.
    pub resources: ResourcePolicy,
    /// `updatePolicy`.
    pub update: UpdatePolicy,
}

/// Flags of recommender and updater, the same for all services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpaConfig {
    /// How samples become histograms.
    pub aggregation: AggregationConfig,
    /// How histograms become a recommendation.
    pub recommender: RecommenderConfig,
    /// When a pod is touched.
    pub updater: UpdaterConfig,
}

#[derive(Clone, Debug)]
struct ServiceVpa {
    spec: VpaSpec,
    history: History,
    updater: Updater,
    recommendation: Recommendation,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Vpa {
    config: VpaConfig,
    recommender: Recommender,
    services: Vec<ServiceVpa>,
    looked: Stamp,
}

impl Vpa {
    /// A VPA for each spec, in the application's order.
    ///
    /// # Errors
    /// Flags out of range.
    pub fn new(config: VpaConfig, specs: Vec<VpaSpec>) -> Result<Self> {
        let recommender = Recommender::new(config.recommender.clone())?;
        let services = specs.into_iter().map(|spec| ServiceVpa::new(&config, spec)).collect::<Result<_>>()?;
        Ok(Self { config, recommender, services, looked: Stamp::NEVER })
    }

    /// The latest recommendation for a service.
    pub fn recommendation(&self, service: usize) -> &Recommendation {
        &self.services[service].recommendation
    }
}

impl ServiceVpa {
    fn new(config: &VpaConfig, spec: VpaSpec) -> Result<Self> {
        Ok(Self {
            history: History::new(config.aggregation, spec.resources.clone())?,
            updater: Updater::new(config.updater),
            recommendation: Recommendation::default(),
            spec,
        })
    }

    /// Takes the samples of all pods and forgets the pods that are gone. Pods of a group are told apart by start and
    /// number, which stays theirs as long as the group only shrinks.
    fn observe(&mut self, now: Stamp, pods: &[(String, &trimtab_model::PodGroup)]) {
        for (name, group) in pods {
            self.history.observe_pod(name, "", group.phase, [CONTAINER], now);
            let Some(usage) = group.usage else { continue };
            let at = Stamp::from(usage.at);
            let amounts = [
                (Resource::Cpu, i64::from(usage.cpu.0)),
                (Resource::Memory, i64::try_from(usage.memory.0).unwrap_or(i64::MAX)),
            ];
            for (resource, amount) in amounts {
                self.history.add_sample(name, CONTAINER, resource, Amount(amount), at, now);
            }
        }
        let gone: Vec<String> = self
            .history
            .pods()
            .filter(|known| !pods.iter().any(|(name, _)| name == known))
            .map(str::to_owned)
            .collect();
        for name in gone {
            self.history.forget_pod(&name);
        }
        self.history.collect_garbage(now, true);
    }

    /// What the service's pods get, when the updater would touch one of them.
    fn update(
        &mut self,
        now: Stamp,
        service: &ServiceState,
        pods: &[(String, &trimtab_model::PodGroup)],
    ) -> Option<ContainerResources> {
        let resources = allocated(&service.allocation);
        let pods: Vec<Pod> = pods
            .iter()
            .map(|(name, group)| Pod {
                name: name.clone(),
                group: Some(0),
                phase: group.phase,
                deleting: group.deleting,
                started: group.started.map(Stamp::from),
                containers: vec![Container {
                    name: CONTAINER.to_owned(),
                    spec: resources,
                    ..Container::default()
                }],
                ..Pod::default()
            })
            .collect();
        let group =
            Group { kind: GroupKind::ReplicaSet, name: String::new(), replicas: service.replicas.spec };
        let seen = Situation {
            update: Some(&self.spec.update),
            resources: Some(&self.spec.resources),
            recommendation: Some(&self.recommendation),
            limit_ranges: &LimitRanges::default(),
            groups: &[group],
            pods: &pods,
        };
        let mut touched = Touched::default();
        self.updater.run_once(now, &seen, &mut touched);
        let first = pods.iter().find(|pod| touched.first.as_ref() == Some(&pod.name))?;
        Some(pod_resources(first, &seen)[0])
    }
}

/// Remembers the first pod of a loop that is resized or evicted.
#[derive(Default)]
struct Touched {
    first: Option<String>,
}

impl Actuator for Touched {
    fn resize(&mut self, pod: &Pod, _: &[ContainerResources]) -> Result<(), ResizeError> {
        self.first.get_or_insert_with(|| pod.name.clone());
        Ok(())
    }

    fn evict(&mut self, pod: &Pod) -> Result<(), EvictionRefused> {
        self.first.get_or_insert_with(|| pod.name.clone());
        Ok(())
    }
}

fn allocated(allocation: &Allocation) -> ContainerResources {
    let cpu = |cpu: Millicores| Quantity::from_milli(i64::from(cpu.0));
    let memory = |memory: Bytes| Quantity::from_units(i64::try_from(memory.0).unwrap_or(i64::MAX));
    ContainerResources {
        requests: ResourceList::new(cpu(allocation.cpu_request), memory(allocation.memory_request)),
        limits: ResourceList {
            cpu: allocation.cpu_limit.map(cpu),
            memory: allocation.memory_limit.map(memory),
        },
    }
}

fn decision(resources: &ContainerResources) -> ServiceDecision {
    let cpu = |quantity: Quantity| Millicores(u32::try_from(quantity.milli()).unwrap_or(u32::MAX));
    let memory = |quantity: Quantity| Bytes(u64::try_from(quantity.units()).unwrap_or(0));
    ServiceDecision {
        cpu_request: resources.requests.cpu.map(cpu),
        cpu_limit: resources.limits.cpu.map(cpu),
        memory_request: resources.requests.memory.map(memory),
        memory_limit: resources.limits.memory.map(memory),
        ..ServiceDecision::default()
    }
}

/// Every pod of a service with a name of its own.
fn named(service: &ServiceState) -> Vec<(String, &trimtab_model::PodGroup)> {
    let mut born: BTreeMap<Option<i64>, u32> = BTreeMap::new();
    let mut pods = Vec::new();
    let live = |phase| matches!(phase, PodPhase::Pending | PodPhase::Running);
    for group in service.pods.iter().filter(|group| live(group.phase)) {
        let started = group.started.and_then(|at| Stamp::from(at).millis());
        let next = born.entry(started).or_default();
        for _ in 0..group.count {
            pods.push((format!("{}-{next}", started.unwrap_or(-1)), group));
            *next += 1;
        }
    }
    pods
}

impl Autoscaler for Vpa {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let now = Stamp::from(seen.time);
        if self.looked.is_set() && now < self.looked.plus(INTERVAL) {
            return;
        }
        self.looked = now;
        for (index, (vpa, service)) in self.services.iter_mut().zip(&seen.services).enumerate() {
            let pods = named(service);
            vpa.observe(now, &pods);
            vpa.recommendation = self.recommender.recommend(&mut vpa.history, now);
            if let Some(resources) = vpa.update(now, service, &pods) {
                proposal.services[index] =
                    ServiceDecision { replicas: proposal.services[index].replicas, ..decision(&resources) };
            }
        }
    }

    fn reset(&mut self) {
        self.looked = Stamp::NEVER;
        for vpa in &mut self.services {
            let spec = std::mem::take(&mut vpa.spec);
            *vpa = ServiceVpa::new(&self.config, spec).expect("the flags were right when it was built");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_model::{PodGroup, PodUsage, Replicas, Seconds, Time};

    fn seen(time: f64, request: u32, used: u32) -> Snapshot {
        let usage = PodUsage {
            cpu: Millicores(used),
            memory: Bytes::mebibytes(400),
            at: Time(time - 10.0),
            window: Seconds(60.0),
        };
        let group = PodGroup {
            count: 3,
            phase: PodPhase::Running,
            started: Some(Time(1_700_000_000.0)),
            usage: Some(usage),
            ..PodGroup::default()
        };
        let service = ServiceState {
            replicas: Replicas { spec: 3, ready: 3, starting: 0 },
            pods: vec![group],
            allocation: Allocation {
                cpu_request: Millicores(request),
                cpu_limit: Some(Millicores(2 * request)),
                memory_request: Bytes::mebibytes(500),
                ..Allocation::default()
            },
            ..ServiceState::default()
        };
        Snapshot { time: Time(time), services: vec![service], ..Snapshot::default() }
    }

    fn first_change(vpa: &mut Vpa, used: u32) -> Option<(u32, ServiceDecision)> {
        (0..24 * 60).find_map(|minute| {
            let mut proposal = Decision::default();
            proposal.clear(1);
            vpa.decide(&seen(1_700_000_060.0 + 60.0 * f64::from(minute), 1000, used), &mut proposal);
            let change = proposal.services[0];
            (change != ServiceDecision::default()).then_some((minute, change))
        })
    }

    #[test]
    fn a_starved_service_gets_more_and_its_limit_follows() {
        let mut vpa = Vpa::new(VpaConfig::default(), vec![VpaSpec::default()]).unwrap();
        let (minute, change) = first_change(&mut vpa, 1900).unwrap();
        assert!(minute < 60, "{minute}");
        let request = change.cpu_request.unwrap().0;
        assert!((2100..2500).contains(&request), "{request}");
        assert_eq!(change.cpu_limit, Some(Millicores(2 * request)));
        assert_eq!((change.replicas, change.memory_limit), (None, None));
    }

    #[test]
    fn an_idle_service_keeps_what_it_has_for_twelve_hours() {
        let mut vpa = Vpa::new(VpaConfig::default(), vec![VpaSpec::default()]).unwrap();
        let (minute, change) = first_change(&mut vpa, 300).unwrap();
        assert!(minute >= 11 * 60, "{minute}");
        assert!(change.cpu_request.unwrap().0 < 500);
        vpa.reset();
        assert_eq!(first_change(&mut vpa, 300), Some((minute, change)));
    }
}
