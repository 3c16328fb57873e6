//! The horizontal environments over a recorded table: what follows an action is a row that was measured with such replicas.
//!
//! A step looks for rows with exactly the replicas that were asked for, of all deployments; where there are none, for those that are
//! nearest, a difference in a deployment that the action changed counting eight times. One of them is drawn. Replicas are then as they
//! were asked for, the rest is the row's. An episode starts in any row.
//!
//! Left out: time. Rows do not follow each other as they were recorded, so nothing is learned of queues and of pods that start.

use super::{
    Reading, Rules,
    simulated::FIGURES,
    table::{self, Table, clock},
};
use crate::environments::task_env::LoggedTask;
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trimtab_rl::{
    ConstraintConfig, EnvSpec,
    control::{Signals, Task},
};

/// What a difference in a deployment that was acted on counts more than another.
const ACTED: u32 = 8;

/// See the module.
#[derive(Clone, Debug)]
pub struct Recorded {
    rules: Rules,
    table: Arc<Table>,
}

/// Where an episode is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Row that is shown.
    row: u32,
    /// Row that the episode started in.
    start: u32,
    step: u32,
    pods: Vec<u32>,
    /// Row that was shown a step ago, and its replicas; at the start of an episode the same.
    row_before: u32,
    pods_before: Vec<u32>,
    invalid: u32,
    /// Whether the row has exactly these replicas.
    exact: bool,
}

impl Recorded {
    /// The environment over a table of the rules' deployments.
    pub fn new(rules: Rules, table: Table) -> Self {
        Self { rules, table: Arc::new(table) }
    }

    /// Draws one of the rows that are nearest to `pods`, where `before` were the replicas: the row, and whether it has exactly these.
    pub fn nearest(&self, pods: &[u32], before: &[u32], rng: &mut Pcg64) -> (u32, bool) {
        let weights: Vec<u32> =
            pods.iter().zip(before).map(|(now, before)| if now == before { 1 } else { ACTED }).collect();
        let (mut chosen, mut least, mut ways) = (0, u32::MAX, 0);
        for (at, row) in self.table.rows.iter().enumerate() {
            let differences = row.readings.iter().zip(pods).zip(&weights);
            let distance =
                differences.map(|((reading, pods), weight)| weight * reading.pods.abs_diff(*pods)).sum();
            if distance < least {
                (chosen, least, ways) = (at as u32, distance, 1);
            } else if distance == least {
                // Each of the nearest with the same chance.
                ways += 1;
                if rng.random_range(0..ways) == 0 {
                    chosen = at as u32;
                }
            }
        }
        (chosen, least == 0)
    }

    fn readings(&self, place: &Place) -> Vec<Reading> {
        self.shown(place.row, &place.pods)
    }

    fn shown(&self, row: u32, pods: &[u32]) -> Vec<Reading> {
        let recorded = self.table.rows[row as usize].readings.iter().zip(pods);
        recorded.map(|(reading, pods)| Reading { pods: *pods, ..*reading }).collect()
    }

    fn latency(&self, place: &Place) -> f64 {
        self.table.rows[place.row as usize].latency
    }
}

impl Task for Recorded {
    type State = Place;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        self.rules.spec(n_envs)
    }

    fn max_steps(&self) -> Option<u32> {
        Some(self.rules.steps)
    }

    fn start(&self, rng: &mut Pcg64) -> Place {
        let row = rng.random_range(0..self.table.rows.len() as u32);
        let pods: Vec<u32> =
            self.table.rows[row as usize].readings.iter().map(|reading| reading.pods).collect();
        let pods_before = pods.clone();
        Place { row, start: row, step: 0, pods, row_before: row, pods_before, invalid: 0, exact: true }
    }

    fn observe(&self, place: &Place, obs: &mut [f32]) {
        let before = self.shown(place.row_before, &place.pods_before);
        self.rules.observe(&self.readings(place), &before, obs);
    }

    fn step(&self, place: &mut Place, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        place.pods_before.clone_from(&place.pods);
        place.row_before = place.row;
        place.invalid = self.rules.carry_out(actions, &mut place.pods);
        (place.row, place.exact) = self.nearest(&place.pods, &place.pods_before, rng);
        place.step += 1;
        let (readings, latency) = (self.readings(place), self.latency(place));
        signals.rewards[0] = self.rules.reward(&readings, latency, place.invalid) as f32;
        signals.costs[0] = self.rules.signal(latency) as f32;
        false
    }

    fn masks(&self, place: &Place, masks: &mut [bool]) {
        self.rules.masks(&place.pods, masks);
    }

    fn fits(&self, place: &Place) -> bool {
        let rows = self.table.rows.len() as u32;
        [place.row, place.row_before, place.start].into_iter().all(|row| row < rows)
            && [place.pods.len(), place.pods_before.len()] == [self.rules.deployments.len(); 2]
    }
}

impl LoggedTask for Recorded {
    const START: &'static str = "start_row";

    fn start_of(&self, place: &Place) -> String {
        place.start.to_string()
    }

    fn figures(&self) -> Vec<&'static str> {
        [&FIGURES[..], &["exact_share"]].concat()
    }

    fn write_figures(&self, place: &Place, figures: &mut [f64]) {
        let pods: u32 = place.pods.iter().sum();
        figures.copy_from_slice(&[
            f64::from(pods),
            self.latency(place),
            self.rules.matches(&self.readings(place)) as f64,
            f64::from(u8::from(place.invalid > 0)),
            f64::from(u8::from(place.exact)),
        ]);
    }

    fn trace_columns(&self) -> Vec<String> {
        table::columns(&self.rules.deployments)
    }

    fn trace_row(&self, place: &Place) -> Vec<String> {
        let date = clock(f64::from(place.step));
        table::fields(&date, &self.rules.deployments, &self.readings(place), self.latency(place))
    }

    fn neutral(&self) -> Option<Vec<u32>> {
        self.rules.starts_neutral().then(|| self.rules.neutral())
    }

    fn notes(&self) -> Vec<String> {
        self.table.report.notes()
    }

    fn constraints(&self) -> Vec<ConstraintConfig> {
        self.rules.constraints()
    }

    fn graph(&self) -> Option<(usize, usize)> {
        self.rules.graph()
    }
}
