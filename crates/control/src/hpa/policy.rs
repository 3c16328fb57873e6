//! Stabilisation and rate limits: what may become of the metrics' proposal, and the memory this needs.
//!
//! Source: `horizontal.go`. Two rule sets exist upstream, without and with `spec.behavior`; their window
//! comparisons differ (inclusive without, strict with), and so they do here. Slots of both logs are reused the way
//! upstream does, which keeps them from growing.
//!
//! Left out: bounds that need no memory are in [`limit_without_behavior`] and [`History::limit`] as well, because the
//! reason of `ScalingLimited` comes from the order in which bounds and rates are looked at.

use super::{
    constants::Constants,
    spec::{Behavior, Policy, PolicyKind, Rules, Select},
    status::Reason,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// A logged, unstabilised recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Replicas.
    pub replicas: i32,
    /// When it was made.
    pub at: Time,
}

/// A change that was made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// Pods added or removed.
    pub change: i32,
    /// When.
    pub at: Time,
    /// Whether it was older than every policy's period when a later change was made.
    pub outdated: bool,
}

/// Bounds of the replicas and where they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// `spec.replicas`.
    pub current: i32,
    /// `minReplicas`.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
}

/// What the controller remembers of one HPA. It is lost when the controller restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Unstabilised recommendations; `None` before the first sync.
    recommendations: Option<Vec<Recommendation>>,
    up: Vec<ScaleEvent>,
    down: Vec<ScaleEvent>,
}

impl History {
    /// A memory with this content; `None` is that of a controller which has not seen the HPA.
    pub fn new(
        recommendations: Option<Vec<Recommendation>>,
        up: Vec<ScaleEvent>,
        down: Vec<ScaleEvent>,
    ) -> Self {
        Self { recommendations, up, down }
    }

    /// Unstabilised recommendations, by slot.
    pub fn recommendations(&self) -> &[Recommendation] {
        self.recommendations.as_deref().unwrap_or_default()
    }

    /// Scale-up events, by slot.
    pub fn scale_up_events(&self) -> &[ScaleEvent] {
        &self.up
    }

    /// Scale-down events, by slot.
    pub fn scale_down_events(&self) -> &[ScaleEvent] {
        &self.down
    }

    /// Logs the replicas that were found, if nothing has been logged yet.
    pub(super) fn start(&mut self, current: i32, now: Time) {
        if self.recommendations.is_none() {
            self.recommendations = Some(vec![Recommendation { replicas: current, at: now }]);
        }
    }

    /// Stabilisation without behaviour: the highest recommendation of the window, which is inclusive. Logs
    /// `desired` over the last outdated entry, or at the end.
    pub fn stabilize_without_behavior(&mut self, desired: i32, constants: &Constants, now: Time) -> i32 {
        let mut highest = desired;
        let mut outdated = None;
        for (i, entry) in self.recommendations().iter().enumerate() {
            if now - entry.at > Seconds(constants.downscale_stabilization_secs) {
                outdated = Some(i);
            } else {
                highest = highest.max(entry.replicas);
            }
        }
        self.record(outdated, desired, now);
        highest
    }

    /// Stabilisation with behaviour: within the lowest of the up window and the highest of the down window, both
    /// strict. The reason is that of a count which was changed.
    pub fn stabilize(
        &mut self,
        current: i32,
        desired: i32,
        behavior: &Behavior,
        constants: &Constants,
        now: Time,
    ) -> (i32, Reason) {
        let up = Seconds(behavior.scale_up.stabilization_secs.unwrap_or(0.0));
        let default = constants.downscale_stabilization_secs.trunc();
        let down = Seconds(behavior.scale_down.stabilization_secs.unwrap_or(default));
        let (mut lowest, mut highest) = (desired, desired);
        let mut outdated = None;
        for (i, entry) in self.recommendations().iter().enumerate() {
            let age = now - entry.at;
            if age < up {
                lowest = lowest.min(entry.replicas);
            }
            if age < down {
                highest = highest.max(entry.replicas);
            }
            if age > up && age > down {
                outdated = Some(i);
            }
        }
        self.record(outdated, desired, now);
        let reason = if desired >= current { Reason::ScaleUpStabilized } else { Reason::ScaleDownStabilized };
        (current.max(lowest).min(highest), reason)
    }

