//! `teastore_compat`: app2scale's offline environment `Teastore` as it was published.
//!
//! It differs from `teastore` in what its code does and its documentation does not say:
//!
//! * the file's heap is taken for CPU and its CPU for heap: "increase CPU" adds heap, and the flags of the observation
//!   follow the file;
//! * used CPU and memory are seen rounded to two decimals; cost is told with two and packets with none;
//! * what is told of a move that is out of bounds is that of the table's first row;
//! * after 50 steps an episode is terminated as well as truncated, so that nothing is expected to follow.
//!
//! Left out: settings that the original has not, but for the start, which its documentation says is random and its code
//! row 558.

use crate::{
    Result,
    config::RunConfig,
    environments::{
        Description, Env, Family, Registered,
        description::{ActionEntry, Entry, Term, Values},
        task_env::{LoggedTask, TaskEnv},
        teastore::{
            Teastore, TeastoreConfig, Visit,
            table::{Column, Table},
        },
    },
};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_rl::{
    EnvSpec,
    control::{Signals, Task},
};

const MAX_STEPS: u32 = 50;
/// Columns of a trace before what is told of a step, and figures before it.
const STATE_COLUMNS: usize = 5;
const OWN_FIGURES: usize = 2;
/// Decimals of what is told of a step: packets received and sent, used CPU and memory, cost.
const DECIMALS: [i32; 5] = [0, 0, 2, 2, 2];

/// Settings of `teastore_compat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeastoreCompatConfig {
    /// File of measurements (`teastore_data.csv`); empty: the table that ships.
    pub table: String,
    /// Where an episode starts: `row(558)` or `random`.
    pub start: String,
}

impl Default for TeastoreCompatConfig {
    fn default() -> Self {
        Self { table: String::new(), start: "row(558)".to_owned() }
    }
}

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "teastore_compat",
    family: Family::Recorded,
    summary: "app2scale's offline TeaStore environment as published, with heap and CPU swapped",
    source: "app2scale/agent (rules), app2scale/gsa (measurements, MIT)",
    defaults: crate::environments::teastore::REGISTERED.defaults,
    also_reads: &[],
    build,
    describe,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Original {
    rules: Teastore,
}

/// Where an episode is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moment {
    visit: Visit,
    steps: u32,
}

impl Original {
    /// The original over the table of its file.
    ///
    /// # Errors
    /// As [`Teastore::new`].
    pub fn new(config: &TeastoreCompatConfig) -> Result<Self> {
        let mut table = Table::of(&config.table)?;
        for row in &mut table.rows {
            (row.cpu, row.heap) = (row.heap, row.cpu);
            for column in [Column::UsedCpu, Column::UsedMemory] {
                let value = &mut row.values[column as usize];
                *value = rounded(*value, 2);
            }
        }
        let settings = TeastoreConfig { start: config.start.clone(), ..TeastoreConfig::default() };
        Ok(Self { rules: Teastore::new(&settings, table)? })
    }

    /// What the original tells of where a step led to.
    fn info(&self, moment: &Moment) -> [f64; DECIMALS.len()] {
        let visit = if moment.visit.carried_out() { moment.visit.clone() } else { moment.visit.in_row(0) };
        let mut figures = [0.0; OWN_FIGURES + DECIMALS.len()];
        self.rules.write_figures(&visit, &mut figures);
        std::array::from_fn(|at| rounded(figures[OWN_FIGURES + at], DECIMALS[at]))
    }
}

/// As `NumPy` rounds.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round_ties_even() / scale
}

impl Task for Original {
    type State = Moment;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        self.rules.spec(n_envs)
    }

    fn max_steps(&self) -> Option<u32> {
        Some(MAX_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> Moment {
        Moment { visit: self.rules.start(rng), steps: 0 }
    }

    fn observe(&self, moment: &Moment, obs: &mut [f32]) {
        self.rules.observe(&moment.visit, obs);
    }

    fn step(&self, moment: &mut Moment, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        self.rules.step(&mut moment.visit, actions, rng, signals);
        moment.steps += 1;
        moment.steps >= MAX_STEPS
    }

    fn fits(&self, moment: &Moment) -> bool {
        self.rules.fits(&moment.visit)
    }
}

impl LoggedTask for Original {
    const START: &'static str = Teastore::START;

    fn start_of(&self, moment: &Moment) -> String {
        self.rules.start_of(&moment.visit)
    }

    fn figures(&self) -> Vec<&'static str> {
        self.rules.figures()
    }

    fn write_figures(&self, moment: &Moment, figures: &mut [f64]) {
        self.rules.write_figures(&moment.visit, figures);
        figures[OWN_FIGURES..].copy_from_slice(&self.info(moment));
    }

    fn trace_columns(&self) -> Vec<String> {
        self.rules.trace_columns()
    }

    fn trace_row(&self, moment: &Moment) -> Vec<String> {
        let mut fields = self.rules.trace_row(&moment.visit);
        for (field, told) in fields[STATE_COLUMNS..].iter_mut().zip(self.info(moment)) {
            *field = if told.is_nan() { String::new() } else { told.to_string() };
        }
        fields
    }

    fn notes(&self) -> Vec<String> {
        self.rules.notes()
    }
}

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(TaskEnv::new(Original::new(&config.teastore_compat)?, n_envs)))
}

