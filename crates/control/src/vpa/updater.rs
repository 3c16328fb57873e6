//! One loop of the updater: which pods of a VPA are resized or evicted, in order.
//!
//! The loop is pure but for its [`Actuator`], because what comes next depends on whether a call succeeded.
//! Source: `pkg/updater/logic/updater.go` and `pkg/updater/inplace` of the VPA.
//!
//! The details others get wrong: in mode `InPlace` a deferred pod is tried all the same, and an infeasible one is
//! remembered and tried; a recommendation that comes to no change of a pod's spec at all is a failed resize, and with
//! `InPlaceOrRecreate` the pod is then evicted. Left out: rate limits, the admission controller's lease, CPU startup
//! boost, and the order of more than twelve equally urgent pods, which upstream's sort leaves open.

use super::{
    Container, ContainerResources, ControlledValues, Disruption, DisruptionConfig, Group, InPlaceDecision,
    LimitRanges, Pod, Priority, Recommendation, ResourceList, ResourcePolicy, Span, Stamp, Thresholds,
    UpdateMode, UpdatePolicy, capping,
    disruption::{FirstSeen, InfeasibleAttempts},
    limits, priority,
};
use serde::{Deserialize, Serialize};

/// The updater's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdaterConfig {
    /// What may be disrupted.
    pub disruption: DisruptionConfig,
    /// When a change is worth it.
    pub thresholds: Thresholds,
}

/// What the updater sees of one VPA at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The VPA's update policy.
    pub update: Option<&'a UpdatePolicy>,
    /// The VPA's resource policy.
    pub resources: Option<&'a ResourcePolicy>,
    /// The recommendation in the VPA's status.
    pub recommendation: Option<&'a Recommendation>,
    /// `LimitRange`s of the namespace.
    pub limit_ranges: &'a LimitRanges,
    /// Controllers of the pods.
    pub groups: &'a [Group],
    /// Every pod that the VPA selects; those being deleted do not count.
    pub pods: &'a [Pod],
}

/// Why a resize was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResizeError {
    /// The node has no room for it, and the API server said so at once.
    Infeasible,
    /// Anything else.
    Refused,
}

/// An eviction was refused, by a `PodDisruptionBudget` or otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionRefused;

/// Carries out what the updater decides.
pub trait Actuator {
    /// Resizes the containers of a pod, in the pod's order; an entry that is absent stays as it is.
    ///
    /// # Errors
    /// When the resize is refused.
    fn resize(&mut self, pod: &Pod, containers: &[ContainerResources]) -> Result<(), ResizeError>;

    /// Evicts a pod.
    ///
    /// # Errors
    /// When the eviction is refused.
    fn evict(&mut self, pod: &Pod) -> Result<(), EvictionRefused>;
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Updater {
    config: UpdaterConfig,
    seen: FirstSeen,
    infeasible: InfeasibleAttempts,
}

impl Updater {
    /// An updater that has seen nothing.
    pub fn new(config: UpdaterConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Names of pods whose last recommendation a node refused.
    pub fn infeasible(&self) -> impl Iterator<Item = &str> {
        self.infeasible.keys().map(String::as_str)
    }

    /// Looks at a VPA's pods once.
    pub fn run_once(&mut self, now: Stamp, seen: &Situation<'_>, actuator: &mut impl Actuator) {
        let mode = seen.update.map_or_else(UpdateMode::default, |policy| policy.mode);
        let in_place = match mode {
            UpdateMode::Off | UpdateMode::Initial => return,
            UpdateMode::Recreate | UpdateMode::Auto => false,
            UpdateMode::InPlaceOrRecreate | UpdateMode::InPlace => true,
        };
        let live: Vec<&Pod> = seen.pods.iter().filter(|pod| !pod.deleting).collect();
        self.infeasible.retain(|name, _| live.iter().any(|pod| pod.name == *name));
        let controlled: Vec<&Pod> = live.into_iter().filter(|pod| pod.group.is_some()).collect();
        let mut disruption = Disruption::new(self.config.disruption, seen.groups, &controlled, seen.update);
        if in_place {
            let failed = self.resize_pods(now, seen, mode, &controlled, &mut disruption, actuator);
            self.evict_pods(now, &failed, &mut disruption, actuator);
        } else {
            let evictable: Vec<&Pod> = controlled
                .iter()
                .copied()
                .filter(|pod| disruption.can_evict(pod, &mut self.seen, now))
                .collect();
            let order = self.in_order(now, seen, &evictable);
            self.evict_pods(now, &order, &mut disruption, actuator);
        }
    }

    /// Resizes what can be; returns what is to be evicted instead.
    fn resize_pods<'a>(
        &mut self,
        now: Stamp,
        seen: &Situation<'a>,
        mode: UpdateMode,
        pods: &[&'a Pod],
        disruption: &mut Disruption,
        actuator: &mut impl Actuator,
    ) -> Vec<&'a Pod> {
        let only_in_place = mode == UpdateMode::InPlace;
        let mut candidates = Vec::new();
        for &pod in pods {
            let wanted = match self.decide(now, seen, pod, disruption) {
                InPlaceDecision::Approved => true,
                InPlaceDecision::Infeasible | InPlaceDecision::Deferred => only_in_place,
                InPlaceDecision::Evict => !only_in_place,
                InPlaceDecision::InfeasibleCached => false,
            };
            if wanted {
                candidates.push(pod);
            }
        }
        let mut evict = Vec::new();
        for pod in self.in_order(now, seen, &candidates) {
            match self.decide(now, seen, pod, disruption) {
                InPlaceDecision::Deferred if !only_in_place => continue,
                InPlaceDecision::InfeasibleCached => continue,
                InPlaceDecision::Evict => {
                    evict.push(pod);
                    continue;
                }
                InPlaceDecision::Infeasible => self.remember_infeasible(pod, seen),
                InPlaceDecision::Deferred | InPlaceDecision::Approved => {}
            }
            let resources = pod_resources(pod, seen);
            let outcome = if disruption.budget(pod).is_none() || changes_nothing(pod, &resources) {
                Err(ResizeError::Refused)
            } else {
                actuator.resize(pod, &resources)
            };
            match outcome {
                Ok(()) => disruption.disrupted(pod),
                Err(_) if !only_in_place => evict.push(pod),
                Err(ResizeError::Infeasible) => self.remember_infeasible(pod, seen),
                Err(ResizeError::Refused) => {}
            }
        }
        evict
    }

