//! Nodes with room for a number of pods: first fit by requests, and new nodes when pods wait.
//!
//! The rules are those of kube-scheduler and cluster-autoscaler, cut down: a pod goes to the first ready node where its CPU
//! and memory requests fit; what fits nowhere stays `Pending` and holds up no other pod. Nodes are ordered while pods wait
//! that would not fit on those already ordered, and an empty node beyond the first `count` goes after `idle_secs`
//! (`--scale-down-unneeded-time`).
//!
//! Left out: moving pods to empty a node, priorities and preemption, affinity, and node groups of different sizes.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Settings of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodesConfig {
    /// Nodes that are always there; 0: room for every pod.
    pub count: u32,
    /// Most nodes; above `count` more are ordered while pods wait.
    pub max_count: u32,
    /// Allocatable CPU of a node in millicores.
    pub cpu_m: u32,
    /// Allocatable memory of a node in MiB.
    pub memory_mib: u64,
    /// Most pods on a node (the kubelet's `maxPods`).
    pub max_pods: u32,
    /// Seconds from the order of a node until pods can start on it.
    pub provision_secs: f64,
    /// Seconds that an ordered node stays empty before it goes.
    pub idle_secs: f64,
}

impl Default for NodesConfig {
    fn default() -> Self {
        Self {
            count: 0,
            max_count: 0,
            cpu_m: 3800,
            memory_mib: 14_000,
            max_pods: 110,
            provision_secs: 120.0,
            idle_secs: 600.0,
        }
    }
}

impl NodesConfig {
    /// Whether room is limited at all.
    pub fn limited(&self) -> bool {
        self.count > 0
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key, right: bool, expected, found: String| {
            if right { Ok(()) } else { Err(Error::Config { key, expected, found }) }
        };
        let count = self.max_count == 0 || self.max_count >= self.count;
        check("nodes.max_count", count, "0 or at least nodes.count", self.max_count.to_string())?;
        check("nodes.max_count", self.max_count <= 10_000, "at most 10000", self.max_count.to_string())?;
        check("nodes.count", self.count <= 10_000, "at most 10000", self.count.to_string())?;
        for (key, secs) in
            [("nodes.provision_secs", self.provision_secs), ("nodes.idle_secs", self.idle_secs)]
        {
            check(key, secs.is_finite() && secs >= 0.0, "zero or more", secs.to_string())?;
        }
        Ok(())
    }
}

/// What a pod asks of its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Millicores.
    pub(crate) cpu: u32,
    /// Bytes.
    pub(crate) memory: u64,
}

/// Place for one node.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Node {
    /// Infinite where there is none.
    ready_at: f64,
    /// Since when it has been empty; meaningless while it is not.
    empty_since: f64,
    used: Request,
    pods: u32,
}

const NONE: Node =
    Node { ready_at: f64::INFINITY, empty_since: 0.0, used: Request { cpu: 0, memory: 0 }, pods: 0 };

/// The nodes of one lane; empty where room is not limited.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Nodes {
    places: Vec<Node>,
    #[serde(skip)]
    ordered: Vec<Node>,
}

impl Nodes {
    pub(crate) fn new(config: &NodesConfig, now: f64) -> Self {
        let places = if config.limited() { config.count.max(config.max_count) } else { 0 };
        let mut nodes = Self { places: vec![NONE; places as usize], ordered: Vec::new() };
        for node in nodes.places.iter_mut().take(config.count as usize) {
            (node.ready_at, node.empty_since) = (now, now);
        }
        nodes
    }

    /// Nodes that are there or ordered: what is paid for.
    pub(crate) fn count(&self) -> u32 {
        self.places.iter().filter(|node| node.ready_at < f64::INFINITY).count() as u32
    }

    /// Millicores, bytes and pods in use on each node that is there.
    pub(crate) fn used(&self) -> impl Iterator<Item = (u32, u64, u32)> {
        self.places
            .iter()
            .filter(|node| node.ready_at < f64::INFINITY)
            .map(|node| (node.used.cpu, node.used.memory, node.pods))
    }

    /// Takes room for a pod on the first ready node that has it, and names the node.
    pub(crate) fn place(&mut self, config: &NodesConfig, request: Request, now: f64) -> Option<u32> {
        let at = self.places.iter().position(|node| node.ready_at <= now && fits(config, node, request))?;
        add(&mut self.places[at], request);
        Some(at as u32)
    }

    /// Gives a pod's room back.
    pub(crate) fn release(&mut self, node: u32, request: Request, now: f64) {
        let node = &mut self.places[node as usize];
        node.used.cpu -= request.cpu;
        node.used.memory -= request.memory;
        node.pods -= 1;
        node.empty_since = now;
    }

    /// Whether a node's whole room is enough for a pod.
    pub(crate) fn could_hold(config: &NodesConfig, request: Request) -> bool {
        request.cpu <= config.cpu_m && request.memory <= config.memory_mib << 20
    }

