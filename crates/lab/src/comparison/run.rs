//! Runs a comparison: every autoscaler on every test day with every seed, all on the same arrivals.

use super::{Cell, Score, Summary, Timeline, Track};
use crate::{
    Result,
    evaluation::{Detail, Scenario},
    parallel,
    statistics::{Estimate, estimate},
    traffic::Traffic,
};
use trimtab_control::Autoscaler;

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

/// Requests per second and what an autoscaler did, in points of a drawn day.
type Drawn = (Vec<f32>, Track);

/// Points of a drawn day are this far apart.
const POINT_SECS: f64 = 300.0;

/// Scores `contenders` on the test days of `traffic` with `seeds` (two runs with one seed meet the same
/// arrivals). Returns every run, and the busiest test day with the first seed for drawing.
///
/// # Errors
/// A configuration that cannot work.
pub fn compare(
    scenario: &Scenario,
    traffic: &Traffic,
    contenders: &[Contender<'_>],
    seeds: &[u64],
    threads: usize,
    progress: &(dyn Fn() + Sync),
) -> Result<(Vec<Cell>, Timeline)> {
    let drawn = busiest(traffic);
    let runs = contenders.len() * traffic.test.len() * seeds.len();
    let results: Vec<Result<(Cell, Option<Drawn>)>> = parallel::map(runs, threads, |i| {
        let (who, rest) = (i / (traffic.test.len() * seeds.len()), i % (traffic.test.len() * seeds.len()));
        let (day, seed) = (rest / seeds.len(), seeds[rest % seeds.len()]);
        let draw = day == drawn && seed == seeds[0];
        let detail = if draw { Detail::Series(POINT_SECS) } else { Detail::Percentiles };
        let mut autoscaler = (contenders[who].build)(seed)?;
        // The day's place in the seed keeps days apart; the contender has none, so that arrivals are shared.
        let run =
            scenario.run_day(autoscaler.as_mut(), &traffic.test[day], seed * 10_007 + day as u64, detail)?;
        progress();
        let cell = Cell {
            autoscaler: contenders[who].name.clone(),
            traffic: traffic.name.clone(),
            day: traffic.test[day].label.clone(),
            seed,
            score: run.score,
        };
        Ok((
            cell,
            draw.then_some((run.rate, Track { autoscaler: contenders[who].name.clone(), ..run.track })),
        ))
    });
    let mut cells = Vec::with_capacity(runs);
    let mut timeline = Timeline {
        traffic: traffic.name.clone(),
        day: traffic.test[drawn].label.clone(),
        seed: seeds[0],
        point_secs: POINT_SECS,
        ..Timeline::default()
    };
    for result in results {
        let (cell, drawn) = result?;
        cells.push(cell);
        if let Some((rate, track)) = drawn {
            timeline.rate = rate;
            timeline.tracks.push(track);
        }
    }
    Ok((cells, timeline))
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
            let over = |value: fn(&Score) -> f64| by_day(&own, value);
            Summary {
                autoscaler: autoscaler.to_owned(),
                traffic: traffic.to_owned(),
                core_hours: over(|s| s.core_hours),
                pods: over(|s| s.pods),
                violation_share: over(|s| s.violation_share),
                bad_request_share: over(|s| s.bad_request_share),
                p95_ms: over(|s| s.p95_ms),
                scaling_actions: over(|s| s.scaling_actions),
                reward: over(|s| s.reward),
            }
        })
        .collect()
}

fn by_day(cells: &[&Cell], value: fn(&Score) -> f64) -> Estimate {
    let mut days: Vec<&str> = Vec::new();
    for cell in cells {
        if !days.contains(&cell.day.as_str()) {
            days.push(&cell.day);
        }
    }
    let blocks: Vec<Vec<f64>> = days
        .into_iter()
        .map(|day| cells.iter().filter(|c| c.day == day).map(|c| value(&c.score)).collect())
        .collect();
    estimate(&blocks)
}
