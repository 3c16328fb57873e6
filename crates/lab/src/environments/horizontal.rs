//! `redis_gym`, `online_boutique_gym`, `chained_services_gym`, and `horizontal` for any application: replicas of the services of an
//! application, by the spaces of gym-hpa.
//!
//! Each step an agent sees six numbers of every deployment and changes replicas; an episode has 25 steps. Names are gym-hpa's own
//! (`redis_gym`, `online_boutique_gym`), because the plain ones are applications', whose environments decide otherwise
//! ([`crate::environment`]). What follows an action is the simulated cluster's ([`simulated`]) or, with a table, what was recorded with
//! such replicas ([`recorded`]); both give and take the published table, so that a run makes a data set.
//!
//! Left out: the rules of the originals where they are defects; [`crate::compat::gym_hpa`] has them.

pub mod baseline;
mod describe;
pub mod graph;
mod load;
pub mod numbers;
pub mod recorded;
mod rules;
pub mod simulated;
pub mod table;

pub use load::Waveform;
pub use numbers::Number;
pub use recorded::Recorded;
pub use rules::{
    ActionForm, Deployment, FEATURES, Observation, Reading, Rules, Scale, TERMS, desired_replicas,
};
pub use simulated::Simulated;

use super::{Env, Family, Registered, task_env::TaskEnv};
use crate::{Error, Result, applications, config::RunConfig, reward::Goal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::Table;
use trimtab_model::Application;

/// Settings of the horizontal environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HorizontalConfig {
    /// Application: one that ships, a file (`.toml`, or `.json` of k8s-hpa's topologies), or `generated-N-S`, N services from
    /// seed S; empty: the environment's own.
    pub application: String,
    /// What an action is: `delta` (a change of every deployment), `move` (gym-hpa's: which deployment, and one of 15 moves, apart)
    /// or `pair` (the two as one choice).
    pub action: ActionForm,
    /// Largest change of `delta`, 1 to 7.
    pub delta: u32,
    /// Forbid what leads out of the bounds instead of punishing it; the entries of `move` are chosen apart, so that nothing can be
    /// forbidden there.
    pub masked: bool,
    /// What is seen: `flat`, or `graph`, numbers of the deployments and then who calls whom.
    pub observation: Observation,
    /// What is seen of a deployment, in this order (see [`Number`]); empty: gym-hpa's six where observations are flat, and where they are
    /// graphs those that mean the same for any deployment of any application.
    pub numbers: Vec<Number>,
    /// How numbers are given: `relative` to targets, alike for every application, or as `published`, in the published bounds.
    pub scale: Scale,
    /// Calls between deployments instead of the application's: a file of `source,destination` lines; empty: the
    /// application's.
    pub edges: String,
    /// Steps of an episode.
    pub steps: u32,
    /// Seconds of a step in the simulated cluster.
    pub interval_secs: f64,
    /// Traffic: `constant`, `sine`, `step`, `bursty`, or a published scenario, `offpeak peak rushsale fluctuating`, whose
    /// users ask once a second when answers come at once (see `sim.load`).
    pub load: Waveform,
    /// Mean requests a second of the first four shapes, or users in the largest phase of a scenario; 0: a fifth of what
    /// the application can serve at most, or the published users.
    pub rate: f64,
    /// Largest factor, up or down, on the traffic of an episode, drawn anew for each (evenly on a logarithmic scale); 1: none.
    pub rate_spread: f64,
    /// How far the shapes leave their mean, as a share of it, 0 to 1.
    pub amplitude: f64,
    /// Seconds of a wave, of two steps, or of eight bursts' slots; an episode starts anywhere in it.
    pub period_secs: f64,
    /// Kilobytes of a call, for the traffic that is seen; 0: one, and 0.11 for `redis`.
    pub call_kilobytes: f64,
    /// The largest latency that counts, in ms, and the price of an invalid action under the goal `latency`; 0: the published
    /// one (250 for `redis`, 3000 for `online_boutique`), else six times the objective of the application.
    pub latency_cap_ms: f64,
    /// Bound on the mean latency under the goal `multi`, in ms; 0: half of the application's objective for p95.
    pub latency_bound_ms: f64,
    /// Terms of the reward and their weights; empty: the goal's.
    pub weights: BTreeMap<String, f64>,
    /// A recorded table instead of the simulated cluster: a file in gym-hpa's observation format.
    pub table: String,
}

