//! The batched cluster: L1 "fluid + table" dynamics of every lane, in struct-of-arrays form.
//!
//! Arrays are `[service][lane]`. Each sub-step visits the services in calling order, so that what a caller
//! serves is what arrives at its callees: `arrivals = served + dropped + Δwaiting` holds at every service.

mod curves;
mod dynamics;
mod observe;
mod state;
mod upkeep;
mod users;
mod windows;

use crate::{
    Error, LatencyHistogram, Result, SimConfig, Tally,
    call_plan::CallPlan,
    config::Periods,
    fleet::Fleet,
    load::Users,
    pods::{Cohort, Pods},
};
use curves::Curves;
use dynamics::Work;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
pub use state::ClusterState;
use state::Lane;
use trimtab_model::{Allocation, Application, Decision, Receipt, Refusal, ServiceDecision, ServiceId, Time};
use windows::Percentiles;

/// Calls at one service since its lane was reset. `arrived = served + dropped + waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Calls that arrived.
    pub arrived: f64,
    /// Calls that were served.
    pub served: f64,
    /// Calls that were given up after waiting longer than the timeout.
    pub dropped: f64,
    /// Calls that wait.
    pub waiting: f64,
    /// Calls that were answered with an error; part of those served.
    pub errors: f64,
}

/// A batch of simulated clusters that run the same application.
#[derive(Clone, Debug)]
pub struct Cluster {
    application: Application,
    config: SimConfig,
    periods: Periods,
    plan: CallPlan,
    order: Vec<ServiceId>,
    /// Mean calls of each service in one request from outside.
    visits: Vec<f64>,
    /// For each service, its callers and the calls that each visit of a caller makes.
    callers: Vec<Vec<(ServiceId, f32)>>,
    /// Share of outside requests that enter at each service.
    entry: Vec<f32>,
    curves: Curves,
    lanes: usize,
    state: ClusterState,
    work: Work,
    percentiles: Percentiles,
    /// Waiting of all services in the last advance, by lane.
    waited: Vec<f32>,
    /// The CPU's vectors.
    vectors: pulp::Arch,
}

impl Cluster {
    /// A batch of `lanes` clusters. Each must be [`reset`](Self::reset) before it is advanced.
    ///
    /// # Errors
    /// [`Error::Config`] for settings out of range, [`Error::Application`] for a cyclic call graph.
    pub fn new(application: &Application, config: SimConfig, lanes: usize) -> Result<Self> {
        let periods = config.periods(application.slo.window.0)?;
        let services = application.services.len();
        let visits = application.visits();
        let mut callers = vec![Vec::new(); services];
        for (caller, callee, calls) in application.edges() {
            callers[callee].push((caller, (calls / visits[caller]) as f32));
        }
        let mut entry = vec![0.0; services];
        for endpoint in &application.endpoints {
            entry[endpoint.service] += endpoint.weight as f32;
        }
        let plan = CallPlan::new(application);
        let work = Work::new(services, application.endpoints.len(), lanes, &plan);
        let mut cluster = Self {
            state: ClusterState::new(application, &periods, lanes, config.record_latency),
            order: application.call_order().map_err(Error::Application)?,
            application: application.clone(),
            curves: Curves::new(config.quota_period_ms / 1000.0, config.max_utilization),
            periods,
            plan,
            visits,
            callers,
            entry,
            config,
            lanes,
            work,
            percentiles: Percentiles::new(lanes),
            waited: vec![0.0; lanes],
            vectors: pulp::Arch::new(),
        };
        for service in 0..services {
            for lane in 0..lanes {
                cluster.set_limit(service, lane);
            }
        }
        if cluster.tells_pods_apart() {
            cluster.state.fleets = vec![Fleet::default(); lanes];
            (0..lanes).for_each(|lane| cluster.settle_fleet(lane, &vec![0; services], 0.0));
        }
        Ok(cluster)
    }

