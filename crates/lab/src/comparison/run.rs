//! Runs a comparison: every autoscaler on every test day with every seed, all on the same arrivals.

use super::{Cell, MergedLatency, Score, Summary, Timeline, Track};
use crate::{
    Result,
    demand::Demand,
    evaluation::{DayRun, DecisionTimes, Detail, Scenario},
    parallel,
    statistics::{Estimate, estimate},
    traffic::Traffic,
};
use trimtab_control::Autoscaler;
use trimtab_sim::LatencyHistogram;

/// Makes an autoscaler for a seed; a learned one is the policy that was trained with it.
pub type Build<'a> = Box<dyn Fn(u64) -> Result<Box<dyn Autoscaler>> + Sync + 'a>;

/// An autoscaler that takes part.
pub struct Contender<'a> {
    /// Name in tables.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// How it was fitted to this traffic; empty where it was not.
    pub fitted: String,
    /// Makes it.
    pub build: Build<'a>,
}

/// What came of a comparison on one traffic.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// Every run.
    pub cells: Vec<Cell>,
    /// The busiest test day with the first seed, for drawing.
    pub timeline: Timeline,
    /// Percentiles of each contender over all its runs.
    pub latency: Vec<MergedLatency>,
    /// How long each contender's decisions took, in their order.
    pub times: Vec<DecisionTimes>,
}

/// Points of a drawn day are this far apart.
const POINT_SECS: f64 = 300.0;

/// Scores `contenders` on the test days of `traffic` with `seeds` (two runs with one seed meet the same
/// arrivals). Runs are put on the threads one by one, whoever is free takes the next.
///
/// # Errors
/// A configuration that cannot work.
pub fn compare(
    scenario: &Scenario,
    demand: &Demand,
    traffic: &Traffic,
    contenders: &[&Contender<'_>],
    seeds: &[u64],
    threads: usize,
    progress: &(dyn Fn() + Sync),
) -> Result<Scored> {
    let drawn = busiest(traffic);
    let each = traffic.test.len() * seeds.len();
    let results: Vec<Result<DayRun>> = parallel::map(contenders.len() * each, threads, |i| {
        let (who, day, seed) = (i / each, i % each / seeds.len(), seeds[i % seeds.len()]);
        let draw = day == drawn && seed == seeds[0];
        let detail = if draw { Detail::Series(POINT_SECS) } else { Detail::Percentiles };
        let mut autoscaler = (contenders[who].build)(seed)?;
        // The day's place in the seed keeps days apart; the contender has none, so that arrivals are shared.
        let arrivals = seed * 10_007 + day as u64;
        let run = scenario.run_day_against(
            Some(demand),
            autoscaler.as_mut(),
            &traffic.test[day],
            arrivals,
            detail,
        )?;
        progress();
        Ok(run)
    });
    let mut scored = Scored {
        timeline: Timeline {
            traffic: traffic.name.clone(),
            day: traffic.test[drawn].label.clone(),
            seed: seeds[0],
            point_secs: POINT_SECS,
            ..Timeline::default()
        },
        ..Scored::default()
    };
    let mut results = results.into_iter();
    for contender in contenders {
        let mut histogram = LatencyHistogram::default();
        let mut times = DecisionTimes::default();
        for (number, result) in results.by_ref().take(each).enumerate() {
            let run = result?;
            let autoscaler = contender.name.clone();
            let (day, seed) = (traffic.test[number / seeds.len()].label.clone(), seeds[number % seeds.len()]);
            scored.cells.push(Cell {
                autoscaler: autoscaler.clone(),
                traffic: traffic.name.clone(),
                day,
                seed,
                score: run.score,
            });
            times.merge(&run.times);
            if let Some(of_run) = &run.histogram {
                histogram.merge(of_run);
            }
            if !run.rate.is_empty() {
                scored.timeline.rate = run.rate;
                scored.timeline.tracks.push(Track { autoscaler, ..run.track });
            }
        }
        scored.latency.push(MergedLatency {
            autoscaler: contender.name.clone(),
            traffic: traffic.name.clone(),
            p50_ms: 1000.0 * histogram.quantile(0.5),
            p95_ms: 1000.0 * histogram.quantile(0.95),
            p99_ms: 1000.0 * histogram.quantile(0.99),
        });
        scored.times.push(times);
    }
    Ok(scored)
}

fn busiest(traffic: &Traffic) -> usize {
    let mean = |day: usize| {
        let day = &traffic.test[day];
        day.rate.mean(trimtab_model::Seconds(0.0), day.length).0
    };
    (0..traffic.test.len()).max_by(|&a, &b| mean(a).total_cmp(&mean(b))).unwrap_or(0)
}

/// Means with intervals of every autoscaler on every traffic, in the order of the cells.
pub fn summarize(cells: &[Cell]) -> Vec<Summary> {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for cell in cells {
        let key = (cell.traffic.as_str(), cell.autoscaler.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
        .map(|(traffic, autoscaler)| {
            let own: Vec<&Cell> =
                cells.iter().filter(|c| c.traffic == traffic && c.autoscaler == autoscaler).collect();
            // Of none of these, but the reward, can a run have less than nothing.
            let any = |value: fn(&Score) -> f64| estimate(&blocks(&own, value));
            let over = |value: fn(&Score) -> f64| {
                let found = any(value);
                Estimate { low: found.low.max(0.0), ..found }
            };
            let share = |value: fn(&Score) -> f64| {
                let found = over(value);
                Estimate { high: found.high.min(1.0), ..found }
            };
            Summary {
                autoscaler: autoscaler.to_owned(),
                traffic: traffic.to_owned(),
                core_hours: over(|s| s.core_hours),
                pods: over(|s| s.pods),
                violation_share: share(|s| s.violation_share),
                bad_request_share: share(|s| s.bad_request_share),
                p95_ms: over(|s| s.p95_ms),
                scaling_actions: over(|s| s.scaling_actions),
                reward: any(|s| s.reward),
            }
        })
        .collect()
}

/// Values of one autoscaler on one traffic, `[day][seed]`, days in order of appearance.
pub(super) fn blocks(cells: &[&Cell], value: impl Fn(&Score) -> f64) -> Vec<Vec<f64>> {
    let mut days: Vec<&str> = Vec::new();
    for cell in cells {
        if !days.contains(&cell.day.as_str()) {
            days.push(&cell.day);
        }
    }
    let of = |day| cells.iter().filter(|c| c.day == day).map(|c| value(&c.score)).collect();
    days.into_iter().map(of).collect()
}
