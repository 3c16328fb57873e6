//! Lanes whose pods are told apart: what the [`Fleet`] does between sub-steps, and what its pods come to for
//! [`super::dynamics`], which knows only how many are ready and what one of them can do.
//!
//! Pods of a service share its calls in proportion to what they can serve; while some have another limit, response times are
//! those of pods with their mean limit.
//!
//! Left out: which pods there are and why ([`crate::fleet`]).

use super::Cluster;
use crate::{
    fleet::{Fleet, Group, Rules},
    memory::{live, working_set},
    resize::{QosClass, ResizeMethod},
};
use trimtab_model::{
    Allocation, Decision, Millicores, PodGroup, PodPhase, PodUsage, Readiness, Receipt, Refusal, Replicas,
    ServiceDecision, ServiceId, ServiceState, Time,
};

/// Pods of one service as the dynamics see them.
struct Strength {
    ready: u32,
    /// Pods' worth of capacity, degraded ones counted in part.
    whole: f64,
    /// Mean limit of the ready pods.
    limit: Option<Millicores>,
}

impl Strength {
    fn of(group: &Group, now: f64, degraded: f64) -> Self {
        let (mut ready, mut whole, mut total, mut unlimited) = (0, 0.0, 0u64, false);
        let mut same = true;
        let mut first = None;
        for pod in group.pods.iter().filter(|pod| pod.ready(now)) {
            ready += 1;
            whole += if pod.degraded_until > now { degraded } else { 1.0 };
            unlimited |= pod.allocation.cpu_limit.is_none();
            total += u64::from(pod.allocation.cpu_limit.map_or(0, |limit| limit.0));
            same &= *first.get_or_insert(pod.allocation.cpu_limit) == pod.allocation.cpu_limit;
        }
        let limit = match first {
            None => group.template.cpu_limit,
            Some(limit) if same => limit,
            Some(_) if unlimited => None,
            // Steps of ten bound the number of response curves.
            Some(_) => Some(Millicores((total / u64::from(ready)) as u32 / 10 * 10)),
        };
        Self { ready, whole, limit }
    }
}

impl Cluster {
    /// Whether the settings need pods that are told apart.
    pub(super) fn tells_pods_apart(&self) -> bool {
        let config = &self.config;
        config.nodes.limited()
            || config.resize.method != ResizeMethod::Instant
            || config.memory.oom_kill
            || config.memory.heap
            || config.faults.enabled
    }

    /// Starts a lane's pods anew, settled as far as there is room.
    pub(super) fn settle_fleet(&mut self, lane: usize, replicas: &[u32], now: f64) {
        let rules = Rules { services: &self.application.services, config: &self.config };
        self.state.fleets[lane] = Fleet::settled(rules, replicas, now);
        self.refresh(lane);
    }

    /// What is due in a lane before a sub-step, and what its pods and nodes cost during it.
    pub(super) fn keep(&mut self, lane: usize) {
        let rules = Rules { services: &self.application.services, config: &self.config };
        let this = &mut self.state.lane[lane];
        let fleet = &mut self.state.fleets[lane];
        let now = this.time;
        this.interval.restarts += f64::from(fleet.fail(rules, now, &mut this.rng));
        if fleet.next_event <= now {
            fleet.reconcile(rules, now, &mut this.rng);
            self.refresh(lane);
        }
        let dt = self.config.substep_secs;
        let tally = &mut self.state.lane[lane].interval;
        let fleet = &self.state.fleets[lane];
        tally.node_seconds += f64::from(fleet.nodes.count()) * dt;
        for pod in fleet.groups.iter().flat_map(|group| &group.pods) {
            if pod.placed() {
                tally.pod_seconds += dt;
                tally.requested_core_seconds += pod.allocation.cpu_request.cores() * dt;
                tally.requested_gib_seconds += pod.allocation.memory_request.gibibytes() * dt;
            } else {
                tally.pending_pod_seconds += dt;
            }
        }
    }

