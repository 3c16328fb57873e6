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
pub mod table;
mod task;

pub use moves::Moves;
pub use reward::{PRESETS, Preset, RowTerm, TERMS, Weighted, rewards};
pub use task::{Teastore, Visit};

use super::{Env, Family, Registered, task_env::TaskEnv};
use crate::{Result, config::RunConfig};
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

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(TaskEnv::new(Teastore::new(&config.teastore, Table::of(&config.teastore.table)?)?, n_envs)))
}

#[cfg(test)]
mod tests;