    fn evict_pods(
        &mut self,
        now: Stamp,
        pods: &[&Pod],
        disruption: &mut Disruption,
        actuator: &mut impl Actuator,
    ) {
        for pod in pods {
            if disruption.can_evict(pod, &mut self.seen, now)
                && actuator.evict(pod).is_ok()
                && pod.phase != trimtab_model::PodPhase::Pending
            {
                disruption.disrupted(pod);
            }
        }
    }

    /// Pods that are worth a change, most urgent first.
    fn in_order<'a>(&self, now: Stamp, seen: &Situation<'a>, pods: &[&'a Pod]) -> Vec<&'a Pod> {
        let mut thresholds = self.config.thresholds;
        if let Some(seconds) = seen.update.and_then(|policy| policy.evict_after_oom_secs) {
            thresholds.evict_after_oom = Span::secs(seconds);
        }
        let only_in_place = seen.update.is_some_and(|policy| policy.mode == UpdateMode::InPlace);
        let mut accepted = Vec::new();
        for &pod in pods {
            let wish = capping::for_pod(seen.recommendation, seen.resources, pod, seen.limit_ranges);
            if only_in_place && let Some(attempt) = self.infeasible.get(&pod.name) {
                let lower = match (attempt, &wish) {
                    (Some(old), Some(new)) => new.is_lower_somewhere_than(old),
                    _ => false,
                };
                if !lower {
                    continue;
                }
            }
            let priority = Priority::of(pod, wish.as_ref());
            let quick_oom = priority::has_quick_oom(pod, seen.resources, thresholds.evict_after_oom, now);
            if priority::is_accepted(&priority, quick_oom, pod.started, &thresholds, now) {
                accepted.push((priority, (pod, wish)));
            }
        }
        priority::sort(&mut accepted);
        let requirements = seen.update.map(|policy| policy.eviction_requirements.as_slice());
        accepted
            .into_iter()
            .filter(|(_, (pod, wish))| priority::meets_requirements(pod, wish.as_ref(), requirements))
            .map(|(_, (pod, _))| pod)
            .collect()
    }

    fn decide(
        &mut self,
        now: Stamp,
        seen: &Situation<'_>,
        pod: &Pod,
        disruption: &Disruption,
    ) -> InPlaceDecision {
        disruption.can_resize(pod, seen.update, seen.recommendation, &self.infeasible, &mut self.seen, now)
    }

    fn remember_infeasible(&mut self, pod: &Pod, seen: &Situation<'_>) {
        self.infeasible.insert(pod.name.clone(), seen.recommendation.cloned());
    }
}

/// What each container of a pod is given, at admission or by a resize: the capped target, and limits in proportion
/// unless the policy controls requests only.
pub fn pod_resources(pod: &Pod, seen: &Situation<'_>) -> Vec<ContainerResources> {
    let wish = seen
        .recommendation
        .and_then(|wish| capping::for_pod(Some(wish), seen.resources, pod, seen.limit_ranges));
    let defaults = seen.limit_ranges.container.map(|range| range.default).unwrap_or_default();
    let resources = |container: &Container| {
        let Some(target) = wish.as_ref().and_then(|wish| wish.of(&container.name)).map(|wish| wish.target)
        else {
            return ContainerResources::default();
        };
        let values = seen
            .resources
            .map_or_else(ControlledValues::default, |policy| policy.controlled_values(&container.name));
        let now = container.resources();
        let limits = match values {
            ControlledValues::RequestsOnly => ResourceList::default(),
            ControlledValues::RequestsAndLimits => {
                limits::proportional_limits(&now.limits, &now.requests, &target, &defaults)
            }
        };
        ContainerResources { requests: target, limits }
    };
    pod.containers.iter().map(resources).collect()
}

/// Whether a resize would be an empty patch. A container without any resources always gets an empty list to begin with,
/// which is a patch.
fn changes_nothing(pod: &Pod, resources: &[ContainerResources]) -> bool {
    pod.containers.iter().zip(resources).all(|(container, resources)| {
        let bare = container.spec.requests.is_empty() && container.spec.limits.is_empty();
        !bare && resources.requests.is_empty() && resources.limits.is_empty()
    })
}

#[cfg(test)]
mod tests;
