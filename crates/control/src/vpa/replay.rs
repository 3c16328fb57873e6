//! A recorded usage series of one container, played to something that sets its requests.
//!
//! Once an interval the container's use is measured and the scaler may change its requests. Use above the memory limit
//! kills the container and is seen only up to the limit; CPU above its limit is throttled to it. Slack is what was requested
//! and not used, overrun what was used beyond the request, both integrated over time with the use held between points.
//!
//! Left out: the time a new pod needs to start, the node's room, and that a throttled container does its work later.

use super::{Amount, ContainerResources, Quantity, Resource, Span, Stamp, Termination};
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use trimtab_model::Time;

/// Use of one container from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsagePoint {
    /// From when.
    pub at: Time,
    /// Cores.
    pub cpu_cores: f64,
    /// Bytes.
    pub memory_bytes: f64,
}

/// The container as the scaler finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// What it has been given.
    pub resources: ContainerResources,
    /// When its pod started.
    pub started: Stamp,
    /// How its previous run in this pod ended.
    pub last_termination: Option<Termination>,
}

/// How a change reaches the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// It goes on running.
    InPlace,
    /// Its pod is evicted and a new one starts.
    Recreate,
}

/// New requests and limits; an absent entry stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What the container is given.
    pub resources: ContainerResources,
    /// How.
    pub way: Way,
}

/// Sets what one container requests.
pub trait Vertical {
    /// Takes the use measured at `now`.
    fn observe(&mut self, now: Stamp, cpu: Amount, memory: Amount);

    /// Takes an OOM kill.
    fn out_of_memory(&mut self, now: Stamp, running: &Running);

    /// A change from now on; nothing to leave the container as it is.
    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change>;
}

/// The request that never changes: today's practice, and the best constant when that is what it is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unchanging;

impl Vertical for Unchanging {
    fn observe(&mut self, _: Stamp, _: Amount, _: Amount) {}

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn decide(&mut self, _: Stamp, _: &Running) -> Option<Change> {
        None
    }
}

/// Integrals of one resource over the series, in core-hours or GB-hours (10⁹ bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Used.
    pub used: f64,
    /// Requested.
    pub requested: f64,
    /// Requested and not used.
    pub slack: f64,
    /// Used beyond the request.
    pub overrun: f64,
}

impl Area {
    fn add(&mut self, used: f64, requested: f64, hours: f64) {
        self.used += used * hours;
        self.requested += requested * hours;
        self.slack += (requested - used).max(0.0) * hours;
        self.overrun += (used - requested).max(0.0) * hours;
    }
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Resources from an instant on; the first entry is what it started with.
    pub allocations: Vec<(Stamp, ContainerResources)>,
    /// Pods evicted.
    pub evictions: Vec<Stamp>,
    /// Resizes in place.
    pub resizes: Vec<Stamp>,
    /// OOM kills.
    pub oom_kills: Vec<Stamp>,
    /// Length of the series in hours.
    pub hours: f64,
    /// Core-hours.
    pub cpu: Area,
    /// GB-hours.
    pub memory: Area,
}

impl Replay {
    /// Times the container started anew.
    pub fn restarts(&self) -> usize {
        self.evictions.len() + self.oom_kills.len()
    }
}

/// Plays `series`, in order of time, to a scaler that is asked every `interval`. The container starts with `resources`.
///
/// # Errors
/// A series of fewer than two points or out of order, or an interval that is not positive.
pub fn replay(
    series: &[UsagePoint],
    resources: ContainerResources,
    interval: Span,
    scaler: &mut dyn Vertical,
) -> Result<Replay> {
    check("replay.interval", interval.is_positive(), "positive", interval.over(Span::secs(1)))?;
    check("replay.series", series.len() >= 2, "at least two points", series.len())?;
    let ordered = series.windows(2).all(|pair| pair[0].at <= pair[1].at);
    check("replay.series", ordered, "in order of time", "another order")?;
    let start = Stamp::from(series[0].at);
    let end = Stamp::from(series[series.len() - 1].at);
    let mut running = Running { resources, started: start, last_termination: None };
    let mut result = Replay { allocations: vec![(start, resources)], ..Replay::default() };
    let (mut now, mut index, mut run_started) = (start, 0, start);
    while now < end {
        let until = now.plus(interval).min(end);
        while series.get(index + 1).is_some_and(|point| Stamp::from(point.at) <= now) {
            index += 1;
        }
        let point = &series[index];
        let memory = Amount::truncated(point.memory_bytes);
        let limit = |resource| running.resources.limits.get(resource);
        let cpu = match limit(Resource::Cpu) {
            Some(limit) => Amount::from_cores(point.cpu_cores).min(Amount(limit.milli())),
            None => Amount::from_cores(point.cpu_cores),
        };
        let mut seen = memory;
        if let Some(limit) = limit(Resource::Memory)
            && memory.0 > limit.units()
        {
            seen = Amount(limit.units());
            running.last_termination =
                Some(Termination { oom_killed: true, started: run_started, finished: now });
            run_started = now;
            result.oom_kills.push(now);
            scaler.out_of_memory(now, &running);
        }
        scaler.observe(now, cpu, seen);
        if let Some(change) = scaler.decide(now, &running) {
            give(&mut running.resources, &change.resources);
            result.allocations.push((now, running.resources));
            match change.way {
                Way::InPlace => result.resizes.push(now),
                Way::Recreate => {
                    result.evictions.push(now);
                    running = Running { started: now, last_termination: None, ..running };
                    run_started = now;
                }
            }
        }
        integrate(&mut result, series, index, (now, until), &running.resources);
        now = until;
    }
    result.hours = end.since(start).over(Span::HOUR);
    Ok(result)
}

fn give(resources: &mut ContainerResources, change: &ContainerResources) {
    for resource in Resource::ALL {
        for (now, new) in
            [(&mut resources.requests, &change.requests), (&mut resources.limits, &change.limits)]
        {
            if let Some(quantity) = new.get(resource) {
                *now.get_mut(resource) = Some(quantity);
            }
        }
    }
}

/// Adds what happened between two instants; points inside count from their own time on.
fn integrate(
    result: &mut Replay,
    series: &[UsagePoint],
    index: usize,
    (from, until): (Stamp, Stamp),
    resources: &ContainerResources,
) {
    let units = |quantity: Option<Quantity>| quantity.unwrap_or_default().thousandths() as f64 / 1000.0;
    let (cpu, memory) = (units(resources.requests.cpu), units(resources.requests.memory) / 1e9);
    let (mut from, mut index) = (from, index);
    while from < until {
        let next = series.get(index + 1).map_or(until, |point| Stamp::from(point.at).min(until));
        let hours = next.since(from).over(Span::HOUR);
        let point = &series[index];
        result.cpu.add(point.cpu_cores, cpu, hours);
        result.memory.add(point.memory_bytes / 1e9, memory, hours);
        from = next;
        index = (index + 1).min(series.len() - 1);
    }
}

#[cfg(test)]
mod tests;
