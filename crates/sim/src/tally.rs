//! What really happened in a lane: the ground truth that scores are made of.

use serde::{Deserialize, Serialize};

/// Sums over a stretch of time. Add two to join stretches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Simulated seconds.
    pub seconds: f64,
    /// Requests that arrived from outside.
    pub offered: f64,
    /// Requests that failed: some call on their way was given up.
    pub failed: f64,
    /// Requests that were answered, but later than the SLO's bound.
    pub slow: f64,
    /// SLO windows that ended.
    pub windows: f64,
    /// Windows whose p95 was over the bound (failed requests count as over it).
    pub violated_windows: f64,
    /// Sum over windows of `max(0, p95 / bound − 1)`.
    pub severity: f64,
    /// Sum over windows of the tail used up: the share of requests that failed or were slow, over the 5 % that a
    /// p95 allows, to the fourth power, at most 1. A smooth companion of `violated_windows`.
    pub tail_used: f64,
    /// Sum over windows of p95, seconds.
    pub p95_sum: f64,
    /// Sum over answered requests of their response time, seconds.
    pub latency_sum: f64,
    /// Core-seconds requested by existing pods (what is paid for).
    pub requested_core_seconds: f64,
    /// Core-seconds used.
    pub used_core_seconds: f64,
    /// GiB-seconds requested by existing pods.
    pub requested_gib_seconds: f64,
    /// Pod-seconds.
    pub pod_seconds: f64,
    /// Changes of a service's replica count.
    pub scaling_actions: f64,
    /// Sum of the sizes of these changes.
    pub churn: f64,
    /// Node-seconds, from the order of a node on; 0 where nodes are not modelled.
    pub node_seconds: f64,
    /// Pod-seconds of waiting for room on a node.
    pub pending_pod_seconds: f64,
    /// Restarts of containers that were killed or failed.
    pub restarts: f64,
    /// Of these, kills for want of memory.
    pub oom_kills: f64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.offered += other.offered;
        self.failed += other.failed;
        self.slow += other.slow;
        self.windows += other.windows;
        self.violated_windows += other.violated_windows;
        self.severity += other.severity;
        self.tail_used += other.tail_used;
        self.p95_sum += other.p95_sum;
        self.latency_sum += other.latency_sum;
        self.requested_core_seconds += other.requested_core_seconds;
        self.used_core_seconds += other.used_core_seconds;
        self.requested_gib_seconds += other.requested_gib_seconds;
        self.pod_seconds += other.pod_seconds;
        self.scaling_actions += other.scaling_actions;
        self.churn += other.churn;
        self.node_seconds += other.node_seconds;
        self.pending_pod_seconds += other.pending_pod_seconds;
        self.restarts += other.restarts;
        self.oom_kills += other.oom_kills;
    }
}

impl Tally {
    /// Share of windows that violated the SLO; 0 without windows.
    pub fn violation_share(&self) -> f64 {
        if self.windows > 0.0 { self.violated_windows / self.windows } else { 0.0 }
    }

    /// Mean over windows of the tail used up; 0 without windows.
    pub fn mean_tail_used(&self) -> f64 {
        if self.windows > 0.0 { self.tail_used / self.windows } else { 0.0 }
    }

    /// Share of requests that failed or were slow; 0 without requests.
    pub fn bad_request_share(&self) -> f64 {
        if self.offered > 0.0 { (self.failed + self.slow) / self.offered } else { 0.0 }
    }

    /// Requested core-hours.
    pub fn core_hours(&self) -> f64 {
        self.requested_core_seconds / 3600.0
    }

    /// Pod-hours.
    pub fn pod_hours(&self) -> f64 {
        self.pod_seconds / 3600.0
    }

    /// Node-hours.
    pub fn node_hours(&self) -> f64 {
        self.node_seconds / 3600.0
    }

    /// Mean response time of answered requests, seconds.
    pub fn mean_latency(&self) -> f64 {
        let answered = self.offered - self.failed;
        if answered > 0.0 { self.latency_sum / answered } else { 0.0 }
    }
}
