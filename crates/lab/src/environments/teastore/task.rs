//! The rules: from a configuration and an action to one of the rows that were measured there.
//!
//! Left out: batches, episodes and traces' files, see [`TaskEnv`](crate::environments::task_env::TaskEnv).

use super::{
    TeastoreConfig,
    moves::{Grid, State},
    reward,
    table::{Column, Row, Table},
    trace,
    view::View,
};
use crate::{Error, Result, environments::task_env::LoggedTask};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::{ops::Range, sync::Arc};
use trimtab_rl::{
    EnvSpec,
    control::{Signals, Task},
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Teastore {
    pub(super) grid: Grid,
    pub(super) measured: Arc<Measured>,
    pub(super) view: View,
    masked: bool,
    penalty: f64,
    start: Start,
    max_steps: u32,
}

/// The rows within the bounds, by configuration.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    rewards: Vec<f64>,
    /// Places in `by_cell` of the rows of each configuration.
    cells: Vec<Range<usize>>,
    by_cell: Vec<u32>,
    pub(super) has: [bool; Column::ALL.len()],
    /// Largest value of each column.
    largest: [f64; Column::ALL.len()],
    pub(super) notes: Vec<String>,
}

/// Where an episode starts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    Random,
    Row(u32),
    Cell(usize),
}

/// Where an episode is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Row of the table, among those within the bounds.
    row: u32,
    /// Row that the episode started in.
    start: u32,
    action: [u32; 3],
    /// Whether the last action could be carried out.
    carried_out: bool,
    reward: f64,
    sum_reward: f64,
}

impl Visit {
    /// Whether the last action could be carried out.
    pub fn carried_out(&self) -> bool {
        self.carried_out
    }

    /// The same in another row of the table.
    #[must_use]
    pub fn in_row(&self, row: u32) -> Self {
        Self { row, ..self.clone() }
    }
}

impl Teastore {
    /// The environment with these settings over a table.
    ///
    /// # Errors
    /// A setting that cannot work, or that needs a column the table has not.
    pub fn new(config: &TeastoreConfig, table: Table) -> Result<Self> {
        let grid = config.grid()?;
        let measured = Measured::new(config, &grid, table)?;
        let view = View::new(&config.observation, config.one_hot, |column| measured.has[column as usize])?;
        let start = start(&config.start, &grid, &measured)?;
        Ok(Self {
            grid,
            measured: Arc::new(measured),
            view,
            masked: config.masked,
            penalty: config.penalty,
            start,
            max_steps: config.max_steps,
        })
    }

    /// Mean reward of the rows of a configuration and how many there are; `None` where it is out of bounds or was not
    /// measured.
    pub fn mean_reward(&self, [replicas, cpu, heap]: [u8; 3]) -> Option<(f64, usize)> {
        let rows = self.measured.of_cell(self.grid.cell([replicas, cpu, heap])?);
        let sum: f64 = rows.iter().map(|row| self.measured.rewards[*row as usize]).sum();
        (!rows.is_empty()).then(|| (sum / rows.len() as f64, rows.len()))
    }

    fn state_of(&self, row: u32) -> State {
        let row = &self.measured.rows[row as usize];
        [row.replicas, row.cpu, row.heap]
    }

    /// Rows that an action leads to; none where it cannot be carried out.
    fn reachable(&self, row: u32, action: &[u32]) -> &[u32] {
        let cell = self.grid.target(self.state_of(row), action);
        cell.map_or(&[], |cell| self.measured.of_cell(cell))
    }
}

impl Measured {
    fn new(config: &TeastoreConfig, grid: &Grid, table: Table) -> Result<Self> {
        let has = Column::ALL.map(|column| table.has(column));
        let all = reward::rewards(&table, &config.weighted())?;
        let mut notes = table.report.notes();
        let (mut rows, mut rewards) = (Vec::new(), Vec::new());
        for (mut row, reward) in table.rows.into_iter().zip(all) {
            if row.heap == 0 {
                row.heap = grid.low[2];
            }
            if grid.cell([row.replicas, row.cpu, row.heap]).is_some() {
                rows.push(row);
                rewards.push(reward);
            }
        }
        let out = table.report.rows - rows.len();
        if out > 0 {
            notes.push(format!("{out} rows left out: replicas, CPU or heap out of the bounds"));
        }
        if rows.is_empty() {
            return Err(Error::config("teastore", "has bounds that no row of the table is in"));
        }
        let mut of_cell = vec![Vec::new(); grid.cells()];
        for (at, row) in rows.iter().enumerate() {
            let cell = grid.cell([row.replicas, row.cpu, row.heap]).unwrap_or_default();
            of_cell[cell].push(at as u32);
        }
        let (mut cells, mut by_cell) = (Vec::new(), Vec::new());
        for rows in of_cell {
            cells.push(by_cell.len()..by_cell.len() + rows.len());
            by_cell.extend(rows);
        }
        let empty = cells.iter().filter(|rows| rows.is_empty()).count();
        if empty > 0 {
            notes.push(format!("{empty} of {} configurations were not measured", cells.len()));
        }
        let largest = Column::ALL.map(|column| rows.iter().map(|row| row.get(column)).fold(0.0, f64::max));
        Ok(Self { rows, rewards, cells, by_cell, has, largest, notes })
    }

