//! Who learns for whom when an environment has several agents.
//!
//! Left out: critics that see more than their own agent's observation, which are a matter of the network.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How many sets of weights the agents of an environment have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learners {
    /// One for all agents.
    #[default]
    Shared,
    /// One for each, learned from what that agent alone met.
    Independent,
}

impl Learners {
    /// Sets of weights for `n_agents` agents.
    pub fn members(self, n_agents: usize) -> usize {
        match self {
            Self::Shared => 1,
            Self::Independent => n_agents,
        }
    }

    /// Agents that a member learns for.
    pub fn agents(self, member: usize, n_agents: usize) -> Range<usize> {
        match self {
            Self::Shared => 0..n_agents,
            Self::Independent => member..member + 1,
        }
    }
}