    /// Number of lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The application that runs in every lane.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Puts `lane` into a settled state: `replicas` of each service ready for an hour, nothing waiting, no
    /// metric seen yet. Everything random in the lane follows from `seed`.
    pub fn reset(&mut self, lane: usize, start: Time, replicas: &[u32], seed: u64) {
        let state = &mut self.state;
        for (service, &count) in replicas.iter().enumerate() {
            let at = service * self.lanes + lane;
            state.spec[at] = count;
            state.pods[at] = Pods::settled(count, start.0);
            state.backlog[at] = 0.0;
            (state.arrived[at], state.served[at], state.dropped[at]) = (0.0, 0.0, 0.0);
            state.errors[at] = 0.0;
            (state.cpu_sum[at], state.counters[at]) = (0.0, 0.0);
            state.count_pods(at);
            state.allocation[at] = self.application.services[service].allocation;
        }
        state.counters[replicas.len() * self.lanes + lane] = 0.0;
        state.windows.restart(lane);
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut draw = |n: u32| rand::RngExt::random_range(&mut rng, 0..n);
        let (resolution, scrape) = (draw(self.periods.resolution), draw(self.periods.scrape));
        let staleness = draw(2) as usize;
        let this = &mut state.lane[lane];
        this.time = start.0;
        this.substep = 0;
        this.metrics.restart(resolution, scrape, staleness);
        this.interval = Tally::default();
        this.histogram = self.config.record_latency.then(LatencyHistogram::default);
        this.rng = rng;
        state.users[lane] = Users::default();
        for service in 0..replicas.len() {
            self.set_limit(service, lane);
        }
        if !self.state.fleets.is_empty() {
            self.settle_fleet(lane, replicas, start.0);
        }
    }

    /// Current time of a lane.
    pub fn time(&self, lane: usize) -> Time {
        Time(self.state.lane[lane].time)
    }

    /// Lets `substeps` sub-steps pass in every lane. `rate(lane, time)` is the mean arrival rate (requests per
    /// second) over the sub-step whose middle is `time`.
    pub fn advance(&mut self, substeps: u32, rate: &mut dyn FnMut(usize, Time) -> f64) {
        for lane in &mut self.state.lane {
            lane.interval = Tally::default();
        }
        if self.state.fleets.is_empty() {
            self.count_requested(f64::from(substeps) * self.config.substep_secs);
        }
        self.state.waited.fill(0.0);
        self.work.sums.clear();
        for _ in 0..substeps {
            self.substep(rate);
        }
        self.work.sums.add_to(&mut self.state.lane);
        self.waited.fill(0.0);
        for waited in self.state.waited.chunks_exact(self.lanes) {
            self.waited.iter_mut().zip(waited).for_each(|(sum, waited)| *sum += waited);
        }
    }

    /// Counts what existing pods ask for during the next `seconds`; until the next decision none come or go.
    fn count_requested(&mut self, seconds: f64) {
        for (at, (pods, allocation)) in self.state.pods.iter().zip(&self.state.allocation).enumerate() {
            let pod_seconds = f64::from(pods.total()) * seconds;
            let tally = &mut self.state.lane[at % self.lanes].interval;
            tally.pod_seconds += pod_seconds;
            tally.requested_core_seconds += pod_seconds * allocation.cpu_request.cores();
            tally.requested_gib_seconds += pod_seconds * allocation.memory_request.gibibytes();
        }
    }

    /// Sub-steps in `seconds`.
    pub fn substeps_in(&self, seconds: f64) -> u32 {
        (seconds / self.config.substep_secs).round() as u32
    }

    /// What happened in `lane` during the last [`advance`](Self::advance).
    pub fn interval(&self, lane: usize) -> &Tally {
        &self.state.lane[lane].interval
    }

    /// Share of the last [`advance`](Self::advance)'s waiting (call-seconds beyond CPU time and floor) that arose at
    /// `service`; an equal share for each service when nothing waited.
    pub fn waiting_share(&self, lane: usize, service: ServiceId) -> f32 {
        let total = self.waited[lane];
        if total > 0.0 {
            self.state.waited[service * self.lanes + lane] / total
        } else {
            1.0 / self.order.len() as f32
        }
    }

    /// Percentiles of the last SLO window that ended, as it really was: mean, p95, p99 in seconds.
    pub fn last_window(&self, lane: usize) -> Option<(f64, f64, f64)> {
        self.state.lane[lane].last_window.map(|w| (f64::from(w.mean), f64::from(w.p95), f64::from(w.p99)))
    }

    /// All response times since the reset; absent unless [`SimConfig::record_latency`].
    pub fn histogram(&self, lane: usize) -> Option<&LatencyHistogram> {
        self.state.lane[lane].histogram.as_ref()
    }

    /// Calls at `service` since the reset.
    pub fn ledger(&self, lane: usize, service: ServiceId) -> Ledger {
        let at = service * self.lanes + lane;
        let ClusterState { arrived, served, dropped, backlog, errors, .. } = &self.state;
        Ledger {
            arrived: arrived[at],
            served: served[at],
            dropped: dropped[at],
            waiting: f64::from(backlog[at]),
            errors: errors[at],
        }
    }

    /// `spec.replicas` of a service.
    pub fn replicas(&self, lane: usize, service: ServiceId) -> u32 {
        self.state.spec[service * self.lanes + lane]
    }

    /// Everything that changes over time, for a checkpoint.
    pub fn state(&self) -> &ClusterState {
        &self.state
    }

