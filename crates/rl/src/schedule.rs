//! Hyper-parameters that change over a run.
//!
//! Left out: schedules that depend on what was learned (see `target_kl`).

use serde::{Deserialize, Serialize};

/// A value as a function of the progress of a run. In a file a number, or `{ linear = number }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// From the first value straight down to 0 at the end.
    Linear(Linear),
}

/// A straight line to 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Value at the start.
    pub linear: f64,
}

impl Schedule {
    /// A straight line from `start` to 0.
    pub fn linear(start: f64) -> Self {
        Self::Linear(Linear { linear: start })
    }

    /// Value at the start.
    pub fn start(self) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Linear(line) => line.linear,
        }
    }

    /// Value when `progress_remaining` (1 at the start, 0 at the end, as in Stable-Baselines3) is left.
    pub fn at(self, progress_remaining: f64) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Linear(line) => line.linear * progress_remaining,
        }
    }
}

impl From<f64> for Schedule {
    fn from(value: f64) -> Self {
        Self::Constant(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_give_a_number_or_a_line() {
        let read = |text: &str| serde_json::from_str::<Schedule>(text);
        assert_eq!(read("0.5").unwrap(), Schedule::Constant(0.5));
        assert_eq!(read("{\"linear\": 0.5}").unwrap(), Schedule::linear(0.5));
        assert!(read("{\"linaer\": 0.5}").is_err());
        assert!(read("\"fast\"").is_err());
    }

    #[test]
    fn a_line_ends_at_zero() {
        assert_eq!(Schedule::linear(0.5).at(1.0), 0.5);
        assert_eq!(Schedule::linear(0.5).at(0.25), 0.125);
        assert_eq!(Schedule::linear(0.5).at(0.0), 0.0);
        assert_eq!(Schedule::Constant(0.5).at(0.0), 0.5);
    }
}
