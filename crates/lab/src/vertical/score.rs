//! How a container fared, and the measures of it.
//!
//! Left out: comparing ([`super::comparison`]).

use super::cases::Case;
use crate::Result;
use serde::{Deserialize, Serialize};
use trimtab_control::vpa::{ContainerResources, Player, ReplayConfig, Span, Tally, Vertical, replay};

/// What a unit of overrun costs in the loss, in units of slack: under it, the best constant is the 90th percentile, the VPA's own
/// target.
pub const OVERRUN_WEIGHT: f64 = 9.0;
/// What a restart a day costs in the loss, in percent of what the container started with.
pub const RESTART_WEIGHT: f64 = 1.0;
/// What an OOM kill a day costs beside its restart.
pub const OOM_WEIGHT: f64 = 4.0;

/// One container over the test, or over one day of it. Everything is a day's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// See [`METRICS`].
    pub loss: f64,
    /// Core-hours.
    pub cpu_slack: f64,
    /// Core-hours.
    pub cpu_overrun: f64,
    /// GB-hours; nothing where memory was not recorded.
    pub memory_slack: Option<f64>,
    /// GB-hours; nothing where memory was not recorded.
    pub memory_overrun: Option<f64>,
    /// Minutes.
    pub throttled_minutes: f64,
    /// Times the container started anew.
    pub restarts: f64,
    /// Times it was killed for memory.
    pub oom_kills: f64,
    /// Resizes in place.
    pub resizes: f64,
    /// Minutes in which it was down.
    pub down_minutes: f64,
}

/// A measure of a [`Score`]; less is better in all of them.
pub struct Metric {
    /// Name in files.
    pub key: &'static str,
    /// Name in tables.
    pub heading: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// What it is, in a sentence.
    pub meaning: &'static str,
    /// Its value; nothing where it does not apply.
    pub of: fn(&Score) -> Option<f64>,
}

/// Every measure, the most telling first.
pub const METRICS: [Metric; 10] = [
    Metric {
        key: "loss",
        heading: "loss",
        unit: "% of start",
        meaning: "Slack plus nine times overrun, in percent of what the container started with, mean over CPU and memory; plus one point for each restart a day and four more for each OOM kill. A single number to rank by; the weights are a choice.",
        of: |s| Some(s.loss),
    },
    Metric {
        key: "cpu_slack",
        heading: "CPU slack",
        unit: "core-h/day",
        meaning: "CPU requested and not used.",
        of: |s| Some(s.cpu_slack),
    },
    Metric {
        key: "cpu_overrun",
        heading: "CPU overrun",
        unit: "core-h/day",
        meaning: "CPU used beyond the request.",
        of: |s| Some(s.cpu_overrun),
    },
    Metric {
        key: "memory_slack",
        heading: "mem. slack",
        unit: "GB-h/day",
        meaning: "Memory requested and not used, in 10⁹ bytes times hours.",
        of: |s| s.memory_slack,
    },
    Metric {
        key: "memory_overrun",
        heading: "mem. overrun",
        unit: "GB-h/day",
        meaning: "Memory used beyond the request.",
        of: |s| s.memory_overrun,
    },
    Metric {
        key: "throttled_minutes",
        heading: "throttled",
        unit: "min/day",
        meaning: "Time in which CPU was held to its limit.",
        of: |s| Some(s.throttled_minutes),
    },
    Metric {
        key: "restarts",
        heading: "restarts",
        unit: "per day",
        meaning: "Evictions and OOM kills: times the container started anew.",
        of: |s| Some(s.restarts),
    },
    Metric {
        key: "oom_kills",
        heading: "OOM kills",
        unit: "per day",
        meaning: "Times use passed the memory limit.",
        of: |s| Some(s.oom_kills),
    },
    Metric {
        key: "resizes",
        heading: "resizes",
        unit: "per day",
        meaning: "Changes of requests in place.",
        of: |s| Some(s.resizes),
    },
    Metric {
        key: "down_minutes",
        heading: "down",
        unit: "min/day",
        meaning: "Time in which the container was restarting.",
        of: |s| Some(s.down_minutes),
    },
];

