//! What `teastore` is made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{
    Moves, TERMS, TeastoreConfig,
    moves::AXES,
    reward::PRESETS,
    table::{Column, Table},
    task::{SEEN, Seen, Teastore},
};
use crate::{
    Result,
    config::RunConfig,
    environments::description::{ActionEntry, Description, Entry, Term, Values},
};
use trimtab_rl::control::Task;

pub(super) fn describe(config: &RunConfig) -> Result<Description> {
    let config = &config.teastore;
    let teastore = Teastore::new(config, Table::of(&config.table)?)?;
    let weights = if config.weights.is_empty() { config.reward.weights() } else { config.weights.clone() };
    let reward = TERMS.iter().map(|term| Term {
        name: term.name.to_owned(),
        weight: weights.get(term.name).copied().unwrap_or(0.0),
        meaning: term.meaning.to_owned(),
    });
    let penalty = Term {
        name: "penalty".to_owned(),
        weight: 1.0,
        meaning: format!(
            "{} instead of the rest for an action that cannot be carried out",
            shown(config.penalty)
        ),
    };
    let masks = if config.masked {
        "an action that leads out of the bounds, or to a configuration without measurements, is forbidden"
    } else {
        ""
    };
    Ok(Description {
        agents: "1 agent".to_owned(),
        observation: teastore.observation.iter().map(|seen| entry(&teastore, *seen)).collect(),
        action: actions(&teastore, config),
        masks: masks.to_owned(),
        reward: reward.chain([penalty]).collect(),
        costs: Vec::new(),
        start: format!(
            "`{}` (setting `teastore.start`: `random`, `row(N)` or `state(REPLICAS,MILLICORES,MB)`)",
            config.start
        ),
        terminated: "never".to_owned(),
        truncated: format!("after {} steps (`teastore.max_steps`)", config.max_steps),
        notes: notes(&teastore),
    })
}

fn shown(number: f64) -> String {
    number.to_string().replace('-', "−")
}

fn entry(teastore: &Teastore, seen: Seen) -> Entry {
    let name = SEEN.iter().find(|(_, known)| *known == seen).map_or("", |(name, _)| name);
    match seen {
        Seen::Axis(axis) => {
            let (low, high) = (teastore.grid.low[axis], teastore.grid.high[axis]);
            let (what, unit, step) = [
                ("replicas", "1", 1),
                ("CPU limit of a pod", "100 millicores", 100),
                ("heap of a pod's Java machine", "100 MB", 100),
            ][axis];
            if teastore.one_hot {
                let (low, high) = (u32::from(low) * step, u32::from(high) * step);
                let meaning = format!("{what}: a flag for each of {low} to {high}");
                return Entry::one_hot(name, &meaning, teastore.width(seen));
            }
            Entry::number(name, what, unit, low.into(), high.into())
        }
        Seen::Value(column) => {
            let (what, unit) = meaning(column);
            let (least, largest) = range(teastore, column);
            let scale = teastore.measured.scale(column);
            if scale == 1.0 {
                return Entry::number(name, what, unit, least, largest);
            }
            let meaning = format!("{what}, over the largest of the table ({scale}); −1 where it is missing");
            Entry::number(name, &meaning, "1", -1.0, 1.0)
        }
    }
}

fn range(teastore: &Teastore, column: Column) -> (f64, f64) {
    let values = teastore.measured.rows.iter().map(|row| row.get(column)).filter(|value| !value.is_nan());
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

fn meaning(column: Column) -> (&'static str, &'static str) {
    match column {
        Column::Received => ("packets received by a pod", "1/s"),
        Column::Transmitted => ("packets sent by a pod", "1/s"),
        Column::UsedCpu => ("CPU used by a pod", "cores"),
        Column::UsedMemory => ("memory used by a pod", "GB"),
        Column::Cost => ("cost of all pods", "USD/h"),
        Column::Requests => ("requests served", "1/s"),
        Column::Expected => ("requests asked for", "1/s"),
        Column::Previous => ("requests asked for in the step before", "1/s"),
        Column::Response => ("mean response time", "ms"),
    }
}

fn actions(teastore: &Teastore, config: &TeastoreConfig) -> Vec<ActionEntry> {
    let grid = &teastore.grid;
    let entry = |name: &str, meaning: &str, choices: Vec<String>| ActionEntry {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        values: Values::Choices(choices),
    };
    match config.actions {
        Moves::Tuple => {
            let value = |axis: usize, at: usize| (usize::from(grid.low[axis]) + at) * [1, 100, 100][axis];
            (0..3)
                .map(|axis| {
                    let choices = (0..grid.sizes()[axis]).map(|at| value(axis, at).to_string()).collect();
                    entry(AXES[axis], ["replicas", "CPU limit in millicores", "heap in MB"][axis], choices)
                })
                .collect()
        }
        moves => {
            let choices =
                (0..grid.action_space().choices() as u32).map(|choice| grid.name(&[choice])).collect();
            let meaning = match moves {
                Moves::Index => {
                    "the next configuration: replicas, CPU limit in millicores, heap in MB, and how long to wait where there is a choice"
                }
                _ => "one step of one replica, 100 millicores or 100 MB",
            };
            vec![entry("move", meaning, choices)]
        }
    }
}

fn notes(teastore: &Teastore) -> Vec<String> {
    let sizes = teastore.spec(1);
    let mut notes = vec![format!("The table: {}.", teastore.measured.notes.join("; "))];
    notes.push(format!(
        "Each step draws one of the rows that were measured in the configuration it leads to, all alike likely; an episode has {} numbers to see.",
        sizes.obs_dim
    ));
    notes.push(
        "`actions` (`teastore.actions`): `delta7`, `delta5`, `index` or `tuple`; `masked` forbids what `penalty` punishes.".to_owned(),
    );
    let presets = PRESETS.iter().map(|(_, name, terms)| {
        let terms =
            terms.iter().map(|(term, weight)| format!("{weight} {term}")).collect::<Vec<_>>().join(" + ");
        format!("`{name}` = {terms}")
    });
    notes.push(format!(
        "Named rewards (`teastore.reward`): {}. A reward that needs a number the row has not is 0.",
        presets.collect::<Vec<_>>().join("; ")
    ));
    notes.push("Terms: n replicas, c CPU limit in cores, h heap in GB, u = used CPU / c at most 1, p = requests / expected requests at most 1.".to_owned());
    notes.push("The original took the file's heap for CPU and its CPU for heap; here each is what it says (`teastore_compat` keeps the original).".to_owned());
    notes
}
