//! Everything in a cluster that changes over time, apart from what follows from it.

use crate::{
    LatencyHistogram, Tally,
    config::Periods,
    metrics::{Metrics, WindowLatency},
    pods::Pods,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use trimtab_model::{Allocation, Application};

/// Sums of one endpoint's response times in the open SLO window.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct ResponseSums {
    pub(super) answered: f32,
    pub(super) first: f32,
    pub(super) second: f32,
}

/// The SLO window that has not ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) requests: f32,
    /// Requests that failed or were slow.
    pub(super) bad: f32,
    pub(super) endpoints: Vec<ResponseSums>,
}

/// What a lane has besides its services.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) time: f64,
    pub(super) substep: u64,
    pub(super) rng: Pcg64Mcg,
    pub(super) metrics: Metrics,
    pub(super) interval: Tally,
    pub(super) window: Window,
    pub(super) last_window: Option<WindowLatency>,
    pub(super) histogram: Option<LatencyHistogram>,
    /// Scaling since the last sub-step, counted into the interval that follows it.
    pub(super) pending_actions: f64,
    pub(super) pending_churn: f64,
}

impl Lane {
    pub(super) fn restart_window(&mut self) {
        self.window.requests = 0.0;
        self.window.bad = 0.0;
        self.window.endpoints.fill(ResponseSums::default());
    }

    pub(super) fn add_responses(
        &mut self,
        endpoint: usize,
        requests: f32,
        answered: f32,
        slow: f32,
        mean: f32,
        variance: f32,
    ) {
        self.window.requests += requests;
        self.window.bad += requests - answered + slow;
        let sums = &mut self.window.endpoints[endpoint];
        sums.answered += answered;
        sums.first += answered * mean;
        sums.second += answered * (variance + mean * mean);
        self.interval.failed += f64::from(requests - answered);
        self.interval.slow += f64::from(slow);
        self.interval.latency_sum += f64::from(answered * mean);
    }
}

/// The changing part of a [`Cluster`](crate::Cluster). Arrays are `[service][lane]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterState {
    pub(super) spec: Vec<u32>,
    pub(super) pods: Vec<Pods>,
    pub(super) backlog: Vec<f32>,
    pub(super) allocation: Vec<Allocation>,
    /// Arrived, served, dropped.
    pub(super) ledger: Vec<[f64; 3]>,
    /// Call-seconds of waiting in the current interval.
    pub(super) waited: Vec<f32>,
    pub(super) lane: Vec<Lane>,
    /// Index of the response curve; follows from the allocation.
    #[serde(skip)]
    pub(super) curve: Vec<u32>,
    /// Calls per second that a ready pod can serve; follows from the allocation.
    #[serde(skip)]
    pub(super) pod_rate: Vec<f32>,
}

impl ClusterState {
    pub(super) fn new(application: &Application, periods: &Periods, lanes: usize, record: bool) -> Self {
        let services = application.services.len();
        let cells = services * lanes;
        let lane = Lane {
            time: 0.0,
            substep: 0,
            rng: Pcg64Mcg::seed_from_u64(0),
            metrics: Metrics::new(services, periods),
            interval: Tally::default(),
            window: Window {
                endpoints: vec![ResponseSums::default(); application.endpoints.len()],
                ..Window::default()
            },
            last_window: None,
            histogram: record.then(LatencyHistogram::default),
            pending_actions: 0.0,
            pending_churn: 0.0,
        };
        let allocation =
            application.services.iter().flat_map(|s| std::iter::repeat_n(s.allocation, lanes)).collect();
        Self {
            spec: vec![0; cells],
            pods: vec![Pods::settled(0, 0.0); cells],
            backlog: vec![0.0; cells],
            allocation,
            ledger: vec![[0.0; 3]; cells],
            waited: vec![0.0; cells],
            lane: vec![lane; lanes],
            curve: vec![0; cells],
            pod_rate: vec![0.0; cells],
        }
    }

    /// Whether `self` fits in place of `other`; the skipped arrays are given their sizes by the caller.
    pub(super) fn check_shape(&self, other: &Self) -> Result<(), String> {
        if self.spec.len() == other.spec.len() && self.lane.len() == other.lane.len() {
            Ok(())
        } else {
            Err(format!(
                "saved with {} lanes and {} services × lanes, expected {} and {}",
                self.lane.len(),
                self.spec.len(),
                other.lane.len(),
                other.spec.len()
            ))
        }
    }

    pub(super) fn size_derived(&mut self) {
        self.curve.resize(self.spec.len(), 0);
        self.pod_rate.resize(self.spec.len(), 0.0);
    }
}
