//! What training and evaluation need of any environment, and the list of those there are besides applications.
//!
//! An environment is one file with its rules, its [`Registered`] entry and its [`Description`], a section of
//! [`RunConfig`] with its settings, and a line of [`ALL`]. Its name is what `--env` takes. Applications, shipped or a
//! user's file, are environments too ([`crate::environment`]); they have names of their own, and where both have one, it
//! is the registered environment's.
//!
//! Left out: the rules of each environment; learning.

mod application;
pub mod description;
pub mod evaluation;
pub mod horizontal;
pub mod joint;
pub mod localization;
pub mod task_env;
pub mod teastore;
pub mod vpa;
pub mod watched;

pub use description::Description;
pub use evaluation::{Outcome, evaluate, fitted};
pub use trimtab_rl::evaluation::Actor;
pub use watched::Step;

use crate::{Error, Result, applications, config::RunConfig};
use trimtab_rl::{ConstraintConfig, VecEnv, on_policy::Log};

/// A batch of environments that a run can be made of.
pub trait Env: VecEnv + Send {
    /// Columns of `episodes.csv` that only this environment has.
    fn episode_columns(&self) -> EpisodeColumns;

    /// Episodes that ended since the last call, in the order in which they ended.
    fn take_episodes(&mut self) -> Vec<Episode>;

    /// What there is to log of the steps since the last call: names, without `rollout/`, and means. The names are always
    /// the same.
    fn take_means(&mut self) -> Log;

    /// The action that changes nothing, which a fresh policy puts out: a choice for each head, nothing for numbers
    /// (whose zero it is); `None` where there is no such action.
    fn neutral(&self) -> Option<Vec<u32>> {
        None
    }

    /// Constraints on its costs that learning keeps to.
    fn constraints(&self) -> Vec<ConstraintConfig> {
        Vec::new()
    }

    /// Nodes of the graph that an observation is, and numbers of each; `None` where it is no graph.
    fn graph(&self) -> Option<(usize, usize)> {
        None
    }

    /// Names of what [`Env::trace_row`] tells; none where there is nothing to tell.
    fn trace_columns(&self) -> Vec<String> {
        Vec::new()
    }

    /// What happened in environment 0 of the batch in the last step, a field for each column, empty where there is no
    /// value. It tells of that step also where the step ended the episode and `obs` is of the next one.
    fn trace_row(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a reader must know of the data that it was built from, such as rows that were left out; a sentence each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Names of an environment's own columns of `episodes.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpisodeColumns {
    /// What [`Episode::start`] is.
    pub start: &'static str,
    /// What [`Episode::figures`] are.
    pub figures: Vec<&'static str>,
}

/// An episode that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Environment of the batch that it ran in.
    pub env: usize,
    /// Where it started, such as the day it was taken from.
    pub start: String,
    /// Steps.
    pub length: u32,
    /// Sum of the rewards of all rows.
    pub episode_return: f64,
    /// Its own figures.
    pub figures: Vec<f64>,
}

/// Kinds of environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Replicas of the services of a simulated application.
    Horizontal,
    /// Measurements of a real application, drawn by its state.
    Recorded,
    /// CPU and memory of containers.
    Vertical,
    /// Several agents that share a budget of CPU.
    MultiAgent,
    /// Replicas and resources together.
    Joint,
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Horizontal => "horizontal",
            Self::Recorded => "recorded",
            Self::Vertical => "vertical",
            Self::MultiAgent => "multi-agent",
            Self::Joint => "joint",
        }
    }
}

/// An environment of the list.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Name, as `--env` takes it.
    pub name: &'static str,
    /// Kind.
    pub family: Family,
    /// One sentence for a listing, without a full stop.
    pub summary: &'static str,
    /// Where its rules and its data come from.
    pub source: &'static str,
    /// Settings that suit it (TOML), below the user's own; hyper-parameters above all.
    pub defaults: &'static str,
    /// Settings of applications that it reads as well, such as `goal`; to give any other one is an error.
    pub also_reads: &'static [&'static str],
    /// A batch of `n_envs` with the settings of a configuration.
    pub build: fn(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>>,
    /// What such a batch is made of.
    pub describe: fn(config: &RunConfig) -> Result<Description>,
}

/// Every environment besides the applications.
pub const ALL: [&Registered; 13] = [
    &horizontal::REDIS,
    &horizontal::ONLINE_BOUTIQUE,
    &horizontal::CHAINED_SERVICES,
    &horizontal::ANY,
    &teastore::REGISTERED,
    &teastore::SIMULATED,
    &vpa::REGISTERED,
    &localization::REGISTERED,
    &joint::REGISTERED,
    &crate::compat::gym_hpa::REDIS,
    &crate::compat::gym_hpa::ONLINE_BOUTIQUE,
    &crate::compat::localization::REGISTERED,
    &crate::compat::teastore::REGISTERED,
];

/// The settings that mean something to applications only.
const OF_APPLICATIONS: [&str; 14] = [
    "goal",
    "action",
    "select",
    "delta",
    "episode",
    "traffic",
    "sim",
    "inner",
    "trim",
    "reward",
    "constraint",
    "settle_cost_share",
    "guardrails",
    "validation",
];

/// The registered environment called `name`, if there is one.
pub fn find(name: &str) -> Option<&'static Registered> {
    ALL.into_iter().find(|registered| registered.name == name)
}

/// Names of all environments that ship, each with a sentence: the applications, then the registered ones.
pub fn names() -> Vec<(&'static str, String)> {
    let registered = ALL.into_iter().map(|r| (r.name, format!("{}: {}", r.family.name(), r.summary)));
    crate::environment::names().into_iter().chain(registered).collect()
}

/// Fails unless `name` is an environment or the path of an application file.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest one.
pub fn check_name(name: &str) -> Result<()> {
    if applications::is_known(name) || find(name).is_some() {
        return Ok(());
    }
    Err(Error::unknown("environment", name, names().iter().map(|(known, _)| *known)))
}

impl Registered {
    /// Fails for a setting of applications that it does not read and that is not at its default.
    ///
    /// # Errors
    /// [`Error::Config`] naming the setting.
    ///
    /// # Panics
    /// Never: a configuration has a TOML form.
    pub fn check_settings(&self, config: &RunConfig) -> Result<()> {
        let table = |config: &RunConfig| {
            toml::Table::try_from(config).expect("every field of a configuration has a TOML form")
        };
        let (given, defaults) = (table(config), table(&RunConfig::default()));
        let unread = OF_APPLICATIONS.iter().filter(|key| !self.also_reads.contains(key));
        for key in unread {
            if given.get(*key) != defaults.get(*key) {
                let message =
                    format!("is a setting of applications, which environment {} does not have", self.name);
                return Err(Error::config(*key, message));
            }
        }
        if !config.start.clone.is_empty() {
            let message = format!("needs an autoscaler's decisions, which environment {} has not", self.name);
            return Err(Error::config("start.clone", message));
        }
        Ok(())
    }
}

/// Spaces, meaning and unit of every observation entry and action, reward terms and termination of the configured
/// environment, as Markdown.
///
/// # Errors
/// An unknown environment or a configuration that cannot work.
pub fn describe(config: &RunConfig) -> Result<String> {
    check_name(&config.env)?;
    match find(&config.env) {
        Some(registered) => Ok((registered.describe)(config)?.to_markdown(registered)),
        None => crate::environment::describe(config),
    }
}

#[cfg(test)]
mod tests;
