//! Settings of where learning starts: from nothing, from another run's policy, or from a clone of an autoscaler.

use serde::{Deserialize, Serialize};
use trimtab_nn::actor_critic::Group;
use trimtab_rl::cloning::CloningConfig;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StartConfig {
    /// Directory of a finished run whose policy to start from; empty: a fresh one.
    pub from: String,
    /// Agent of that run, counted from 0, whose policy all agents start from.
    pub agent: usize,
    /// Autoscaler whose decisions to learn before learning anything else; empty: none.
    pub clone: String,
    /// Parts of the network that stay as they start: `encoder`, `recurrence`, `actor`, `critic`, `heads`.
    pub freeze: Vec<Group>,
    /// Rounds after the first in which the clone decides and the teacher says what it would have done; 0: none.
    pub dagger_rounds: u32,
    /// How decisions are learned.
    pub cloning: CloningConfig,
}

impl Default for StartConfig {
    fn default() -> Self {
        Self {
            from: String::new(),
            agent: 0,
            clone: String::new(),
            freeze: Vec::new(),
            dagger_rounds: 2,
            cloning: CloningConfig::default(),
        }
    }
}
