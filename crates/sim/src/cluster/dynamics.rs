//! One sub-step of every lane: arrivals, what each service does with them, and the responses that come of it.
//!
//! Loops run over the lanes of one service or endpoint, without branches, so that they become vectors; nothing in them is
//! fused, so that a lane's numbers do not depend on how many lanes there are or on how wide the CPU's vectors are.
//!
//! Left out: what happens at the end of an SLO window ([`super::windows`]).
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use super::{Cluster, Lane};
use crate::{
    call_plan::{CallPlan, Scratch},
    config::Arrivals,
    elementary::{exp, least, ln, most},
    load::LoadKind,
    metrics::Measured,
    tail::{LogNormal, Mixtures},
};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;
use trimtab_model::{ServiceId, Time};

/// Buffers of one sub-step, and sums over one [`Cluster::advance`]. Arrays are `[service][lane]` or by lane.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Requests per second from outside, by lane.
    pub(super) requests: Vec<f32>,
    /// When the sub-step began, by lane.
    began: Vec<f64>,
    /// Calls per second at one service, by lane.
    arrivals: Vec<f32>,
    /// Share of its pods that a service uses, by lane.
    utilization: Vec<f32>,
    /// Seconds that a call waits in the backlog, by lane.
    wait: Vec<f32>,
    /// Standard deviation of a call's time, by lane.
    deviation: Vec<f32>,
    /// Calls served and given up at one service, by lane.
    done: Vec<f32>,
    dropped: Vec<f32>,
    /// Calls per second that each service serves.
    pub(super) served: Vec<f32>,
    pub(super) mean: Vec<f32>,
    pub(super) variance: Vec<f32>,
    /// Bytes of a ready pod.
    pub(super) memory: Vec<f32>,
    pub(super) drop_share: Vec<f32>,
    pub(super) any_drop: bool,
    pub(super) scratch: Scratch,
    /// Closed and semi-open load, by lane: intended and issued requests per second, and requests in the system.
    pub(super) intended: Vec<f64>,
    pub(super) issued: Vec<f64>,
    pub(super) inside: Vec<f64>,
    /// Calls per second that each service of one lane serves.
    pub(super) flow: Vec<f32>,
    pub(super) mixtures: Mixtures,
    /// Sums over the advance, by lane.
    pub(super) sums: Sums,
}

/// Sums over one [`Cluster::advance`], by lane.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    used_core_seconds: Vec<f64>,
    failed: Vec<f64>,
    slow: Vec<f64>,
    latency: Vec<f64>,
}

impl Sums {
    /// Empties them.
    pub(super) fn clear(&mut self) {
        for sums in [&mut self.used_core_seconds, &mut self.failed, &mut self.slow, &mut self.latency] {
            sums.fill(0.0);
        }
    }

    /// Adds them to each lane's interval.
    pub(super) fn add_to(&self, lanes: &mut [Lane]) {
        for (lane, this) in lanes.iter_mut().enumerate() {
            this.interval.used_core_seconds += self.used_core_seconds[lane];
            this.interval.failed += self.failed[lane];
            this.interval.slow += self.slow[lane];
            this.interval.latency_sum += self.latency[lane];
        }
    }
}

impl Work {
    pub(super) fn new(services: usize, endpoints: usize, lanes: usize, plan: &CallPlan) -> Self {
        let (row, cells, sums) = (vec![0.0; lanes], vec![0.0; services * lanes], vec![0.0; lanes]);
        Self {
            requests: row.clone(),
            began: sums.clone(),
            arrivals: row.clone(),
            utilization: row.clone(),
            wait: row.clone(),
            deviation: row.clone(),
            done: row.clone(),
            dropped: row,
            served: cells.clone(),
            mean: cells.clone(),
            variance: cells.clone(),
            memory: cells.clone(),
            drop_share: cells,
            any_drop: false,
            scratch: plan.scratch(lanes),
            intended: sums.clone(),
            issued: sums.clone(),
            inside: sums.clone(),
            flow: vec![0.0; services],
            mixtures: Mixtures::new(endpoints, lanes),
            sums: Sums {
                used_core_seconds: sums.clone(),
                failed: sums.clone(),
                slow: sums.clone(),
                latency: sums,
            },
        }
    }
}

