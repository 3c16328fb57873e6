//! Constraints by Lagrangian relaxation: bounds on mean costs, each with a learned multiplier.
//!
//! The policy maximises `reward − Σ λᵢ·costᵢ`, and every iteration moves λᵢ by the constraint's error
//! `eᵢ = (mean cost per step − limit) / limit`: integral gain alone is plain dual ascent, all three gains are the
//! PID controller of Stooke, Achiam & Abbeel 2020 (arXiv:2007.03964), whose proportional and derivative terms damp
//! the oscillation of the integral. The error is relative, so that one set of gains serves bounds of any unit.
//!
//! What is collected is the cost of actions that are drawn, while a policy is used with its most probable ones, whose cost
//! can be far above or below. Whoever [measures](Multiplier::measured) that too has the bound hold for it: each collected
//! cost is multiplied by the ratio of the two, a moving average.
//!
//! Left out: bounds on discounted sums or on single steps.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A bound on the mean of one of the environment's cost signals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstraintConfig {
    /// Name of the signal in [`EnvSpec::costs`](crate::EnvSpec::costs).
    pub name: String,
    /// Largest allowed mean cost per step, in the signal's unit; above 0.
    pub limit: f64,
    /// Proportional gain, at least 0.
    #[serde(default)]
    pub kp: f64,
    /// Integral gain (the learning rate of plain dual ascent), at least 0.
    #[serde(default = "default_ki")]
    pub ki: f64,
    /// Derivative gain on a growing cost, at least 0.
    #[serde(default)]
    pub kd: f64,
    /// First multiplier, at least 0; above 0 only with an integral gain.
    #[serde(default)]
    pub initial_multiplier: f64,
    /// Largest multiplier, above 0.
    #[serde(default = "default_max_multiplier")]
    pub max_multiplier: f64,
}

fn default_ki() -> f64 {
    0.05
}

fn default_max_multiplier() -> f64 {
    100.0
}

impl ConstraintConfig {
    /// Plain dual ascent with the default rate.
    pub fn new(name: impl Into<String>, limit: f64) -> Self {
        Self {
            name: name.into(),
            limit,
            kp: 0.0,
            ki: default_ki(),
            kd: 0.0,
            initial_multiplier: 0.0,
            max_multiplier: default_max_multiplier(),
        }
    }

    fn validate(&self) -> Result<()> {
        let gain = |value: f64| value >= 0.0 && value.is_finite();
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let checks = [
            ("limit", self.limit, positive(self.limit), "a number above 0"),
            ("kp", self.kp, gain(self.kp), "a number of at least 0"),
            ("ki", self.ki, gain(self.ki), "a number of at least 0"),
            ("kd", self.kd, gain(self.kd), "a number of at least 0"),
            ("max_multiplier", self.max_multiplier, positive(self.max_multiplier), "a number above 0"),
            (
                "initial_multiplier",
                self.initial_multiplier,
                (0.0..=self.max_multiplier).contains(&self.initial_multiplier)
                    && (self.ki > 0.0 || self.initial_multiplier == 0.0),
                "0, or with an integral gain a number up to max_multiplier",
            ),
        ];
        match checks.into_iter().find(|(_, _, ok, _)| !ok) {
            None => Ok(()),
            Some((key, found, _, expected)) => Err(Error::Config {
                key: format!("constraint {:?}: {key}", self.name),
                expected: expected.into(),
                found: found.to_string(),
            }),
        }
    }
}

/// Share of a new measurement in the moving average of the correction: measurements are of few episodes.
const CORRECTION_RATE: f64 = 0.3;

/// A constraint with its multiplier's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Multiplier {
    config: ConstraintConfig,
    /// Index of the signal among the environment's costs.
    cost: usize,
    /// Contribution of the integral term, kept between 0 and the largest multiplier so that it cannot wind up.
    integral: f64,
    /// Relative cost of the last iteration.
    last: Option<f64>,
    value: f64,
    /// Cost of the most probable actions over that of the drawn ones, as far as it was measured.
    #[serde(default = "uncorrected")]
    correction: f64,
    /// Sum and number of the collected costs since the last measurement.
    #[serde(default)]
    collected: (f64, u32),
}

fn uncorrected() -> f64 {
    1.0
}

