//! Whether a pod may be disrupted now: the budget of its group and the state of a resize under way.
//!
//! With `tolerance = ⌊configured · share⌋`, a pod may go while `running − disrupted > configured − tolerance`; where the
//! tolerance comes to nothing, one pod of a complete group may. Source: `pkg/updater/restriction` of the VPA.
//!
//! The detail others get wrong: the age of a resize counts from when the updater first saw it, not from when it was
//! asked for. Left out: the Eviction API's own `PodDisruptionBudget`s, and unboosting.

use super::{Group, GroupKind, Pod, Recommendation, ResizeKind, Span, Stamp, UpdateMode, UpdatePolicy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_model::PodPhase;

/// Time after which a deferred resize is given up.
const DEFERRED_TIMEOUT: Span = Span::MINUTE.times(5);
/// Time after which a resize in progress is given up.
const IN_PROGRESS_TIMEOUT: Span = Span::HOUR;

/// What may be disrupted (the updater's flags).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisruptionConfig {
    /// Live pods a group needs to be touched.
    pub min_replicas: u32,
    /// Share of a group that may be away.
    pub eviction_tolerance: f64,
    /// Whether resizes that restart nothing need no budget.
    pub in_place_skips_budget: bool,
}

impl Default for DisruptionConfig {
    fn default() -> Self {
        Self { min_replicas: 2, eviction_tolerance: 0.5, in_place_skips_budget: false }
    }
}

/// Pods of one group, and how many of them were disrupted in this loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupBudget {
    /// Pods that the group is to have.
    pub configured: i64,
    /// Live pods that are not pending.
    pub running: i64,
    /// Pods that may be away.
    pub tolerance: i64,
    /// Evictions and resizes of this loop.
    pub disrupted: i64,
    /// Whether it has too few pods to be evicted from.
    pub below_min_replicas: bool,
}

impl GroupBudget {
    /// Whether another pod may be disrupted.
    pub const fn allows_one_more(&self) -> bool {
        self.running - self.disrupted > self.configured - self.tolerance
            || (self.configured == self.running && self.tolerance == 0 && self.disrupted == 0)
    }
}

/// What to do about a pod that could be resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InPlaceDecision {
    /// Resize it.
    Approved,
    /// Not now.
    Deferred,
    /// Give the resize up and evict.
    Evict,
    /// The node cannot take it.
    Infeasible,
    /// It was infeasible before, and nothing is lower now.
    InfeasibleCached,
}

/// How a resize stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResizeStatus {
    None,
    Infeasible,
    Underway,
}

/// When resizes were first seen, by pod; kept from loop to loop.
pub type FirstSeen = BTreeMap<String, Stamp>;
/// Recommendations that a node refused, by pod; kept from loop to loop.
pub type InfeasibleAttempts = BTreeMap<String, Option<Recommendation>>;

/// The budgets of one loop.
#[derive(Clone, Debug)]
pub struct Disruption {
    config: DisruptionConfig,
    groups: BTreeMap<usize, GroupBudget>,
}

impl Disruption {
    /// Budgets of the groups of live `pods` of one VPA.
    pub fn new(
        config: DisruptionConfig,
        groups: &[Group],
        pods: &[&Pod],
        update: Option<&UpdatePolicy>,
    ) -> Self {
        let required = update.and_then(|policy| policy.min_replicas).unwrap_or(config.min_replicas) as usize;
        let in_place = matches!(
            update.map(|policy| policy.mode),
            Some(UpdateMode::InPlaceOrRecreate | UpdateMode::InPlace)
        );
        let spared = in_place && config.in_place_skips_budget;
        let budget = |index: usize, group: &Group| {
            let live: Vec<&&Pod> = pods.iter().filter(|pod| pod.group == Some(index)).collect();
            let too_few = live.len() < required;
            if live.is_empty() || (too_few && !spared && !live.iter().any(|pod| pod.boosted)) {
                return None;
            }
            let configured = match group.kind {
                GroupKind::Job => live.len() as i64,
                _ if group.replicas == 0 => return None,
                _ => i64::from(group.replicas),
            };
            let pending = live.iter().filter(|pod| pod.phase == PodPhase::Pending).count();
            Some(GroupBudget {
                configured,
                running: (live.len() - pending) as i64,
                tolerance: (configured as f64 * config.eviction_tolerance) as i64,
                disrupted: 0,
                below_min_replicas: too_few && spared,
            })
        };
        let groups = groups
            .iter()
            .enumerate()
            .filter_map(|(index, group)| budget(index, group).map(|budget| (index, budget)))
            .collect();
        Self { config, groups }
    }

    /// The budget of a pod's group; nothing where the group is not touched.
    pub fn budget(&self, pod: &Pod) -> Option<&GroupBudget> {
        pod.group.and_then(|group| self.groups.get(&group))
    }

