//! Scoring an autoscaler on one day of traffic: the control loop over a [`Plant`], and what came of it.

use crate::{
    Result,
    comparison::{Score, Track},
    initial::replicas_for,
    reward::{Reward, ServiceSignals, Signals},
    traffic::Day,
};
use std::convert::Infallible;
use trimtab_control::{Autoscaler, Guardrails, GuardrailsConfig};
use trimtab_model::{Application, Decision, Plant, Seconds, Snapshot};
use trimtab_sim::{SimConfig, SimulatedPlant, Tally};

/// Time before a day that is simulated and not scored: metrics and replicas settle on the traffic that really came.
const WARM_UP: Seconds = Seconds(900.0);

/// What every run of an evaluation shares.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What runs.
    pub application: Application,
    /// The simulated cluster.
    pub sim: SimConfig,
    /// Seconds between two decisions.
    pub interval_secs: f64,
    /// Guardrails after every decision.
    pub guardrails: GuardrailsConfig,
    /// Reward terms of the score.
    pub reward: Reward,
}

/// One scored day.
#[derive(Clone, Debug)]
pub struct DayRun {
    /// Figures.
    pub score: Score,
    /// Sums behind them.
    pub tally: Tally,
    /// For drawing, if asked for.
    pub track: Track,
    /// Requests per second, in the points of the track.
    pub rate: Vec<f32>,
}

/// How much of a run to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// Cost and violations.
    Sums,
    /// And percentiles over all requests.
    Percentiles,
    /// And series for drawing, with points this many seconds apart.
    Series(f64),
}

/// The control loop: observe, decide, guard, apply, wait, until `decisions` have been made. `after` sees the
/// plant after each wait.
///
/// # Errors
/// The plant's.
pub fn drive<P: Plant>(
    plant: &mut P,
    autoscaler: &mut dyn Autoscaler,
    guardrails: &mut Guardrails,
    interval: Seconds,
    decisions: u64,
    mut after: impl FnMut(&P, &Snapshot, &Decision),
) -> Result<(), P::Error> {
    let (mut seen, mut proposal, mut allowed) =
        (Snapshot::default(), Decision::default(), Decision::default());
    for _ in 0..decisions {
        plant.observe(&mut seen)?;
        proposal.clear(seen.services.len());
        autoscaler.decide(&seen, &mut proposal);
        guardrails.check(&seen, &proposal, &mut allowed);
        plant.apply(&allowed)?;
        plant.wait(seen.time + interval)?;
        after(plant, &seen, &allowed);
    }
    Ok(())
}

impl Scenario {
    /// Scores `autoscaler` on `day`. Arrivals, pod starts and metric phases follow from `seed`, so that two
    /// autoscalers with the same seed meet the same arrivals.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn run_day(
        &self,
        autoscaler: &mut dyn Autoscaler,
        day: &Day,
        seed: u64,
        detail: Detail,
    ) -> Result<DayRun> {
        self.watch_day(autoscaler, day, seed, detail, &mut |_, _| {})
    }

    /// As [`run_day`](Self::run_day); `watch` is shown the plant after every interval, those of the warm-up too, with what
    /// could be seen before.
    pub(crate) fn watch_day(
        &self,
        autoscaler: &mut dyn Autoscaler,
        day: &Day,
        seed: u64,
        detail: Detail,
        watch: &mut dyn FnMut(&SimulatedPlant, &Snapshot),
    ) -> Result<DayRun> {
        autoscaler.reset();
        let services = self.application.services.len();
        let sim = SimConfig { record_latency: detail != Detail::Sums, ..self.sim.clone() };
        let mut replicas = vec![0; services];
        let before = Seconds(-WARM_UP.0);
        replicas_for(&self.application, day.rate.rate(before).0, 0.6, &mut replicas);
        let early = trimtab_workload::combine::Window::new(
            day.rate.clone(),
            before,
            Seconds(WARM_UP.0 + day.length.0),
        )
        .map_err(|source| crate::Error::Trace { file: day.label.clone(), source })?;
        let workload = std::sync::Arc::new(early);
        let start = day.start - WARM_UP;
        let mut plant = SimulatedPlant::new(&self.application, sim, workload, start, &replicas, seed)?;
        let mut guardrails = Guardrails::new(self.guardrails, &self.application)?;
        let interval = Seconds(self.interval_secs);
        let decisions = |length: f64| (length / self.interval_secs).round() as u64;
        sure(drive(
            &mut plant,
            autoscaler,
            &mut guardrails,
            interval,
            decisions(WARM_UP.0),
            |plant, seen, _| watch(plant, seen),
        ));
        plant.forget();

        let mut recorder = Recorder::new(self, detail);
        sure(drive(
            &mut plant,
            autoscaler,
            &mut guardrails,
            interval,
            decisions(day.length.0),
            |plant, seen, asked| {
                recorder.record(plant, seen, asked);
                watch(plant, seen);
            },
        ));
        Ok(recorder.finish(&plant))
    }
}

fn sure(result: Result<(), Infallible>) {
    let Ok(()) = result;
}

struct Recorder<'a> {
    scenario: &'a Scenario,
    cost_share: Vec<f32>,
    reward: f64,
    point_secs: Option<f64>,
    /// Decisions in the open point.
    open: u32,
    track: Track,
    rate: Vec<f32>,
    point: Point,
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

impl<'a> Recorder<'a> {
    fn new(scenario: &'a Scenario, detail: Detail) -> Self {
        let services = &scenario.application.services;
        let total: f64 = services.iter().map(|s| s.allocation.cpu_request.cores()).sum();
        Self {
            scenario,
            cost_share: services.iter().map(|s| (s.allocation.cpu_request.cores() / total) as f32).collect(),
            reward: 0.0,
            point_secs: if let Detail::Series(secs) = detail { Some(secs) } else { None },
            open: 0,
            track: Track { replicas: vec![Vec::new(); services.len()], ..Track::default() },
            rate: Vec::new(),
            point: Point { replicas: vec![0.0; services.len()], ..Point::default() },
        }
    }

    fn record(&mut self, plant: &SimulatedPlant, seen: &Snapshot, asked: &Decision) {
        let tally = plant.last_interval();
        let bound = self.scenario.application.slo.p95.0;
        let signals = Signals {
            violation: tally.violation_share() as f32,
            latency: ((tally.p95_sum / tally.windows.max(1.0) / bound) as f32)
                .min(crate::reward::LATENCY_CAP),
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
        if let Some(secs) = self.point_secs {
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

    fn finish(self, plant: &SimulatedPlant) -> DayRun {
        let tally = *plant.tally();
        let percentile = |q| plant.histogram().map_or(0.0, |h| 1000.0 * h.quantile(q));
        let share = |part: f64| if tally.offered > 0.0 { part / tally.offered } else { 0.0 };
        DayRun {
            score: Score {
                core_hours: tally.core_hours(),
                pods: tally.pod_seconds / tally.seconds.max(1.0),
                violation_share: tally.violation_share(),
                bad_request_share: tally.bad_request_share(),
                failed_share: share(tally.failed),
                severity: tally.severity / tally.windows.max(1.0),
                mean_ms: 1000.0 * tally.mean_latency(),
                p95_ms: percentile(0.95),
                p99_ms: percentile(0.99),
                scaling_actions: tally.scaling_actions,
                reward: self.reward,
            },
            tally,
            track: self.track,
            rate: self.rate,
        }
    }
}
