//! Rate limits and stabilisation: what may become of a metric's proposal.
//!
//! Source: `horizontal.go`. Two rule sets exist upstream, without and with `spec.behavior`; their window
//! comparisons differ (inclusive without, strict with), and so they do here.

use super::spec::{Constants, HpaSpec, Policy, PolicyKind, Rules, Select};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// A logged, unstabilised recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recommendation {
    pub(super) replicas: u32,
    pub(super) at: Time,
}

/// A change that was made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ScaleEvent {
    pub(super) change: u32,
    pub(super) at: Time,
}

/// Scale-up without behaviour: twice the replicas, or 4.
pub(super) fn legacy_scale_up_limit(current: u32) -> u32 {
    (2 * current).max(4)
}

/// Stabilisation without behaviour: the highest recommendation of the window, which is inclusive. Logs
/// `desired` over the last outdated entry, or at the end.
pub(super) fn stabilize_legacy(log: &mut Vec<Recommendation>, desired: u32, window: f64, now: Time) -> u32 {
    let mut highest = desired;
    let mut outdated = None;
    for (i, entry) in log.iter().enumerate() {
        if now - entry.at > Seconds(window) {
            outdated = Some(i);
        } else {
            highest = highest.max(entry.replicas);
        }
    }
    record(log, outdated, Recommendation { replicas: desired, at: now });
    highest
}

/// Stabilisation with behaviour: within the lowest of the up window and the highest of the down window,
/// both strict.
pub(super) fn stabilize(
    log: &mut Vec<Recommendation>,
    current: u32,
    desired: u32,
    windows: (f64, f64),
    now: Time,
) -> u32 {
    let (mut lowest, mut highest) = (desired, desired);
    let mut outdated = None;
    let longest = windows.0.max(windows.1);
    for (i, entry) in log.iter().enumerate() {
        let age = now - entry.at;
        if age < Seconds(windows.0) {
            lowest = lowest.min(entry.replicas);
        }
        if age < Seconds(windows.1) {
            highest = highest.max(entry.replicas);
        }
        if age > Seconds(longest) {
            outdated = Some(i);
        }
    }
    record(log, outdated, Recommendation { replicas: desired, at: now });
    current.max(lowest).min(highest)
}

fn record<T>(log: &mut Vec<T>, outdated: Option<usize>, entry: T) {
    match outdated {
        Some(slot) => log[slot] = entry,
        None => log.push(entry),
    }
}

/// Scale events of both directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Events {
    up: Vec<ScaleEvent>,
    down: Vec<ScaleEvent>,
}

impl Events {
    pub(super) fn clear(&mut self) {
        self.up.clear();
        self.down.clear();
    }

    /// Logs a change over the last event older than the longest period, or at the end.
    pub(super) fn log(&mut self, from: u32, to: u32, spec: &HpaSpec, now: Time) {
        let Some(behavior) = &spec.behavior else { return };
        let (events, rules) = if to > from {
            (&mut self.up, &behavior.scale_up)
        } else {
            (&mut self.down, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(|p| p.period_secs).max().unwrap_or(0);
        let outdated = events.iter().rposition(|e| now - e.at >= Seconds(f64::from(longest)));
        record(events, outdated, ScaleEvent { change: to.abs_diff(from), at: now });
    }

    /// Most replicas that `rules` allow now.
    pub(super) fn up_limit(&self, current: u32, rules: &Rules, now: Time) -> u32 {
        self.limit(current, rules, now, |base, policy| match policy.kind {
            PolicyKind::Pods => base + f64::from(policy.value),
            PolicyKind::Percent => (base * (1.0 + f64::from(policy.value) / 100.0)).ceil(),
        })
    }

    /// Fewest replicas that `rules` allow now.
    pub(super) fn down_limit(&self, current: u32, rules: &Rules, now: Time) -> u32 {
        // The largest change downwards is the lowest limit, so `Max` and `Min` swap their folds.
        let limit = |base: f64, policy: &Policy| match policy.kind {
            PolicyKind::Pods => base - f64::from(policy.value),
            PolicyKind::Percent => (base * (1.0 - f64::from(policy.value) / 100.0)).trunc(),
        };
        let limits = rules.policies.iter().map(|p| limit(self.base(current, p, now), p));
        let chosen = match rules.select {
            Select::Disabled => return current,
            Select::Max => limits.fold(f64::INFINITY, f64::min),
            Select::Min => limits.fold(f64::NEG_INFINITY, f64::max),
        };
        chosen.clamp(0.0, f64::from(current)) as u32
    }

    fn limit(&self, current: u32, rules: &Rules, now: Time, limit: impl Fn(f64, &Policy) -> f64) -> u32 {
        let limits = rules.policies.iter().map(|p| limit(self.base(current, p, now), p));
        let chosen = match rules.select {
            Select::Disabled => return current,
            Select::Max => limits.fold(f64::NEG_INFINITY, f64::max),
            Select::Min => limits.fold(f64::INFINITY, f64::min),
        };
        chosen.clamp(f64::from(current), f64::from(i32::MAX)) as u32
    }

    /// Replicas at the start of the policy's period.
    fn base(&self, current: u32, policy: &Policy, now: Time) -> f64 {
        let sum = |events: &[ScaleEvent]| -> f64 {
            let period = Seconds(f64::from(policy.period_secs));
            events.iter().filter(|e| now - e.at < period).map(|e| f64::from(e.change)).sum()
        };
        f64::from(current) - sum(&self.up) + sum(&self.down)
    }
}

/// Windows up and down in seconds, defaults filled in.
pub(super) fn windows(up: &Rules, down: &Rules, constants: &Constants) -> (f64, f64) {
    (
        up.stabilization_secs.unwrap_or(0.0),
        down.stabilization_secs.unwrap_or(constants.downscale_stabilization_secs),
    )
}