    /// Writes what a lane's pods come to.
    pub(super) fn refresh(&mut self, lane: usize) {
        let now = self.state.lane[lane].time;
        for service in 0..self.order.len() {
            let at = service * self.lanes + lane;
            let described = &self.application.services[service];
            let group = &self.state.fleets[lane].groups[service];
            let strength = Strength::of(group, now, self.config.faults.degraded_capacity);
            let cores = strength.limit.map_or(f64::INFINITY, Millicores::cores);
            let usable = cores.min(f64::from(described.cores)) - described.idle_cpu.cores();
            let cost = described.cpu_per_call.0 * f64::from(group.cost) / 100.0;
            let (spec, given) = (group.spec, group.given());
            let curve = self.curves.index(service, described, strength.limit, group.cost);
            let state = &mut self.state;
            (state.spec[at], state.allocation[at], state.curve[at]) = (spec, given, curve);
            state.pod_rate[at] = (usable.max(1e-3) / cost) as f32;
            state.ready[at] = strength.ready as f32;
            state.capacity[at] = strength.whole as f32 * state.pod_rate[at];
            state.next_ready[at] = f64::INFINITY;
        }
    }

    /// What a sub-step did to a lane's pods: memory, the collector's CPU, kills.
    pub(super) fn wear(&mut self, lane: usize) {
        let memory = self.config.memory;
        let dt = self.config.substep_secs;
        for service in 0..self.order.len() {
            let at = service * self.lanes + lane;
            let ready = f64::from(self.state.ready[at]);
            let group = &mut self.state.fleets[lane].groups[service];
            group.working_set = f64::from(self.work.memory[at]);
            if ready == 0.0 {
                continue;
            }
            let described = &self.application.services[service];
            let beyond = f64::from(group.cost) / 100.0 - 1.0;
            if beyond > 0.0 {
                let cores = f64::from(self.work.served[at]) * described.cpu_per_call.0 * beyond;
                self.state.cpu_sum[at] += (1000.0 * cores / ready) as f32;
                self.state.lane[lane].interval.used_core_seconds += cores * dt;
            }
            if memory.heap
                && let Some(jvm) = &described.jvm
                && let Some(heap) = self.state.allocation[at].heap
            {
                let in_progress = if described.memory_per_call.0 > 0 {
                    (group.working_set - described.idle_memory.0 as f64).max(0.0)
                        / described.memory_per_call.0 as f64
                } else {
                    0.0
                };
                let live = live(described, jvm, in_progress);
                group.working_set = working_set(jvm, live, heap);
                self.work.memory[at] = group.working_set as f32;
                let cost = memory.gc_percent(jvm, live, heap.0 as f64);
                if cost != group.cost {
                    group.cost = cost;
                    self.state.fleets[lane].next_event = f64::NEG_INFINITY;
                }
            }
            if memory.oom_kill {
                self.kill(lane, service);
            }
        }
    }

    /// Kills the pods of a service that use more than their memory limit.
    fn kill(&mut self, lane: usize, service: ServiceId) {
        let rules = Rules { services: &self.application.services, config: &self.config };
        let this = &mut self.state.lane[lane];
        let fleet = &mut self.state.fleets[lane];
        let began = this.time - self.config.substep_secs;
        let count = fleet.groups[service].ready(began) as usize;
        let mut index = 0;
        for pod in 0..fleet.groups[service].pods.len() {
            let group = &fleet.groups[service];
            if !group.pods[pod].ready(began) {
                continue;
            }
            let used = group.working_set * self.config.memory.share(index, count);
            index += 1;
            if group.pods[pod].allocation.memory_limit.is_some_and(|limit| used > limit.0 as f64) {
                fleet.crash(rules, service, pod, this.time);
                this.interval.restarts += 1.0;
                this.interval.oom_kills += 1.0;
            }
        }
    }

