//! Scoring an autoscaler on one day of traffic: the control loop over a [`Plant`], and what came of it.

mod decision_time;
mod elasticity;
mod recorder;

pub use decision_time::{DecisionTime, DecisionTimes};
pub use elasticity::Elasticity;

use crate::{
    Result,
    comparison::{Score, Track},
    demand::Demand,
    initial::replicas_for,
    reward::Reward,
    traffic::Day,
};
use decision_time::Timed;
use recorder::Recorder;
use std::convert::Infallible;
use trimtab_control::{Autoscaler, Guardrails, GuardrailsConfig};
use trimtab_model::{Application, Decision, Plant, Seconds, Snapshot};
use trimtab_sim::{LatencyHistogram, SimConfig, SimulatedPlant, Tally};

/// Time before a day that is simulated and not scored: metrics and replicas settle on the traffic that really came.
pub(crate) const WARM_UP: Seconds = Seconds(900.0);

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
    /// All response times; absent where only sums were asked for.
    pub histogram: Option<LatencyHistogram>,
    /// How long decisions took, which no two runs share.
    pub times: DecisionTimes,
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
        self.run_day_against(None, autoscaler, day, seed, detail)
    }

    /// As [`run_day`](Self::run_day), with the figures that are relative to `demand`.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn run_day_against(
        &self,
        demand: Option<&Demand>,
        autoscaler: &mut dyn Autoscaler,
        day: &Day,
        seed: u64,
        detail: Detail,
    ) -> Result<DayRun> {
        self.watch_day(demand, autoscaler, day, seed, detail, &mut |_, _| {})
    }

    /// As [`run_day_against`](Self::run_day_against); `watch` is shown the plant after every interval, those of the
    /// warm-up too, with what could be seen before.
    pub(crate) fn watch_day(
        &self,
        demand: Option<&Demand>,
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

        let mut timed = Timed { autoscaler, times: DecisionTimes::default() };
        let mut recorder = Recorder::new(self, day, detail, demand, plant.histogram());
        sure(drive(
            &mut plant,
            &mut timed,
            &mut guardrails,
            interval,
            decisions(day.length.0),
            |plant, seen, asked| {
                recorder.record(plant, seen, asked);
                watch(plant, seen);
            },
        ));
        Ok(recorder.finish(&plant, timed.times))
    }
}

fn sure(result: Result<(), Infallible>) {
    let Ok(()) = result;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::RunConfig, training};
    use trimtab_control::Hpa;

    #[test]
    fn node_hours_are_told_where_nodes_are_simulated() {
        let config = RunConfig { env: "redis".to_owned(), ..RunConfig::default() };
        let mut scenario = training::scenario(&config).unwrap();
        let day = training::training_days(&config, &scenario.application).unwrap().swap_remove(0);
        let mut hpa = Hpa::default_for(&scenario.application).unwrap();
        let score =
            |scenario: &Scenario, hpa: &mut Hpa| scenario.run_day(hpa, &day, 0, Detail::Sums).unwrap().score;
        assert_eq!(score(&scenario, &mut hpa).node_hours, None);
        scenario.sim.nodes.count = 20;
        scenario.sim.nodes.max_count = 20;
        let hours = score(&scenario, &mut hpa).node_hours.unwrap();
        assert!((hours - 20.0 * day.length.0 / 3600.0).abs() < 0.1, "{hours}");
    }
}