impl Default for HorizontalConfig {
    fn default() -> Self {
        Self {
            application: String::new(),
            action: ActionForm::Delta,
            delta: 2,
            masked: true,
            observation: Observation::Flat,
            numbers: Vec::new(),
            scale: Scale::Relative,
            edges: String::new(),
            steps: 25,
            interval_secs: 30.0,
            load: Waveform::Sine,
            rate: 0.0,
            rate_spread: 1.0,
            amplitude: 0.6,
            period_secs: 900.0,
            call_kilobytes: 0.0,
            latency_cap_ms: 0.0,
            latency_bound_ms: 0.0,
            weights: BTreeMap::new(),
            table: String::new(),
        }
    }
}

const SOURCE: &str = "jpedro1992/gym-hpa and julien6/k8s-hpa (spaces, formulas, goals), SlyPex/graph-gym-hpa and ntu-ben/GRLScaler (graphs)";

/// Replicas of Redis' leader and followers.
pub const REDIS: Registered =
    registered("redis_gym", "replicas of Redis' leader and follower, as in gym-hpa");
/// Replicas of Online Boutique.
pub const ONLINE_BOUTIQUE: Registered =
    registered("online_boutique_gym", "replicas of the 11 services of Online Boutique, as in gym-hpa");
/// Replicas of the diamond of four services.
pub const CHAINED_SERVICES: Registered = Registered {
    defaults: CHAINED_DEFAULTS,
    ..registered(
        "chained_services_gym",
        "replicas of the four services of k8s-hpa's topology, which names them and has no environment",
    )
};
/// Replicas of any application.
pub const ANY: Registered = registered(
    "horizontal",
    "replicas of any application (horizontal.application), a generated one by default, as in gym-hpa",
);

const fn registered(name: &'static str, summary: &'static str) -> Registered {
    Registered {
        name,
        family: Family::Horizontal,
        summary,
        source: SOURCE,
        defaults: DEFAULTS,
        also_reads: &["goal", "sim", "constraint"],
        build,
        describe: describe::describe,
    }
}

const DEFAULTS: &str = include_str!("horizontal/defaults.toml");
/// One request in two hundred is answered with an error, which counts with the timeout, so that no replicas bring the mean latency much
/// below 110 ms.
const CHAINED_DEFAULTS: &str = concat!(
    "horizontal.rate = 90.0\nhorizontal.latency_bound_ms = 150.0\nsim.faults.enabled = true\nsim.faults.step_secs = 30.0\n",
    include_str!("horizontal/defaults.toml")
);

/// Settings, as TOML below the user's, of a policy of graphs that acts on applications it never saw.
pub const GRAPH_POLICY: &str = include_str!("horizontal/graph_policy.toml");

/// The application that a configuration means.
///
/// # Errors
/// As [`applications::load`].
pub fn application(config: &RunConfig) -> Result<Application> {
    if !config.horizontal.application.is_empty() {
        return applications::load(&config.horizontal.application);
    }
    applications::load(match config.env.as_str() {
        "redis_gym" => "redis",
        "online_boutique_gym" => "online_boutique",
        "chained_services_gym" => "chained_services",
        _ => "generated-6-0",
    })
}

/// The rules that a configuration means.
///
/// # Errors
/// A setting that cannot work.
pub fn rules(config: &RunConfig) -> Result<Rules> {
    Rules::new(config, &application(config)?)
}

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    let application = application(config)?;
    let rules = Rules::new(config, &application)?;
    if config.horizontal.table.is_empty() {
        return Ok(Box::new(Simulated::new(config, &application, rules, n_envs)?));
    }
    let table = Table::read(&config.horizontal.table, &rules.deployments)?;
    Ok(Box::new(TaskEnv::new(Recorded::new(rules, table), n_envs)))
}

/// Fails unless a number is in a range.
fn check(key: &str, found: f64, right: bool, expected: &str) -> Result<()> {
    if right && found.is_finite() {
        return Ok(());
    }
    Err(Error::config(format!("horizontal.{key}"), format!("is {found}, expected {expected}")))
}

/// What of the reward is a goal's.
fn weights(goal: Goal) -> BTreeMap<String, f64> {
    let term = match goal {
        Goal::Cost => "match",
        Goal::Latency => "latency",
        Goal::Multi => "pods",
    };
    BTreeMap::from([(term.to_owned(), 1.0)])
}

#[cfg(test)]
mod tests;
