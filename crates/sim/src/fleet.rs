//! The pods of one lane one by one, for the mechanisms that tell pods apart: nodes, resizes, restarts and failures.
//!
//! It plays the controllers between a decision and the pods: Deployment and `ReplicaSet` (how many, which go first),
//! scheduler ([`crate::nodes`]) and kubelet ([`crate::resize`], back-off in [`crate::memory`]). Nothing happens between two
//! events, so most sub-steps cost nothing here.
//!
//! Left out: what the pods do with their calls ([`crate::Cluster`]), and graceful termination: a pod that goes is gone.

mod rollout;
#[cfg(test)]
mod tests;

use crate::{
    SimConfig,
    nodes::{Nodes, Request},
    resize::ResizeMethod,
};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use trimtab_model::{Allocation, Resizing, Service, ServiceId};

/// A pod's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// It waits for room.
    Pending,
    /// Room is not limited.
    Anywhere,
    /// A node.
    Node(u32),
}

/// How far a resize in place has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Resize {
    /// None is under way.
    Settled,
    /// The node has no room now.
    Deferred,
    /// The node could never have the room for this.
    Infeasible(Allocation),
    /// The node has set room aside.
    InProgress { to: Allocation, due: f64 },
}

/// One pod. Times are seconds since the epoch, infinite if they are not known yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pod {
    pub(crate) allocation: Allocation,
    pub(crate) place: Place,
    pub(crate) resize: Resize,
    /// What its node keeps for it.
    pub(crate) reserved: Request,
    /// Factor on its start-up.
    jitter: f64,
    pub(crate) running_at: f64,
    pub(crate) ready_at: f64,
    /// When its readiness last changed, if it was after its first start.
    pub(crate) crashed_at: f64,
    crashes: u32,
    pub(crate) degraded_until: f64,
}

impl Pod {
    pub(crate) fn placed(&self) -> bool {
        self.place != Place::Pending
    }

    pub(crate) fn ready(&self, now: f64) -> bool {
        self.ready_at <= now
    }
}

/// The pods of one service, oldest first, and what is asked of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    /// `spec.replicas`.
    pub(crate) spec: u32,
    /// Resources that pods are to have.
    pub(crate) template: Allocation,
    pub(crate) pods: Vec<Pod>,
    /// Working set of a ready pod in the last sub-step, bytes.
    pub(crate) working_set: f64,
    /// Percent of its CPU time that a call costs, collector included.
    pub(crate) cost: u32,
}

impl Group {
    pub(crate) fn ready(&self, now: f64) -> u32 {
        self.pods.iter().filter(|pod| pod.ready(now)).count() as u32
    }

    /// What most placed pods have; the template when there is none.
    pub(crate) fn given(&self) -> Allocation {
        let count = |a: &Pod| self.pods.iter().filter(|b| b.placed() && b.allocation == a.allocation).count();
        // Of several the last, which is the youngest.
        self.pods
            .iter()
            .filter(|pod| pod.placed())
            .max_by_key(|pod| count(pod))
            .map_or(self.template, |p| p.allocation)
    }

    /// The change under way, if one is.
    pub(crate) fn resizing(&self) -> Option<Resizing> {
        let waiting = || self.pods.iter().filter(|pod| pod.allocation != self.template);
        let mut resizing = Resizing { target: self.template, ..Resizing::default() };
        for pod in waiting() {
            resizing.waiting += 1;
            match pod.resize {
                Resize::Deferred => resizing.deferred += 1,
                Resize::Infeasible(_) => resizing.infeasible += 1,
                Resize::Settled | Resize::InProgress { .. } => {}
            }
        }
        (resizing.waiting > 0).then_some(resizing)
    }
}

/// What holds for every lane.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) services: &'a [Service],
    pub(crate) config: &'a SimConfig,
}

/// The pods and nodes of one lane.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fleet {
    pub(crate) groups: Vec<Group>,
    pub(crate) nodes: Nodes,
    /// When something happens next.
    pub(crate) next_event: f64,
    next_failures: f64,
}

