//! What `vpa` is made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{ActionScale, VpaConfig, VpaTask};
use crate::{
    Result,
    config::RunConfig,
    environments::{
        description::{ActionEntry, Description, Entry, Term, Values},
        task_env::LoggedTask,
    },
};
use trimtab_rl::control::Task;

pub(super) fn describe(config: &RunConfig) -> Result<Description> {
    let config = &config.vpa;
    let task = VpaTask::new(config)?;
    let weights = &config.weights;
    let term = |name: &str, weight: f64, meaning: &str| Term {
        name: name.to_owned(),
        weight: -weight,
        meaning: meaning.to_owned(),
    };
    Ok(Description {
        agents: "1 agent, a container's".to_owned(),
        observation: observation(config),
        action: actions(config),
        masks: String::new(),
        reward: vec![
            term("slack", weights.slack, "requested and not used, over what the container started with, mean over CPU and memory"),
            term("overrun", weights.overrun, "used beyond the request, over what the container started with, mean over CPU and memory"),
            term("restart", weights.restart, "evictions and OOM kills of the step"),
            term("oom_kill", weights.oom_kill, "OOM kills of the step"),
        ],
        costs: Vec::new(),
        start: "a container drawn from all of them (`vpa.container` names one), at a random step of its part (`vpa.part`, `vpa.random_start`), with what it was given".to_owned(),
        terminated: "never".to_owned(),
        truncated: format!("after {} steps (`vpa.max_steps`, or what the shortest series has room for)", task.max_steps().unwrap_or(0)),
        notes: notes(config, &task),
    })
}

fn observation(config: &VpaConfig) -> Vec<Entry> {
    let share = |name: &str, meaning: &str| {
        let meaning = format!("{meaning}, over what the container started with");
        Entry::number(name, &meaning, "1", 0.0, f64::INFINITY)
    };
    let mut entries = vec![
        share("cpu_usage", "CPU used when last measured, at most its limit"),
        share("memory_usage", "memory used when last measured, at most its limit"),
        share("cpu_request", "CPU requested"),
        share("memory_request", "memory requested"),
    ];
    if config.peaks {
        entries.push(share("cpu_peak_hour", "highest CPU of this and the last hour"));
        entries.push(share("memory_peak_hour", "highest memory of this and the last hour"));
        entries.push(share(
            "cpu_peak_day",
            "highest CPU of the last 24 hours, those before the episode included",
        ));
        entries.push(share(
            "memory_peak_day",
            "highest memory of the last 24 hours, those before the episode included",
        ));
    }
    entries
}

fn actions(config: &VpaConfig) -> Vec<ActionEntry> {
    let ranges = [
        config.limit_range.min_cpu..config.limit_range.max_cpu,
        config.limit_range.min_memory_mb..config.limit_range.max_memory_mb,
    ];
    let mut actions = Vec::new();
    for (resource, range, unit) in [("cpu", &ranges[0], "millicores"), ("memory", &ranges[1], "MB")] {
        for bound in ["lower", "target", "upper"] {
            let (meaning, low, high, unit) = match (config.action_scale, bound) {
                (ActionScale::Absolute, "lower") => ("lower bound", range.start, range.end, unit),
                (ActionScale::Absolute, "target") => {
                    ("target, from the lower bound (-1) to the most (1)", range.start, range.end, unit)
                }
                (ActionScale::Absolute, _) => {
                    ("upper bound, from the target (-1) to the most (1)", range.start, range.end, unit)
                }
                (_, "lower") => ("lower bound, as a share of the target", 1.0, 0.1, "of the target"),
                (_, "target") => ("target, times recent use", 0.25, 4.0, "of recent use, on a log scale"),
                _ => ("upper bound, times the target", 1.0, 4.0, "of the target"),
            };
            actions.push(ActionEntry {
                name: format!("{resource}_{bound}"),
                meaning: meaning.to_owned(),
                values: Values::Number { low, high, unit: unit.to_owned() },
            });
        }
    }
    actions
}

fn notes(config: &VpaConfig, task: &VpaTask) -> Vec<String> {
    let mut notes = vec![format!("{}.", task.notes().join("; "))];
    if config.usage.is_empty() {
        notes.push(format!(
            "The use is made up (`{}`): a synthetic stand-in where the type names a recording. `vpa.usage` plays recordings.",
            config.workload
        ));
    }
    notes.push("The uncapped target, the fourth number of a recommendation, is the target: nothing reads it but people. The original has six numbers in its code and eight in its README.".to_owned());
    notes.push("The original's order is memory first; here CPU comes first, as in its README.".to_owned());
    notes.push("`vpa.updater`: `upstream` looks at the request as Kubernetes' updater does; `usage` touches the container when use leaves the bounds or reaches the limit, as the original's code; `readme` does the opposite, as its README says.".to_owned());
    notes.push("The original's reward is constant and its episodes never end; here the reward is slack and overrun, and an episode is cut off.".to_owned());
    notes.push("Recommenders: `vpa` (the original's builtin, corrected), `bounds` (its threshold), `forecast` (time series) are autoscalers of `trimtab compare --usage`; `random` is `trimtab evaluate --policy random --env vpa --set vpa.action_scale=absolute`; LSTM and RL are `trimtab train --env vpa`, with and without a recurrent network.".to_owned());
    notes
}