    fn record(&mut self, outdated: Option<usize>, replicas: i32, at: Time) {
        let log = self.recommendations.get_or_insert_default();
        match outdated {
            Some(slot) => log[slot] = Recommendation { replicas, at },
            None => log.push(Recommendation { replicas, at }),
        }
    }

    /// What bounds and policies leave of `desired`, and the reason of `ScalingLimited`.
    pub fn limit(&self, range: Range, desired: i32, behavior: &Behavior, now: Time) -> (i32, Reason) {
        let Range { current, min, max } = range;
        if desired > current {
            let rate = self.up_limit(current, &behavior.scale_up, now).max(current);
            let (most, reason) =
                if max > rate { (rate, Reason::ScaleUpLimit) } else { (max, Reason::TooManyReplicas) };
            if desired > most {
                return (most, reason);
            }
        } else if desired < current {
            let rate = self.down_limit(current, &behavior.scale_down, now).min(current);
            let (least, reason) =
                if min < rate { (rate, Reason::ScaleDownLimit) } else { (min, Reason::TooFewReplicas) };
            if desired < least {
                return (least, reason);
            }
        }
        (desired, Reason::DesiredWithinRange)
    }

    /// Most replicas that the policies of `rules` allow now.
    pub fn up_limit(&self, current: i32, rules: &Rules, now: Time) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let base = self.base(current, policy, now);
            match policy.kind {
                PolicyKind::Pods => base.wrapping_add(policy.value as i32),
                PolicyKind::Percent => {
                    (f64::from(base) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i32
                }
            }
        });
        match rules.select {
            Select::Disabled => current,
            Select::Max => limits.fold(i32::MIN, i32::max),
            Select::Min => limits.fold(i32::MAX, i32::min),
        }
    }

    /// Fewest replicas that the policies of `rules` allow now.
    pub fn down_limit(&self, current: i32, rules: &Rules, now: Time) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let base = self.base(current, policy, now);
            match policy.kind {
                PolicyKind::Pods => base.wrapping_sub(policy.value as i32),
                PolicyKind::Percent => (f64::from(base) * (1.0 - f64::from(policy.value) / 100.0)) as i32,
            }
        });
        // The largest change downwards is the lowest limit.
        match rules.select {
            Select::Disabled => current,
            Select::Max => limits.fold(i32::MAX, i32::min),
            Select::Min => limits.fold(i32::MIN, i32::max),
        }
    }

    /// Replicas at the start of the policy's period.
    fn base(&self, current: i32, policy: &Policy, now: Time) -> i32 {
        let period = Seconds(f64::from(policy.period_secs));
        current
            .wrapping_sub(change_within(&self.up, period, now))
            .wrapping_add(change_within(&self.down, period, now))
    }

    /// Logs a change over the last outdated event of its direction, or at the end. Without behaviour nothing is kept.
    pub fn record_scale(&mut self, from: i32, to: i32, behavior: Option<&Behavior>, now: Time) {
        let Some(behavior) = behavior else { return };
        let (events, rules) = if to > from {
            (&mut self.up, &behavior.scale_up)
        } else {
            (&mut self.down, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(|p| p.period_secs).max().unwrap_or(0);
        for event in events.iter_mut() {
            event.outdated |= now - event.at > Seconds(f64::from(longest));
        }
        let new = ScaleEvent { change: to.wrapping_sub(from).wrapping_abs(), at: now, outdated: false };
        match events.iter().rposition(|event| event.outdated) {
            Some(slot) => events[slot] = new,
            None => events.push(new),
        }
    }
}

/// Sum of the changes younger than `period`.
pub fn change_within(events: &[ScaleEvent], period: Seconds, now: Time) -> i32 {
    events.iter().filter(|event| now - event.at < period).fold(0, |sum, event| sum.wrapping_add(event.change))
}

/// What bounds leave of `desired` without behaviour, and the reason of `ScalingLimited`: growth is to twice the
/// replicas, or 4.
pub fn limit_without_behavior(range: Range, desired: i32, constants: &Constants) -> (i32, Reason) {
    let Range { current, min, max } = range;
    let rate =
        (constants.scale_up_limit_factor * f64::from(current)).max(constants.scale_up_limit_minimum) as i32;
    let (most, reason) =
        if max > rate { (rate, Reason::ScaleUpLimit) } else { (max, Reason::TooManyReplicas) };
    if desired < min {
        (min, Reason::TooFewReplicas)
    } else if desired > most {
        (most, reason)
    } else {
        (desired, Reason::DesiredWithinRange)
    }
}
