//! The batched cluster: L1 "fluid + table" dynamics of every lane, in struct-of-arrays form.
//!
//! Arrays are `[service][lane]`. Each sub-step visits the services in calling order, so that what a caller
//! serves is what arrives at its callees: `arrivals = served + dropped + Δwaiting` holds at every service.

mod observe;
mod state;

use crate::{
    Error, LatencyHistogram, Result, SimConfig, Tally,
    call_plan::{CallPlan, Scratch},
    config::{Arrivals, Periods},
    metrics::WindowLatency,
    pods::{Cohort, Pods},
    quota::{QuotaWait, ResponseCurve},
    tail::{LogNormal, mixture_quantile},
};
use rand::SeedableRng;
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;
pub use state::ClusterState;
use state::Lane;
use trimtab_model::{Application, Decision, Receipt, Refusal, ServiceDecision, ServiceId, Time};

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
}

/// A batch of simulated clusters that run the same application.
#[derive(Clone, Debug)]
pub struct Cluster {
    application: Application,
    config: SimConfig,
    periods: Periods,
    table: QuotaWait,
    plan: CallPlan,
    order: Vec<ServiceId>,
    /// For each service, its callers and the calls that each visit of a caller makes.
    callers: Vec<Vec<(ServiceId, f32)>>,
    /// Share of outside requests that enter at each service.
    entry: Vec<f32>,
    /// Response curves, made when a CPU limit is first used: service, limit in millicores (0: none), curve.
    curves: Vec<(ServiceId, u32, ResponseCurve)>,
    lanes: usize,
    state: ClusterState,
    work: Work,
}

