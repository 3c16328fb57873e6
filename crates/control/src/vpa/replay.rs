//! A recorded usage series of one container, played to something that sets its requests.
//!
//! Once an interval the container's use is measured and the scaler may change its requests. Use above the memory limit
//! kills the container and is seen only up to the limit; CPU above its limit is throttled to it. A killed or recreated
//! container is down for a while. Memory is not lowered in place below what is used: the kubelet refuses that. Slack is
//! what was requested and not used, overrun what was used beyond the request, both integrated over time with the use held
//! between points; while the container is down nothing is used and all that is requested is slack.
//!
//! [`replay()`] plays a series from end to end; a [`Player`] goes one interval at a time, for environments.
//!
//! Left out: the node's room, and that a throttled or restarted container does its work later.

use super::{Amount, ContainerResources, Quantity, Resource, Span, Stamp, Termination};
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use std::ops::Deref;
pub use trimtab_model::UsagePoint;

/// The container as the scaler finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub trait Vertical: Send {
    /// Takes the use of CPU and memory measured at `now`.
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running);

    /// Takes an OOM kill.
    fn out_of_memory(&mut self, now: Stamp, running: &Running);

    /// A change from now on; nothing to leave the container as it is.
    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change>;
}

impl<V: Vertical + ?Sized> Vertical for Box<V> {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        (**self).observe(now, usage, running);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        (**self).out_of_memory(now, running);
    }

    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change> {
        (**self).decide(now, running)
    }
}

/// The request that never changes: what it started with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unchanging;

impl Vertical for Unchanging {
    fn observe(&mut self, _: Stamp, _: [Amount; 2], _: &Running) {}

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

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            used: self.used - earlier.used,
            requested: self.requested - earlier.requested,
            slack: self.slack - earlier.slack,
            overrun: self.overrun - earlier.overrun,
        }
    }
}

/// Sums over a replay so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Length in hours.
    pub hours: f64,
    /// Core-hours.
    pub cpu: Area,
    /// GB-hours.
    pub memory: Area,
    /// Hours in which CPU was held to its limit.
    pub throttled_hours: f64,
    /// Hours in which the container was down.
    pub down_hours: f64,
    /// Pods evicted.
    pub evictions: u32,
    /// Resizes in place.
    pub resizes: u32,
    /// OOM kills.
    pub oom_kills: u32,
}

impl Tally {
    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            hours: self.hours - earlier.hours,
            cpu: self.cpu.since(&earlier.cpu),
            memory: self.memory.since(&earlier.memory),
            throttled_hours: self.throttled_hours - earlier.throttled_hours,
            down_hours: self.down_hours - earlier.down_hours,
            evictions: self.evictions - earlier.evictions,
            resizes: self.resizes - earlier.resizes,
            oom_kills: self.oom_kills - earlier.oom_kills,
        }
    }

    /// Times the container started anew.
    pub fn restarts(&self) -> u32 {
        self.evictions + self.oom_kills
    }
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Resources from an instant on; the first entry is what it started with.
    pub allocations: Vec<(Stamp, ContainerResources)>,
    /// Sums.
    pub tally: Tally,
}

/// How a series is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayConfig {
    /// What the container starts with.
    pub resources: ContainerResources,
    /// Time between two measurements, and between two decisions.
    pub interval: Span,
    /// How long a killed or recreated container is down.
    pub restart: Span,
    /// Whether the series starts again at its end, its clock running on.
    pub round_robin: bool,
}

impl ReplayConfig {
    /// A measurement a minute, no time lost to restarts, once through.
    pub fn new(resources: ContainerResources) -> Self {
        Self { resources, interval: Span::MINUTE, restart: Span::secs(0), round_robin: false }
    }
}

/// What is measured at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The instant.
    pub now: Stamp,
    /// Use of CPU and memory, as far as the limits allow it.
    pub usage: [Amount; 2],
    /// Whether the container was killed for memory.
    pub oom_killed: bool,
}

/// How far a replay has come: all that changes as a series is played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The container.
    pub running: Running,
    /// Sums so far.
    pub tally: Tally,
    /// The present instant.
    pub now: Stamp,
    run_started: Stamp,
    /// When the container is up again.
    up_from: Stamp,
    index: usize,
    /// How far the series has been moved in time by starting again.
    offset: Span,
}

