//! The shape of the environments that a run was made for, as it stands in its checkpoint.
//!
//! Left out: their state, which is their own to save.

use serde::{Deserialize, Serialize};

use super::EnvSpec;
use super::checks::compare_specs;
use crate::error::{Error, Result};

/// An [`EnvSpec`] in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedSpec {
    n_envs: usize,
    n_agents: usize,
    obs_dim: usize,
    action_space: String,
    costs: Vec<String>,
    masked: bool,
    varying: bool,
}

impl SavedSpec {
    pub(crate) fn new(spec: &EnvSpec) -> Self {
        Self {
            n_envs: spec.n_envs,
            n_agents: spec.n_agents,
            obs_dim: spec.obs_dim,
            action_space: format!("{:?}", spec.action_space),
            costs: spec.costs.iter().map(ToString::to_string).collect(),
            masked: spec.masked,
            varying: spec.varying,
        }
    }

    /// Fails with the first field in which `spec` differs.
    pub(crate) fn check(&self, spec: &EnvSpec) -> Result<()> {
        let numbers = EnvSpec {
            n_envs: self.n_envs,
            n_agents: self.n_agents,
            obs_dim: self.obs_dim,
            masked: self.masked,
            varying: self.varying,
            ..spec.clone()
        };
        compare_specs(&numbers, spec)?;
        let found = Self::new(spec);
        let other = |key, expected, found| Err(Error::OtherSpec { key, expected, found });
        if self.action_space != found.action_space {
            return other("action_space", self.action_space.clone(), found.action_space);
        }
        if self.costs != found.costs {
            return other("costs", format!("{:?}", self.costs), format!("{:?}", found.costs));
        }
        Ok(())
    }
}
