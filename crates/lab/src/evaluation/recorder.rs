//! What came of a day, interval by interval: sums, elasticity, restlessness and series for drawing.

use super::{DayRun, DecisionTimes, Detail, Scenario, elasticity::Meter};
use crate::{
    comparison::{Loss, Score, Track, shared_score},
    demand::Demand,
    reward::{LATENCY_CAP, ServiceSignals, Signals},
    traffic::Day,
};
use trimtab_model::{Decision, Millicores, Seconds, Snapshot, Time};
use trimtab_sim::{LatencyHistogram, SimulatedPlant};

/// A change against the direction of the last one counts as a reversal within this long.
const REVERSAL_SECS: f64 = 300.0;

pub(super) struct Recorder<'a> {
    scenario: &'a Scenario,
    day: &'a Day,
    /// Response times before the day, which do not count.
    warm_up: Option<LatencyHistogram>,
    /// Absent where only sums are asked for.
    demand: Option<Needed<'a>>,
    cost_share: Vec<f32>,
    reward: f64,
    reversals: f64,
    limit_changes: f64,
    /// Direction and time of each service's last change.
    last_change: Vec<Option<(bool, Time)>>,
    point_secs: Option<f64>,
    /// Decisions in the open point.
    open: u32,
    track: Track,
    rate: Vec<f32>,
    point: Point,
}

/// Demand, and sums over it.
struct Needed<'a> {
    demand: &'a Demand,
    meter: Meter,
    core_seconds: f64,
    pod_seconds: f64,
    /// Pods by which demand moved up and down.
    churn: f64,
    before: Vec<u32>,
}

/// Sums of the open point.
#[derive(Default)]
struct Point {
    offered: f64,
    pods: f64,
    cores: f64,
    p95: f64,
    replicas: Vec<f64>,
}

impl<'a> Needed<'a> {
    fn new(demand: &'a Demand) -> Self {
        let meter = Meter::default();
        Self { demand, meter, core_seconds: 0.0, pod_seconds: 0.0, churn: 0.0, before: Vec::new() }
    }

