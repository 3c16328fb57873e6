//! What `teastore` and `teastore_sim` are made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{
    Moves, TERMS, TeastoreConfig,
    moves::{AXES, Grid},
    reward::{PRESETS, Preset, Weighted},
    simulated::{self, Simulated},
    table::{Column, Table},
    task::Teastore,
    view::{Seen, View},
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
    let entry = |column| {
        let (what, unit) = meaning(column);
        let (least, largest) = range(&teastore, column);
        let scale = teastore.measured.scale(column);
        let scaled = format!("{what}, over the largest of the table ({scale}); −1 where it is missing");
        let name = Seen::Value(column).name();
        if scale == 1.0 {
            Entry::number(name, what, unit, least, largest)
        } else {
            Entry::number(name, &scaled, "1", -1.0, 1.0)
        }
    };
    let mut notes = vec![format!("The table: {}.", teastore.measured.notes.join("; "))];
    notes.push(format!(
        "Each step draws one of the rows that were measured in the configuration it leads to, all alike likely; an observation has {} numbers.",
        teastore.spec(1).obs_dim
    ));
    notes.extend(shared_notes(&PRESETS));
    notes.push("The original took the file's heap for CPU and its CPU for heap; here each is what it says (`teastore_compat` keeps the original).".to_owned());
    Ok(Description {
        observation: observation(&teastore.grid, &teastore.view, entry),
        start: format!(
            "`{}` (setting `teastore.start`: `random`, `row(N)` or `state(REPLICAS,MILLICORES,MB)`)",
            config.start
        ),
        notes,
        ..common(config, &teastore.grid, "the bounds, or to a configuration without measurements,", |_| true)
    })
}

pub(super) fn describe_simulated(config: &RunConfig) -> Result<Description> {
    let simulated = Simulated::new(config, 1)?;
    let (times, config) = (&config.teastore_sim, &config.teastore);
    let entry = |column| {
        let (what, unit) = meaning(column);
        let scale = simulated.scale(column);
        let over = match column {
            Column::Response => "the bound of the application's SLO",
            Column::Cost => "that of the largest configuration, wholly used",
            Column::UsedCpu | Column::UsedMemory => "",
            _ => "the training days' peak",
        };
        let name = Seen::Value(column).name();
        if over.is_empty() {
            let meaning = format!("{what}; −1 where it is not known");
            return Entry::number(name, &meaning, unit, -1.0, simulated::MOST);
        }
        let meaning = format!("{what}, over {over} ({scale:.4}); −1 where it is not known");
        Entry::number(name, &meaning, "1", -1.0, simulated::MOST)
    };
    let mut notes = vec![format!(
        "A step carries the change out, waits {} s (times the chosen cool-down) and measures {} s (`teastore_sim`). Moves, bounds, reward and \
         observation are settings of `[teastore]`, traffic and cluster those of `[[traffic]]` and `[sim]`.",
        times.wait_secs, times.measure_secs
    )];
    let possible = |terms: Weighted| terms.iter().all(|(name, _)| simulated_term(name));
    let presets: Vec<_> = PRESETS.into_iter().filter(|(_, _, terms)| possible(terms)).collect();
    notes.extend(shared_notes(&presets));
    notes.push("A pod that starts takes the CPU time that was measured for it, which at 100 millicores is eight minutes; in a rolling restart the old ones serve until then.".to_owned());
    Ok(Description {
        observation: observation(&simulated.grid, &simulated.view, entry),
        start: format!(
            "`{}` at a random time of a random training day, after ten minutes in which the pods start (setting `teastore.start`: `random` or `state(REPLICAS,MILLICORES,MB)`)",
            config.start
        ),
        notes,
        ..common(config, &simulated.grid, "the bounds", simulated_term)
    })
}

/// Whether a term of the reward can be had without a table.
fn simulated_term(name: &str) -> bool {
    TERMS.iter().any(|term| term.name == name && term.possible(simulated::has, false))
}

/// What both environments have; a mask forbids what leads `out_of`.
fn common(
    config: &TeastoreConfig,
    grid: &Grid,
    out_of: &str,
    possible: impl Fn(&str) -> bool,
) -> Description {
    let weights = config.weighted();
    let reward = TERMS.iter().filter(|term| possible(term.name)).map(|term| Term {
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
        format!("an action that leads out of {out_of} is forbidden")
    } else {
        String::new()
    };
    Description {
        agents: "1 agent".to_owned(),
        observation: Vec::new(),
        action: actions(grid),
        masks,
        reward: reward.chain([penalty]).collect(),
        costs: Vec::new(),
        start: String::new(),
        terminated: "never".to_owned(),
        truncated: format!("after {} steps (`teastore.max_steps`)", config.max_steps),
        notes: Vec::new(),
    }
}

fn shown(number: f64) -> String {
    number.to_string().replace('-', "−")
}

/// `value`: the entry of a column.
fn observation(grid: &Grid, view: &View, value: impl Fn(Column) -> Entry) -> Vec<Entry> {
    let axis = |axis: usize, seen: Seen| {
        let (low, high) = (grid.low[axis], grid.high[axis]);
        let (what, unit, step) = [
            ("replicas", "1", 1),
            ("CPU limit of a pod", "100 millicores", 100),
            ("heap of a pod's Java machine", "100 MB", 100),
        ][axis];
        if view.one_hot {
            let (low, high) = (u32::from(low) * step, u32::from(high) * step);
            let meaning = format!("{what}: a flag for each of {low} to {high}");
            return Entry::one_hot(seen.name(), &meaning, view.width_of(grid, seen));
        }
        Entry::number(seen.name(), what, unit, low.into(), high.into())
    };
    let entry = |seen: &Seen| match *seen {
        Seen::Axis(at) => axis(at, *seen),
        Seen::Value(column) => value(column),
    };
    view.entries.iter().map(entry).collect()
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

fn actions(grid: &Grid) -> Vec<ActionEntry> {
    let entry = |name: &str, meaning: &str, choices: Vec<String>| ActionEntry {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        values: Values::Choices(choices),
    };
    match grid.moves {
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

fn shared_notes(presets: &[(Preset, &str, Weighted)]) -> [String; 3] {
    let presets = presets.iter().map(|(_, name, terms)| {
        let terms =
            terms.iter().map(|(term, weight)| format!("{weight} {term}")).collect::<Vec<_>>().join(" + ");
        format!("`{name}` = {terms}")
    });
    [
        "`actions` (`teastore.actions`): `delta7`, `delta5`, `index` or `tuple`; `masked` forbids what `penalty` punishes.".to_owned(),
        format!(
            "Named rewards (`teastore.reward`): {}. A reward that needs a number that is missing is 0.",
            presets.collect::<Vec<_>>().join("; ")
        ),
        "Terms: n replicas, c CPU limit in cores, h heap in GB, u = used CPU / c at most 1, p = requests / expected requests at most 1.".to_owned(),
    ]
}
