//! Scoring a policy during training, on training days that it does not train on.
//!
//! The score is one number, less is better:
//!
//! ```text
//! score = cost + violation_weight × max(0, violated − allowed)
//! ```
//!
//! *cost* is the requested core-hours over those of the inner HPA on the same days and seeds; *violated* is the share
//! of SLO windows violated, *allowed* the violation budget of the calibration or the inner HPA's own share there,
//! whichever is more. An HPA scores 1; with the default weight of 10, a percentage point of violations over the budget
//! costs as much as a tenth of the HPA's cost. It is the same for every goal, so that scores can be compared.
//!
//! Every validation meets the same arrivals, which no run's seed changes. Left out: test days, which nothing here sees.

use crate::{
    Error, Result, applications,
    config::RunConfig,
    evaluation::{Detail, Scenario},
    parallel, policy_file,
    traffic::{Day, Traffic},
    training,
};
use serde::{Deserialize, Serialize};
use trimtab_control::Autoscaler;
use trimtab_model::Application;
use trimtab_nn::Policy;
use trimtab_sim::Tally;

/// Seeds of validation start here; calibration and settling use those from 1,000.
const FIRST_SEED: u64 = 2_000;

/// The training days of a configuration, in two parts.
#[derive(Clone)]
pub struct Split {
    /// To calibrate and to train on.
    pub train: Vec<Day>,
    /// Held out; empty where validation is off.
    pub validation: Vec<Day>,
}

/// What a policy did on the held-out days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// See the module; less is better.
    pub score: f64,
    /// Requested core-hours over those of the inner HPA.
    pub cost: f64,
    /// Requested core-hours a day.
    pub core_hours: f64,
    /// Share of SLO windows violated.
    pub violation_share: f64,
    /// Mean reward of a day, that of the goal `cost`.
    pub reward: f64,
}

/// Scores policies of one configuration.
pub struct Validation {
    config: RunConfig,
    scenario: Scenario,
    days: Vec<Day>,
    threads: usize,
    /// The inner HPA's core-hours a day.
    core_hours: f64,
    /// Share of windows that may be violated.
    allowed: f64,
}

impl Split {
    /// The training days of all traffic of a configuration; where validation is on, the last of each are held out.
    ///
    /// # Errors
    /// As [`Traffic::load`], or [`Error::Config`] where no day would be left to train on.
    pub fn load(config: &RunConfig, application: &Application) -> Result<Self> {
        let mut split = Self { train: Vec::new(), validation: Vec::new() };
        let held_out = if config.validation.is_on() { config.validation.days } else { 0 };
        for traffic in &config.traffic {
            let mut days = Traffic::load(traffic, application)?.train;
            if days.len() <= held_out && held_out > 0 {
                let message = format!(
                    "is {held_out}, expected fewer than the {} training days of {}",
                    days.len(),
                    traffic.source
                );
                return Err(Error::config("validation.days", message));
            }
            split.validation.extend(days.split_off(days.len() - held_out));
            split.train.extend(days);
        }
        if split.train.is_empty() {
            return Err(Error::config("traffic.train", "names no day, expected at least one"));
        }
        Ok(split)
    }
}

