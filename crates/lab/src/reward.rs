//! Rewards as weighted, named terms over what happened in one interval.
//!
//! Every row of the environment gets its own sum: terms about a service count for that service's row (or all of
//! them, when one row stands for the application), terms about the application for every row, weighted as the
//! environment gives credit.
//!
//! Left out: constraints, which travel beside the reward ([`Signals::violation`], [`Signals::latency`]).

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happened in one interval, from which terms are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signals {
    /// Share of the interval's SLO windows that were violated.
    pub violation: f32,
    /// Mean over these windows of p95 over the bound, at most [`LATENCY_CAP`].
    pub latency: f32,
    /// Share of requests that failed or were slow.
    pub slow: f32,
    /// Moves that would have left a service's bounds.
    pub invalid: f32,
}

/// What one service did in the interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceSignals {
    /// Requested cores over those of one replica of every service.
    pub cost: f32,
    /// Replicas changed.
    pub churn: f32,
    /// 1 when replicas equal what an HPA formula would ask for.
    pub desired: f32,
}

/// The largest value of [`Signals::latency`]: beyond it, worse is not told apart.
pub const LATENCY_CAP: f32 = 4.0;

/// A reward term.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// Name in the configuration.
    pub name: &'static str,
    /// Meaning, unit and sign.
    pub meaning: &'static str,
}

/// Every term.
pub const TERMS: [Term; 7] = [
    Term {
        name: "cost",
        meaning: "less the requested cores, over those of one replica of every service (own service)",
    },
    Term { name: "latency", meaning: "less p95 over the SLO's bound, at most 4 (application)" },
    Term { name: "violation", meaning: "less the share of SLO windows violated (application)" },
    Term {
        name: "slow",
        meaning: "less the share of requests that failed or were over the bound (application)",
    },
    Term { name: "churn", meaning: "less the replicas changed (own service)" },
    Term {
        name: "desired",
        meaning: "1 when replicas equal ceil(replicas × CPU / 75 % of the request) (own service)",
    },
    Term { name: "invalid", meaning: "less the moves that would have left a service's bounds (application)" },
];

/// What an environment is after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Few cores, with a price on violations.
    Cost,
    /// Low latency, with a small price on cores.
    Latency,
    /// Few cores under a constraint on latency, by Lagrangian relaxation.
    #[default]
    Multi,
}

impl Goal {
    /// Terms and weights of the goal unless the configuration says otherwise.
    pub fn weights(self) -> BTreeMap<String, f64> {
        let terms: &[(&str, f64)] = match self {
            Self::Cost => &[("cost", 1.0), ("violation", 10.0), ("churn", 0.01), ("invalid", 1.0)],
            Self::Latency => &[("latency", 1.0), ("cost", 0.05), ("churn", 0.01), ("invalid", 1.0)],
            Self::Multi => &[("cost", 1.0), ("churn", 0.01), ("invalid", 1.0)],
        };
        terms.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }
}

/// Weighted terms, ready to use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reward {
    weights: [f32; TERMS.len()],
}

impl Reward {
    /// Terms by name with their weights.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a term that does not exist, [`Error::Config`] for a weight that is not a number.
    pub fn new(weights: &BTreeMap<String, f64>) -> Result<Self> {
        let mut reward = Self::default();
        for (name, &weight) in weights {
            let Some(at) = TERMS.iter().position(|t| t.name == name) else {
                return Err(Error::unknown("reward term", name, TERMS.iter().map(|t| t.name)));
            };
            if !weight.is_finite() {
                return Err(Error::config(
                    format!("reward.{name}"),
                    format!("is {weight}, expected a number"),
                ));
            }
            reward.weights[at] = weight as f32;
        }
        Ok(reward)
    }

    /// The part that every row shares.
    #[inline]
    pub fn shared(&self, signals: &Signals) -> f32 {
        let w = &self.weights;
        -(w[1] * signals.latency + w[2] * signals.violation + w[3] * signals.slow + w[6] * signals.invalid)
    }

    /// The part of one service.
    #[inline]
    pub fn own(&self, service: &ServiceSignals) -> f32 {
        let w = &self.weights;
        w[5] * service.desired - w[0] * service.cost - w[4] * service.churn
    }

    /// Whether `desired` counts, which takes the trouble to compute.
    pub fn uses_desired(&self) -> bool {
        self.weights[5] != 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reward_is_the_weighted_sum_of_its_terms() {
        let reward = Reward::new(&Goal::Cost.weights()).unwrap();
        let shared = reward.shared(&Signals { violation: 0.5, ..Signals::default() });
        let own = reward.own(&ServiceSignals { cost: 0.3, churn: 2.0, desired: 1.0 });
        assert!((shared + 5.0).abs() < 1e-6 && (own + 0.32).abs() < 1e-6);
    }

    #[test]
    fn an_unknown_term_names_the_nearest() {
        let weights = BTreeMap::from([("latancy".to_owned(), 1.0)]);
        assert!(Reward::new(&weights).unwrap_err().to_string().contains("did you mean \"latency\""));
    }
}
