//! How changed resources reach pods that exist: at once, in place, by a rolling restart, or by starting all anew.
//!
//! In place is KEP-1287: the kubelet takes a change on when the node has room (else it is *deferred* and tried again, or
//! *infeasible* where no room could ever be enough), and carries it out without a restart. A memory limit is not lowered
//! below what the pod uses; until it can be, the resize stays in progress. A pod's quality-of-service class cannot change.
//! The JVM's heap is a start-up flag, so that its change always restarts pods.
//!
//! The rolling restart follows the Deployment controller (`pkg/controller/deployment/rolling.go`): percentages of the
//! replicas, surge rounded up and unavailability down, and at least one pod may be unavailable if both come to nothing.
//!
//! Nobody has published how long a resize takes: the delay is a log-normal estimate.
//!
//! Left out: who decides on resources (`trimtab-control`), and the pods themselves ([`crate::fleet`]).

use crate::{Error, Result};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use trimtab_model::Allocation;

/// How changed resources reach pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeMethod {
    /// At once and whatever it is; no cluster can, but environments without time do.
    #[default]
    Instant,
    /// In place (KEP-1287); a changed heap by a rolling restart.
    InPlace,
    /// New pods replace old ones a few at a time (Deployment strategy `RollingUpdate`).
    Rolling,
    /// All old pods end before new ones start (Deployment strategy `Recreate`).
    Recreate,
}

/// Settings of changes to resources.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResizeConfig {
    /// How changed resources reach pods: `instant`, `in_place`, `rolling` or `recreate`.
    pub method: ResizeMethod,
    /// Median of the seconds that a resize in place takes.
    pub delay_median_secs: f64,
    /// 99th percentile of these seconds.
    pub delay_p99_secs: f64,
    /// Most pods above the replicas during a rolling restart, in percent of them.
    pub max_surge_percent: u32,
    /// Most replicas that may be unavailable during a rolling restart, in percent.
    pub max_unavailable_percent: u32,
}

impl Default for ResizeConfig {
    fn default() -> Self {
        Self {
            method: ResizeMethod::Instant,
            delay_median_secs: 0.5,
            delay_p99_secs: 3.0,
            max_surge_percent: 25,
            max_unavailable_percent: 25,
        }
    }
}

impl ResizeConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key, right: bool, expected, found: String| {
            if right { Ok(()) } else { Err(Error::Config { key, expected, found }) }
        };
        let (median, p99) = (self.delay_median_secs, self.delay_p99_secs);
        check(
            "resize.delay_median_secs",
            median > 0.0 && median.is_finite(),
            "a number above zero",
            median.to_string(),
        )?;
        check(
            "resize.delay_p99_secs",
            p99 >= median && p99.is_finite(),
            "at least the median",
            p99.to_string(),
        )?;
        let share = self.max_unavailable_percent;
        check("resize.max_unavailable_percent", share <= 100, "at most 100", share.to_string())
    }

    /// Pods that a rolling restart may have above `replicas`, and replicas that it may leave unavailable.
    pub(crate) fn room(&self, replicas: usize) -> (usize, usize) {
        let surge = (replicas * self.max_surge_percent as usize).div_ceil(100);
        let unavailable = replicas * self.max_unavailable_percent as usize / 100;
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }

    /// Seconds of one resize in place.
    pub(crate) fn delay<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // 2.326 deviations above the median lies the 99th percentile.
        let sigma = (self.delay_p99_secs / self.delay_median_secs).ln() / 2.326;
        let noise: f64 = StandardNormal.sample(rng);
        self.delay_median_secs * (sigma * noise).exp()
    }
}

/// Quality-of-service class of a pod with one container that has requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QosClass {
    /// Requests equal limits.
    Guaranteed,
    /// All others.
    Burstable,
}

impl QosClass {
    pub(crate) fn of(allocation: &Allocation) -> Self {
        let guaranteed = allocation.cpu_limit == Some(allocation.cpu_request)
            && allocation.memory_limit == Some(allocation.memory_request);
        if guaranteed { Self::Guaranteed } else { Self::Burstable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    #[test]
    fn surge_rounds_up_and_unavailability_down_and_one_is_always_allowed() {
        let config = ResizeConfig::default();
        assert_eq!(config.room(3), (1, 0));
        assert_eq!(config.room(8), (2, 2));
        let still = ResizeConfig { max_surge_percent: 0, ..config };
        assert_eq!(still.room(3), (0, 1));
    }

    #[test]
    fn delays_have_their_median_and_percentile() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut delays: Vec<f64> = (0..20_000).map(|_| ResizeConfig::default().delay(&mut rng)).collect();
        delays.sort_by(f64::total_cmp);
        assert!((delays[10_000] - 0.5).abs() < 0.03, "{}", delays[10_000]);
        assert!((delays[19_800] - 3.0).abs() < 0.4, "{}", delays[19_800]);
    }
}
