//! What `joint` is made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{
    Joint, JointAgents,
    batch::{MOST, OWN, SHARED},
};
use crate::{
    Result,
    config::RunConfig,
    environments::description::{ActionEntry, Description, Entry, Term, Values},
};

pub(super) fn describe(config: &RunConfig) -> Result<Description> {
    let joint = Joint::new(config, 1)?;
    let c = &config.joint;
    let one = c.agents == JointAgents::One;
    let services: Vec<&str> =
        joint.application().services.iter().map(|service| service.name.as_str()).collect();
    let rows: Vec<String> =
        if one { services.iter().map(|name| format!("{name}_")).collect() } else { vec![String::new()] };
    let entry = |prefix: &str, (name, meaning, unit): (&str, &str, &str)| {
        Entry::number(&format!("{prefix}{name}"), meaning, unit, 0.0, MOST)
    };
    let own = rows.iter().flat_map(|prefix| OWN.map(|what| entry(prefix, what)));
    let heads = [
        ("replicas", "one replica less, the same, or one more"),
        ("cpu", "a quarter of the application's own CPU less, the same, or one more (requests and limits)"),
        (
            "memory",
            "a quarter of the application's own memory less, the same, or one more (requests, limits and heap)",
        ),
    ];
    let choices = || Values::Choices(["less", "same", "more"].map(str::to_owned).to_vec());
    let action = rows.iter().flat_map(|prefix| {
        heads.map(|(name, meaning)| ActionEntry {
            name: format!("{prefix}{name}"),
            meaning: meaning.to_owned(),
            values: choices(),
        })
    });
    let term = |name: &str, weight: f64, meaning: &str| Term {
        name: name.to_owned(),
        weight: -weight,
        meaning: meaning.to_owned(),
    };
    let whose = if one { "of all services" } else { "of the own service, times the number of services" };
    let episode = &config.episode;
    let secs = episode.interval_secs * f64::from(episode.hold);
    Ok(Description {
        agents: if one {
            "1 agent".to_owned()
        } else {
            format!("{} agents, one for each service ({})", services.len(), services.join(", "))
        },
        observation: own.chain(SHARED.map(|what| entry("", what))).collect(),
        action: action.collect(),
        masks: format!(
            "replicas out of the application's bounds, and less than one or more than {} quarters of CPU or memory",
            c.max_quarters
        ),
        reward: vec![
            term("cost", c.cost, &format!("half of the CPU and half of the memory asked for {whose}, over those of one replica of every service")),
            term("latency", c.latency, "share of requests that failed or were slower than the SLO's bound"),
            term("oom", c.oom, "containers killed for want of memory"),
            term("pending", c.pending, "pods that wait for room on a node, mean over the step"),
        ],
        costs: Vec::new(),
        start: "a random time of a random training day, with replicas for 40 to 90 % of use and the application's own resources"
            .to_owned(),
        terminated: "never".to_owned(),
        truncated: format!("after {} steps of {secs} s", episode.steps),
        notes: vec![
            format!(
                "Application `{}` (setting `joint.application`: any that ships, or a file); traffic, nodes, memory and resizing are those of \
                 `[[traffic]]` and `[sim]`.",
                joint.application().name
            ),
            "Restarts, deferred resizes and waiting pods are the simulated cluster's; see `sim.resize`, `sim.nodes` and `sim.memory`.".to_owned(),
        ],
    })
}
