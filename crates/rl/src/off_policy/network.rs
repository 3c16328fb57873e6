//! Hidden layers of off-policy networks, and the spaces that algorithms can act in.
//!
//! Left out: the networks themselves, see `trimtab-nn`.

use serde::{Deserialize, Serialize};
use trimtab_nn::Activation;

use crate::env::{ActionSpace, EnvSpec};
use crate::error::Result;
use crate::range::check;

/// Hidden layers, the same in every network of an algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HiddenConfig {
    /// Widths; at least one.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
}

impl Default for HiddenConfig {
    fn default() -> Self {
        Self::relu(&[64, 64])
    }
}

impl HiddenConfig {
    /// Rectified layers of the given widths.
    pub fn relu(hidden: &[usize]) -> Self {
        Self { hidden: hidden.to_vec(), activation: Activation::Relu }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let fits = !self.hidden.is_empty() && !self.hidden.contains(&0);
        check("network.hidden", fits, "at least one layer, each of at least 1", &self.hidden)
    }
}

/// Fails unless actions are choices.
pub(crate) fn require_choices(spec: &EnvSpec) -> Result<()> {
    let fits = !matches!(spec.action_space, ActionSpace::Box(_));
    check("action space", fits, "choices (Discrete or MultiDiscrete)", &spec.action_space)
}

/// Fails unless actions are numbers.
pub(crate) fn require_numbers(spec: &EnvSpec) -> Result<()> {
    let fits = matches!(spec.action_space, ActionSpace::Box(_));
    check("action space", fits, "numbers (Box)", &spec.action_space)
}
