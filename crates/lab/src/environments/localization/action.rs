//! What an agent may do, which limit it asks for with it, and who gets it where the budget is short.
//!
//! Left out: when a limit comes into force, which is the pod's to say.

use super::LocalizationConfig;
use serde::{Deserialize, Serialize};
use trimtab_rl::ActionSpace;

/// Kinds of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Less, the same or more by `increment`.
    Discrete3,
    /// A change by −1, −0.5, 0, 0.5 or 1 of `scale_action`.
    Discrete5,
    /// A change by −1, −0.8, … 1 of `scale_action`.
    Discrete11,
    /// A change by any share of `scale_action`.
    #[default]
    Continuous,
    /// A share of the budget.
    Instant,
}

impl ActionKind {
    /// Whether it is a choice, not a number.
    pub fn is_choice(self) -> bool {
        self.choices().is_some()
    }

    /// Choices, if it is one.
    pub fn choices(self) -> Option<usize> {
        match self {
            Self::Discrete3 => Some(3),
            Self::Discrete5 => Some(5),
            Self::Discrete11 => Some(11),
            Self::Continuous | Self::Instant => None,
        }
    }

    /// Its space.
    pub fn space(self) -> ActionSpace {
        self.choices().map_or(ActionSpace::Box(1), ActionSpace::Discrete)
    }

    /// From −1 to 1: what a choice of `choices` stands for.
    pub fn factor(choice: f64, choices: usize) -> f64 {
        let most = (choices - 1) as f64;
        (2.0 * choice - most) / most
    }

    /// Limit that an action asks for, in whole millicores, whatever the budget.
    pub fn wish(self, action: f64, limit: u32, budget: u32, config: &LocalizationConfig) -> u32 {
        let change = match self {
            Self::Discrete3 => f64::from(config.increment) * (action - 1.0),
            Self::Discrete5 => f64::from(config.scale_action) * Self::factor(action, 5),
            Self::Discrete11 => f64::from(config.scale_action) * Self::factor(action, 11),
            Self::Continuous => f64::from(config.scale_action) * action,
            Self::Instant => f64::from(budget) * 0.5 * (action + 1.0) - f64::from(limit),
        };
        // What is below zero becomes zero.
        ((f64::from(limit) + change).round() as u32).max(config.min_cpu)
    }
}

/// Who is given what is left of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turns {
    /// All at once: who asks for less gives first, and what there is then is shared in proportion to what was asked for.
    #[default]
    Simultaneous,
    /// One after the other, each with what the ones before it left.
    Sequential,
}

impl Turns {
    /// Writes the limits that are carried out, given those that there are and those that are asked for. Nobody is given more
    /// than what is left of `budget`, and nobody loses what he has because others ask.
    pub fn settle(self, budget: u32, limits: &mut [u32], wishes: &[u32]) {
        let mut left = i64::from(budget) - limits.iter().map(|limit| i64::from(*limit)).sum::<i64>();
        match self {
            Self::Sequential => {
                for (limit, wish) in limits.iter_mut().zip(wishes) {
                    let change = (i64::from(*wish) - i64::from(*limit)).min(left.max(0));
                    *limit = (i64::from(*limit) + change).max(0) as u32;
                    left -= change;
                }
            }
            Self::Simultaneous => {
                let mut asked = 0;
                for (limit, wish) in limits.iter_mut().zip(wishes) {
                    if wish < limit {
                        left += i64::from(*limit - *wish);
                        *limit = *wish;
                    }
                    asked += i64::from(wish.saturating_sub(*limit));
                }
                let share = if asked > left { left.max(0) as f64 / asked as f64 } else { 1.0 };
                for (limit, wish) in limits.iter_mut().zip(wishes) {
                    *limit += (share * f64::from(wish.saturating_sub(*limit))) as u32;
                }
            }
        }
    }
}
