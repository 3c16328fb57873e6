//! `joint`: replicas, CPU and memory (with the heap) of every service of an application at once, on nodes with limited room.
//!
//! Horizontal and vertical scaling compete for the same nodes: a larger pod may find no room, a resize in place may be deferred, and a heap
//! that is too small costs CPU. One agent for all services, or one for each with a reward of its own. Kubernetes ships nothing that
//! coordinates the two.
//!
//! Left out: an autoscaler inside, guardrails, and choosing nodes.

mod batch;
mod describe;

pub use batch::Joint;

use super::{Env, Family, Registered};
use crate::{Error, Result, config::RunConfig};
use serde::{Deserialize, Serialize};

/// Settings of `joint`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JointConfig {
    /// Application: one that ships, or an application file.
    pub application: String,
    /// Who acts: `one` agent for all services, or `services`, one for each.
    pub agents: JointAgents,
    /// Quarters of a service's own CPU and memory that a pod may have at most.
    pub max_quarters: u32,
    /// Weight of the CPU and memory asked for.
    pub cost: f64,
    /// Weight of the share of requests that failed or were slow.
    pub latency: f64,
    /// Weight of each kill for want of memory.
    pub oom: f64,
    /// Weight of each pod that waits for room.
    pub pending: f64,
}

/// Who acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointAgents {
    /// One agent sees and decides on all services.
    One,
    /// One agent a service.
    #[default]
    Services,
}

impl Default for JointConfig {
    fn default() -> Self {
        Self {
            application: "teastore".to_owned(),
            agents: JointAgents::Services,
            max_quarters: 12,
            cost: 1.0,
            latency: 10.0,
            oom: 0.5,
            pending: 0.2,
        }
    }
}

impl JointConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first one that cannot work.
    pub fn validate(&self) -> Result<()> {
        if !(4..=64).contains(&self.max_quarters) {
            let message = format!("is {}, expected 4 to 64", self.max_quarters);
            return Err(Error::config("joint.max_quarters", message));
        }
        let weights =
            [("cost", self.cost), ("latency", self.latency), ("oom", self.oom), ("pending", self.pending)];
        match weights.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0)) {
            Some((key, weight)) => {
                Err(Error::config(format!("joint.{key}"), format!("is {weight}, expected zero or more")))
            }
            None => Ok(()),
        }
    }
}

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "joint",
    family: Family::Joint,
    summary: "replicas, CPU and memory of every service together, on nodes with limited room",
    source: "trimtab's simulated cluster",
    defaults: DEFAULTS,
    also_reads: &["sim", "episode", "traffic"],
    build,
    describe: describe::describe,
};

const DEFAULTS: &str = "\
n_envs = 16
[episode]
hold = 2
[sim.nodes]
count = 3
[sim.memory]
oom_kill = true
heap = true
[sim.resize]
method = \"in_place\"
";

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(Joint::new(config, n_envs)?))
}

#[cfg(test)]
mod tests;
