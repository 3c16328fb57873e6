//! How many pods a service has and with which template: the `ReplicaSet` and Deployment controllers.
//!
//! Left out: scaling old and new `ReplicaSet`s in proportion while a rolling restart runs (new pods get all of it), and
//! pausing.

use super::{Fleet, Group, Place, Pod, Rules, new_pod, start_jitter};
use crate::resize::ResizeMethod;
use rand_pcg::Pcg64Mcg;
use trimtab_model::ServiceId;

/// Whether a pod must be replaced to get what its template says.
fn outdated(group: &Group, pod: &Pod, method: ResizeMethod) -> bool {
    match method {
        ResizeMethod::Instant => false,
        ResizeMethod::InPlace => pod.allocation.heap != group.template.heap,
        ResizeMethod::Rolling | ResizeMethod::Recreate => pod.allocation != group.template,
    }
}

impl Fleet {
    /// One round of the controllers for a service.
    pub(super) fn roll_out(&mut self, rules: Rules<'_>, service: ServiceId, now: f64, rng: &mut Pcg64Mcg) {
        let (spec, method) = (self.groups[service].spec as usize, rules.config.resize.method);
        let old = |fleet: &Self| {
            let group = &fleet.groups[service];
            group.pods.iter().filter(|pod| outdated(group, pod, method)).count()
        };
        if method == ResizeMethod::Recreate {
            self.remove(service, old(self), now, |group, pod| outdated(group, pod, method));
        }
        let before = old(self);
        if before == 0 {
            let have = self.groups[service].pods.len();
            self.create(rules, service, spec.saturating_sub(have), rng);
            self.remove(service, have.saturating_sub(spec), now, |_, _| true);
            return;
        }
        let (surge, unavailable) = rules.config.resize.room(spec);
        let have = self.groups[service].pods.len();
        let fresh = have - before;
        self.remove(service, fresh.saturating_sub(spec), now, |group, pod| !outdated(group, pod, method));
        let room = (spec + surge).saturating_sub(have);
        self.create(rules, service, room.min(spec.saturating_sub(fresh)), rng);

        // Old pods that do not serve go first, as far as the new ones that do not serve yet leave room.
        let group = &self.groups[service];
        let least = spec.saturating_sub(unavailable);
        let starting = group.pods.iter().filter(|p| !outdated(group, p, method) && !p.ready(now)).count();
        let broken = group.pods.iter().filter(|p| outdated(group, p, method) && !p.ready(now)).count();
        let surplus = group.pods.len().saturating_sub(least + starting);
        let available = group.ready(now) as usize;
        self.remove(service, broken.min(surplus), now, |group, pod| {
            outdated(group, pod, method) && !pod.ready(now)
        });
        let serving = old(self);
        self.remove(service, available.saturating_sub(least).min(serving), now, |group, pod| {
            outdated(group, pod, method) && pod.ready(now)
        });
    }

    fn create(&mut self, rules: Rules<'_>, service: ServiceId, count: usize, rng: &mut Pcg64Mcg) {
        let group = &mut self.groups[service];
        for _ in 0..count {
            group.pods.push(new_pod(group.template, start_jitter(rules.config, rng)));
        }
    }

    /// Removes `count` of the pods that may go: those without a place first, then those that do not serve, then the
    /// youngest.
    fn remove(&mut self, service: ServiceId, count: usize, now: f64, may_go: impl Fn(&Group, &Pod) -> bool) {
        for _ in 0..count {
            let group = &self.groups[service];
            let rank = |pod: &Pod| (!pod.placed(), !pod.ready(now));
            let chosen = (0..group.pods.len())
                .filter(|&at| may_go(group, &group.pods[at]))
                .max_by_key(|&at| (rank(&group.pods[at]), at));
            let Some(at) = chosen else { return };
            let pod = self.groups[service].pods.remove(at);
            if let Place::Node(node) = pod.place {
                self.nodes.release(node, pod.reserved, now);
            }
        }
    }
}