fn describe(config: &RunConfig) -> Result<Description> {
    let original = Original::new(&config.teastore_compat)?;
    let number =
        |name: &str, meaning: &str, unit: &str, high: f64| Entry::number(name, meaning, unit, 0.0, high);
    let moves = [
        "DO_NOTHING",
        "INCREASE_REPLICA",
        "DECREASE_REPLICA",
        "INCREASE_CPU (adds heap)",
        "DECREASE_CPU (takes heap)",
        "INCREASE_HEAP (adds CPU)",
        "DECREASE_HEAP (takes CPU)",
    ];
    Ok(Description {
        agents: "1 agent".to_owned(),
        observation: vec![
            Entry::one_hot("0replica", "replicas: a flag for each of 1 to 9", 9),
            Entry::one_hot("1cpu", "heap, called CPU: a flag for each of 100 to 900 MB", 9),
            Entry::one_hot("2heap", "CPU limit, called heap: a flag for each of 100 to 900 millicores", 9),
            number("3used_cpu", "CPU used by a pod, two decimals", "cores", 1.35),
            number("4used_ram", "memory used by a pod, two decimals", "GB", 0.82),
        ],
        action: vec![ActionEntry {
            name: "action".to_owned(),
            meaning: "one step of one replica, 100 millicores or 100 MB".to_owned(),
            values: Values::Choices(moves.map(str::to_owned).to_vec()),
        }],
        masks: String::new(),
        reward: vec![
            Term {
                name: "o".to_owned(),
                weight: 1.0,
                meaning: "packets sent, from 0 at the least of the table to 1 at the largest".to_owned(),
            },
            Term {
                name: "c".to_owned(),
                weight: -1.0,
                meaning: "cost, from 0 at the least of the table to 1 at the largest".to_owned(),
            },
            Term {
                name: "penalty".to_owned(),
                weight: 1.0,
                meaning: "−5 instead of the rest for a move that is out of bounds".to_owned(),
            },
        ],
        costs: Vec::new(),
        start: format!(
            "`{}` (setting `teastore_compat.start`: `row(558)` or `random`)",
            config.teastore_compat.start
        ),
        terminated: format!("after {MAX_STEPS} steps, as well as truncated"),
        truncated: format!("after {MAX_STEPS} steps"),
        notes: vec![
            format!("The table: {}. Without out_tps the reward is 0.", original.notes().join("; ")),
            "What is told of a move that is out of bounds is that of the table's first row.".to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_rl::{Actions, StepBuffers, VecEnv};

    fn traces(actions: &[u32]) -> (Vec<Vec<String>>, StepBuffers) {
        let mut env = TaskEnv::new(Original::new(&TeastoreCompatConfig::default()).unwrap(), 1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        let step = |action: &u32| {
            env.step(Actions::Discrete(&[*action]), &mut out).unwrap();
            env.trace_row()
        };
        (actions.iter().map(step).collect(), out)
    }

    #[test]
    fn what_is_called_cpu_is_heap() {
        // From the worst corner: replicas, then what the original calls CPU and heap.
        let (rows, _) = traces(&[3, 3, 5]);
        assert_eq!(rows[2][2..5], ["9", "3", "2"]);
        // The row is one that was measured with 300 MB and 200 millicores.
        let sent = &rows[2][6];
        let is_there = |row: &crate::environments::teastore::table::Row| {
            (row.replicas, row.heap, row.cpu) == (9, 3, 2)
                && rounded(row.get(Column::Transmitted), 0).to_string() == *sent
        };
        assert!(Table::shipped().rows.iter().any(is_there));
    }

    #[test]
    fn a_move_out_of_bounds_tells_of_the_first_row() {
        let (rows, out) = traces(&[1]);
        let first = &Table::shipped().rows[0];
        assert_eq!(rows[0][2..5], ["9", "1", "1"]);
        assert_eq!(first.values[..5], [831.089, 879.9, 0.2353, 0.8054, 0.0326]);
        assert_eq!(rows[0][5..11], ["831", "880", "0.24", "0.81", "0.03", "-5"]);
        assert_eq!(out.rewards[0], -5.0);
    }

    #[test]
    fn an_episode_is_terminated_and_truncated_after_fifty_steps() {
        let (_, out) = traces(&[0; 50]);
        assert!(out.terminated[0] && out.truncated[0]);
        let (_, out) = traces(&[0; 49]);
        assert!(!out.terminated[0] && !out.truncated[0]);
    }

    #[test]
    fn used_cpu_and_memory_are_seen_in_hundredths() {
        let (_, out) = traces(&[0]);
        for seen in &out.obs[27..] {
            let hundredths = f64::from(*seen) * 100.0;
            assert!((hundredths - hundredths.round()).abs() < 1e-4, "{seen}");
        }
    }
}