    /// Carries out `decision` in a lane whose pods are told apart.
    pub(super) fn apply_to_fleet(&mut self, lane: usize, decision: &Decision) -> Receipt {
        let mut receipt = Receipt::default();
        for (service, wish) in decision.services.iter().enumerate() {
            let resized = self.set_template(lane, service, wish, &mut receipt);
            let this = &mut self.state.lane[lane];
            let group = &mut self.state.fleets[lane].groups[service];
            let scaled = wish.replicas.filter(|&replicas| replicas != group.spec);
            if let Some(replicas) = scaled {
                this.pending_actions += 1.0;
                this.pending_churn += f64::from(replicas.abs_diff(group.spec));
                group.spec = replicas;
            }
            if scaled.is_some() || resized {
                receipt.changed += 1;
            }
        }
        if receipt.changed > 0 {
            let rules = Rules { services: &self.application.services, config: &self.config };
            let this = &mut self.state.lane[lane];
            self.state.fleets[lane].reconcile(rules, this.time, &mut this.rng);
            self.refresh(lane);
        }
        receipt
    }

    /// Sets what the pods of a service are to have.
    fn set_template(
        &mut self,
        lane: usize,
        service: ServiceId,
        wish: &ServiceDecision,
        receipt: &mut Receipt,
    ) -> bool {
        let group = &mut self.state.fleets[lane].groups[service];
        let old = group.template;
        let heap = self.config.memory.heap && self.application.services[service].jvm.is_some();
        if wish.heap.is_some() && !heap {
            receipt.refused.push((service, Refusal::Unsupported));
        }
        let new = Allocation { heap: wish.heap.filter(|_| heap).or(old.heap), ..super::wished(old, wish) };
        if new == old {
            return false;
        }
        if super::over_limit(&new) {
            receipt.refused.push((service, Refusal::RequestOverLimit));
            return false;
        }
        let in_place = self.config.resize.method == ResizeMethod::InPlace;
        if in_place && QosClass::of(&new) != QosClass::of(&old) {
            receipt.refused.push((service, Refusal::QosClass));
            return false;
        }
        group.template = new;
        true
    }

    /// Writes the pods of a service whose pods are told apart. `usage` gives the sample of a pod from its times.
    pub(super) fn observe_fleet(
        &self,
        lane: usize,
        service: ServiceId,
        view: &mut ServiceState,
        usage: impl Fn(f64, f64) -> Option<PodUsage>,
    ) {
        let now = self.state.lane[lane].time;
        let group = &self.state.fleets[lane].groups[service];
        let ready = group.ready(now);
        view.replicas = Replicas { spec: group.spec, ready, starting: group.pods.len() as u32 - ready };
        view.resizing = group.resizing();
        view.pods.extend(group.pods.iter().map(|pod| {
            let running = pod.running_at <= now;
            let ready = pod.ready(now);
            let since = if ready { pod.ready_at } else { pod.running_at.max(pod.crashed_at) };
            PodGroup {
                count: 1,
                phase: if running { PodPhase::Running } else { PodPhase::Pending },
                deleting: false,
                started: running.then_some(Time(pod.running_at)),
                readiness: running.then_some(Readiness { ready, since: Time(since) }),
                usage: usage(pod.running_at, pod.ready_at),
            }
        }));
    }

    /// Millicores, bytes and pods in use on each node of a lane; none where room is not limited.
    pub fn nodes(&self, lane: usize) -> impl Iterator<Item = (u32, u64, u32)> {
        self.state.fleets.get(lane).into_iter().flat_map(|fleet| fleet.nodes.used())
    }

    /// Pods of a service that have room, and those that wait for it.
    pub fn placed(&self, lane: usize, service: ServiceId) -> (u32, u32) {
        let at = service * self.lanes + lane;
        let Some(fleet) = self.state.fleets.get(lane) else { return (self.state.pods[at].total(), 0) };
        let pods = &fleet.groups[service].pods;
        let placed = pods.iter().filter(|pod| pod.placed()).count() as u32;
        (placed, pods.len() as u32 - placed)
    }
}
