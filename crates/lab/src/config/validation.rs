//! Settings of validation: when a policy is scored during training, on which days, and what follows from it.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// See the module. The score is the one of [`crate::validation`]; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// Environment steps between two validations; 0: none, and no day is held out.
    pub every_timesteps: u64,
    /// Training days of each traffic that are held out for it, the last ones.
    pub days: usize,
    /// Simulations of each held-out day.
    pub seeds: u64,
    /// Training ends after so many validations in a row without a better score; 0: never.
    pub patience: u32,
    /// Training ends once the score is at or below this; 0: never.
    pub target_score: f64,
    /// What a percentage point of violated windows over the budget adds to the score, in hundredths; see the score.
    pub violation_weight: f64,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { every_timesteps: 0, days: 1, seeds: 1, patience: 0, target_score: 0.0, violation_weight: 10.0 }
    }
}

/// Which policy a finished run reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The last one.
    #[default]
    Last,
    /// The one with the best validation score.
    Best,
}

impl ValidationConfig {
    /// Whether there is any.
    pub fn is_on(&self) -> bool {
        self.every_timesteps > 0
    }

    pub(super) fn validate(&self, select: Select) -> Result<()> {
        let wrong = |key: &str, message: String| Err(Error::config(format!("validation.{key}"), message));
        if self.days == 0 {
            return wrong("days", "is 0, expected at least 1".to_owned());
        }
        if self.seeds == 0 {
            return wrong("seeds", "is 0, expected at least 1".to_owned());
        }
        for (key, value) in [("target_score", self.target_score), ("violation_weight", self.violation_weight)]
        {
            if !(value >= 0.0 && value.is_finite()) {
                return wrong(key, format!("is {value}, expected zero or more"));
            }
        }
        if self.is_on() {
            return Ok(());
        }
        let needs = "is 0, which is never, expected some steps for";
        if select == Select::Best {
            return wrong("every_timesteps", format!("{needs} select = \"best\""));
        }
        if self.patience > 0 {
            return wrong("every_timesteps", format!("{needs} validation.patience"));
        }
        if self.target_score > 0.0 {
            return wrong("every_timesteps", format!("{needs} validation.target_score"));
        }
        Ok(())
    }
}
