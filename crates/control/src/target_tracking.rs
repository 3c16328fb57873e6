//! Target tracking as AWS' autoscaling has it: hold a metric at a target, proportionally, out fast and in slowly.
//!
//! Source: *How target tracking scaling for Application Auto Scaling works* in its user guide: a metric above the target
//! for 3 minutes scales out, one below 90 % of it for 15 minutes scales in; both then cool down. While a scale-out cools
//! down only a larger one may follow, the capacity already added counting; a scale-out ends the cooldown of a scale-in.
//!
//! [`requests`] tracks requests per second and pod, [`latency`] the p95. Left out: choosing between several policies.

pub mod latency;
pub mod requests;

pub use latency::{LatencyTracking, LatencyTrackingConfig};
pub use requests::{RequestTracking, RequestTrackingConfig};

use crate::{Result, error::check, parameter::Parameter};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// When to act on a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Seconds above the target before scaling out.
    pub scale_out_after_secs: f64,
    /// Seconds below 90 % of the target before scaling in.
    pub scale_in_after_secs: f64,
    /// Seconds after a scale-out in which only a larger one may follow.
    pub scale_out_cooldown_secs: f64,
    /// Seconds after a scale-in in which no other may follow.
    pub scale_in_cooldown_secs: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            scale_out_after_secs: 180.0,
            scale_in_after_secs: 900.0,
            scale_out_cooldown_secs: 300.0,
            scale_in_cooldown_secs: 300.0,
        }
    }
}

/// What can be tuned of the pace.
pub const PACE: [Parameter; 4] = [
    Parameter::float("scale_out_after_secs", "s", 0.0, 900.0, "above the target before scaling out"),
    Parameter::float("scale_in_after_secs", "s", 0.0, 3600.0, "below 90 % of the target before scaling in"),
    Parameter::float(
        "scale_out_cooldown_secs",
        "s",
        0.0,
        1800.0,
        "after a scale-out only a larger one may follow",
    ),
    Parameter::float("scale_in_cooldown_secs", "s", 0.0, 1800.0, "after a scale-in no other may follow"),
];

/// Below this share of the target there is capacity to remove.
const SLACK: f64 = 0.9;

impl Pace {
    fn check(&self) -> Result<()> {
        let all = [
            ("scale_out_after_secs", self.scale_out_after_secs),
            ("scale_in_after_secs", self.scale_in_after_secs),
            ("scale_out_cooldown_secs", self.scale_out_cooldown_secs),
            ("scale_in_cooldown_secs", self.scale_in_cooldown_secs),
        ];
        all.into_iter().try_for_each(|(key, secs)| check(key, secs >= 0.0, "zero or more", secs))
    }
}

/// A scale-out that cools down.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ScaleOut {
    at: Time,
    /// Replicas before it.
    from: u32,
}

/// One service's alarms and cooldowns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tracker {
    above_since: Option<Time>,
    below_since: Option<Time>,
    out: Option<ScaleOut>,
    scaled_in: Option<Time>,
}

impl Tracker {
    /// Replicas to change to, if any. `ratio` is the metric over its target, `None` where there is no metric, and
    /// `wanted(n)` what `n` replicas with that metric should become, within bounds.
    fn step(
        &mut self,
        pace: &Pace,
        now: Time,
        ratio: Option<f64>,
        replicas: u32,
        wanted: impl Fn(u32) -> u32,
    ) -> Option<u32> {
        let lasting = |since: Option<Time>, secs: f64| since.is_some_and(|at| now - at >= Seconds(secs));
        let cooling = |since: Option<Time>, secs: f64| since.is_some_and(|at| now - at < Seconds(secs));
        let since = |holds: bool, since: Option<Time>| holds.then(|| since.unwrap_or(now));
        self.above_since = since(ratio.is_some_and(|r| r > 1.0), self.above_since);
        self.below_since = since(ratio.is_some_and(|r| r < SLACK), self.below_since);
        if lasting(self.above_since, pace.scale_out_after_secs) {
            let cooled = !cooling(self.out.map(|out| out.at), pace.scale_out_cooldown_secs);
            let from = self.out.filter(|_| !cooled).map_or(replicas, |out| out.from);
            let wish = wanted(from);
            if wish > replicas {
                self.out = Some(ScaleOut { at: now, from });
                self.scaled_in = None;
                return Some(wish);
            }
        }
        if lasting(self.below_since, pace.scale_in_after_secs)
            && !cooling(self.scaled_in, pace.scale_in_cooldown_secs)
        {
            let wish = wanted(replicas);
            if wish < replicas {
                self.scaled_in = Some(now);
                return Some(wish);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        scale_out_after_secs: 60.0,
        scale_in_after_secs: 300.0,
        scale_out_cooldown_secs: 120.0,
        scale_in_cooldown_secs: 120.0,
    };

    fn step(tracker: &mut Tracker, now: f64, ratio: f64, replicas: u32) -> Option<u32> {
        tracker.step(&PACE, Time(now), Some(ratio), replicas, |n| (f64::from(n) * ratio).ceil() as u32)
    }

    #[test]
    fn a_metric_above_its_target_scales_out_in_proportion_once_it_lasts() {
        let mut tracker = Tracker::default();
        assert_eq!(step(&mut tracker, 0.0, 1.5, 4), None);
        assert_eq!(step(&mut tracker, 45.0, 1.5, 4), None);
        assert_eq!(step(&mut tracker, 60.0, 1.5, 4), Some(6));
        // A dip starts the wait anew.
        let mut tracker = Tracker::default();
        step(&mut tracker, 0.0, 1.5, 4);
        step(&mut tracker, 30.0, 1.0, 4);
        assert_eq!(step(&mut tracker, 60.0, 1.5, 4), None);
    }

    #[test]
    fn in_a_cooldown_only_a_larger_scale_out_follows_and_what_was_added_counts() {
        let mut tracker = Tracker::default();
        step(&mut tracker, 0.0, 1.5, 4);
        assert_eq!(step(&mut tracker, 60.0, 1.5, 4), Some(6));
        assert_eq!(step(&mut tracker, 75.0, 1.5, 6), None);
        assert_eq!(step(&mut tracker, 90.0, 2.0, 6), Some(8));
        // The larger one started the cooldown again; after it the metric counts for what there is.
        assert_eq!(step(&mut tracker, 195.0, 1.5, 8), None);
        assert_eq!(step(&mut tracker, 210.0, 1.5, 8), Some(12));
    }

    #[test]
    fn scaling_in_takes_longer_and_leaves_a_band_below_the_target_alone() {
        let mut tracker = Tracker::default();
        assert_eq!(step(&mut tracker, 0.0, 0.95, 10), None);
        assert_eq!(step(&mut tracker, 600.0, 0.95, 10), None);
        assert_eq!(step(&mut tracker, 615.0, 0.5, 10), None);
        assert_eq!(step(&mut tracker, 915.0, 0.5, 10), Some(5));
        assert_eq!(step(&mut tracker, 1020.0, 0.5, 5), None);
        assert_eq!(step(&mut tracker, 1035.0, 0.5, 5), Some(3));
    }

    #[test]
    fn without_a_metric_nothing_changes_and_the_waits_start_anew() {
        let mut tracker = Tracker::default();
        step(&mut tracker, 0.0, 1.5, 4);
        assert_eq!(tracker.step(&PACE, Time(60.0), None, 4, |_| 9), None);
        assert_eq!(step(&mut tracker, 75.0, 1.5, 4), None);
    }
}
