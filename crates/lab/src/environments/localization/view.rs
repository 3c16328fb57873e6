//! What an agent sees: a few numbers a step, of the last steps, oldest first.
//!
//! Left out: how use and limits come about.

use super::LocalizationConfig;

/// Numbers of a step: name, meaning and unit, in the published order.
pub const FEATURES: [(&str, &str, &str); 7] = [
    ("limit", "own CPU limit in force, over the budget", "1"),
    ("usage", "CPU that the own pod used, over the budget", "1"),
    ("available", "what the limits asked for leave of the budget, over the budget", "1"),
    ("percent", "CPU that the own pod used, over its limit", "1"),
    ("others_percent", "the same of the other agents that are there, mean", "1"),
    ("priority", "own priority", "1"),
    ("others_priority", "priority of the other agents that are there, mean", "1"),
];

/// Which of [`FEATURES`] an independent agent sees.
const INDEPENDENT: [usize; 5] = [0, 1, 2, 3, 5];
const ALL: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

/// Places in [`FEATURES`] of what is seen.
pub(super) fn seen(config: &LocalizationConfig) -> &'static [usize] {
    if config.independent_state { &INDEPENDENT } else { &ALL }
}

/// One agent in one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) limit: f64,
    pub(super) used: f64,
    pub(super) percent: f64,
    pub(super) priority: f64,
}

/// Writes the numbers of agent `own` of those that are there (`None`: absent).
pub(super) fn write(
    samples: &[Option<Sample>],
    own: usize,
    [budget, available]: [f64; 2],
    out: &mut [f32; FEATURES.len()],
) {
    let Some(sample) = samples[own] else { return out.fill(0.0) };
    let others = || samples.iter().enumerate().filter(|(agent, _)| *agent != own).filter_map(|(_, s)| *s);
    let count = others().count().max(1) as f64;
    let mean = |of: fn(&Sample) -> f64| others().map(|sample| of(&sample)).sum::<f64>() / count;
    *out = [
        sample.limit / budget,
        sample.used / budget,
        available / budget,
        sample.percent / 100.0,
        mean(|sample| sample.percent) / 100.0,
        sample.priority,
        mean(|sample| sample.priority),
    ]
    .map(|number| number as f32);
}