    /// Takes on a state saved from a cluster with the same application, settings and lanes.
    ///
    /// # Errors
    /// A sentence that says how the sizes differ.
    pub fn restore(&mut self, state: ClusterState) -> Result<(), String> {
        state.check_shape(&self.state)?;
        self.state = state;
        self.state.size_derived();
        for service in 0..self.order.len() {
            for lane in 0..self.lanes {
                self.set_limit(service, lane);
            }
        }
        for lane in 0..self.state.fleets.len() {
            self.refresh(lane);
        }
        Ok(())
    }

    /// Carries out `decision` in `lane`. Resources reach pods as [`SimConfig::resize`] says, by default at once; new pods
    /// go through their start-up.
    pub fn apply(&mut self, lane: usize, decision: &Decision) -> Receipt {
        if !self.state.fleets.is_empty() {
            return self.apply_to_fleet(lane, decision);
        }
        let mut receipt = Receipt::default();
        for (service, wish) in decision.services.iter().enumerate() {
            let resized = self.resize(lane, service, wish, &mut receipt);
            if self.scale(lane, service, wish) || resized {
                receipt.changed += 1;
            }
        }
        receipt
    }

    fn scale(&mut self, lane: usize, service: ServiceId, wish: &ServiceDecision) -> bool {
        let at = service * self.lanes + lane;
        let Some(replicas) = wish.replicas.filter(|&n| n != self.state.spec[at]) else { return false };
        let old = self.state.spec[at];
        let (pods, this) = (&mut self.state.pods[at], &mut self.state.lane[lane]);
        if replicas > old {
            let start = &self.application.services[service].start;
            let limit = self.state.allocation[at].cpu_limit.map_or(1.0, |l| l.cores().min(1.0));
            let noise: f64 = StandardNormal.sample(&mut this.rng);
            let sigma = self.config.start_jitter;
            let factor = (sigma * noise - 0.5 * sigma * sigma).exp();
            let running_at = this.time + (start.schedule.0 + start.pull.0) * factor;
            let ready_at = running_at + start.readiness.0.max(start.cpu_work.0 / limit) * factor;
            pods.add(Cohort { count: replicas - old, running_at, ready_at }, this.time);
        } else {
            pods.remove(old - replicas, this.time);
        }
        self.state.spec[at] = replicas;
        this.pending_actions += 1.0;
        this.pending_churn += f64::from(replicas.abs_diff(old));
        self.state.count_pods(at);
        true
    }

    fn resize(
        &mut self,
        lane: usize,
        service: ServiceId,
        wish: &ServiceDecision,
        receipt: &mut Receipt,
    ) -> bool {
        let at = service * self.lanes + lane;
        if (ServiceDecision { replicas: wish.replicas, ..ServiceDecision::default() }) == *wish {
            return false;
        }
        if wish.heap.is_some() {
            receipt.refused.push((service, Refusal::Unsupported));
        }
        let old = self.state.allocation[at];
        let new = wished(old, wish);
        if new == old {
            return false;
        }
        if over_limit(&new) {
            receipt.refused.push((service, Refusal::RequestOverLimit));
            return false;
        }
        self.state.allocation[at] = new;
        if new.cpu_limit != old.cpu_limit {
            self.set_limit(service, lane);
        }
        true
    }

    /// Recomputes what follows from a pod's CPU limit.
    fn set_limit(&mut self, service: ServiceId, lane: usize) {
        let at = service * self.lanes + lane;
        let limit = self.state.allocation[at].cpu_limit;
        let described = &self.application.services[service];
        self.state.curve[at] = self.curves.index(service, described, limit, 100);
        let cores = limit.map(trimtab_model::Millicores::cores);
        let usable =
            cores.unwrap_or(f64::INFINITY).min(f64::from(described.cores)) - described.idle_cpu.cores();
        self.state.pod_rate[at] = (usable.max(1e-3) / described.cpu_per_call.0) as f32;
        self.state.count_pods(at);
    }
}

/// What a decision makes of an allocation; the heap stays.
fn wished(old: Allocation, wish: &ServiceDecision) -> Allocation {
    Allocation {
        cpu_request: wish.cpu_request.unwrap_or(old.cpu_request),
        cpu_limit: wish.cpu_limit.or(old.cpu_limit),
        memory_request: wish.memory_request.unwrap_or(old.memory_request),
        memory_limit: wish.memory_limit.or(old.memory_limit),
        heap: old.heap,
    }
}

fn over_limit(allocation: &Allocation) -> bool {
    allocation.cpu_limit.is_some_and(|limit| limit < allocation.cpu_request)
        || allocation.memory_limit.is_some_and(|limit| limit < allocation.memory_request)
}
