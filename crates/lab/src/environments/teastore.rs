//! `teastore`: replicas, CPU limit and heap of `TeaStore`'s web front end, in measurements of the real application.
//!
//! An agent moves through a grid of configurations; each step draws one of the rows that were measured there. The rules are those of
//! app2scale's offline environment, with its heap and CPU in the right order; [`crate::compat::teastore`] is the original.
//! 21,168 rows of a month's random walk ship with the crate (`data/NOTICE.md`); a user's own table may be in any of the
//! published formats ([`table`]).
//!
//! Left out: what was not measured. A configuration without a row cannot be entered, and how long a change takes is not in the rows.

mod describe;
mod moves;
mod reward;
mod simulated;
pub mod table;
mod task;
mod trace;
mod view;

pub use moves::Moves;
pub use reward::{PRESETS, Preset, RowTerm, TERMS, Weighted, rewards};
pub use simulated::{Simulated, TeastoreSimConfig};
pub use task::{Teastore, Visit};

use super::{Env, Family, Registered, task_env::TaskEnv};
use crate::{Error, Result, config::RunConfig};
use moves::Grid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::Table;

/// Settings of `teastore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeastoreConfig {
    /// File of measurements; empty: the table that ships.
    pub table: String,
    /// What an agent may do: `delta7` (nothing, or one step of replicas, CPU or heap), `delta5` (the same without heap),
    /// `index` (one of all configurations) or `tuple` (replicas, CPU and heap, each on its own).
    pub actions: Moves,
    /// Forbid what leads out of the bounds instead of punishing it.
    pub masked: bool,
    /// Reward of an action that leads out of the bounds or to a configuration without measurements; nothing changes then.
    pub penalty: f64,
    /// Where an episode starts: `row(558)`, that row of the table; `random`, any row; `state(9,100,100)`, a row of those
    /// replicas, millicores and MB of heap.
    pub start: String,
    /// Steps of an episode.
    pub max_steps: u32,
    /// Fewest and most replicas.
    pub replicas: [u8; 2],
    /// Least and largest CPU limit in millicores, in hundreds.
    pub cpu: [u16; 2],
    /// Least and largest heap in MB, in hundreds.
    pub heap: [u16; 2],
    /// With `index`: how long to wait after a change, as multiples of a minute to choose from; empty: no choice.
    pub cool_down: Vec<u32>,
    /// Reward by name; see `trimtab env describe teastore`.
    pub reward: Preset,
    /// Terms of the reward and their weights instead of a named reward; empty: the named one.
    pub weights: BTreeMap<String, f64>,
    /// What an agent sees: any of `replicas cpu heap used_cpu used_memory received transmitted cost requests expected previous
    /// response`.
    pub observation: Vec<String>,
    /// Show replicas, CPU and heap as flags, one for each value; else as numbers.
    pub one_hot: bool,
}

impl Default for TeastoreConfig {
    fn default() -> Self {
        Self {
            table: String::new(),
            actions: Moves::Delta7,
            masked: false,
            penalty: -5.0,
            start: "row(558)".to_owned(),
            max_steps: 50,
            replicas: [1, 9],
            cpu: [100, 900],
            heap: [100, 900],
            cool_down: Vec::new(),
            reward: Preset::MinMax,
            weights: BTreeMap::new(),
            observation: ["replicas", "cpu", "heap", "used_cpu", "used_memory"].map(str::to_owned).to_vec(),
            one_hot: true,
        }
    }
}

impl TeastoreConfig {
    /// The configurations and the moves.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot work, whatever was measured.
    fn grid(&self) -> Result<Grid> {
        let bounds = [self.replicas.map(u16::from), self.cpu, self.heap];
        let grid = Grid::new(self.actions, bounds, [1, 100, 100], &self.cool_down)?;
        if self.max_steps == 0 {
            return Err(Error::config("teastore.max_steps", "is 0, expected at least 1"));
        }
        if !self.penalty.is_finite() {
            let message = format!("is {}, expected a finite number", self.penalty);
            return Err(Error::config("teastore.penalty", message));
        }
        if self.masked && self.actions == Moves::Tuple {
            let message = "cannot be with actions = \"tuple\", where no entry is forbidden by itself";
            return Err(Error::config("teastore.masked", message));
        }
        Ok(grid)
    }

    /// Terms of the reward and their weights.
    fn weighted(&self) -> BTreeMap<String, f64> {
        if self.weights.is_empty() { self.reward.weights() } else { self.weights.clone() }
    }
}

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "teastore",
    family: Family::Recorded,
    summary: "replicas, CPU limit and heap of TeaStore's web front end, in 21,168 measurements of the real application",
    source: "app2scale/agent (rules), app2scale/gsa (measurements, MIT)",
    defaults: DEFAULTS,
    also_reads: &[],
    build,
    describe: describe::describe,
};

/// Found for the start in row 558, from which the best policy returns 13.96 on average. With less entropy PPO stays in a
/// configuration nearby, which returns 11.6.
const DEFAULTS: &str = "
total_timesteps = 800000
n_envs = 64
[ppo]
learning_rate = { linear = 3e-3 }
n_steps = 100
batch_size = 800
n_epochs = 4
gamma = 0.99
gae_lambda = 0.95
ent_coef = 0.1
normalize_reward = true
network = { hidden = [64] }
";

/// See [`Simulated`].
pub const SIMULATED: Registered = Registered {
    name: "teastore_sim",
    family: Family::Joint,
    summary: "replicas, CPU limit and heap of TeaStore's web front end on the simulated cluster, with response times",
    source: "app2scale/agent (rules of its clients), trimtab's simulated cluster",
    defaults: SIMULATED_DEFAULTS,
    also_reads: &["sim", "traffic"],
    build: build_simulated,
    describe: describe::describe_simulated,
};

/// Restarts and heaps as a cluster has them; the bounds, penalty and reward of the clients' last versions.
const SIMULATED_DEFAULTS: &str = "
total_timesteps = 200000
n_envs = 16
[teastore]
start = \"state(1,400,400)\"
replicas = [1, 6]
cpu = [400, 900]
heap = [400, 900]
penalty = -1.0
reward = \"response_80_20\"
observation = [\"replicas\", \"cpu\", \"heap\", \"used_cpu\", \"used_memory\", \"requests\", \"expected\", \"previous\", \"response\"]
[sim.resize]
method = \"rolling\"
[sim.memory]
oom_kill = true
heap = true
[ppo]
learning_rate = { linear = 1e-3 }
n_steps = 64
batch_size = 256
n_epochs = 6
gamma = 0.95
ent_coef = 0.01
network = { hidden = [64, 64] }
";

fn build_simulated(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(Simulated::new(config, n_envs)?))
}

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(TaskEnv::new(Teastore::new(&config.teastore, Table::of(&config.teastore.table)?)?, n_envs)))
}

#[cfg(test)]
mod tests;