/// The part of a sub-step that is compiled for the CPU's vectors.
struct Vectorised<'a>(&'a mut Cluster);

impl pulp::WithSimd for Vectorised<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self(cluster) = self;
        let dt = cluster.config.substep_secs as f32;
        cluster.work.any_drop = false;
        for position in 0..cluster.order.len() {
            cluster.serve(cluster.order[position], dt);
        }
        for endpoint in 0..cluster.application.endpoints.len() {
            cluster.respond(endpoint, dt);
        }
        cluster.find_percentiles();
    }
}

impl Cluster {
    pub(super) fn substep(&mut self, rate: &mut dyn FnMut(usize, Time) -> f64) {
        let dt = self.config.substep_secs;
        let lanes = self.lanes;
        for lane in 0..self.state.fleets.len() {
            self.keep(lane);
        }
        let open = self.config.load.kind == LoadKind::Open;
        if !open {
            self.ask(rate);
        }
        let outside = &mut self.state.counters[self.order.len() * lanes..];
        for (lane, this) in self.state.lane.iter_mut().enumerate() {
            let asked = if open { rate(lane, Time(this.time + 0.5 * dt)) } else { self.work.issued[lane] };
            let expected = asked.max(0.0) * dt;
            let count = match self.config.arrivals {
                Arrivals::Fluid => expected,
                Arrivals::Poisson => poisson(expected, &mut this.rng),
            };
            self.work.requests[lane] = (count / dt) as f32;
            self.work.began[lane] = this.time;
            this.time += dt;
            this.substep += 1;
            this.interval.seconds += dt;
            this.interval.offered += count;
            outside[lane] += count;
        }
        if !open {
            self.foresee();
        }
        self.vectors.dispatch(Vectorised(self));
        if !open {
            self.answer();
        }
        for lane in 0..self.state.fleets.len() {
            self.wear(lane);
        }
        for lane in 0..lanes {
            self.close_window(lane);
            let state = &mut self.state;
            let this = &mut state.lane[lane];
            this.interval.scaling_actions += std::mem::take(&mut this.pending_actions);
            this.interval.churn += std::mem::take(&mut this.pending_churn);
            let measured = Measured {
                lane,
                lanes,
                cpu_sum: &mut state.cpu_sum,
                memory: &self.work.memory,
                ready: &state.ready,
                counters: &state.counters,
            };
            this.metrics.end_substep(this.substep, this.time, &self.periods, measured);
        }
    }