    fn add(&mut self, rate: f64, seen: &Snapshot, secs: f64) {
        let needed = self.demand.at(rate);
        self.meter.add(needed, seen.services.iter().map(|service| service.replicas.ready));
        self.core_seconds += self.demand.cores(needed) * secs;
        self.pod_seconds += f64::from(needed.iter().sum::<u32>()) * secs;
        self.churn += self.before.iter().zip(needed).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
        self.before.clear();
        self.before.extend_from_slice(needed);
    }
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        day: &'a Day,
        detail: Detail,
        demand: Option<&'a Demand>,
        warm_up: Option<&LatencyHistogram>,
    ) -> Self {
        let services = &scenario.application.services;
        let total: f64 = services.iter().map(|s| s.allocation.cpu_request.cores()).sum();
        Self {
            scenario,
            day,
            warm_up: warm_up.cloned(),
            demand: demand.map(Needed::new),
            cost_share: services.iter().map(|s| (s.allocation.cpu_request.cores() / total) as f32).collect(),
            reward: 0.0,
            reversals: 0.0,
            limit_changes: 0.0,
            last_change: vec![None; services.len()],
            point_secs: if let Detail::Series(secs) = detail { Some(secs) } else { None },
            open: 0,
            track: Track { replicas: vec![Vec::new(); services.len()], ..Track::default() },
            rate: Vec::new(),
            point: Point { replicas: vec![0.0; services.len()], ..Point::default() },
        }
    }

    pub(super) fn record(&mut self, plant: &SimulatedPlant, seen: &Snapshot, asked: &Decision) {
        let tally = plant.last_interval();
        let bound = self.scenario.application.slo.p95.0;
        let signals = Signals {
            violation: tally.violation_share() as f32,
            latency: ((tally.p95_sum / tally.windows.max(1.0) / bound) as f32).min(LATENCY_CAP),
            slow: tally.bad_request_share() as f32,
            invalid: 0.0,
        };
        let mut reward = self.scenario.reward.shared(&signals);
        for (service, share) in self.cost_share.iter().enumerate() {
            let before = seen.services[service].replicas.spec;
            let replicas = asked.services[service].replicas.unwrap_or(before);
            reward += self.scenario.reward.own(&ServiceSignals {
                cost: share * replicas as f32,
                churn: replicas.abs_diff(before) as f32,
                desired: 0.0,
            });
        }
        self.reward += f64::from(reward);
        self.count_changes(seen, asked);
        if let Some(needed) = &mut self.demand {
            let from = seen.time - self.day.start;
            let to = Seconds(from.0 + self.scenario.interval_secs);
            let rate = self.day.rate.mean(from, to);
            needed.add(rate.0, seen, self.scenario.interval_secs);
        }
        if let Some(secs) = self.point_secs {
            self.draw(plant, seen, asked, secs);
        }
    }

    /// Reversals of replicas, and how far CPU limits were moved.
    fn count_changes(&mut self, seen: &Snapshot, asked: &Decision) {
        for ((view, wish), last) in seen.services.iter().zip(&asked.services).zip(&mut self.last_change) {
            let before = view.replicas.spec;
            if let Some(replicas) = wish.replicas.filter(|&n| n != before) {
                let up = replicas > before;
                let turned =
                    last.is_some_and(|(was_up, at)| was_up != up && seen.time - at <= Seconds(REVERSAL_SECS));
                self.reversals += f64::from(turned);
                *last = Some((up, seen.time));
            }
            if let (Some(Millicores(new)), Some(Millicores(old))) =
                (wish.cpu_limit, view.allocation.cpu_limit)
            {
                self.limit_changes += f64::from(new.abs_diff(old)) / 1000.0;
            }
        }
    }

    fn draw(&mut self, plant: &SimulatedPlant, seen: &Snapshot, asked: &Decision, secs: f64) {
        let tally = plant.last_interval();
        self.point.offered += tally.offered;
        self.point.pods += tally.pod_seconds;
        self.point.cores += tally.requested_core_seconds;
        self.point.p95 = self.point.p95.max(plant.last_window().map_or(0.0, |w| w.1));
        for (sum, (service, wish)) in
            self.point.replicas.iter_mut().zip(seen.services.iter().zip(&asked.services))
        {
            *sum += f64::from(wish.replicas.unwrap_or(service.replicas.spec));
        }
        self.open += 1;
        if f64::from(self.open) * self.scenario.interval_secs >= secs {
            self.close_point();
        }
    }

    fn close_point(&mut self) {
        let secs = f64::from(self.open) * self.scenario.interval_secs;
        self.rate.push((self.point.offered / secs) as f32);
        self.track.pods.push((self.point.pods / secs) as f32);
        self.track.cores.push((self.point.cores / secs) as f32);
        self.track.p95_ms.push((self.point.p95 * 1000.0) as f32);
        for (series, sum) in self.track.replicas.iter_mut().zip(&mut self.point.replicas) {
            series.push((std::mem::take(sum) / f64::from(self.open)) as f32);
        }
        self.point = Point { replicas: std::mem::take(&mut self.point.replicas), ..Point::default() };
        self.open = 0;
    }

    pub(super) fn finish(self, plant: &SimulatedPlant, times: DecisionTimes) -> DayRun {
        let tally = *plant.tally();
        let histogram = plant.histogram().zip(self.warm_up.as_ref()).map(|(all, early)| all.since(early));
        let percentile = |q| histogram.as_ref().map_or(0.0, |h| 1000.0 * h.quantile(q));
        let share = |part: f64| if tally.offered > 0.0 { part / tally.offered } else { 0.0 };
        let mut score = Score {
            core_hours: tally.core_hours(),
            used_core_hours: tally.used_core_seconds / 3600.0,
            gib_hours: tally.requested_gib_seconds / 3600.0,
            // Without nodes in the simulation there is room for every pod, and no count of them.
            node_hours: (tally.node_seconds > 0.0).then(|| tally.node_hours()),
            pods: tally.pod_seconds / tally.seconds.max(1.0),
            violation_share: tally.violation_share(),
            bad_request_share: tally.bad_request_share(),
            failed_share: share(tally.failed),
            goodput: (tally.offered - tally.failed - tally.slow) / tally.seconds.max(1.0),
            severity: tally.severity / tally.windows.max(1.0),
            mean_ms: 1000.0 * tally.mean_latency(),
            p50_ms: percentile(0.5),
            p95_ms: percentile(0.95),
            p99_ms: percentile(0.99),
            scaling_actions: tally.scaling_actions,
            churn: tally.churn,
            reversals: self.reversals,
            limit_changes: self.limit_changes,
            reward: self.reward,
            ..Score::default()
        };
        if let Some(needed) = &self.demand {
            needed.fill(&mut score, tally.seconds);
        }
        DayRun { score, tally, histogram, times, track: self.track, rate: self.rate }
    }
}

impl Needed<'_> {
    /// Fills in what is relative to demand, over a run of `secs` seconds.
    fn fill(&self, score: &mut Score, secs: f64) {
        let (hours, core_hours) = (secs / 3600.0, self.core_seconds / 3600.0);
        let pods = self.pod_seconds / secs.max(1.0);
        let turnover = |churn: f64| churn / hours.max(1e-9) / pods.max(1e-9);
        let loss = |violation_share, core_hours_spent: f64, churn| Loss {
            violation_share,
            cost: core_hours_spent / core_hours.max(1e-9),
            turnover: turnover(churn),
        };
        let ours = loss(score.violation_share, score.core_hours, score.churn);
        let most = loss(0.0, self.demand.cores(self.demand.most()) * hours, 0.0);
        score.cost_over_demand = ours.cost;
        score.shared = shared_score(ours, loss(0.0, core_hours, self.churn), most);
        score.elasticity = self.meter.finish();
    }
}
