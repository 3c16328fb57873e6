//! One simulated cluster with its traffic, behind the [`Plant`] seam.

use crate::{Cluster, LatencyHistogram, Result, SimConfig, Tally};
use std::{convert::Infallible, sync::Arc};
use trimtab_model::{Application, Decision, Plant, Receipt, Seconds, Snapshot, Time};
use trimtab_workload::ArrivalRate;

/// A single-lane [`Cluster`] that draws its arrivals from a workload; waiting computes what happens.
#[derive(Clone)]
pub struct SimulatedPlant {
    cluster: Cluster,
    workload: Arc<dyn ArrivalRate>,
    start: Time,
    total: Tally,
}

impl SimulatedPlant {
    /// A plant at time `start`, which is the workload's time zero, with `replicas` of each service settled.
    ///
    /// # Errors
    /// As [`Cluster::new`].
    pub fn new(
        application: &Application,
        config: SimConfig,
        workload: Arc<dyn ArrivalRate>,
        start: Time,
        replicas: &[u32],
        seed: u64,
    ) -> Result<Self> {
        let mut cluster = Cluster::new(application, config, 1)?;
        cluster.reset(0, start, replicas, seed);
        Ok(Self { cluster, workload, start, total: Tally::default() })
    }

    /// What has happened since the last [`forget`](Self::forget).
    pub fn tally(&self) -> &Tally {
        &self.total
    }

    /// The cluster, which has one lane.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What happened during the last wait.
    pub fn last_interval(&self) -> &Tally {
        self.cluster.interval(0)
    }

    /// Mean, p95, p99 in seconds of the last SLO window, as it really was.
    pub fn last_window(&self) -> Option<(f64, f64, f64)> {
        self.cluster.last_window(0)
    }

    /// All response times since the start; absent unless [`SimConfig::record_latency`].
    pub fn histogram(&self) -> Option<&LatencyHistogram> {
        self.cluster.histogram(0)
    }

    /// Empties the tally, so that a warm-up does not count.
    pub fn forget(&mut self) {
        self.total = Tally::default();
    }

    /// Current time.
    pub fn now(&self) -> Time {
        self.cluster.time(0)
    }
}

impl Plant for SimulatedPlant {
    type Error = Infallible;

    fn observe(&mut self, seen: &mut Snapshot) -> Result<(), Infallible> {
        self.cluster.observe(0, seen);
        Ok(())
    }

    fn apply(&mut self, decision: &Decision) -> Result<Receipt, Infallible> {
        Ok(self.cluster.apply(0, decision))
    }

    fn wait(&mut self, until: Time) -> Result<(), Infallible> {
        let substeps = self.cluster.substeps_in((until - self.cluster.time(0)).0);
        let (workload, start) = (&self.workload, self.start);
        self.cluster.advance(substeps, &mut |_, time| workload.rate(Seconds((time - start).0)).0);
        self.total += *self.cluster.interval(0);
        Ok(())
    }
}