impl Score {
    /// From the sums over a piece of time of a container that started with `given` cores and GB.
    pub fn of(tally: &Tally, given: [f64; 2], has_memory: bool) -> Self {
        let days = (tally.hours / 24.0).max(f64::MIN_POSITIVE);
        let share = |slack: f64, overrun: f64, given: f64| {
            100.0 * (slack + OVERRUN_WEIGHT * overrun) / (given * tally.hours).max(f64::MIN_POSITIVE)
        };
        let cpu = share(tally.cpu.slack, tally.cpu.overrun, given[0]);
        let memory = share(tally.memory.slack, tally.memory.overrun, given[1]);
        let resources = if has_memory { f64::midpoint(cpu, memory) } else { cpu };
        let (restarts, oom_kills) = (f64::from(tally.restarts()) / days, f64::from(tally.oom_kills) / days);
        let memory = |value: f64| has_memory.then_some(value / days);
        Self {
            loss: resources + RESTART_WEIGHT * restarts + OOM_WEIGHT * oom_kills,
            cpu_slack: tally.cpu.slack / days,
            cpu_overrun: tally.cpu.overrun / days,
            memory_slack: memory(tally.memory.slack),
            memory_overrun: memory(tally.memory.overrun),
            throttled_minutes: 60.0 * tally.throttled_hours / days,
            restarts,
            oom_kills,
            resizes: f64::from(tally.resizes) / days,
            down_minutes: 60.0 * tally.down_hours / days,
        }
    }
}

/// Plays a case from its start; the sums of the test alone, and of each whole day of it.
///
/// # Errors
/// A series that cannot be played.
pub fn played(
    case: &Case,
    start: ContainerResources,
    scaler: &mut dyn Vertical,
) -> Result<(Tally, Vec<Tally>)> {
    let config = ReplayConfig { resources: start, ..case.replay };
    let mut player = Player::new(&case.points[..], config)?;
    let mut before = None;
    let mut days: Vec<Tally> = Vec::new();
    let mut day_started = Tally::default();
    let mut next_day = case.split;
    while !player.is_over() {
        let tally = player.progress().tally;
        if player.progress().now >= next_day {
            match before {
                None => before = Some(tally),
                Some(_) => days.push(tally.since(&day_started)),
            }
            day_started = tally;
            next_day = next_day.plus(Span::DAY);
        }
        replay::step(&mut player, scaler);
    }
    let tally = player.progress().tally;
    Ok((tally.since(&before.unwrap_or_default()), days))
}

/// The sums of the training part.
///
/// # Errors
/// A series that cannot be played.
pub(super) fn trained(case: &Case, start: ContainerResources, scaler: &mut dyn Vertical) -> Result<Tally> {
    let config = ReplayConfig { resources: start, ..case.replay };
    let mut player = Player::new(&case.points[..], config)?;
    while !player.is_over() && player.progress().now < case.split {
        replay::step(&mut player, scaler);
    }
    Ok(player.progress().tally)
}

/// Cores and GB that a case started with.
pub(super) fn given(case: &Case) -> [f64; 2] {
    let [cpu, memory] = case.given();
    [cpu.cores(), memory.0 as f64 / 1e9]
}

/// Scores of the blocks that an interval is made of: the whole test where there are several containers, else its days.
///
/// # Errors
/// A series that cannot be played.
pub fn scored(
    case: &Case,
    start: ContainerResources,
    scaler: &mut dyn Vertical,
    by_day: bool,
) -> Result<Vec<Score>> {
    let (whole, days) = played(case, start, scaler)?;
    let score = |tally: &Tally| Score::of(tally, given(case), case.has_memory);
    Ok(if by_day && days.len() > 1 { days.iter().map(score).collect() } else { vec![score(&whole)] })
}
