//! What the horizontal environments are made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{
    ActionForm, Rules, TERMS,
    rules::{MOVES, SIGNAL_CAP, change},
};
use crate::{
    Result,
    config::RunConfig,
    environments::description::{ActionEntry, Description, Entry, Term, Values},
};

pub(super) fn describe(config: &RunConfig) -> Result<Description> {
    let rules = super::rules(config)?;
    let settings = &config.horizontal;
    let recorded = !settings.table.is_empty();
    let reward = TERMS.iter().zip(rules.weights).map(|(term, weight)| Term {
        name: term.name.to_owned(),
        weight,
        meaning: match term.name {
            "latency" => format!("{} ({} ms)", term.meaning, rules.latency_cap_ms),
            _ => term.meaning.to_owned(),
        },
    });
    let penalty = Term {
        name: "invalid".to_owned(),
        weight: 1.0,
        meaning: format!("{:.3} instead of the rest for an action that leads out of the bounds; what leads out is not done", rules.penalty()).replace('-', "−"),
    };
    let masks = if rules.masked { "what leads a deployment out of its bounds is forbidden" } else { "" };
    let bound = rules.latency_bound_ms;
    let start = if recorded {
        "a row of the table, any".to_owned()
    } else {
        format!(
            "anywhere in {} s of traffic, with replicas drawn uniformly from the bounds and 90 s of traffic behind it",
            settings.period_secs
        ) + &spread(settings.rate_spread)
    };
    Ok(Description {
        agents: "1 agent".to_owned(),
        observation: observation(&rules),
        action: actions(&rules),
        masks: masks.to_owned(),
        reward: reward.chain([penalty]).collect(),
        costs: vec![(
            "latency".to_owned(),
            format!(
                "mean latency over {bound} ms, at most {SIGNAL_CAP}; under the goal `multi` its mean is kept at 1 by a Lagrange multiplier"
            ),
        )],
        start,
        terminated: "never".to_owned(),
        truncated: format!("after {} steps (`horizontal.steps`)", rules.steps),
        notes: notes(&rules, config),
    })
}

fn spread(factor: f64) -> String {
    if factor == 1.0 { String::new() } else { format!("; traffic is multiplied by 1/{factor} to {factor}") }
}

fn observation(rules: &Rules) -> Vec<Entry> {
    let of = |deployment| rules.numbers.iter().map(move |number| number.entry(deployment, rules.scale));
    let mut entries: Vec<Entry> = rules.deployments.iter().flat_map(of).collect();
    if let Some((n, _)) = rules.graph() {
        let meaning =
            format!("row by row: 1 where the deployment of the row calls that of the column, {n} × {n}");
        entries.push(Entry { width: n * n, ..Entry::number("adjacency", &meaning, "1", 0.0, 1.0) });
    }
    entries
}

fn actions(rules: &Rules) -> Vec<ActionEntry> {
    let shown = |change: i64| match change {
        0 => "none".to_owned(),
        more @ 1.. => format!("+{more}"),
        fewer => format!("−{}", -fewer),
    };
    let names = || rules.deployments.iter().map(|deployment| &deployment.name);
    let moves = || (0..MOVES).map(|choice| shown(change(choice)));
    let entry = |name: &str, meaning: &str, choices: Vec<String>| ActionEntry {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        values: Values::Choices(choices),
    };
    match rules.form {
        ActionForm::Move => vec![
            entry("deployment", "which deployment", names().cloned().collect()),
            entry("move", "change of its replicas", moves().collect()),
        ],
        ActionForm::Pair => {
            let pairs = names().flat_map(|name| moves().map(move |change| format!("{name} {change}")));
            vec![entry("pair", "which deployment, and the change of its replicas", pairs.collect())]
        }
        ActionForm::Delta => {
            let delta = i64::from(rules.delta);
            let changes: Vec<String> = (-delta..=delta).map(shown).collect();
            names().map(|name| entry(name, "change of replicas", changes.clone())).collect()
        }
    }
}

fn notes(rules: &Rules, config: &RunConfig) -> Vec<String> {
    let bounds = rules.deployments.iter().map(|deployment| {
        let super::Deployment { name, min, max, cpu_target, memory_target } = deployment;
        format!("{name} {min}–{max} ({cpu_target} m, {memory_target} MiB)")
    });
    let mut notes = vec![
        format!("Bounds of replicas, and targets: {}.", bounds.collect::<Vec<_>>().join(", ")),
        "Desired replicas are `ceil(0.7·ceil(cpu / cpu target) + 0.3·ceil(memory / memory target))`, at least 1 and at most the bound; targets are three quarters of the requests.".to_owned(),
        "Goals: `cost` is the published one, which rewards replicas that match the formula; `latency` the published one; `multi`, of which no code was ever published, is few replicas under a bound on the mean latency, by Lagrangian relaxation.".to_owned(),
format!("Traffic (`horizontal.load`): `{}`, {} s a step (`horizontal.interval_secs`); a step of the originals takes 0.3 s, in which no pod starts.", config.horizontal.load.name(), config.horizontal.interval_secs),
        "Latency is the mean response time of a step; a request that failed counts with the application's timeout, and so does one that was answered with an error (`sim.faults`).".to_owned(),
        "Corrected from the originals: episodes start in a state that was measured or simulated, not in random numbers; the first action counts; memory is a gauge; a row that is replayed has the replicas of all deployments, not of the last alone; a missing latency is not the best one; everything random follows from the seed. `redis_compat` and `online_boutique_compat` keep the originals.".to_owned(),
        "With `horizontal.table` a recorded table takes the place of the simulated cluster; `--trace-steps` writes such a table.".to_owned(),
        "`horizontal.observation = graph` shows numbers that mean the same for any deployment, and who calls whom; with an encoder `graph` of `nodes = 0` and `features = 0` (the environment's) and head `alone` or `nodes` a policy acts on applications with more deployments (`trimtab evaluate --run RUN --env APPLICATION`).".to_owned(),
    ];
    if rules.deployments.len() == 2 && rules.deployments[0].name == "redis-leader" {
        notes.push("A second leader adds no capacity for writes in truth; the bounds are the reference environment's.".to_owned());
    }
    notes
}
