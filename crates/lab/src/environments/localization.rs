//! `localization`: agents that share a budget of CPU, each setting the CPU limit of one pod in place, every second.
//!
//! The rules are those of MARLISE (agent-edgeautoscaling), whose application is a localization service, one pod an agent, with what
//! its code does wrong corrected; [`crate::compat::localization`] is the original. The pods are simulated request by request
//! ([`trimtab_sim::QuotaPod`]).
//!
//! Left out: replicas, memory, and nodes with less room than the budget.

mod action;
pub mod baselines;
pub mod comparison;
pub(crate) mod describe;
pub mod published;
mod reward;
mod rules;
pub mod scenario;
mod view;

pub use action::{ActionKind, Turns};
pub use rules::{Agents, Localization, Moment, Reading, Rules};
pub use view::FEATURES;

use super::{Env, Family, Registered, task_env::TaskEnv};
use crate::{Error, Result, config::RunConfig};
use serde::{Deserialize, Serialize};
use trimtab_sim::QuotaPodConfig;

/// Settings of `localization`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the original's, on its own")]
pub struct LocalizationConfig {
    /// Agents, each with a pod.
    pub agents: usize,
    /// CPU that all pods share, millicores.
    pub resources: u32,
    /// Draw the CPU for each episode from 500, 750, … 2000 millicores instead.
    pub variable_resources: bool,
    /// Least CPU limit of a pod, millicores.
    pub min_cpu: u32,
    /// CPU limits at the start of an episode: `min`, `equal` shares of the budget, or `random` ones within it.
    pub start: Start,
    /// What an agent may do: `discrete3`, `discrete5`, `discrete11`, `continuous` or `instant`.
    pub actions: ActionKind,
    /// Millicores of a step of `discrete3`.
    pub increment: u32,
    /// Millicores that the largest change is worth with `discrete5`, `discrete11` and `continuous`.
    pub scale_action: u32,
    /// Who is given what is left of the budget: `simultaneous`, shares in proportion to what was asked for, or `sequential`, the
    /// agents in their order.
    pub turns: Turns,
    /// Steps that an agent sees.
    pub history: usize,
    /// An agent sees nothing of the others but what they leave.
    pub independent_state: bool,
    /// Reward function, 1 to 5; see `trimtab env describe localization`.
    pub reward_function: u8,
    /// Weight of the response times in reward functions 1 and 2.
    pub alpha: f64,
    /// Use in percent of the limit below which a limit is too large.
    pub lower_cpu: f64,
    /// Use in percent of the limit above which a limit is too small.
    pub upper_cpu: f64,
    /// Response times count up to so many seconds in the reward.
    pub slowest_secs: f64,
    /// Seconds within which an answer should come.
    pub sla_secs: f64,
    /// How much each agent's response time counts, above 0 and up to 1; empty: 1 each.
    pub priorities: Vec<f64>,
    /// Draw priorities for each episode from 0.1, 0.2, … 1 instead.
    pub random_priorities: bool,
    /// Users of each pod, each of whom sends a request, waits for the answer, and thinks a second: at most as many requests a second.
    pub rps: f64,
    /// For each third of an episode, draw users in all, from `min_rps` to `rps` a pod, and how they are divided among the pods.
    pub random_rps: bool,
    /// See `random_rps`.
    pub min_rps: f64,
    /// For each third of an episode, draw which agents are there.
    pub random_roster: bool,
    /// Parts of an episode with users and agents of their own; empty: one part with `rps`.
    pub phases: Vec<PhaseConfig>,
    /// Steps of an episode.
    pub steps: u32,
    /// Seconds of a step.
    pub interval_secs: f64,
    /// The pods and those who send to them.
    pub pod: QuotaPodConfig,
}

/// A part of an episode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseConfig {
    /// Steps that it lasts; the last one lasts until the end.
    pub steps: u32,
    /// Users of each pod, for every agent.
    pub rps: Vec<f64>,
    /// Agents that are there, counted from 0; empty: all.
    pub present: Vec<usize>,
}

/// CPU limits at the start of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The least.
    Min,
    /// The budget in equal shares.
    Equal,
    /// Drawn at random; together within the budget.
    #[default]
    Random,
}

impl Default for LocalizationConfig {
    fn default() -> Self {
        Self {
            agents: 3,
            resources: 1000,
            variable_resources: false,
            min_cpu: 50,
            start: Start::Random,
            actions: ActionKind::Continuous,
            increment: 25,
            scale_action: 50,
            turns: Turns::Simultaneous,
            history: 6,
            independent_state: false,
            reward_function: 2,
            alpha: 5.0,
            lower_cpu: 30.0,
            upper_cpu: 60.0,
            slowest_secs: 2.0,
            sla_secs: 0.25,
            priorities: Vec::new(),
            random_priorities: false,
            rps: 34.0,
            random_rps: true,
            min_rps: 10.0,
            random_roster: false,
            phases: Vec::new(),
            steps: 60,
            interval_secs: 1.0,
            pod: QuotaPodConfig::default(),
        }
    }
}