impl Fleet {
    /// `replicas` of each service that have been ready for an hour, as far as there is room; the rest waits for it.
    pub(crate) fn settled(rules: Rules<'_>, replicas: &[u32], now: f64) -> Self {
        let mut fleet = Self {
            groups: Vec::with_capacity(replicas.len()),
            nodes: Nodes::new(&rules.config.nodes, now),
            next_event: now,
            next_failures: now + rules.config.faults.step_secs,
        };
        for (service, &spec) in rules.services.iter().zip(replicas) {
            let mut group =
                Group { spec, template: service.allocation, pods: Vec::new(), working_set: 0.0, cost: 100 };
            for _ in 0..spec {
                let mut pod = new_pod(service.allocation, 1.0);
                if fleet.nodes.admit(rules.config, &mut pod, now) {
                    (pod.running_at, pod.ready_at) = (now - 3600.0, now - 3600.0);
                }
                group.pods.push(pod);
            }
            fleet.groups.push(group);
        }
        fleet
    }

    /// Lets the controllers act on everything that is due.
    pub(crate) fn reconcile(&mut self, rules: Rules<'_>, now: f64, rng: &mut Pcg64Mcg) {
        let idle = self.nodes.retire(&rules.config.nodes, now);
        for service in 0..self.groups.len() {
            self.roll_out(rules, service, now, rng);
        }
        if rules.config.resize.method == ResizeMethod::InPlace
            || rules.config.resize.method == ResizeMethod::Instant
        {
            for service in 0..self.groups.len() {
                self.resize_in_place(rules, service, now, rng);
            }
        }
        self.schedule(rules, now);
        self.next_event = self.next_after(now).min(idle);
    }

    /// Gives room to pods that wait, where there is any, and orders nodes for the others.
    fn schedule(&mut self, rules: Rules<'_>, now: f64) {
        let mut waiting = false;
        for (group, service) in self.groups.iter_mut().zip(rules.services) {
            for pod in group.pods.iter_mut().filter(|pod| !pod.placed()) {
                if self.nodes.admit(rules.config, pod, now) {
                    let start = &service.start;
                    pod.running_at = now + (start.schedule.0 + start.pull.0) * pod.jitter;
                    pod.ready_at = pod.running_at + boot_secs(service, pod);
                } else {
                    waiting = true;
                }
            }
        }
        if waiting {
            let pods = self.groups.iter().flat_map(|group| &group.pods);
            let requests = pods.filter(|pod| !pod.placed()).map(|pod| request_of(&pod.allocation));
            self.nodes.order(&rules.config.nodes, requests, now);
        }
    }

    /// Moves each pod towards the template without a restart.
    fn resize_in_place(&mut self, rules: Rules<'_>, service: ServiceId, now: f64, rng: &mut Pcg64Mcg) {
        let instant = rules.config.resize.method == ResizeMethod::Instant;
        let Group { template, pods, working_set, .. } = &mut self.groups[service];
        for pod in pods {
            let to = if instant { *template } else { Allocation { heap: pod.allocation.heap, ..*template } };
            if !pod.placed() {
                pod.allocation = *template;
                continue;
            }
            if pod.allocation == to {
                self.nodes.settle(rules.config, pod);
                continue;
            }
            let known = match pod.resize {
                Resize::Infeasible(target) | Resize::InProgress { to: target, .. } => target == to,
                Resize::Settled | Resize::Deferred => false,
            };
            if !known {
                let delay = if instant { 0.0 } else { rules.config.resize.delay(rng) };
                pod.resize = self.nodes.accept(rules.config, pod, to, now + delay);
            }
            if matches!(pod.resize, Resize::InProgress { due, .. } if due <= now) {
                let old = std::mem::replace(&mut pod.allocation, to).memory_limit;
                let lowered = to.memory_limit.filter(|&limit| old.is_none_or(|old| limit < old));
                if !instant && lowered.is_some_and(|limit| (limit.0 as f64) < *working_set) {
                    pod.allocation.memory_limit = old;
                } else {
                    self.nodes.settle(rules.config, pod);
                }
            }
        }
    }

    /// Restarts a pod's container after a crash.
    pub(crate) fn crash(&mut self, rules: Rules<'_>, service: ServiceId, pod: usize, now: f64) {
        let memory = &rules.config.memory;
        let pod = &mut self.groups[service].pods[pod];
        if now - pod.ready_at > memory.backoff_reset_secs {
            pod.crashes = 0;
        }
        let wait = memory.backoff(pod.crashes);
        pod.crashes += 1;
        pod.crashed_at = now;
        pod.ready_at = now + wait + boot_secs(&rules.services[service], pod);
        self.next_event = now;
    }