    /// One service's sub-step in every lane: utilisation law, queueing, backlog, drops, usage.
    #[inline(always)]
    fn serve(&mut self, service: ServiceId, dt: f32) {
        let lanes = self.lanes;
        let cells = service * lanes..(service + 1) * lanes;
        let described = &self.application.services[service];
        let demand = described.cpu_per_call.0 as f32;
        let idle = described.idle_cpu.cores() as f32;
        let floor = described.latency_floor.0 as f32;
        let timeout = self.application.timeout.0 as f32;
        let (idle_memory, call_memory) = (described.idle_memory.0 as f32, described.memory_per_call.0 as f32);
        let (state, work) = (&mut self.state, &mut self.work);

        let arrivals = &mut work.arrivals[..lanes];
        let entry = self.entry[service];
        for (arrivals, requests) in arrivals.iter_mut().zip(&work.requests) {
            *arrivals = entry * requests;
        }
        for &(caller, calls) in &self.callers[service] {
            let served = &work.served[caller * lanes..(caller + 1) * lanes];
            for (arrivals, served) in arrivals.iter_mut().zip(served) {
                *arrivals += calls * served;
            }
        }
        for lane in 0..lanes {
            // A pod whose start ends within this sub-step serves from its end on.
            let (at, now) = (service * lanes + lane, work.began[lane]);
            if state.next_ready[at] <= now {
                state.pods[at].promote(now);
                state.count_pods(at);
            }
        }

        let capacity = &state.capacity[cells.clone()];
        let backlog = &mut state.backlog[cells.clone()];
        let served = &mut work.served[cells.clone()];
        let Work { done, dropped, utilization, wait, deviation, .. } = work;
        work.any_drop |= queue([dt, timeout], arrivals, capacity, backlog, done, dropped, wait);
        share(dt, arrivals, capacity, done, served, utilization);
        drop_shares(done, dropped, backlog, &mut work.drop_share[cells.clone()]);
        if self.config.faults.enabled
            && let Some(faults) = &described.faults
        {
            let shares = &mut work.drop_share[cells.clone()];
            add_errors(faults.error as f32, done, shares, &mut state.errors[cells.clone()]);
            work.any_drop = true;
        }
        add_each(&mut state.served[cells.clone()], done);
        add_each(&mut state.dropped[cells.clone()], dropped);

        let mean = &mut work.mean[cells.clone()];
        let read = mean.iter_mut().zip(&mut *deviation).zip(&state.curve[cells.clone()]).zip(utilization);
        for (((mean, deviation), curve), utilization) in read {
            (*mean, *deviation) = self.curves.get(*curve).at(*utilization);
        }
        respond_to_calls(floor, wait, deviation, mean, &mut work.variance[cells.clone()]);
        let ready = &state.ready[cells.clone()];
        fill_memory([idle_memory, call_memory], ready, arrivals, mean, &mut work.memory[cells.clone()]);
        for arrivals in &mut *arrivals {
            *arrivals *= dt;
        }
        add_waiting(demand + floor, arrivals, mean, &mut state.waited[cells.clone()]);
        use_cpu([idle, demand, dt], ready, served, &mut state.cpu_sum[cells.clone()], done);
        add_each(&mut state.arrived[cells.clone()], arrivals);
        add_each(&mut state.counters[cells], arrivals);
        add_each(&mut work.sums.used_core_seconds, done);
    }

    /// One endpoint's response times in every lane, added to the open SLO windows.
    #[inline(always)]
    fn respond(&mut self, endpoint: usize, dt: f32) {
        let lanes = self.lanes;
        let log_bound = ln(self.application.slo.p95.0 as f32);
        let weight = dt * self.application.endpoints[endpoint].weight as f32;
        let Self { plan, state, work, .. } = self;
        let Work {
            requests, arrivals: offered, done: answered, dropped: lost, utilization: survival, ..
        } = work;
        let (offered, survival) = (&mut offered[..lanes], &mut survival[..lanes]);
        for (offered, requests) in offered.iter_mut().zip(&*requests) {
            *offered = requests * weight;
        }
        survival.fill(1.0);
        if work.any_drop {
            for &(service, calls) in plan.calls(endpoint) {
                let shares = &work.drop_share[service * lanes..(service + 1) * lanes];
                for (survival, share) in survival.iter_mut().zip(shares) {
                    *survival *= if *share > 0.0 { exp(calls * ln(most(1.0 - share, 1e-30))) } else { 1.0 };
                }
            }
        }
        let (mean, variance) = plan.compose(endpoint, &work.mean, &work.variance, lanes, &mut work.scratch);
        let (slow, latency) = (&mut work.wait, &mut work.deviation);
        let cells = endpoint * lanes..(endpoint + 1) * lanes;
        let windows = &mut state.windows;
        survive(offered, survival, answered, lost);
        count_slow(log_bound, answered, mean, variance, slow);
        add_to_windows(offered, lost, slow, &mut windows.requests, &mut windows.bad);
        let (first, second) = (&mut windows.first[cells.clone()], &mut windows.second[cells.clone()]);
        add_times(answered, mean, variance, latency, &mut windows.answered[cells], first, second);
        add_each(&mut work.sums.failed, lost);
        add_each(&mut work.sums.slow, slow);
        add_each(&mut work.sums.latency, latency);
    }
}

// The loops. Each is a function of its own because only a function's arguments are known not to overlap.

