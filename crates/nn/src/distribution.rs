//! Distributions over actions: independent categorical heads with masks, and diagonal Gaussians.
//!
//! They work on whole batches, in the network's output buffer: rows are `stride` apart, and `backward` replaces
//! what the network put there with its gradient. One categorical head is the case of a list of one.
//!
//! Left out: squashed Gaussians.

mod categorical;
mod gaussian;

use serde::{Deserialize, Serialize};

pub use categorical::{CategoricalCache, MultiCategorical};
pub use gaussian::Gaussian;

/// What a policy's outputs mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionHead {
    /// Logits of one choice.
    Discrete(usize),
    /// Logits of several independent choices, one after the other.
    MultiDiscrete(Vec<usize>),
    /// Means of independent normal variables; their standard deviations do not depend on the observation.
    Gaussian(usize),
}

impl ActionHead {
    /// Numbers in one action.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete(_) => 1,
            Self::MultiDiscrete(choices) => choices.len(),
            Self::Gaussian(width) => *width,
        }
    }

    /// Numbers the network puts out for one action.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Discrete(count) | Self::Gaussian(count) => *count,
            Self::MultiDiscrete(choices) => choices.iter().sum(),
        }
    }

    /// Number of alternatives of each choice; empty for a Gaussian.
    pub fn choices(&self) -> &[usize] {
        match self {
            Self::Discrete(count) => std::slice::from_ref(count),
            Self::MultiDiscrete(choices) => choices,
            Self::Gaussian(_) => &[],
        }
    }
}

/// Actions of a batch, `rows × width`.
#[derive(Clone, Copy, Debug)]
pub enum ActionSlice<'a> {
    /// Indices of choices.
    Choices(&'a [u32]),
    /// Real numbers.
    Numbers(&'a [f32]),
}

/// Actions of a batch to be written, `rows × width`.
#[derive(Debug)]
pub enum ActionSliceMut<'a> {
    /// Indices of choices.
    Choices(&'a mut [u32]),
    /// Real numbers.
    Numbers(&'a mut [f32]),
}

impl ActionSliceMut<'_> {
    /// Entries over all rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Choices(choices) => choices.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part from entry `start` on, `count` entries long.
    pub fn part(&mut self, start: usize, count: usize) -> ActionSliceMut<'_> {
        match self {
            Self::Choices(choices) => ActionSliceMut::Choices(&mut choices[start..start + count]),
            Self::Numbers(numbers) => ActionSliceMut::Numbers(&mut numbers[start..start + count]),
        }
    }
}

#[cfg(test)]
mod tests;
