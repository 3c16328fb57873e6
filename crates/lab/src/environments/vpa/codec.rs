//! From what is known of a container to an observation, and from numbers in [-1, 1] to a recommendation.
//!
//! It is one for learning and for acting ([`crate::vertical`] runs trained policies through it). Left out: the updater.

use super::VpaConfig;
use serde::{Deserialize, Serialize};
use trimtab_control::{
    vertical::recommendation,
    vpa::{Amount, ContainerRecommendation, Running, Span, Stamp},
};

/// What an action's numbers stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionScale {
    /// The target is the highest use of the last day (with `peaks`; else the use now) times 4 to the power of its number; bounds lie up
    /// to 90 % below and 300 % above it. The zero action asks for exactly that use.
    /// For a day after an OOM kill, memory is not less than what the kill asks for.
    #[default]
    Relative,
    /// As the original samples: the lower bound between the least and the most, the target between it and the most, the upper bound
    /// between that and the most.
    Absolute,
}

/// Factor on recent use of a number of 1.
const REACH: f64 = 4.0;
/// Numbers of an action.
pub(super) const ACTIONS: usize = 6;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    peaks: bool,
    scale: ActionScale,
    /// Least and most of CPU and memory.
    range: [[f64; 2]; 2],
}

/// The highest use of each of the last hours, and what the last OOM kill asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peaks {
    hour: i64,
    hours: Vec<[Amount; 2]>,
    /// Memory that an OOM kill asks for, and the hour until which it does.
    floor: (Amount, i64),
}

impl Peaks {
    const HOURS: usize = 24;

    /// Takes in a measurement.
    pub fn add(&mut self, now: Stamp, usage: [Amount; 2]) {
        let hour = now.millis().unwrap_or(0).div_euclid(Span::HOUR.over(Span::secs(1)) as i64 * 1000);
        if self.hours.is_empty() {
            self.hours.push(usage);
        } else {
            // The hours without a measurement have the use before them.
            let passed = (hour - self.hour).clamp(0, Self::HOURS as i64);
            for _ in 0..passed {
                self.hours.push(usage);
            }
        }
        self.hour = hour;
        let over = self.hours.len().saturating_sub(Self::HOURS);
        self.hours.drain(..over);
        let last = self.hours.len() - 1;
        for slot in [0, 1] {
            self.hours[last][slot] = self.hours[last][slot].max(usage[slot]);
        }
    }

    /// Takes in an OOM kill at a limit: for a day, a fifth more memory is the least that is asked for, at least 100 MiB more.
    pub fn out_of_memory(&mut self, now: Stamp, cpu: Amount, limit: Amount) {
        let needed = limit.scaled(1.2).max(Amount(limit.0 + (100 << 20)));
        self.add(now, [cpu, needed]);
        self.floor = (needed, self.hour + Self::HOURS as i64);
    }

    /// The least of a resource after an OOM kill.
    fn least(&self, slot: usize) -> Amount {
        if slot == 1 && self.hour < self.floor.1 { self.floor.0 } else { Amount(0) }
    }

    /// The highest of the last one or two hours.
    fn recent(&self, slot: usize) -> Amount {
        self.hours.iter().rev().take(2).map(|hour| hour[slot]).max().unwrap_or_default()
    }

    /// The highest of all.
    fn day(&self, slot: usize) -> Amount {
        self.hours.iter().map(|hour| hour[slot]).max().unwrap_or_default()
    }
}

/// What is known of a container.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What it started with.
    pub given: [Amount; 2],
    /// What it used when it was last measured.
    pub usage: [Amount; 2],
    /// What it has.
    pub running: &'a Running,
    /// What it used before.
    pub peaks: &'a Peaks,
}

impl Codec {
    /// The codec of a configuration.
    pub fn new(config: &VpaConfig) -> Self {
        let range = &config.limit_range;
        Self {
            peaks: config.peaks,
            scale: config.action_scale,
            range: [[range.min_cpu, range.max_cpu], [1e6 * range.min_memory_mb, 1e6 * range.max_memory_mb]],
        }
    }

    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        if self.peaks { 8 } else { 4 }
    }

    /// Writes use of CPU and memory, requests of CPU and memory, and the peaks of both if they are seen, all over what the container
    /// started with.
    pub fn observe(&self, seen: &Seen<'_>, obs: &mut [f32]) {
        let requests = &seen.running.resources.requests;
        let requests =
            [requests.cpu.unwrap_or_default().milli(), requests.memory.unwrap_or_default().units()];
        for slot in [0, 1] {
            let given = (seen.given[slot].0 as f64).max(1.0);
            let share = |amount: i64| (amount as f64 / given) as f32;
            obs[slot] = share(seen.usage[slot].0);
            obs[2 + slot] = share(requests[slot]);
            if self.peaks {
                obs[4 + slot] = share(seen.peaks.recent(slot).0);
                obs[6 + slot] = share(seen.peaks.day(slot).0);
            }
        }
    }

    /// The recommendation that the numbers `lower, target, upper` of CPU and then of memory stand for; the uncapped target is the target.
    pub fn recommend(&self, seen: &Seen<'_>, action: &[f32]) -> ContainerRecommendation {
        let mut bounds = [[Amount(0); 2]; 3];
        for slot in [0, 1] {
            let number = |at: usize| f64::from(action[3 * slot + at]).clamp(-1.0, 1.0);
            let share = |at: usize| f64::midpoint(number(at), 1.0);
            let [least, most] = self.range[slot];
            let amounts = match self.scale {
                ActionScale::Relative => {
                    let used = if self.peaks { seen.peaks.day(slot) } else { seen.usage[slot] };
                    let wish = (used.0 as f64).max(1.0) * REACH.powf(number(1));
                    let target = wish.max(seen.peaks.least(slot).0 as f64).clamp(least, most);
                    [target * (1.0 - 0.9 * share(0)), target, target * (1.0 + 3.0 * share(2))]
                }
                ActionScale::Absolute => {
                    let lower = least + share(0) * (most - least);
                    let target = lower + share(1) * (most - lower);
                    [lower, target, target + share(2) * (most - target)]
                }
            };
            for (bound, amount) in bounds.iter_mut().zip(amounts) {
                bound[slot] = Amount::truncated(amount).max(Amount(1));
            }
        }
        recommendation(bounds[0], bounds[1], bounds[2])
    }
}