    /// Whether a pod may be evicted. Pending pods always may.
    pub fn can_evict(&self, pod: &Pod, seen: &mut FirstSeen, now: Stamp) -> bool {
        let Some(budget) = self.budget(pod) else { return false };
        if pod.phase == PodPhase::Pending {
            true
        } else if budget.below_min_replicas {
            false
        } else if pod.is_resizing() {
            may_give_up(pod, budget, seen, now)
        } else {
            budget.allows_one_more()
        }
    }

    /// What to do about a pod under a VPA of an in-place mode.
    pub fn can_resize(
        &self,
        pod: &Pod,
        update: Option<&UpdatePolicy>,
        recommendation: Option<&Recommendation>,
        infeasible: &InfeasibleAttempts,
        seen: &mut FirstSeen,
        now: Stamp,
    ) -> InPlaceDecision {
        let only_in_place = update.is_some_and(|policy| policy.mode == UpdateMode::InPlace);
        let Some(budget) = self.budget(pod).filter(|_| pod.phase != PodPhase::Pending) else {
            return InPlaceDecision::Deferred;
        };
        let Some(recommendation) = recommendation else { return InPlaceDecision::Deferred };
        if only_in_place && let Some(attempt) = infeasible.get(&pod.name) {
            let lower = attempt.as_ref().is_some_and(|old| recommendation.is_lower_somewhere_than(old));
            if !lower {
                return InPlaceDecision::InfeasibleCached;
            }
        }
        match (resize_status(pod), only_in_place) {
            (ResizeStatus::None, _) => {}
            (ResizeStatus::Infeasible, true) => return InPlaceDecision::Infeasible,
            (_, false) if may_give_up(pod, budget, seen, now) => return InPlaceDecision::Evict,
            _ => return InPlaceDecision::Deferred,
        }
        let free = self.config.in_place_skips_budget
            && !pod.containers.iter().any(|container| container.restarts_on_resize);
        if free || budget.allows_one_more() { InPlaceDecision::Approved } else { InPlaceDecision::Deferred }
    }

    /// Counts an eviction or a resize that was carried out.
    pub fn disrupted(&mut self, pod: &Pod) {
        if let Some(budget) = pod.group.and_then(|group| self.groups.get_mut(&group)) {
            budget.disrupted += 1;
        }
    }
}

fn resize_status(pod: &Pod) -> ResizeStatus {
    if !pod.is_resizing() {
        return ResizeStatus::None;
    }
    match pod.resize_condition(ResizeKind::Pending) {
        Some(condition) if condition.reason == "Infeasible" => ResizeStatus::Infeasible,
        _ => ResizeStatus::Underway,
    }
}

/// Whether a resize has taken too long, or failed, and the budget lets the pod be evicted instead.
fn may_give_up(pod: &Pod, budget: &GroupBudget, seen: &mut FirstSeen, now: Stamp) -> bool {
    if !pod.is_resizing() {
        return false;
    }
    let first = *seen.entry(pod.name.clone()).or_insert(now);
    if !budget.allows_one_more() {
        return false;
    }
    if let Some(pending) = pod.resize_condition(ResizeKind::Pending) {
        pending.reason != "Deferred" || now.since(first) > DEFERRED_TIMEOUT
    } else if let Some(running) = pod.resize_condition(ResizeKind::InProgress) {
        let undisturbed = running.reason.is_empty() && running.message.is_empty();
        !undisturbed || now.since(first) > IN_PROGRESS_TIMEOUT
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(replicas: u32) -> [Group; 1] {
        [Group { kind: GroupKind::ReplicaSet, name: "web".to_owned(), replicas }]
    }

    fn running(name: &str) -> Pod {
        Pod { name: name.to_owned(), group: Some(0), phase: PodPhase::Running, ..Pod::default() }
    }

    #[test]
    fn half_of_three_lets_one_go() {
        let pods = ["a", "b", "c"].map(running);
        let live: Vec<&Pod> = pods.iter().collect();
        let mut disruption = Disruption::new(DisruptionConfig::default(), &group(3), &live, None);
        let (mut seen, now) = (FirstSeen::new(), Stamp::from_secs(0));
        assert!(disruption.can_evict(&pods[0], &mut seen, now));
        disruption.disrupted(&pods[0]);
        assert!(!disruption.can_evict(&pods[1], &mut seen, now));
    }

    #[test]
    fn a_single_pod_is_left_alone_unless_the_policy_says_otherwise() {
        let pod = running("a");
        let (mut seen, now) = (FirstSeen::new(), Stamp::from_secs(0));
        let default = Disruption::new(DisruptionConfig::default(), &group(1), &[&pod], None);
        assert!(!default.can_evict(&pod, &mut seen, now));
        let policy = UpdatePolicy { min_replicas: Some(1), ..UpdatePolicy::default() };
        let allowed = Disruption::new(DisruptionConfig::default(), &group(1), &[&pod], Some(&policy));
        assert!(allowed.can_evict(&pod, &mut seen, now));
    }
}
