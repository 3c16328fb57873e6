//! The rules: from a configuration and an action to one of the rows that were measured there.
//!
//! Left out: batches, episodes and traces' files, see [`TaskEnv`](crate::environments::task_env::TaskEnv).

use super::{
    TeastoreConfig,
    moves::{AXES, Grid, Moves, State},
    reward,
    table::{Column, Row, Table},
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
    pub(super) observation: Vec<Seen>,
    pub(super) one_hot: bool,
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

/// One entry of what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Axis(usize),
    Value(Column),
}

/// Names of what can be seen.
pub(super) const SEEN: [(&str, Seen); 12] = [
    (AXES[0], Seen::Axis(0)),
    (AXES[1], Seen::Axis(1)),
    (AXES[2], Seen::Axis(2)),
    ("used_cpu", Seen::Value(Column::UsedCpu)),
    ("used_memory", Seen::Value(Column::UsedMemory)),
    ("received", Seen::Value(Column::Received)),
    ("transmitted", Seen::Value(Column::Transmitted)),
    ("cost", Seen::Value(Column::Cost)),
    ("requests", Seen::Value(Column::Requests)),
    ("expected", Seen::Value(Column::Expected)),
    ("previous", Seen::Value(Column::Previous)),
    ("response", Seen::Value(Column::Response)),
];

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
        let bounds = [config.replicas.map(u16::from), config.cpu, config.heap];
        let grid = Grid::new(config.actions, bounds, [1, 100, 100], &config.cool_down)?;
        if config.max_steps == 0 {
            return Err(Error::config("teastore.max_steps", "is 0, expected at least 1"));
        }
        if !config.penalty.is_finite() {
            let message = format!("is {}, expected a finite number", config.penalty);
            return Err(Error::config("teastore.penalty", message));
        }
        if config.masked && config.actions == Moves::Tuple {
            let message = "cannot be with actions = \"tuple\", where no entry is forbidden by itself";
            return Err(Error::config("teastore.masked", message));
        }
        let measured = Measured::new(config, &grid, table)?;
        let observation = observation(config, &measured)?;
        let start = start(&config.start, &grid, &measured)?;
        Ok(Self {
            grid,
            measured: Arc::new(measured),
            observation,
            one_hot: config.one_hot,
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

    /// Numbers that one entry of an observation takes.
    pub(super) fn width(&self, seen: Seen) -> usize {
        match seen {
            Seen::Axis(axis) if self.one_hot => self.grid.sizes()[axis],
            _ => 1,
        }
    }

    /// Rows that an action leads to; none where it cannot be carried out.
    fn reachable(&self, row: u32, action: &[u32]) -> &[u32] {
        let cell = self.grid.target(self.state_of(row), action);
        cell.map_or(&[], |cell| self.measured.of_cell(cell))
    }
}

impl Measured {
    fn new(config: &TeastoreConfig, grid: &Grid, table: Table) -> Result<Self> {
        let weights =
            if config.weights.is_empty() { config.reward.weights() } else { config.weights.clone() };
        let has = Column::ALL.map(|column| table.has(column));
        let all = reward::rewards(&table, &weights)?;
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

fn observation(config: &TeastoreConfig, measured: &Measured) -> Result<Vec<Seen>> {
    let mut observation = Vec::new();
    for name in &config.observation {
        let found = SEEN.iter().find(|(known, _)| known == name);
        let (_, seen) = found
            .ok_or_else(|| Error::unknown("observation entry", name, SEEN.iter().map(|(known, _)| *known)))?;
        if let Seen::Value(column) = seen
            && !measured.has[*column as usize]
        {
            let message = format!("has {name:?}, expected a table with column {} for it", column.published());
            return Err(Error::config("teastore.observation", message));
        }
        if observation.contains(seen) {
            let message = format!("has {name:?} twice, expected each entry once");
            return Err(Error::config("teastore.observation", message));
        }
        observation.push(*seen);
    }
    if observation.is_empty() {
        return Err(Error::config("teastore.observation", "is empty, expected at least one entry"));
    }
    Ok(observation)
}

fn start(text: &str, grid: &Grid, measured: &Measured) -> Result<Start> {
    let wrong = |why: &str| {
        let expected = "expected random, row(N) or state(REPLICAS,MILLICORES,MB)";
        Err(Error::config("teastore.start", format!("is {text:?}{why}, {expected}")))
    };
    let inside = |name: &str| text.trim().strip_prefix(name)?.trim().strip_prefix('(')?.strip_suffix(')');
    if text.trim() == "random" {
        return Ok(Start::Random);
    }
    if let Some(row) = inside("row") {
        let rows = measured.rows.len();
        return match row.trim().parse::<u32>() {
            Ok(row) if (row as usize) < rows => Ok(Start::Row(row)),
            Ok(_) => wrong(&format!(", where the table has rows 0 to {} within the bounds", rows - 1)),
            Err(_) => wrong(""),
        };
    }
    let numbers = inside("state").map(|list| list.split(',').map(|n| n.trim().parse::<u16>()).collect());
    let Some(Ok::<Vec<u16>, _>(numbers)) = numbers else { return wrong("") };
    let &[replicas, cpu, heap] = &numbers[..] else { return wrong("") };
    let steps = [replicas, cpu / 100, heap / 100].map(u8::try_from);
    let [Ok(replicas), Ok(cpu_steps), Ok(heap_steps)] = steps else { return wrong("") };
    let cell = grid.cell([replicas, cpu_steps, heap_steps]).filter(|_| cpu % 100 == 0 && heap % 100 == 0);
    match cell {
        Some(cell) if !measured.of_cell(cell).is_empty() => Ok(Start::Cell(cell)),
        _ => wrong(", which is out of the bounds or was not measured"),
    }
}

impl Task for Teastore {
    type State = Visit;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: self.observation.iter().map(|seen| self.width(*seen)).sum(),
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
        let state = self.state_of(visit.row);
        let mut at = 0;
        for seen in &self.observation {
            let width = self.width(*seen);
            let part = &mut obs[at..at + width];
            at += width;
            match seen {
                Seen::Axis(axis) if self.one_hot => {
                    part.fill(0.0);
                    part[usize::from(state[*axis] - self.grid.low[*axis])] = 1.0;
                }
                Seen::Axis(axis) => part[0] = f32::from(state[*axis]),
                Seen::Value(column) => {
                    let value = row.get(*column);
                    part[0] =
                        if value.is_nan() { -1.0 } else { (value / self.measured.scale(*column)) as f32 };
                }
            }
        }
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

    /// The columns of the published traces; those that the table has no values for are left out.
    fn trace_columns(&self) -> Vec<String> {
        let columns = Column::ALL.into_iter().filter(|column| self.measured.has[*column as usize]);
        let own = ["action", "action_n", "replica", "cpu", "heap"];
        let names = own.into_iter().chain(columns.map(Column::published)).chain(["reward", "sum_reward"]);
        let more = (!self.grid.cool_down.is_empty()).then_some("cool_down_minutes");
        names.chain(more).map(str::to_owned).collect()
    }

    fn trace_row(&self, visit: &Visit) -> Vec<String> {
        let (row, [replicas, cpu, heap]) =
            (&self.measured.rows[visit.row as usize], self.state_of(visit.row));
        let action = &visit.action[..self.grid.action_space().width()];
        let number = action.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        // Names of absolute configurations have commas.
        let mut fields = vec![self.grid.name(action).replace(',', " "), number];
        fields.extend([replicas, cpu, heap].map(|value| value.to_string()));
        for column in Column::ALL.into_iter().filter(|column| self.measured.has[*column as usize]) {
            let value = row.get(column);
            fields.push(if value.is_nan() { String::new() } else { value.to_string() });
        }
        fields.extend([visit.reward, visit.sum_reward].map(|value| value.to_string()));
        if !self.grid.cool_down.is_empty() {
            fields.push(self.grid.minutes(action).to_string());
        }
        fields
    }

    fn neutral(&self) -> Option<Vec<u32>> {
        None
    }

    fn notes(&self) -> Vec<String> {
        self.measured.notes.clone()
    }
}
