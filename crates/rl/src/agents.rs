//! Who learns for whom when an environment has several agents.
//!
//! Left out: what a critic may see of the other agents, see [`critic`](crate::critic).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::env::EnvSpec;

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

    /// Rows of a batch that each member learns from.
    pub fn rows(self, spec: &EnvSpec) -> usize {
        spec.n_envs * self.agents(0, spec.n_agents).len()
    }
}

/// The rows of a batch that belong to some of its agents, in the order of the batch.
#[derive(Clone, Debug)]
pub(crate) struct AgentRows {
    n_envs: usize,
    n_agents: usize,
    agents: Range<usize>,
}

impl AgentRows {
    /// Those of the given agents.
    pub(crate) fn new(spec: &EnvSpec, agents: Range<usize>) -> Self {
        Self { n_envs: spec.n_envs, n_agents: spec.n_agents, agents }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.n_envs * self.agents.len()
    }

    /// Environments.
    pub(crate) fn n_envs(&self) -> usize {
        self.n_envs
    }

    /// Rows of all agents of environment `env` in the whole batch.
    pub(crate) fn all_of_env(&self, env: usize) -> Range<usize> {
        env * self.n_agents..(env + 1) * self.n_agents
    }

    /// How many an environment has.
    pub(crate) fn per_env(&self) -> usize {
        self.agents.len()
    }

    /// Rows of environment `env` in the whole batch.
    pub(crate) fn of_env(&self, env: usize) -> Range<usize> {
        let first = env * self.n_agents;
        first + self.agents.start..first + self.agents.end
    }

    /// All of them, as rows of the whole batch.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.n_envs).flat_map(|env| self.of_env(env))
    }

    /// Copies these rows, `width` numbers each, out of those of the whole batch.
    pub(crate) fn gather<T: Copy>(&self, all: &[T], width: usize, own: &mut [T]) {
        if self.agents.len() == self.n_agents {
            own.copy_from_slice(all);
        } else if width > 0 {
            for (env, own) in own.chunks_exact_mut(self.agents.len() * width).enumerate() {
                let rows = self.of_env(env);
                own.copy_from_slice(&all[rows.start * width..rows.end * width]);
            }
        }
    }

    /// Puts these rows, `width` numbers each, in their places among those of the whole batch.
    pub(crate) fn scatter<T: Copy>(&self, own: &[T], width: usize, all: &mut [T]) {
        if self.agents.len() == self.n_agents {
            all.copy_from_slice(own);
        } else {
            for (env, own) in own.chunks_exact(self.agents.len() * width).enumerate() {
                let rows = self.of_env(env);
                all[rows.start * width..rows.end * width].copy_from_slice(own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::ActionSpace;

    #[test]
    fn rows_of_one_agent_are_found_in_every_environment() {
        let spec = EnvSpec {
            n_envs: 2,
            n_agents: 3,
            obs_dim: 1,
            action_space: ActionSpace::Discrete(2),
            costs: vec![],
            masked: false,
            varying: false,
        };
        let rows = AgentRows::new(&spec, Learners::Independent.agents(1, 3));
        assert_eq!(rows.iter().collect::<Vec<_>>(), [1, 4]);
        let (all, mut own, mut back) = ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [0; 4], [0; 12]);
        rows.gather(&all, 2, &mut own);
        assert_eq!(own, [2, 3, 8, 9]);
        rows.scatter(&own, 2, &mut back);
        assert_eq!(back, [0, 0, 2, 3, 0, 0, 0, 0, 8, 9, 0, 0]);
        let rows = AgentRows::new(&spec, Learners::Shared.agents(0, 3));
        let mut own = [0; 12];
        rows.gather(&all, 2, &mut own);
        assert_eq!((own, rows.len(), rows.per_env()), (all, 6, 3));
    }
}