impl LocalizationConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first one that cannot work.
    pub fn validate(&self) -> Result<()> {
        let check = |key: &str, right: bool, found: String, expected: &str| {
            let key = format!("localization.{key}");
            if right { Ok(()) } else { Err(Error::config(key, format!("is {found}, expected {expected}"))) }
        };
        check("agents", self.agents > 0, self.agents.to_string(), "at least 1")?;
        check("min_cpu", self.min_cpu > 0, self.min_cpu.to_string(), "at least 1")?;
        let least = self.min_cpu.saturating_mul(self.agents as u32);
        let budget = if self.variable_resources { rules::BUDGETS[0] } else { self.resources };
        let expected = format!("at least {least}, min_cpu for each of {} agents", self.agents);
        check("resources", budget >= least, budget.to_string(), &expected)?;
        check("increment", self.increment > 0, self.increment.to_string(), "at least 1")?;
        check("scale_action", self.scale_action > 0, self.scale_action.to_string(), "at least 1")?;
        check("history", self.history > 0, self.history.to_string(), "at least 1")?;
        let known = (1..=5).contains(&self.reward_function);
        check("reward_function", known, self.reward_function.to_string(), "1 to 5")?;
        check("alpha", self.alpha >= 0.0 && self.alpha.is_finite(), self.alpha.to_string(), "zero or more")?;
        let band = self.lower_cpu >= 0.0 && self.lower_cpu < self.upper_cpu && self.upper_cpu.is_finite();
        check("lower_cpu", band, self.lower_cpu.to_string(), "at least 0 and less than upper_cpu")?;
        for (key, secs) in [
            ("slowest_secs", self.slowest_secs),
            ("sla_secs", self.sla_secs),
            ("interval_secs", self.interval_secs),
        ] {
            check(key, secs > 0.0 && secs.is_finite(), secs.to_string(), "above zero")?;
        }
        let each = format!("one above 0 and up to 1 for each of {} agents", self.agents);
        let fit = self.priorities.is_empty() || self.priorities.len() == self.agents;
        let fit = fit && self.priorities.iter().all(|priority| *priority > 0.0 && *priority <= 1.0);
        check("priorities", fit, format!("{:?}", self.priorities), &each)?;
        check("rps", self.rps >= 0.0 && self.rps.is_finite(), self.rps.to_string(), "zero or more")?;
        let least = !self.random_rps || (self.min_rps >= 0.0 && self.min_rps <= self.rps);
        check("min_rps", least, self.min_rps.to_string(), "0 to rps")?;
        check("steps", self.steps > 0, self.steps.to_string(), "at least 1")?;
        let fixed = self.phases.is_empty() || !(self.random_rps || self.random_roster);
        check(
            "phases",
            fixed,
            format!("{} parts", self.phases.len()),
            "none with random_rps or random_roster",
        )?;
        for (at, phase) in self.phases.iter().enumerate() {
            let users = phase.rps.len() == self.agents && phase.rps.iter().all(|rps| *rps >= 0.0);
            let each = format!("zero or more for each of {} agents", self.agents);
            check(&format!("phases[{at}].rps"), users, format!("{:?}", phase.rps), &each)?;
            let present = phase.present.iter().all(|agent| *agent < self.agents);
            let known = format!("agents 0 to {}", self.agents - 1);
            check(&format!("phases[{at}].present"), present, format!("{:?}", phase.present), &known)?;
            check(&format!("phases[{at}].steps"), phase.steps > 0, "0".to_owned(), "at least 1")?;
        }
        self.pod.validate().map_err(|error| Error::config("localization", error.to_string()))
    }

    /// Whether agents come and go.
    pub fn varying(&self) -> bool {
        self.random_roster || self.phases.iter().any(|phase| !phase.present.is_empty())
    }
}

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "localization",
    family: Family::MultiAgent,
    summary: "CPU limits of pods that share a budget, set in place every second by an agent each",
    source: "sensorlab/agent-edgeautoscaling (MARLISE, arXiv:2507.07671)",
    defaults: published::DEFAULTS,
    also_reads: &[],
    build,
    describe: describe::describe,
};

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    let rules = Localization::new(&config.localization)?;
    Ok(if rules.config().actions.is_choice() {
        Box::new(TaskEnv::new(Agents::<_, u32>::new(rules), n_envs))
    } else {
        Box::new(TaskEnv::new(Agents::<_, f32>::new(rules), n_envs))
    })
}

#[cfg(test)]
mod tests;