    /// Lets replicas fail that are due to; how many went down.
    pub(crate) fn fail(&mut self, rules: Rules<'_>, now: f64, rng: &mut Pcg64Mcg) -> u32 {
        let faults = &rules.config.faults;
        if !faults.enabled || now < self.next_failures {
            return 0;
        }
        self.next_failures += faults.step_secs;
        self.next_event = now;
        let mut down = 0;
        for (group, service) in self.groups.iter_mut().zip(rules.services) {
            let Some(published) = &service.faults else { continue };
            for pod in group.pods.iter_mut().filter(|pod| pod.ready(now)) {
                let chance: f64 = rng.random();
                if chance < published.failure {
                    pod.crashed_at = now;
                    pod.ready_at = now + faults.step_secs.max(boot_secs(service, pod));
                    down += 1;
                } else if chance < published.failure + published.degraded {
                    pod.degraded_until = now + f64::from(faults.degraded_steps) * faults.step_secs;
                }
            }
        }
        down
    }

    /// When something happens next; now, while something waits for what others do.
    fn next_after(&self, now: f64) -> f64 {
        let mut next = f64::INFINITY;
        for group in &self.groups {
            for pod in &group.pods {
                let outdated = pod.allocation != group.template
                    && !matches!(pod.resize, Resize::InProgress { .. } | Resize::Infeasible(_));
                if !pod.placed() || outdated {
                    return now;
                }
                let due = match pod.resize {
                    Resize::InProgress { due, .. } => due.max(now),
                    _ => f64::INFINITY,
                };
                let later = |at: f64| if at > now { at } else { f64::INFINITY };
                next = next.min(due).min(later(pod.ready_at)).min(later(pod.degraded_until));
            }
        }
        next
    }
}

fn new_pod(allocation: Allocation, jitter: f64) -> Pod {
    Pod {
        allocation,
        place: Place::Pending,
        resize: Resize::Settled,
        reserved: Request::default(),
        jitter,
        running_at: f64::INFINITY,
        ready_at: f64::INFINITY,
        crashed_at: f64::NEG_INFINITY,
        crashes: 0,
        degraded_until: f64::NEG_INFINITY,
    }
}

/// Factor on the start of a new pod.
fn start_jitter(config: &SimConfig, rng: &mut Pcg64Mcg) -> f64 {
    let noise: f64 = StandardNormal.sample(rng);
    let sigma = config.start_jitter;
    (sigma * noise - 0.5 * sigma * sigma).exp()
}

/// Seconds from a container's start until it is ready.
fn boot_secs(service: &Service, pod: &Pod) -> f64 {
    let limit = pod.allocation.cpu_limit.map_or(1.0, |limit| limit.cores().min(1.0));
    service.start.readiness.0.max(service.start.cpu_work.0 / limit) * pod.jitter
}

pub(crate) fn request_of(allocation: &Allocation) -> Request {
    Request { cpu: allocation.cpu_request.0, memory: allocation.memory_request.0 }
}

impl Nodes {
    /// Finds room for a pod that waits.
    fn admit(&mut self, config: &SimConfig, pod: &mut Pod, now: f64) -> bool {
        let request = request_of(&pod.allocation);
        pod.place = if config.nodes.limited() {
            self.place(&config.nodes, request, now).map_or(Place::Pending, Place::Node)
        } else {
            Place::Anywhere
        };
        if pod.placed() {
            pod.reserved = request;
        }
        pod.placed()
    }

    /// The kubelet's answer to a resize in place. Until it is done, the node keeps the larger of what the pod has and gets.
    fn accept(&mut self, config: &SimConfig, pod: &mut Pod, to: Allocation, due: f64) -> Resize {
        let (has, gets) = (request_of(&pod.allocation), request_of(&to));
        let request = Request { cpu: has.cpu.max(gets.cpu), memory: has.memory.max(gets.memory) };
        if let Place::Node(node) = pod.place {
            if !Self::could_hold(&config.nodes, gets) {
                return Resize::Infeasible(to);
            }
            if !self.resize(&config.nodes, node, pod.reserved, request) {
                return Resize::Deferred;
            }
        }
        pod.reserved = request;
        Resize::InProgress { to, due }
    }

    /// Ends a resize: the node keeps what the pod has.
    fn settle(&mut self, config: &SimConfig, pod: &mut Pod) {
        let request = request_of(&pod.allocation);
        if let Place::Node(node) = pod.place
            && request != pod.reserved
        {
            self.resize(&config.nodes, node, pod.reserved, request);
        }
        pod.reserved = request;
        pod.resize = Resize::Settled;
    }
}