/// What a service does with its calls: serve, keep waiting (for the timeout at most), give up. Whether any were given up.
#[inline(always)]
fn queue(
    [dt, timeout]: [f32; 2],
    arrivals: &[f32],
    capacity: &[f32],
    backlog: &mut [f32],
    done: &mut [f32],
    dropped: &mut [f32],
    wait: &mut [f32],
) -> bool {
    let lanes = arrivals.len();
    let (capacity, backlog) = (&capacity[..lanes], &mut backlog[..lanes]);
    let (done, dropped, wait) = (&mut done[..lanes], &mut dropped[..lanes], &mut wait[..lanes]);
    let mut drops = 0u32;
    for l in 0..lanes {
        let before = backlog[l];
        let load = arrivals[l] * dt + before;
        let served = least(load, capacity[l] * dt);
        let serves = capacity[l] > 0.0;
        let after = least(load - served, timeout * if serves { capacity[l] } else { arrivals[l] });
        let lost = load - served - after;
        backlog[l] = after;
        done[l] = served;
        dropped[l] = lost;
        wait[l] = if serves { 0.5 * (before + after) / capacity[l] } else { timeout };
        drops |= u32::from(lost > 0.0);
    }
    drops != 0
}

/// Calls served a second, and the share of the pods in use.
#[inline(always)]
fn share(
    dt: f32,
    arrivals: &[f32],
    capacity: &[f32],
    done: &[f32],
    served: &mut [f32],
    utilization: &mut [f32],
) {
    let lanes = arrivals.len();
    let (capacity, done) = (&capacity[..lanes], &done[..lanes]);
    let (served, utilization) = (&mut served[..lanes], &mut utilization[..lanes]);
    for l in 0..lanes {
        served[l] = done[l] / dt;
        utilization[l] = if capacity[l] > 0.0 { arrivals[l] / capacity[l] } else { 1.0 };
    }
}

/// Share of the calls that were given up.
#[inline(always)]
fn drop_shares(done: &[f32], dropped: &[f32], backlog: &[f32], shares: &mut [f32]) {
    let lanes = shares.len();
    let (done, dropped, backlog) = (&done[..lanes], &dropped[..lanes], &backlog[..lanes]);
    for l in 0..lanes {
        let share = least(dropped[l] / (done[l] + dropped[l] + backlog[l]), 1.0);
        shares[l] = if dropped[l] > 0.0 { share } else { 0.0 };
    }
}

/// Lets a share of the served calls fail.
#[inline(always)]
fn add_errors(share: f32, done: &[f32], shares: &mut [f32], errors: &mut [f64]) {
    for ((lost, done), errors) in shares.iter_mut().zip(done).zip(errors) {
        *lost = 1.0 - (1.0 - *lost) * (1.0 - share);
        *errors += f64::from(share * done);
    }
}

/// Turns the time that calls take in a pod into their whole time, with its variance.
#[inline(always)]
fn respond_to_calls(floor: f32, wait: &[f32], deviation: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    let lanes = mean.len();
    let (wait, deviation, variance) = (&wait[..lanes], &deviation[..lanes], &mut variance[..lanes]);
    for l in 0..lanes {
        mean[l] = mean[l] + floor + wait[l];
        variance[l] = deviation[l] * deviation[l];
    }
}

/// Bytes of a ready pod: what it needs when idle and for each call in it.
#[inline(always)]
fn fill_memory([idle, call]: [f32; 2], ready: &[f32], arrivals: &[f32], mean: &[f32], memory: &mut [f32]) {
    let lanes = memory.len();
    let (ready, arrivals, mean) = (&ready[..lanes], &arrivals[..lanes], &mean[..lanes]);
    for l in 0..lanes {
        let bytes = idle + call * least(arrivals[l] * mean[l] / ready[l], 10_000.0);
        memory[l] = if ready[l] > 0.0 { bytes } else { 0.0 };
    }
}