    /// Changes the room that a pod takes, if there is enough.
    pub(crate) fn resize(&mut self, config: &NodesConfig, node: u32, from: Request, to: Request) -> bool {
        let node = &mut self.places[node as usize];
        let cpu = node.used.cpu - from.cpu + to.cpu;
        let memory = node.used.memory - from.memory + to.memory;
        // Less is always granted, more only where it fits.
        let room = (to.cpu <= from.cpu || cpu <= config.cpu_m)
            && (to.memory <= from.memory || memory <= config.memory_mib << 20);
        if room {
            node.used = Request { cpu, memory };
        }
        room
    }

    /// Orders nodes for pods that wait, beyond what is ordered already.
    pub(crate) fn order(&mut self, config: &NodesConfig, waiting: impl Iterator<Item = Request>, now: f64) {
        self.ordered.clear();
        self.ordered
            .extend(self.places.iter().filter(|n| n.ready_at > now && n.ready_at < f64::INFINITY).copied());
        for request in waiting.filter(|request| Self::could_hold(config, *request)) {
            if let Some(node) = self.ordered.iter_mut().find(|node| fits(config, node, request)) {
                add(node, request);
                continue;
            }
            let Some(free) = self.places.iter_mut().find(|node| node.ready_at == f64::INFINITY) else {
                return;
            };
            let ready_at = now + config.provision_secs;
            *free = Node { ready_at, empty_since: ready_at, ..NONE };
            let mut node = *free;
            add(&mut node, request);
            self.ordered.push(node);
        }
    }

    /// Lets ordered nodes go that have been empty for long; says when the next may.
    pub(crate) fn retire(&mut self, config: &NodesConfig, now: f64) -> f64 {
        let mut next = f64::INFINITY;
        for node in self.places.iter_mut().skip(config.count as usize) {
            if node.pods == 0 && node.ready_at <= now {
                let goes = node.empty_since + config.idle_secs;
                if goes <= now { *node = NONE } else { next = next.min(goes) }
            }
        }
        next
    }
}

fn fits(config: &NodesConfig, node: &Node, request: Request) -> bool {
    node.pods < config.max_pods
        && node.used.cpu + request.cpu <= config.cpu_m
        && node.used.memory + request.memory <= config.memory_mib << 20
}

fn add(node: &mut Node, request: Request) {
    node.used.cpu += request.cpu;
    node.used.memory += request.memory;
    node.pods += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: NodesConfig = NodesConfig {
        count: 1,
        max_count: 3,
        cpu_m: 1000,
        memory_mib: 1000,
        max_pods: 110,
        provision_secs: 60.0,
        idle_secs: 100.0,
    };
    const POD: Request = Request { cpu: 600, memory: 1 << 20 };

    #[test]
    fn a_pod_that_fits_nowhere_gets_a_node_after_its_provisioning() {
        let mut nodes = Nodes::new(&CONFIG, 0.0);
        assert_eq!(nodes.place(&CONFIG, POD, 0.0), Some(0));
        assert_eq!(nodes.place(&CONFIG, POD, 0.0), None);
        nodes.order(&CONFIG, [POD].into_iter(), 0.0);
        nodes.order(&CONFIG, [POD].into_iter(), 5.0);
        assert_eq!(nodes.count(), 2, "one order for one pod");
        assert_eq!(nodes.place(&CONFIG, POD, 59.0), None);
        assert_eq!(nodes.place(&CONFIG, POD, 60.0), Some(1));
    }

    #[test]
    fn an_ordered_node_goes_once_it_has_been_empty_for_long() {
        let mut nodes = Nodes::new(&CONFIG, 0.0);
        nodes.order(&CONFIG, [POD].into_iter(), 0.0);
        nodes.place(&CONFIG, Request { cpu: 1000, memory: 0 }, 60.0);
        nodes.place(&CONFIG, POD, 60.0);
        nodes.release(1, POD, 200.0);
        nodes.release(0, Request { cpu: 1000, memory: 0 }, 200.0);
        assert_eq!(nodes.retire(&CONFIG, 250.0), 300.0);
        assert_eq!(nodes.count(), 2);
        nodes.retire(&CONFIG, 300.0);
        assert_eq!(nodes.count(), 1, "the first node stays");
    }

    #[test]
    fn a_resize_is_granted_only_where_it_fits() {
        let mut nodes = Nodes::new(&CONFIG, 0.0);
        nodes.place(&CONFIG, POD, 0.0);
        assert!(!nodes.resize(&CONFIG, 0, POD, Request { cpu: 1001, ..POD }));
        assert!(nodes.resize(&CONFIG, 0, POD, Request { cpu: 1000, ..POD }));
        assert!(nodes.used().all(|(cpu, _, _)| cpu == 1000));
    }
}