/// Buffers of one sub-step; nothing in them outlives it.
#[derive(Clone, Debug)]
struct Work {
    served: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
    drop_share: Vec<f32>,
    requests: Vec<f32>,
    any_drop: bool,
    scratch: Scratch,
    parts: Vec<(f32, LogNormal)>,
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
        let endpoints = application.endpoints.len();
        let work = Work {
            served: vec![0.0; services * lanes],
            mean: vec![0.0; services * lanes],
            variance: vec![0.0; services * lanes],
            drop_share: vec![0.0; services * lanes],
            requests: vec![0.0; lanes],
            any_drop: false,
            scratch: plan.scratch(lanes),
            parts: Vec::with_capacity(endpoints),
        };
        let mut cluster = Self {
            state: ClusterState::new(application, &periods, lanes, config.record_latency),
            order: application.call_order().map_err(Error::Application)?,
            application: application.clone(),
            table: QuotaWait::shipped(),
            curves: Vec::new(),
            periods,
            plan,
            callers,
            entry,
            config,
            lanes,
            work,
        };
        for service in 0..services {
            for lane in 0..lanes {
                cluster.set_limit(service, lane);
            }
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
            state.ledger[at] = [0.0; 3];
            state.allocation[at] = self.application.services[service].allocation;
        }
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut draw = |n: u32| rand::RngExt::random_range(&mut rng, 0..n);
        let (resolution, scrape) = (draw(self.periods.resolution), draw(self.periods.scrape));
        let staleness = draw(2) as usize;
        let this = &mut state.lane[lane];
        this.time = start.0;
        this.substep = 0;
        this.metrics.restart(resolution, scrape, staleness);
        this.restart_window();
        this.interval = Tally::default();
        this.histogram = self.config.record_latency.then(LatencyHistogram::default);
        this.rng = rng;
        for service in 0..replicas.len() {
            self.set_limit(service, lane);
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
        self.state.waited.fill(0.0);
        for _ in 0..substeps {
            self.substep(rate);
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
        let services = self.order.len();
        let total: f32 = (0..services).map(|s| self.state.waited[s * self.lanes + lane]).sum();
        if total > 0.0 {
            self.state.waited[service * self.lanes + lane] / total
        } else {
            1.0 / services as f32
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
        let [arrived, served, dropped] = self.state.ledger[at];
        Ledger { arrived, served, dropped, waiting: f64::from(self.state.backlog[at]) }
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
        Ok(())
    }

    /// Carries out `decision` in `lane`. Resources change in place and at once (well under a sub-step in a
    /// real cluster); new pods go through their start-up.
    pub fn apply(&mut self, lane: usize, decision: &Decision) -> Receipt {
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
        if wish.heap.is_some() {
            receipt.refused.push((service, Refusal::Unsupported));
        }
        let old = self.state.allocation[at];
        let new = trimtab_model::Allocation {
            cpu_request: wish.cpu_request.unwrap_or(old.cpu_request),
            cpu_limit: wish.cpu_limit.or(old.cpu_limit),
            memory_request: wish.memory_request.unwrap_or(old.memory_request),
            memory_limit: wish.memory_limit.or(old.memory_limit),
            heap: old.heap,
        };
        if new == old {
            return false;
        }
        let over = new.cpu_limit.is_some_and(|l| l < new.cpu_request)
            || new.memory_limit.is_some_and(|l| l < new.memory_request);
        if over {
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
        let key = limit.map_or(0, |l| l.0);
        let known = self.curves.iter().position(|c| c.0 == service && c.1 == key);
        let described = &self.application.services[service];
        let cores = limit.map(trimtab_model::Millicores::cores);
        self.state.curve[at] = known.unwrap_or_else(|| {
            let period = self.config.quota_period_ms / 1000.0;
            let curve =
                ResponseCurve::new(&self.table, described, cores, period, self.config.max_utilization);
            self.curves.push((service, key, curve));
            self.curves.len() - 1
        }) as u32;
        let usable =
            cores.unwrap_or(f64::INFINITY).min(f64::from(described.cores)) - described.idle_cpu.cores();
        self.state.pod_rate[at] = (usable.max(1e-3) / described.cpu_per_call.0) as f32;
    }

    fn substep(&mut self, rate: &mut dyn FnMut(usize, Time) -> f64) {
        let dt = self.config.substep_secs;
        for (lane, (this, requests)) in self.state.lane.iter_mut().zip(&mut self.work.requests).enumerate() {
            let expected = rate(lane, Time(this.time + 0.5 * dt)).max(0.0) * dt;
            let count = match self.config.arrivals {
                Arrivals::Fluid => expected,
                Arrivals::Poisson => poisson(expected, &mut this.rng),
            };
            *requests = (count / dt) as f32;
            this.time += dt;
            this.substep += 1;
            this.interval.seconds += dt;
            this.interval.offered += count;
            this.metrics.record_requests(count as f32);
        }
        self.work.any_drop = false;
        for position in 0..self.order.len() {
            self.serve(self.order[position], dt as f32);
        }
        self.respond(dt as f32);
        for lane in 0..self.lanes {
            self.close_substep(lane);
        }
    }

    /// One service's sub-step in every lane: utilisation law, queueing, backlog, drops, usage.
    fn serve(&mut self, service: ServiceId, dt: f32) {
        let lanes = self.lanes;
        let described = &self.application.services[service];
        let demand = described.cpu_per_call.0 as f32;
        let idle = described.idle_cpu.cores() as f32;
        let floor = described.latency_floor.0 as f32;
        let timeout = self.application.timeout.0 as f32;
        let (idle_memory, call_memory) = (described.idle_memory.0 as f32, described.memory_per_call.0 as f32);
        for lane in 0..lanes {
            let at = service * lanes + lane;
            let mut arrivals = self.entry[service] * self.work.requests[lane];
            for &(caller, calls) in &self.callers[service] {
                arrivals += calls * self.work.served[caller * lanes + lane];
            }
            let this = &mut self.state.lane[lane];
            let pods = &mut self.state.pods[at];
            // A pod whose start ends within this sub-step serves from its end on.
            pods.promote(this.time - f64::from(dt));
            let ready = pods.ready() as f32;
            let before = self.state.backlog[at];
            let capacity = ready * self.state.pod_rate[at];
            let work = arrivals * dt + before;
            let done = work.min(capacity * dt);
            let most = timeout * if capacity > 0.0 { capacity } else { arrivals };
            let after = (work - done).min(most);
            let dropped = work - done - after;
            self.state.backlog[at] = after;
            self.work.served[at] = done / dt;
            self.work.drop_share[at] = if dropped > 0.0 { (dropped / work).min(1.0) } else { 0.0 };
            self.work.any_drop |= dropped > 0.0;
            let [arrived, served, given_up] = &mut self.state.ledger[at];
            *arrived += f64::from(arrivals * dt);
            *served += f64::from(done);
            *given_up += f64::from(dropped);

            let curve = &self.curves[self.state.curve[at] as usize].2;
            let (mean, deviation) = curve.at(if capacity > 0.0 { arrivals / capacity } else { 1.0 });
            let wait = if capacity > 0.0 { 0.5 * (before + after) / capacity } else { timeout };
            let mean = mean + floor + wait;
            self.work.mean[at] = mean;
            self.work.variance[at] = deviation * deviation;
            self.state.waited[at] += arrivals * dt * (mean - demand - floor).max(0.0);

            let pod_cpu = if ready > 0.0 { idle + done / dt * demand / ready } else { 0.0 };
            let pod = (ready > 0.0).then(|| {
                (pod_cpu * 1000.0, idle_memory + call_memory * (arrivals * mean / ready).min(10_000.0))
            });
            this.metrics.record(service, pod, arrivals * dt);
            let total = f64::from(pods.total());
            let allocation = &self.state.allocation[at];
            let tally = &mut this.interval;
            tally.pod_seconds += total * f64::from(dt);
            tally.requested_core_seconds += total * allocation.cpu_request.cores() * f64::from(dt);
            tally.requested_gib_seconds += total * allocation.memory_request.gibibytes() * f64::from(dt);
            tally.used_core_seconds += f64::from(pod_cpu * ready * dt);
        }
    }

    /// Response times of every endpoint, added to each lane's open SLO window.
    fn respond(&mut self, dt: f32) {
        let log_bound = (self.application.slo.p95.0 as f32).ln();
        for (number, endpoint) in self.application.endpoints.iter().enumerate() {
            let (means, variances) = self.plan.compose(
                number,
                &self.work.mean,
                &self.work.variance,
                self.lanes,
                &mut self.work.scratch,
            );
            for lane in 0..self.lanes {
                let requests = self.work.requests[lane] * dt * endpoint.weight as f32;
                let this = &mut self.state.lane[lane];
                let mut answered = requests;
                if self.work.any_drop {
                    let mut survival = 1.0f32;
                    for &(service, calls) in self.plan.calls(number) {
                        let share = self.work.drop_share[service * self.lanes + lane];
                        if share > 0.0 {
                            survival *= (1.0 - share).powf(calls);
                        }
                    }
                    answered *= survival;
                }
                let (mean, variance) = (means[lane], variances[lane]);
                let slow = answered * LogNormal::from_moments(mean, variance).exceeds(log_bound);
                this.add_responses(number, requests, answered, slow, mean, variance);
            }
        }
    }

    fn close_substep(&mut self, lane: usize) {
        let this = &mut self.state.lane[lane];
        if this.substep.is_multiple_of(u64::from(self.periods.slo_window)) {
            let longest = 10.0 * self.application.timeout.0 as f32;
            this.close_window(self.application.slo.p95.0, longest, &mut self.work.parts);
        }
        this.interval.scaling_actions += std::mem::take(&mut this.pending_actions);
        this.interval.churn += std::mem::take(&mut this.pending_churn);
        this.metrics.end_substep(this.substep, this.time, &self.periods);
    }
}

impl Lane {
    /// `longest` is where percentiles end: with more failures than a percentile leaves room for there is none.
    fn close_window(&mut self, bound: f64, longest: f32, parts: &mut Vec<(f32, LogNormal)>) {
        parts.clear();
        let (mut answered, mut total) = (0.0, 0.0);
        for sums in &mut self.window.endpoints {
            if sums.answered > 0.0 {
                let mean = sums.first / sums.answered;
                let part = LogNormal::from_moments(mean, sums.second / sums.answered - mean * mean);
                parts.push((sums.answered, part));
                answered += sums.answered;
                total += sums.first;
                if let Some(histogram) = &mut self.histogram {
                    histogram.add(sums.answered, part);
                }
            }
        }
        let failed = self.window.requests - answered;
        if let Some(histogram) = &mut self.histogram {
            histogram.add_failed(failed);
        }
        let (mut p95, mut p99) = if failed > 0.0 { (longest, longest) } else { (0.0, 0.0) };
        if answered > 0.0 {
            // Failed requests are slower than any answer: they use up part of the tail.
            let tail = |share: f32| ((share * self.window.requests - failed) / answered).max(1e-4);
            p95 = mixture_quantile(parts, tail(0.05)).min(longest);
            p99 = mixture_quantile(parts, tail(0.01)).clamp(p95, longest);
        }
        let tally = &mut self.interval;
        tally.windows += 1.0;
        if self.window.bad > 0.05 * self.window.requests {
            tally.violated_windows += 1.0;
        }
        if self.window.requests > 0.0 {
            tally.tail_used += f64::from((self.window.bad / (0.05 * self.window.requests)).powi(4).min(1.0));
        }
        tally.p95_sum += f64::from(p95);
        tally.severity += (f64::from(p95) / bound - 1.0).max(0.0);
        if self.window.requests > 0.0 {
            let mean = if answered > 0.0 { total / answered } else { 0.0 };
            let latency = WindowLatency { end: self.time, mean, p95, p99 };
            self.last_window = Some(latency);
            self.metrics.record_window(latency);
        }
        self.restart_window();
    }
}

/// A Poisson count; by the normal approximation from 30 on.
fn poisson(mean: f64, rng: &mut Pcg64Mcg) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    if mean < 30.0 {
        return Poisson::new(mean).map_or(mean, |d| d.sample(rng));
    }
    let noise: f64 = StandardNormal.sample(rng);
    (mean + mean.sqrt() * noise).round().max(0.0)
}