    fn of_cell(&self, cell: usize) -> &[u32] {
        &self.by_cell[self.cells[cell].clone()]
    }

    /// Whether a column is shown over its largest value rather than as it is.
    pub(super) fn scale(&self, column: Column) -> f64 {
        match column {
            Column::UsedCpu | Column::UsedMemory => 1.0,
            column => self.largest[column as usize].max(f64::MIN_POSITIVE),
        }
    }
}

fn start(text: &str, grid: &Grid, measured: &Measured) -> Result<Start> {
    let wrong = |why: &str| {
        let expected = "expected random, row(N) or state(REPLICAS,MILLICORES,MB)";
        Err(Error::config("teastore.start", format!("is {text:?}{why}, {expected}")))
    };
    let text = text.trim();
    if text == "random" {
        return Ok(Start::Random);
    }
    if let Some(row) = text.strip_prefix("row(").and_then(|row| row.strip_suffix(')')) {
        let rows = measured.rows.len();
        return match row.trim().parse::<u32>() {
            Ok(row) if (row as usize) < rows => Ok(Start::Row(row)),
            Ok(_) => wrong(&format!(", where the table has rows 0 to {} within the bounds", rows - 1)),
            Err(_) => wrong(""),
        };
    }
    let cell = grid.named(text).and_then(|state| grid.cell(state));
    match cell {
        Some(cell) if !measured.of_cell(cell).is_empty() => Ok(Start::Cell(cell)),
        _ if text.starts_with("state(") => wrong(", which is out of the bounds or was not measured"),
        _ => wrong(""),
    }
}

impl Task for Teastore {
    type State = Visit;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: self.view.width(&self.grid),
            action_space: self.grid.action_space(),
            costs: vec![],
            masked: self.masked,
            varying: false,
        }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(self.max_steps)
    }

    fn start(&self, rng: &mut Pcg64) -> Visit {
        let row = match self.start {
            Start::Random => rng.random_range(0..self.measured.rows.len() as u32),
            Start::Row(row) => row,
            Start::Cell(cell) => {
                let rows = self.measured.of_cell(cell);
                rows[rng.random_range(0..rows.len())]
            }
        };
        Visit { row, start: row, action: [0; 3], carried_out: true, reward: 0.0, sum_reward: 0.0 }
    }

    fn observe(&self, visit: &Visit, obs: &mut [f32]) {
        let row = &self.measured.rows[visit.row as usize];
        self.view.write(&self.grid, self.state_of(visit.row), obs, |column| {
            row.get(column) / self.measured.scale(column)
        });
    }

    fn step(&self, visit: &mut Visit, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        let rows = self.reachable(visit.row, actions);
        visit.carried_out = !rows.is_empty();
        visit.reward = if rows.is_empty() {
            self.penalty
        } else {
            visit.row = rows[rng.random_range(0..rows.len())];
            self.measured.rewards[visit.row as usize]
        };
        visit.sum_reward += visit.reward;
        visit.action = [0; 3];
        visit.action[..actions.len()].copy_from_slice(actions);
        signals.rewards[0] = visit.reward as f32;
        false
    }

    fn masks(&self, visit: &Visit, masks: &mut [bool]) {
        for (choice, allowed) in masks.iter_mut().enumerate() {
            *allowed = !self.reachable(visit.row, &[choice as u32]).is_empty();
        }
    }

    fn fits(&self, visit: &Visit) -> bool {
        let rows = self.measured.rows.len() as u32;
        visit.row < rows && visit.start < rows
    }
}

impl LoggedTask for Teastore {
    const START: &'static str = "start_row";

    fn start_of(&self, visit: &Visit) -> String {
        visit.start.to_string()
    }

    fn figures(&self) -> Vec<&'static str> {
        let columns = Column::ALL.into_iter().filter(|column| self.measured.has[*column as usize]);
        [&["replicas", "invalid_share"], &columns.map(Column::published).collect::<Vec<_>>()[..]].concat()
    }

    fn write_figures(&self, visit: &Visit, figures: &mut [f64]) {
        let row = &self.measured.rows[visit.row as usize];
        let columns = Column::ALL.into_iter().filter(|column| self.measured.has[*column as usize]);
        let own = [f64::from(row.replicas), f64::from(u8::from(!visit.carried_out))];
        let all = own.into_iter().chain(columns.map(|column| row.get(column)));
        figures.iter_mut().zip(all).for_each(|(figure, value)| *figure = value);
    }

    fn trace_columns(&self) -> Vec<String> {
        trace::columns(&self.grid, |column| self.measured.has[column as usize])
    }

    fn trace_row(&self, visit: &Visit) -> Vec<String> {
        let row = &self.measured.rows[visit.row as usize];
        let action = &visit.action[..self.grid.action_space().width()];
        let rewards = [visit.reward, visit.sum_reward];
        trace::fields(&self.grid, row, action, rewards, |column| self.measured.has[column as usize])
    }

    fn neutral(&self) -> Option<Vec<u32>> {
        None
    }

    fn notes(&self) -> Vec<String> {
        self.measured.notes.clone()
    }
}