/// Adds the call-seconds beyond those without load.
#[inline(always)]
fn add_waiting(unloaded: f32, calls: &[f32], mean: &[f32], waited: &mut [f32]) {
    for ((waited, calls), mean) in waited.iter_mut().zip(calls).zip(mean) {
        *waited += calls * most(mean - unloaded, 0.0);
    }
}

/// Adds the millicores of a ready pod, and gives the core-seconds of all pods.
#[inline(always)]
fn use_cpu([idle, demand, dt]: [f32; 3], ready: &[f32], served: &[f32], sum: &mut [f32], used: &mut [f32]) {
    let lanes = ready.len();
    let (served, sum, used) = (&served[..lanes], &mut sum[..lanes], &mut used[..lanes]);
    for l in 0..lanes {
        let cores = if ready[l] > 0.0 { idle + served[l] * demand / ready[l] } else { 0.0 };
        sum[l] += cores * 1000.0;
        used[l] = cores * ready[l] * dt;
    }
}

/// Requests that were answered and those that failed.
#[inline(always)]
fn survive(offered: &[f32], survival: &[f32], answered: &mut [f32], lost: &mut [f32]) {
    let lanes = offered.len();
    let (survival, answered, lost) = (&survival[..lanes], &mut answered[..lanes], &mut lost[..lanes]);
    for l in 0..lanes {
        answered[l] = offered[l] * survival[l];
        lost[l] = offered[l] - answered[l];
    }
}

/// Answers that were later than the bound.
#[inline(always)]
fn count_slow(log_bound: f32, answered: &[f32], mean: &[f32], variance: &[f32], slow: &mut [f32]) {
    let lanes = slow.len();
    let (answered, mean, variance) = (&answered[..lanes], &mean[..lanes], &variance[..lanes]);
    for l in 0..lanes {
        slow[l] = answered[l] * LogNormal::from_moments(mean[l], variance[l]).exceeds(log_bound);
    }
}

#[inline(always)]
fn add_to_windows(offered: &[f32], lost: &[f32], slow: &[f32], requests: &mut [f32], bad: &mut [f32]) {
    let lanes = offered.len();
    let (lost, slow, requests, bad) =
        (&lost[..lanes], &slow[..lanes], &mut requests[..lanes], &mut bad[..lanes]);
    for l in 0..lanes {
        requests[l] += offered[l];
        bad[l] += lost[l] + slow[l];
    }
}

#[inline(always)]
fn add_times(
    answered: &[f32],
    mean: &[f32],
    variance: &[f32],
    latency: &mut [f32],
    count: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let lanes = answered.len();
    let (mean, variance, latency) = (&mean[..lanes], &variance[..lanes], &mut latency[..lanes]);
    let (count, first, second) = (&mut count[..lanes], &mut first[..lanes], &mut second[..lanes]);
    for l in 0..lanes {
        latency[l] = answered[l] * mean[l];
        count[l] += answered[l];
        first[l] += latency[l];
        second[l] += answered[l] * (variance[l] + mean[l] * mean[l]);
    }
}

/// Adds each lane's number to its sum.
#[inline(always)]
fn add_each(sums: &mut [f64], numbers: &[f32]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += f64::from(*number);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimConfig;
    use trimtab_model::Application;

    #[test]
    fn the_width_of_the_vectors_does_not_change_a_bit() {
        let text = include_str!("../../../../apps/online_boutique.toml");
        let application = Application::from_toml(text).unwrap();
        let services = application.services.len();
        let run = |vectors: pulp::Arch| {
            let mut cluster = Cluster::new(&application, SimConfig::default(), 19).unwrap();
            cluster.vectors = vectors;
            (0..19).for_each(|lane| cluster.reset(lane, Time(0.0), &vec![2; services], lane as u64));
            let mut sum = crate::Tally::default();
            for _ in 0..40 {
                // From idle to overload.
                cluster.advance(3, &mut |lane, _| 20.0 * lane as f64);
                (0..19).for_each(|lane| sum += *cluster.interval(lane));
            }
            (sum, cluster.last_window(7), cluster.last_window(18))
        };
        assert_eq!(run(pulp::Arch::new()), run(pulp::Arch::Scalar));
    }
}
