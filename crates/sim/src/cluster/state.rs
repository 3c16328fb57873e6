//! Everything in a cluster that changes over time, apart from what follows from it.

use crate::{
    LatencyHistogram, Tally,
    config::Periods,
    fleet::Fleet,
    load::Users,
    metrics::{Metrics, WindowLatency},
    pods::Pods,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use trimtab_model::{Allocation, Application};

/// What a lane has besides its services.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) time: f64,
    pub(super) substep: u64,
    pub(super) rng: Pcg64Mcg,
    pub(super) metrics: Metrics,
    pub(super) interval: Tally,
    pub(super) last_window: Option<WindowLatency>,
    pub(super) histogram: Option<LatencyHistogram>,
    /// Scaling since the last sub-step, counted into the interval that follows it.
    pub(super) pending_actions: f64,
    pub(super) pending_churn: f64,
}

/// The SLO windows that have not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Windows {
    /// Requests, by lane.
    pub(super) requests: Vec<f32>,
    /// Requests that failed or were slow, by lane.
    pub(super) bad: Vec<f32>,
    /// `[endpoint][lane]`: answered requests, and the sums of their times and of the squares of these.
    pub(super) answered: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
}

impl Windows {
    fn new(endpoints: usize, lanes: usize) -> Self {
        let cells = vec![0.0; endpoints * lanes];
        Self {
            requests: vec![0.0; lanes],
            bad: vec![0.0; lanes],
            answered: cells.clone(),
            first: cells.clone(),
            second: cells,
        }
    }

    /// Starts a new window in a lane.
    pub(super) fn restart(&mut self, lane: usize) {
        let lanes = self.requests.len();
        (self.requests[lane], self.bad[lane]) = (0.0, 0.0);
        for sums in [&mut self.answered, &mut self.first, &mut self.second] {
            sums.iter_mut().skip(lane).step_by(lanes).for_each(|sum| *sum = 0.0);
        }
    }
}

/// The changing part of a [`Cluster`](crate::Cluster). Arrays are `[service][lane]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterState {
    pub(super) spec: Vec<u32>,
    pub(super) pods: Vec<Pods>,
    pub(super) backlog: Vec<f32>,
    pub(super) allocation: Vec<Allocation>,
    /// Calls that arrived, were served and were given up since the reset.
    pub(super) arrived: Vec<f64>,
    pub(super) served: Vec<f64>,
    pub(super) dropped: Vec<f64>,
    /// Served calls that were answered with an error.
    pub(super) errors: Vec<f64>,
    /// Call-seconds of waiting in the current interval.
    pub(super) waited: Vec<f32>,
    /// Sum of the millicores of a ready pod over the sub-steps since the last latch of the resource metrics.
    pub(super) cpu_sum: Vec<f32>,
    /// Counters of calls since the reset; a last row, of outside traffic, follows those of the services.
    pub(super) counters: Vec<f64>,
    pub(super) windows: Windows,
    pub(super) lane: Vec<Lane>,
    /// Users of closed and semi-open load, by lane.
    pub(super) users: Vec<Users>,
    /// Pods one by one, by lane; empty unless the settings need them. Then `pods` means nothing.
    pub(super) fleets: Vec<Fleet>,
    /// Index of the response curve; follows from the allocation.
    #[serde(skip)]
    pub(super) curve: Vec<u32>,
    /// Calls per second that a ready pod can serve; follows from the allocation.
    #[serde(skip)]
    pub(super) pod_rate: Vec<f32>,
    /// Ready pods; follows from the pods.
    #[serde(skip)]
    pub(super) ready: Vec<f32>,
    /// Calls per second that the ready pods can serve; follows from both.
    #[serde(skip)]
    pub(super) capacity: Vec<f32>,
    /// When the next pods become ready; follows from the pods.
    #[serde(skip)]
    pub(super) next_ready: Vec<f64>,
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
            arrived: vec![0.0; cells],
            served: vec![0.0; cells],
            dropped: vec![0.0; cells],
            errors: vec![0.0; cells],
            waited: vec![0.0; cells],
            cpu_sum: vec![0.0; cells],
            counters: vec![0.0; cells + lanes],
            windows: Windows::new(application.endpoints.len(), lanes),
            lane: vec![lane; lanes],
            users: vec![Users::default(); lanes],
            fleets: Vec::new(),
            curve: vec![0; cells],
            pod_rate: vec![0.0; cells],
            ready: vec![0.0; cells],
            capacity: vec![0.0; cells],
            next_ready: vec![f64::INFINITY; cells],
        }
    }

    /// Whether `self` fits in place of `other`; the skipped arrays are given their sizes by the caller.
    pub(super) fn check_shape(&self, other: &Self) -> Result<(), String> {
        if self.fleets.len() != other.fleets.len() {
            Err("saved with other mechanisms (nodes, resize, memory or faults) than are set".to_owned())
        } else if self.spec.len() == other.spec.len() && self.lane.len() == other.lane.len() {
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

    /// Gives the skipped arrays their sizes, and fills those that follow from the pods.
    pub(super) fn size_derived(&mut self) {
        let cells = self.spec.len();
        self.curve.resize(cells, 0);
        self.pod_rate.resize(cells, 0.0);
        self.ready.resize(cells, 0.0);
        self.capacity.resize(cells, 0.0);
        self.next_ready.resize(cells, f64::INFINITY);
        (0..cells).for_each(|at| self.count_pods(at));
    }

    /// Takes note of changed pods or a changed limit.
    pub(super) fn count_pods(&mut self, at: usize) {
        self.ready[at] = self.pods[at].ready() as f32;
        self.capacity[at] = self.ready[at] * self.pod_rate[at];
        self.next_ready[at] = self.pods[at].next_ready();
    }
}