impl Multiplier {
    /// Starts the multiplier of a constraint on one of the costs named in `costs`.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown name or a number outside its range.
    pub fn new(config: ConstraintConfig, costs: &[&'static str]) -> Result<Self> {
        config.validate()?;
        let Some(cost) = costs.iter().position(|name| *name == config.name) else {
            return Err(Error::Config {
                key: "constraint".into(),
                expected: format!("one of the environment's costs {costs:?}"),
                found: format!("{:?}", config.name),
            });
        };
        let value = config.initial_multiplier;
        let (correction, collected) = (uncorrected(), (0.0, 0));
        Ok(Self { config, cost, integral: value, last: None, value, correction, collected })
    }

    /// The bound.
    pub fn config(&self) -> &ConstraintConfig {
        &self.config
    }

    /// Index of the signal among the environment's costs.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// λ.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// What collected costs are multiplied by: 1 until one is measured.
    pub fn correction(&self) -> f64 {
        self.correction
    }

    /// Takes in the mean cost per step of the policy as it is used, measured now.
    pub fn measured(&mut self, mean_cost: f64) {
        let (sum, iterations) = std::mem::take(&mut self.collected);
        if sum > 0.0 {
            let ratio = mean_cost * f64::from(iterations) / sum;
            self.correction += CORRECTION_RATE * (ratio - self.correction);
        }
    }

    /// Moves λ by the mean cost per step of one iteration.
    pub fn update(&mut self, mean_cost: f64) {
        let ConstraintConfig { limit, kp, ki, kd, max_multiplier, .. } = self.config;
        self.collected = (self.collected.0 + mean_cost, self.collected.1 + 1);
        let relative = self.correction * mean_cost / limit;
        let error = relative - 1.0;
        let growth = self.last.map_or(0.0, |last| (relative - last).max(0.0));
        self.integral = (self.integral + ki * error).clamp(0.0, max_multiplier);
        self.value = (kp * error + self.integral + kd * growth).clamp(0.0, max_multiplier);
        self.last = Some(relative);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multiplier(config: ConstraintConfig) -> Multiplier {
        Multiplier::new(config, &["other", "latency"]).unwrap()
    }

    #[test]
    fn integral_gain_alone_is_dual_ascent() {
        let mut plain = multiplier(ConstraintConfig { ki: 0.1, ..ConstraintConfig::new("latency", 2.0) });
        assert_eq!((plain.cost(), plain.value()), (1, 0.0));
        plain.update(4.0);
        plain.update(3.0);
        assert!((plain.value() - 0.15).abs() < 1e-12);
        (0..10).for_each(|_| plain.update(0.0));
        assert_eq!(plain.value(), 0.0, "a multiplier is never negative");
        plain.update(4.0);
        assert!((plain.value() - 0.1).abs() < 1e-12, "nor does it remember how far below the bound it was");
    }

    #[test]
    fn proportional_and_derivative_gains_answer_at_once() {
        let config = ConstraintConfig { kp: 1.0, ki: 0.0, kd: 10.0, ..ConstraintConfig::new("latency", 1.0) };
        let mut pid = multiplier(config);
        pid.update(1.5);
        assert!((pid.value() - 0.5).abs() < 1e-12);
        pid.update(1.7);
        assert!((pid.value() - 2.7).abs() < 1e-9);
        pid.update(1.2);
        assert!((pid.value() - 0.2).abs() < 1e-9, "a falling cost has no derivative term");
    }

    #[test]
    fn multipliers_stay_below_their_maximum() {
        let config = ConstraintConfig { max_multiplier: 0.3, ..ConstraintConfig::new("latency", 1.0) };
        let mut bounded = multiplier(config);
        (0..100).for_each(|_| bounded.update(9.0));
        assert_eq!(bounded.value(), 0.3);
    }

    #[test]
    fn a_bound_holds_for_the_cost_that_is_measured() {
        let mut measured = multiplier(ConstraintConfig { ki: 0.1, ..ConstraintConfig::new("latency", 2.0) });
        // Drawn actions cost a quarter more than the most probable ones, which are at the bound.
        for _ in 0..40 {
            (0..5).for_each(|_| measured.update(2.5));
            measured.measured(2.0);
        }
        assert!((measured.correction() - 0.8).abs() < 1e-3);
        let before = measured.value();
        measured.update(2.5);
        assert!((measured.value() - before).abs() < 1e-3, "at the bound nothing moves");
        measured.measured(5.0);
        assert!((measured.correction() - (0.8 + 0.3 * (2.0 - 0.8))).abs() < 1e-3);
        let correction = measured.correction();
        measured.measured(7.0);
        assert_eq!(measured.correction(), correction, "nothing was collected that it could be compared with");
    }

    #[test]
    fn impossible_constraints_are_named() {
        let error = |config| Multiplier::new(config, &["latency"]).unwrap_err().to_string();
        let good = ConstraintConfig::new("latency", 1.0);
        assert!(error(ConstraintConfig::new("latnecy", 1.0)).contains("[\"latency\"], found \"latnecy\""));
        assert!(error(ConstraintConfig::new("latency", 0.0)).contains("limit: expected a number above 0"));
        assert!(error(ConstraintConfig { kp: -1.0, ..good.clone() }).contains("kp"));
        assert!(
            error(ConstraintConfig { ki: 0.0, initial_multiplier: 1.0, ..good })
                .contains("initial_multiplier")
        );
    }
}
