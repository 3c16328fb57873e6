//! When a container is touched, given a recommendation, and what it is given.
//!
//! Three rules. `upstream` is the VPA's updater: the *request* outside the bounds, or ten per cent off after twelve hours, or a
//! quick OOM kill. `usage` is what the smart-vpa system's code does: the *use* outside the bounds or at the limit. `readme` is
//! what that system's README says in its third step, the opposite of its code; it is here because the README is what people read.
//! What the container is given is the same for all: the target within the policy and the `LimitRange`, limits in their old
//! proportion.
//!
//! The container is alone in its pod and the pod alone in its group, so the update policy's least number of replicas is set
//! to 1. Left out: anything that needs more than one pod.

use super::CONTAINER;
use crate::vpa::{
    Actuator, Amount, Change, Container, ContainerRecommendation, ContainerResources, EvictionRefused, Group,
    GroupKind, LimitRanges, Pod, Recommendation, ResizeError, Resource, ResourcePolicy, Running, Situation,
    Stamp, UpdateMode, UpdatePolicy, Updater, UpdaterConfig, Way, pod_resources,
};
use serde::{Deserialize, Serialize};
use trimtab_model::PodPhase;

/// When the container is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdaterRule {
    /// As Kubernetes' updater says.
    #[default]
    Upstream,
    /// When use leaves the bounds or reaches the limit.
    Usage,
    /// When use lies within the bounds and below the limit.
    Readme,
}

impl UpdaterRule {
    /// Names of the rules, as in files.
    pub const NAMES: &'static [&'static str] = &["upstream", "usage", "readme"];
}

/// `updateMode` as a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only recommend.
    Off,
    /// Evict; the new pod gets the recommendation.
    #[default]
    Recreate,
    /// Resize in place, and evict where that fails.
    InPlaceOrRecreate,
    /// Resize in place and never evict.
    InPlace,
}

impl Mode {
    /// Names of the modes, as in files.
    pub const NAMES: &'static [&'static str] = &["off", "recreate", "in_place_or_recreate", "in_place"];

    /// As the object says it.
    pub const fn upstream(self) -> UpdateMode {
        match self {
            Self::Off => UpdateMode::Off,
            Self::Recreate => UpdateMode::Recreate,
            Self::InPlaceOrRecreate => UpdateMode::InPlaceOrRecreate,
            Self::InPlace => UpdateMode::InPlace,
        }
    }

    const fn way(self) -> Option<Way> {
        match self {
            Self::Off => None,
            Self::Recreate => Some(Way::Recreate),
            Self::InPlaceOrRecreate | Self::InPlace => Some(Way::InPlace),
        }
    }
}

/// What a [`ContainerUpdater`] goes by.
#[derive(Clone, Debug, Default)]
pub struct UpdaterSettings {
    /// When the container is touched.
    pub rule: UpdaterRule,
    /// How.
    pub mode: Mode,
    /// The updater's flags.
    pub flags: UpdaterConfig,
    /// The VPA's resource policy.
    pub policy: ResourcePolicy,
    /// The namespace's `LimitRange`s.
    pub limit_ranges: LimitRanges,
}

/// See the module. It remembers nothing: what upstream's updater remembers is of resizes that are refused or drag on.
#[derive(Clone, Debug)]
pub struct ContainerUpdater {
    settings: UpdaterSettings,
    update: UpdatePolicy,
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

impl ContainerUpdater {
    /// An updater that has done nothing yet.
    pub fn new(settings: UpdaterSettings) -> Self {
        let update =
            UpdatePolicy { mode: settings.mode.upstream(), min_replicas: Some(1), ..UpdatePolicy::default() };
        Self { settings, update }
    }

    /// What happens to the container, which used `usage` of CPU and memory when it was last measured.
    pub fn decide(
        &self,
        now: Stamp,
        running: &Running,
        usage: [Amount; 2],
        recommendation: ContainerRecommendation,
    ) -> Option<Change> {
        let recommendation = Recommendation { containers: vec![recommendation] };
        let pods = [Pod {
            name: "pod".to_owned(),
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
            resources: Some(&self.settings.policy),
            recommendation: Some(&recommendation),
            limit_ranges: &self.settings.limit_ranges,
            groups: &groups,
            pods: &pods,
        };
        let inside = || is_inside(usage, &recommendation.containers[0], &running.resources);
        let way = match self.settings.rule {
            UpdaterRule::Upstream => {
                let mut taken = Taken::default();
                Updater::new(self.settings.flags).run_once(now, &seen, &mut taken);
                taken.change
            }
            UpdaterRule::Usage if !inside() => self.settings.mode.way(),
            UpdaterRule::Readme if inside() => self.settings.mode.way(),
            UpdaterRule::Usage | UpdaterRule::Readme => None,
        }?;
        let resources = pod_resources(&pods[0], &seen)[0];
        // Upstream's updater has its own sense of what is worth a change.
        if self.settings.rule != UpdaterRule::Upstream && resources.requests == running.resources.requests {
            return None;
        }
        Some(Change { resources, way })
    }
}

/// Whether the use of every resource lies between its bounds and below its limit.
fn is_inside(usage: [Amount; 2], bounds: &ContainerRecommendation, own: &ContainerResources) -> bool {
    Resource::ALL.into_iter().all(|resource| {
        let amount = |quantity: crate::vpa::Quantity| match resource {
            Resource::Cpu => quantity.milli(),
            Resource::Memory => quantity.units(),
        };
        let used = usage[resource as usize].0;
        let above = bounds.lower_bound.get(resource).is_none_or(|lower| amount(lower) < used);
        let below = bounds.upper_bound.get(resource).is_none_or(|upper| used < amount(upper));
        above && below && own.limits.get(resource).is_none_or(|limit| used < amount(limit))
    })
}
