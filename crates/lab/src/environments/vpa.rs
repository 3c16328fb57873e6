//! `vpa`: CPU and memory of one container, on recorded or made-up use.
//!
//! The agent recommends as a VPA does: lower bound, target, upper bound and uncapped target of each resource; an updater decides
//! when the container is touched. The rules are those of the smart-vpa system's simulator over the same replay that `trimtab compare
//! --usage` plays ([`trimtab_control::vpa::replay()`]), with the updater of upstream by default, a real reward, and an end.
//!
//! Every environment of a batch plays a container of its own, drawn at the start of an episode: a recording first, then one of its
//! containers, so that a recording of one machine counts as much as one of ten. Left out: a live cluster.

mod codec;
mod describe;
mod task;
mod track;

pub use codec::{ActionScale, Codec, Seen};
pub(crate) use codec::{USE_FEATURES, write_use};
pub use task::{Episode, VpaTask};
pub use track::Track;

use super::{Env, Family, Registered, task_env::TaskEnv};
use crate::{
    Error, Result,
    config::RunConfig,
    vertical::{self, Case, CaseConfig},
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use trimtab_control::{
    vertical::{Mode, UpdaterRule, UpdaterSettings},
    vpa::{LimitRangeItem, LimitRanges, Quantity, ResourceList},
};
use trimtab_workload::usage::{
    UsageWorkload,
    generate::{self, UsageShape},
};

/// Part of each series that episodes are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Before the test.
    #[default]
    Train,
    /// The test.
    Test,
    /// All of it.
    All,
}

/// Settings of `vpa`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VpaConfig {
    /// Files or folders of recorded use; empty: made-up use.
    pub usage: Vec<String>,
    /// Only the container of this name; empty: any.
    pub container: String,
    /// What is made up: one of `trimtab workload generate --type`.
    pub workload: String,
    /// How many containers are made up.
    pub containers: u32,
    /// Days of made-up use.
    pub days: f64,
    /// Part of each series that episodes are from: `train`, `test` or `all`.
    pub part: Part,
    /// Whether an episode starts anywhere in its part, or at its beginning.
    pub random_start: bool,
    /// Steps of an episode; fewer where the part is shorter, unless it starts again.
    pub max_steps: u32,
    /// Whether a series starts again at its end.
    pub round_robin: bool,
    /// When the container is touched: `upstream`, `usage` (as the original's code) or `readme` (as its README, the opposite).
    pub updater: UpdaterRule,
    /// How: `off`, `recreate`, `in_place_or_recreate`, `in_place`.
    pub mode: Mode,
    /// What an action stands for: `trim`, a correction of the exact VPA, or `absolute` between the least and the most.
    pub action_scale: ActionScale,
    /// Whether the highest use of the last hour and day are seen, too.
    pub peaks: bool,
    /// Measurements from one decision to the next: a step.
    pub hold: u32,
    /// How recordings are read and containers are run; `interval_secs` is the time between two measurements.
    pub case: CaseConfig,
    /// The resource policy's `minAllowed` and `maxAllowed`, which leave the uncapped target as it is.
    pub allowed: Allowed,
    /// The namespace's `LimitRange`.
    pub limit_range: LimitRangeConfig,
    /// Weights of the reward's terms.
    pub weights: Weights,
}

/// Least and most that a limit of a container may be; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitRangeConfig {
    /// Millicores.
    pub min_cpu: f64,
    /// Millicores.
    pub max_cpu: f64,
    /// MB.
    pub min_memory_mb: f64,
    /// MB.
    pub max_memory_mb: f64,
}

/// `minAllowed` and `maxAllowed`; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowed {
    /// Millicores.
    pub min_cpu: f64,
    /// Millicores.
    pub max_cpu: f64,
    /// MB.
    pub min_memory_mb: f64,
    /// MB.
    pub max_memory_mb: f64,
}

/// What a reward loses for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// A step in which all that the container started with is slack.
    pub slack: f64,
    /// A step in which as much is used beyond the request.
    pub overrun: f64,
    /// A restart.
    pub restart: f64,
    /// An OOM kill, beside its restart.
    pub oom_kill: f64,
}

impl Default for Weights {
    /// Those of the loss of `trimtab compare --usage` for steps of five minutes: a point is a hundredth of a day's 288 steps.
    fn default() -> Self {
        Self {
            slack: 1.0,
            overrun: vertical::OVERRUN_WEIGHT,
            restart: 2.88 * vertical::RESTART_WEIGHT,
            oom_kill: 2.88 * vertical::OOM_WEIGHT,
        }
    }
}