/// Plays a series, in order of time, one interval at a time: [`look`](Self::look), then [`advance`](Self::advance).
#[derive(Clone, Debug)]
pub struct Player<S> {
    series: S,
    config: ReplayConfig,
    at: Progress,
    allocations: Vec<(Stamp, ContainerResources)>,
}

impl Progress {
    /// Whether it can be of a series of so many points.
    pub fn fits(&self, points: usize) -> bool {
        self.index < points
    }
}

impl<S: Deref<Target = [UsagePoint]>> Player<S> {
    /// At the start of the series.
    ///
    /// # Errors
    /// A series of fewer than two points or out of order, or an interval that is not positive.
    pub fn new(series: S, config: ReplayConfig) -> Result<Self> {
        let interval = config.interval;
        check("replay.interval", interval.is_positive(), "positive", interval.over(Span::secs(1)))?;
        check("replay.series", series.len() >= 2, "at least two points", series.len())?;
        let ordered = series.windows(2).all(|pair| pair[0].at <= pair[1].at);
        check("replay.series", ordered, "in order of time", "another order")?;
        let start = Stamp::from(series[0].at);
        let resources = config.resources;
        let at = Progress {
            running: Running { resources, started: start, last_termination: None },
            tally: Tally::default(),
            now: start,
            run_started: start,
            up_from: start,
            index: 0,
            offset: Span::secs(0),
        };
        Ok(Self { series, config, at, allocations: vec![(start, resources)] })
    }

    /// Goes on from where another player of the same series and configuration was, without its list of allocations.
    pub fn resumed(series: S, config: ReplayConfig, at: Progress) -> Self {
        Self { series, config, at, allocations: Vec::new() }
    }

    /// Goes to the first instant that is not before `at`, without playing what is before it; the container starts there.
    #[must_use]
    pub fn started_at(mut self, at: Stamp) -> Self {
        self.at.now = at.max(self.at.now);
        self.at.running.started = self.at.now;
        (self.at.run_started, self.at.up_from) = (self.at.now, self.at.now);
        self.allocations[0].0 = self.at.now;
        self
    }

    /// How far it has come.
    pub fn progress(&self) -> &Progress {
        &self.at
    }

    /// What has been given so far, and what it came to.
    pub fn into_replay(self) -> Replay {
        Replay { allocations: self.allocations, tally: self.at.tally }
    }

    /// Whether the series is over; never where it starts again.
    pub fn is_over(&self) -> bool {
        self.at.now >= self.end()
    }

    fn time_of(&self, index: usize) -> Stamp {
        Stamp::from(self.series[index].at).plus(self.at.offset)
    }

    fn end(&self) -> Stamp {
        self.time_of(self.series.len() - 1)
    }

    /// Measures the container; nothing while it is down. Use over the memory limit kills it.
    pub fn look(&mut self) -> Option<Look> {
        if self.config.round_robin && self.is_over() {
            let length = self.end().since(self.time_of(0));
            self.at.offset = self.at.now.since(Stamp::from(self.series[0].at)).whole(length);
            self.at.index = 0;
        }
        while self.at.index + 1 < self.series.len() && self.time_of(self.at.index + 1) <= self.at.now {
            self.at.index += 1;
        }
        if self.at.now < self.at.up_from {
            return None;
        }
        let now = self.at.now;
        let point = self.series[self.at.index];
        let limit = |resource| self.at.running.resources.limits.get(resource);
        let cpu = match limit(Resource::Cpu) {
            Some(limit) => Amount::from_cores(point.cpu_cores).min(Amount(limit.milli())),
            None => Amount::from_cores(point.cpu_cores),
        };
        let memory = Amount::truncated(point.memory_bytes);
        let over = limit(Resource::Memory).filter(|limit| memory.0 > limit.units());
        if let Some(limit) = over {
            self.at.running.last_termination =
                Some(Termination { oom_killed: true, started: self.at.run_started, finished: now });
            self.at.run_started = now;
            self.at.up_from = now.plus(self.config.restart);
            self.at.tally.oom_kills += 1;
            return Some(Look { now, usage: [cpu, Amount(limit.units())], oom_killed: true });
        }
        Some(Look { now, usage: [cpu, memory], oom_killed: false })
    }