impl Validation {
    /// Scores the inner HPA of `config` on `days`, to measure others by.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn new(config: &RunConfig, days: Vec<Day>, threads: usize) -> Result<Self> {
        let scenario = training::scenario(config)?;
        let (core_hours, allowed) = (1.0, 0.0);
        let mut this = Self { config: config.clone(), scenario, days, threads, core_hours, allowed };
        let application = applications::load(&config.env)?;
        let inner = this
            .evaluate(&|| Ok(Box::new(policy_file::inner(config, &application)?) as Box<dyn Autoscaler>))?;
        this.core_hours = inner.core_hours.max(f64::MIN_POSITIVE);
        this.allowed = config.inner.calibration.violation_budget.max(inner.violation_share);
        Ok(this)
    }

    /// The same days and the same measure for policies of another configuration, which may differ in anything but the
    /// application and the traffic.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn of(&self, config: &RunConfig) -> Result<Self> {
        let (config, scenario) = (config.clone(), training::scenario(config)?);
        Ok(Self { config, scenario, days: self.days.clone(), ..*self })
    }

    /// What `policy` does without exploration.
    ///
    /// # Errors
    /// A policy that does not fit the configuration.
    pub fn policy(&self, policy: &Policy) -> Result<Evaluation> {
        self.evaluate(&|| {
            let learned = policy_file::learned(policy.clone(), &self.config, &self.scenario.application)?;
            Ok(Box::new(learned) as Box<dyn Autoscaler>)
        })
    }

    /// What an autoscaler does.
    ///
    /// # Errors
    /// An autoscaler that cannot be built.
    pub fn evaluate(&self, build: &(dyn Fn() -> Result<Box<dyn Autoscaler>> + Sync)) -> Result<Evaluation> {
        let (days, seeds) = (self.days.len(), self.config.validation.seeds);
        let runs = parallel::map(days * seeds as usize, self.threads, |i| {
            let seed = FIRST_SEED + i as u64;
            self.scenario.run_day(build()?.as_mut(), &self.days[i % days], seed, Detail::Sums)
        });
        let (mut sum, mut reward) = (Tally::default(), 0.0);
        let count = runs.len().max(1) as f64;
        for run in runs {
            let run = run?;
            sum += run.tally;
            reward += run.score.reward;
        }
        let core_hours = sum.core_hours() * 86_400.0 / sum.seconds.max(1.0);
        let cost = core_hours / self.core_hours;
        let violation_share = sum.violation_share();
        let excess = (violation_share - self.allowed).max(0.0);
        let score = cost + self.config.validation.violation_weight * excess;
        Ok(Evaluation { score, cost, core_hours, violation_share, reward: reward / count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ValidationConfig;

    fn config() -> RunConfig {
        let mut config = RunConfig {
            env: "redis".to_owned(),
            validation: ValidationConfig { every_timesteps: 1, days: 2, ..ValidationConfig::default() },
            ..RunConfig::default()
        };
        config.inner.target_percent = vec![80, 80];
        config
    }

    #[test]
    fn held_out_days_are_training_days_that_are_not_trained_on() {
        let application = applications::load("redis").unwrap();
        let labels = |days: &[Day]| days.iter().map(|day| day.label.clone()).collect::<Vec<_>>();
        let whole = Traffic::load(&RunConfig::default().traffic[0], &application).unwrap();
        let split = Split::load(&config(), &application).unwrap();
        assert_eq!([labels(&split.train), labels(&split.validation)].concat(), labels(&whole.train));
        assert_eq!(split.validation.len(), 2);
        assert!(labels(&whole.test).iter().all(|day| !labels(&split.validation).contains(day)));
        let off = RunConfig { validation: ValidationConfig::default(), ..config() };
        assert!(Split::load(&off, &application).unwrap().validation.is_empty());
    }

    #[test]
    fn a_day_is_left_to_train_on() {
        let application = applications::load("redis").unwrap();
        let mut config = config();
        config.validation.days = 9;
        let text = Split::load(&config, &application).err().unwrap().to_string();
        assert_eq!(text, "validation.days: is 9, expected fewer than the 9 training days of worldcup98");
    }

    #[test]
    fn a_policy_with_memory_begins_every_day_with_an_empty_one() {
        let config = config();
        let application = applications::load("redis").unwrap();
        let env = crate::environment::Environment::new(
            &config,
            &application,
            Split::load(&config, &application).unwrap().train,
            &policy_file::inner(&config, &application).unwrap(),
        )
        .unwrap();
        let recurrence =
            Some(trimtab_nn::Recurrence { hidden_size: 8, critic: trimtab_nn::CriticRecurrence::Separate });
        // Gains of 1: decisions that depend on what is remembered.
        let network = trimtab_rl::NetworkConfig {
            recurrence,
            output_gain: 1.0,
            ..trimtab_rl::NetworkConfig::default()
        };
        let ppo = trimtab_rl::PpoConfig { network, ..config.ppo.clone() };
        let ppo = trimtab_rl::Ppo::new(ppo, trimtab_rl::VecEnv::spec(&env), vec![], 1).unwrap();
        let policy = ppo.policies().swap_remove(0);
        let validation =
            Validation::new(&config, Split::load(&config, &application).unwrap().validation, 1).unwrap();
        let mut learned = policy_file::learned(policy, &config, &application).unwrap();
        let mut day = |at: usize| {
            let day = &validation.days[at];
            validation.scenario.run_day(&mut learned, day, 1, Detail::Sums).unwrap().score
        };
        let (first, other, again) = (day(0), day(1), day(0));
        assert!(first == again && first != other);
    }

    #[test]
    fn the_inner_hpa_scores_one_and_twice_its_cost_two() {
        let config = config();
        let application = applications::load("redis").unwrap();
        let days = Split::load(&config, &application).unwrap().validation;
        let validation = Validation::new(&config, days[..1].to_vec(), 1).unwrap();
        let hpa = || Ok(Box::new(policy_file::inner(&config, &application)?) as Box<dyn Autoscaler>);
        let evaluation = validation.evaluate(&hpa).unwrap();
        assert_eq!((evaluation.score, evaluation.cost), (1.0, 1.0));
        let few = || Ok(Box::new(trimtab_control::Fixed::new(vec![1, 1])) as Box<dyn Autoscaler>);
        let scarce = validation.evaluate(&few).unwrap();
        let excess = scarce.violation_share - validation.allowed;
        assert!(excess > 0.0 && (scarce.score - scarce.cost - 10.0 * excess).abs() < 1e-12, "{scarce:?}");
    }
}