impl Default for VpaConfig {
    fn default() -> Self {
        Self {
            usage: Vec::new(),
            container: String::new(),
            workload: "alibaba".to_owned(),
            containers: 8,
            days: 8.0,
            part: Part::Train,
            random_start: true,
            max_steps: 288,
            round_robin: false,
            hold: 5,
            case: CaseConfig::default(),
            allowed: Allowed::default(),
            updater: UpdaterRule::Upstream,
            mode: Mode::InPlaceOrRecreate,
            action_scale: ActionScale::Trim,
            peaks: true,
            limit_range: LimitRangeConfig::default(),
            weights: Weights::default(),
        }
    }
}

impl VpaConfig {
    /// The updater that the settings ask for.
    pub fn updater_settings(&self) -> UpdaterSettings {
        let list = |cpu: f64, mb: f64| {
            let quantity =
                |amount: f64, make: fn(i64) -> Quantity| (amount > 0.0).then(|| make(amount as i64));
            ResourceList {
                cpu: quantity(cpu, Quantity::from_milli),
                memory: quantity(mb * 1e6, Quantity::from_units),
            }
        };
        let range = &self.limit_range;
        let item = LimitRangeItem {
            min: list(range.min_cpu, range.min_memory_mb),
            max: list(range.max_cpu, range.max_memory_mb),
            ..LimitRangeItem::default()
        };
        UpdaterSettings {
            rule: self.updater,
            mode: self.mode,
            limit_ranges: LimitRanges { container: Some(item), pod: None },
            ..UpdaterSettings::default()
        }
    }

    /// The containers of each recording.
    ///
    /// # Errors
    /// A recording that cannot be read, an unknown type of workload, a container that is not there, no measurement in a step.
    pub fn recordings(&self) -> Result<Vec<Vec<Case>>> {
        self.case.validate()?;
        if self.hold == 0 {
            return Err(Error::config("vpa.hold", "is 0, expected at least 1"));
        }
        let mut recordings = Vec::new();
        for path in &self.usage {
            recordings.push(vertical::load(Path::new(path), &self.case)?.cases);
        }
        if self.usage.is_empty() {
            recordings.push(self.made_up()?);
        }
        if !self.container.is_empty() {
            let known: Vec<String> = recordings.iter().flatten().map(|case| case.container.clone()).collect();
            for cases in &mut recordings {
                cases.retain(|case| case.container == self.container);
            }
            recordings.retain(|cases| !cases.is_empty());
            if recordings.is_empty() {
                return Err(Error::unknown("container", &self.container, known.iter().map(String::as_str)));
            }
        }
        Ok(recordings)
    }

    fn made_up(&self) -> Result<Vec<Case>> {
        let unknown = || Error::unknown("workload", &self.workload, generate::TYPES.into_iter());
        let example = UsageWorkload::example(&self.workload).ok_or_else(unknown)?;
        let steps = self.days * 86_400.0 / example.time_interval;
        let series = |number: u32| {
            let mut workload =
                UsageWorkload { seed: u64::from(number), timesteps: steps as usize, ..example.clone() };
            // A stand-in's container starts with all that it may use.
            if let UsageShape::StandIn(stand_in) = &workload.config {
                workload.container.requests = stand_in.max_usage;
            }
            let mut series =
                workload.build().map_err(|source| Error::Trace { file: self.workload.clone(), source })?;
            series.name = format!("{}-{number}", self.workload);
            Ok(Case::of(&series, &self.case))
        };
        (0..self.containers.max(1)).map(series).collect()
    }
}

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "vpa",
    family: Family::Vertical,
    summary: "requests of CPU and memory of one container, recommended as a VPA does, on recorded or made-up use",
    source: "saeid93/smart-vpa (rules), Kubernetes VPA 1.8 (updater)",
    defaults: DEFAULTS,
    also_reads: &[],
    build,
    describe: describe::describe,
};

/// An hour is twelve steps, and a request pays over hours. What is seen is of order one already. Noise on memory kills, so there is
/// little of it.
const DEFAULTS: &str = "
[ppo]
gamma = 0.97
gae_lambda = 0.95

[ppo.network]
hidden = [64, 64]
log_std_init = -2.5
";

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(TaskEnv::new(VpaTask::new(&config.vpa)?, n_envs)))
}

#[cfg(test)]
mod tests;
