//! From what is known of a container to an observation, and from numbers in [-1, 1] to a recommendation.
//!
//! It is one for learning and for acting ([`crate::vertical`] runs trained policies through it). Use is seen relative to what the exact
//! VPA recommends, on a log scale, so that a policy means the same for a container of 20 millicores and for a machine of 96 cores.
//! Left out: the updater, and what is remembered ([`Track`]).

use super::{Track, VpaConfig};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use trimtab_control::{
    vertical::{CONTAINER, LEAST, recommendation},
    vpa::{
        Amount, ContainerPolicy, ContainerRecommendation, Quantity, Recommendation, Resource, ResourceList,
        ResourcePolicy, Running, Span, Stamp, capping,
    },
};

/// What an action's numbers stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionScale {
    /// A correction of the exact VPA. Its target is multiplied by 4 (memory: 2) to the power of the number; a bound's distance from the target, as a
    /// ratio, is raised to a power from 0 (on the target) to 2. Zeros are the exact VPA.
    /// For a day after an OOM kill, a lowered memory target is not less than what the kill asks for.
    #[default]
    Trim,
    /// As the original samples: the lower bound between the least and the most, the target between it and the most, the upper bound
    /// between that and the most. Where nothing is the most, it is the original's 100 cores and 800 GB.
    Absolute,
}

/// Factor on the exact target of a number of 1: the VPA has a percentile of CPU, but nearly the peak of memory.
pub(super) const REACH: [f64; 2] = [4.0, 2.0];
/// The original's most: millicores and MB.
const MOST: [f64; 2] = [100_000.0, 800_000.0];
/// Numbers of an action.
pub(super) const ACTIONS: usize = 6;
/// Greatest logarithm of a ratio that is seen.
const FARTHEST: f64 = 4.0;

/// See the module.
#[derive(Clone, Debug)]
pub struct Codec {
    peaks: bool,
    scale: ActionScale,
    /// Least and most of CPU and memory.
    range: [[f64; 2]; 2],
    policy: ResourcePolicy,
}

/// What is known of a container.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The present instant.
    pub now: Stamp,
    /// What it started with.
    pub given: [Amount; 2],
    /// What it has.
    pub running: &'a Running,
    /// What it used before.
    pub track: &'a Track,
    /// What the exact VPA recommends.
    pub exact: &'a ContainerRecommendation,
}

impl Seen<'_> {
    /// The exact VPA's target.
    pub(crate) fn target(&self, slot: usize) -> Amount {
        amount(&self.exact.target, slot)
    }
}

/// Millicores or bytes of a list.
fn amount(list: &ResourceList, slot: usize) -> Amount {
    Amount(match Resource::ALL[slot] {
        Resource::Cpu => list.cpu.unwrap_or_default().milli(),
        Resource::Memory => list.memory.unwrap_or_default().units(),
    })
}

/// The logarithm of a ratio, within bounds.
fn ratio(value: f64, to: Amount) -> f32 {
    let base = (to.0 as f64).max(1.0);
    (value.max(1.0) / base).ln().clamp(-FARTHEST, FARTHEST) as f32
}

/// Features of each resource that do not depend on what the container has: mean and highest use of the last step, what it started with,
/// the peaks of an hour and of a day.
pub(crate) const USE_FEATURES: usize = 10;

/// Writes [`USE_FEATURES`] for both resources: CPU and memory in turn, each relative to the exact target.
pub(crate) fn write_use(seen: &Seen<'_>, features: &mut [f32]) {
    for slot in [0, 1] {
        let [mean, most] = seen.track.last_step(slot);
        let peaks = [seen.track.hour_peak(slot), seen.track.day_peak(slot)].map(|peak| peak.0 as f64);
        let values = [mean, most, seen.given[slot].0 as f64, peaks[0], peaks[1]];
        for (place, value) in values.into_iter().enumerate() {
            features[2 * place + slot] = ratio(value, seen.target(slot));
        }
    }
}

