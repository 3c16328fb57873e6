//! What `vpa` is made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{ActionScale, Codec, VpaConfig, VpaTask, codec::REACH};
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
        start: "a container drawn from all of them (`vpa.container` names one), at a random step of its part (`vpa.part`, `vpa.random_start`), with what it was given, or, where the start is random, with CPU of a quarter to four times the exact VPA's target and memory of one to two times, as learning must know its way back from anywhere".to_owned(),
        terminated: "never".to_owned(),
        truncated: format!("after {} steps (`vpa.max_steps`, or what the shortest series has room for)", task.max_steps().unwrap_or(0)),
        notes: notes(config, &task),
    })
}

fn observation(config: &VpaConfig) -> Vec<Entry> {
    let ratio = |name: &str, meaning: &str| {
        let meaning = format!("{meaning}, over the exact VPA's target, as a logarithm");
        Entry::number(name, &meaning, "ln", -4.0, 4.0)
    };
    let day = |name: &str, meaning: &str| Entry::number(name, meaning, "1", -1.0, 1.0);
    let both = |what: &str, cpu: &str, memory: &str| {
        [ratio(&format!("cpu_{what}"), cpu), ratio(&format!("memory_{what}"), memory)]
    };
    let mut entries = Vec::new();
    entries.extend(both("request", "CPU requested", "memory requested"));
    entries.push(day("day_sin", "sine of the time of day"));
    entries.push(day("day_cos", "cosine of the time of day"));
    entries.extend(both(
        "mean",
        "mean CPU of the step that is over, at most its limit",
        "mean memory of the step that is over, at most its limit",
    ));
    entries.extend(both(
        "most",
        "highest CPU of the step that is over",
        "highest memory of the step that is over",
    ));
    entries.extend(both(
        "given",
        "CPU that the container started with",
        "memory that the container started with",
    ));
    if config.peaks {
        let hour = ["highest CPU of this and the last hour", "highest memory of this and the last hour"];
        entries.extend(both("peak_hour", hour[0], hour[1]));
        entries.extend(both(
            "peak_day",
            "highest CPU of the last 24 hours, those before the episode included",
            "highest memory of the last 24 hours, those before the episode included",
        ));
    }
    entries
}

fn actions(config: &VpaConfig) -> Vec<ActionEntry> {
    let [cpu, memory] = Codec::new(config).range();
    let ranges = [cpu[0]..cpu[1], memory[0] / 1e6..memory[1] / 1e6];
    let mut actions = Vec::new();
    let resources = [("cpu", &ranges[0], "millicores", REACH[0]), ("memory", &ranges[1], "MB", REACH[1])];
    for (resource, range, unit, reach) in resources {
        for bound in ["lower", "target", "upper"] {
            let (meaning, low, high, unit) = match (config.action_scale, bound) {
                (ActionScale::Absolute, "lower") => ("lower bound", range.start, range.end, unit),
                (ActionScale::Absolute, "target") => {
                    ("target, from the lower bound (-1) to the most (1)", range.start, range.end, unit)
                }
                (ActionScale::Absolute, _) => {
                    ("upper bound, from the target (-1) to the most (1)", range.start, range.end, unit)
                }
                (_, "lower") => (
                    "distance of the exact VPA's lower bound from its target, on a log scale",
                    2.0,
                    0.0,
                    "times",
                ),
                (_, "target") => ("the exact VPA's target", 1.0 / reach, reach, "times, on a log scale"),
                _ => (
                    "distance of the exact VPA's upper bound from its target, on a log scale",
                    0.0,
                    2.0,
                    "times",
                ),
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
    notes.push("`trim` corrects the exact VPA: zeros are its recommendation to the bit. While it learns, the exact VPA is that of use which no limit cuts and nobody is killed for; acting, it is the recommender itself.".to_owned());
    notes.push("A measurement counts from the next one on, and a decision holds for `vpa.hold` measurements. Where a recording has one value for five minutes, seeing it at its first instant would be to know the future.".to_owned());
    notes.push("The uncapped target, the fourth number of a recommendation, is the target before `vpa.allowed` (the policy's `minAllowed` and `maxAllowed`) and `vpa.limit_range`; as upstream, nothing reads it but people. The original has six numbers in its code and eight in its README.".to_owned());
    notes.push("The original's order is memory first; here CPU comes first, as in its README.".to_owned());
    notes.push("`vpa.updater`: `upstream` looks at the request as Kubernetes' updater does; `usage` touches the container when use leaves the bounds or reaches the limit, as the original's code; `readme` does the opposite, as its README says.".to_owned());
    notes.push("The original's reward is constant and its episodes never end; here the reward is slack and overrun, and an episode is cut off.".to_owned());
    notes.push("The recommenders of the original, in `trimtab compare --usage`: `vpa` (its builtin, corrected; `simplified` is its own), `bounds` (threshold), `random`, `forecast` (time series), `lstm`; and RL is `trimtab train --env vpa`, whose run directory takes part like a name.".to_owned());
    notes
}