    /// Carries out a change, if there is one, and goes on by one interval.
    pub fn advance(&mut self, change: Option<Change>) {
        if let Some(change) = change {
            self.give(&change);
        }
        let next = self.at.now.plus(self.config.interval);
        let until = next.min(self.end());
        self.integrate(until);
        self.at.now = if self.config.round_robin { next } else { until };
    }

    fn give(&mut self, change: &Change) {
        let now = self.at.now;
        let mut wanted = self.at.running.resources;
        merge(&mut wanted, &change.resources);
        match change.way {
            Way::InPlace => {
                let used = Quantity::from_units(self.series[self.at.index].memory_bytes.max(0.0) as i64);
                let old = self.at.running.resources;
                let lowered = wanted.limits.memory < old.limits.memory;
                if lowered && wanted.limits.memory.is_some_and(|limit| limit < used) {
                    wanted.requests.memory = old.requests.memory;
                    wanted.limits.memory = old.limits.memory;
                }
                if wanted == old {
                    return;
                }
                self.at.running.resources = wanted;
                self.at.tally.resizes += 1;
            }
            Way::Recreate => {
                self.at.tally.evictions += 1;
                self.at.running = Running { resources: wanted, started: now, last_termination: None };
                self.at.run_started = now;
                self.at.up_from = now.plus(self.config.restart);
            }
        }
        self.allocations.push((now, self.at.running.resources));
    }

    /// Adds what happens until an instant; points inside count from their own time on.
    fn integrate(&mut self, until: Stamp) {
        let units = |quantity: Option<Quantity>| quantity.unwrap_or_default().thousandths() as f64 / 1000.0;
        let resources = &self.at.running.resources;
        let (cpu, memory) = (units(resources.requests.cpu), units(resources.requests.memory) / 1e9);
        let cpu_limit = resources.limits.cpu.map_or(f64::INFINITY, |limit| units(Some(limit)));
        let (mut from, mut index) = (self.at.now, self.at.index);
        while from < until {
            let mut next = until;
            if index + 1 < self.series.len() {
                next = next.min(self.time_of(index + 1));
            }
            let down = from < self.at.up_from;
            if down {
                next = next.min(self.at.up_from);
            }
            let hours = next.since(from).over(Span::HOUR);
            let point = self.series[index];
            let running = if down { 0.0 } else { 1.0 };
            let tally = &mut self.at.tally;
            tally.hours += hours;
            tally.cpu.add(point.cpu_cores * running, cpu, hours);
            tally.memory.add(point.memory_bytes / 1e9 * running, memory, hours);
            tally.down_hours += (1.0 - running) * hours;
            if !down && point.cpu_cores > cpu_limit {
                tally.throttled_hours += hours;
            }
            from = next;
            if index + 1 < self.series.len() && self.time_of(index + 1) <= from {
                index += 1;
            }
        }
    }
}

/// Plays `series` from end to end.
///
/// # Errors
/// Those of [`Player::new`].
pub fn replay(series: &[UsagePoint], config: &ReplayConfig, scaler: &mut dyn Vertical) -> Result<Replay> {
    let mut player = Player::new(series, ReplayConfig { round_robin: false, ..*config })?;
    while !player.is_over() {
        step(&mut player, scaler);
    }
    Ok(player.into_replay())
}

/// One interval: measure, decide, go on.
pub fn step<S: Deref<Target = [UsagePoint]>>(player: &mut Player<S>, scaler: &mut dyn Vertical) {
    let look = player.look();
    let Progress { now, running, .. } = player.at;
    if let Some(look) = look {
        if look.oom_killed {
            scaler.out_of_memory(now, &running);
        }
        scaler.observe(now, look.usage, &running);
    }
    let change = scaler.decide(now, &running);
    player.advance(change);
}

fn merge(resources: &mut ContainerResources, change: &ContainerResources) {
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

#[cfg(test)]
mod tests;