impl Codec {
    /// The codec of a configuration.
    pub fn new(config: &VpaConfig) -> Self {
        let (range, allowed) = (&config.limit_range, &config.allowed);
        let least = [allowed.min_cpu.max(range.min_cpu), allowed.min_memory_mb.max(range.min_memory_mb)];
        let most = [(allowed.max_cpu, range.max_cpu), (allowed.max_memory_mb, range.max_memory_mb)];
        let most = most.map(|(a, b)| if a > 0.0 && b > 0.0 { a.min(b) } else { a.max(b) });
        let list = |[cpu, mb]: [f64; 2]| {
            let positive = |amount: f64, make: fn(i64) -> Quantity| {
                (amount > 0.0).then(|| make(Amount::truncated(amount).0))
            };
            ResourceList {
                cpu: positive(cpu, Quantity::from_milli),
                memory: positive(1e6 * mb, Quantity::from_units),
            }
        };
        let range = [0, 1].map(|slot| {
            let unit = [1.0, 1e6][slot];
            let most = if most[slot] > 0.0 { most[slot] } else { MOST[slot] };
            [unit * least[slot], unit * most]
        });
        let policy = ContainerPolicy {
            container: CONTAINER.to_owned(),
            min_allowed: list(least),
            max_allowed: list(most),
            ..ContainerPolicy::default()
        };
        Self {
            peaks: config.peaks,
            scale: config.action_scale,
            range,
            policy: ResourcePolicy { containers: vec![policy] },
        }
    }

    /// Least and most of millicores and bytes that [`ActionScale::Absolute`] samples.
    pub(super) fn range(&self) -> [[f64; 2]; 2] {
        self.range
    }

    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        4 + if self.peaks { USE_FEATURES } else { USE_FEATURES - 4 }
    }

    /// Writes requests of CPU and memory, mean and highest use of the last step, what the container started with, the peaks if they
    /// are seen, all as logarithms of their ratio to the exact target; and the time of day.
    pub fn observe(&self, seen: &Seen<'_>, obs: &mut [f32]) {
        for slot in [0, 1] {
            let request = amount(&seen.running.resources.requests, slot);
            obs[slot] = ratio(request.0 as f64, seen.target(slot));
        }
        let turn = TAU * seen.now.since(Stamp::from_secs(0)).over(Span::DAY).rem_euclid(1.0);
        (obs[2], obs[3]) = (turn.sin() as f32, turn.cos() as f32);
        let mut features = [0.0; USE_FEATURES];
        write_use(seen, &mut features);
        let rest = &mut obs[4..];
        rest.copy_from_slice(&features[..rest.len()]);
    }

    /// The recommendation that the numbers `lower, target, upper` of CPU and then of memory stand for, within the policy and the
    /// `LimitRange`; the uncapped target, as upstream's, is the target before those.
    pub fn recommend(&self, seen: &Seen<'_>, action: &[f32]) -> ContainerRecommendation {
        let mut bounds = [[Amount(0); 2]; 3];
        for slot in [0, 1] {
            let numbers = [0, 1, 2].map(|at| f64::from(action[3 * slot + at]).clamp(-1.0, 1.0));
            let amounts = match self.scale {
                ActionScale::Trim => trimmed(seen, slot, numbers),
                ActionScale::Absolute => {
                    let [least, most] = self.range[slot];
                    let share = numbers.map(|number| f64::midpoint(number, 1.0));
                    let lower = least + share[0] * (most - least);
                    let target = lower + share[1] * (most - lower);
                    [lower, target, target + share[2] * (most - target)].map(Amount::truncated)
                }
            };
            for (bound, amount) in bounds.iter_mut().zip(amounts) {
                bound[slot] = amount.max(Amount(1));
            }
        }
        let uncapped = recommendation(bounds[0], bounds[1], bounds[2]);
        let mut capped = Recommendation { containers: vec![uncapped] };
        capping::apply_policy(&mut capped, &self.policy, ResourceList::default());
        capped.containers.swap_remove(0)
    }
}

/// Lower bound, target and upper bound of [`ActionScale::Trim`].
fn trimmed(seen: &Seen<'_>, slot: usize, [lower, target, upper]: [f64; 3]) -> [Amount; 3] {
    let lists = [&seen.exact.lower_bound, &seen.exact.target, &seen.exact.upper_bound];
    let exact = lists.map(|list| amount(list, slot));
    if [lower, target, upper] == [0.0; 3] {
        return exact;
    }
    let base = (exact[1].0 as f64).max(1.0);
    let mut wish = base * REACH[slot].powf(target);
    if target < 0.0 && slot == 1 {
        wish = wish.max(seen.track.least_memory().0 as f64);
    }
    // Not less than the VPA gives a pod, unless it does.
    let wish = wish.max(base.min(LEAST[slot].0 as f64));
    let below = (exact[0].0 as f64 / base).powf(1.0 - lower);
    let above = (exact[2].0 as f64 / base).powf(1.0 + upper);
    [wish * below, wish, wish * above].map(Amount::truncated)
}
