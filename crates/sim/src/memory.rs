//! Memory that runs out: the kernel kills a container at its limit, and a JVM's collector works harder in a small heap.
//!
//! * A pod that uses more than its memory limit is killed and restarts: at once the first time, then after 10 s, 20 s, 40 s
//!   … up to 300 s, and from the beginning again after ten good minutes (the kubelet's back-off for crash loops).
//! * With a heap `H` of which `L` is live, `h = L / H`, a call costs `1 + g · h / (1 − h)` times its CPU time. `L` is what
//!   the idle process keeps and what the calls in progress hold. Above the live set little is felt, close to it
//!   everything is: `TeaStore`'s latency is the same from 400 MB up.
//! * A JVM's working set is what it has outside the heap and what it has touched inside,
//!   `fill · (1 − exp(−H / scale))`, but never less than is live and never more than the heap.
//!
//! Which pods use how much: fluid pods are alike, so the `i`-th of `n` is given the `(i + ½) / n` quantile of a logistic
//! spread around the mean. That makes kills gradual without making them a matter of chance.
//!
//! Left out: what the calls in a killed pod come to, eviction of pods by a node short of memory, and the JVM's own
//! `OutOfMemoryError` (a heap that is too small is slow instead).

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use trimtab_model::{Bytes, Jvm, Service};

/// Settings of memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Kill pods over their memory limit.
    pub oom_kill: bool,
    /// Let the heap of services with a `jvm` decide on their memory and on the CPU of their garbage collector.
    pub heap: bool,
    /// Standard deviation of a pod's use around the mean of its service, as a share of it.
    pub spread: f64,
    /// Seconds before the second restart; it doubles with each.
    pub backoff_secs: f64,
    /// Most seconds before a restart.
    pub max_backoff_secs: f64,
    /// Seconds of running after which the next restart is the first again.
    pub backoff_reset_secs: f64,
    /// Most that the collector can multiply the cost of a call by.
    pub max_gc_factor: f64,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            oom_kill: false,
            heap: false,
            spread: 0.05,
            backoff_secs: 10.0,
            max_backoff_secs: 300.0,
            backoff_reset_secs: 600.0,
            max_gc_factor: 10.0,
        }
    }
}

impl MemoryConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key, value: f64, right: bool, expected| {
            if right && value.is_finite() {
                Ok(())
            } else {
                Err(Error::Config { key, expected, found: value.to_string() })
            }
        };
        check("memory.spread", self.spread, (0.0..=1.0).contains(&self.spread), "a number from 0 to 1")?;
        for (key, secs) in [
            ("memory.backoff_secs", self.backoff_secs),
            ("memory.max_backoff_secs", self.max_backoff_secs),
            ("memory.backoff_reset_secs", self.backoff_reset_secs),
        ] {
            check(key, secs, secs >= 0.0, "zero or more")?;
        }
        check("memory.max_gc_factor", self.max_gc_factor, self.max_gc_factor >= 1.0, "a number of at least 1")
    }

    /// Seconds before the restart that follows `crashes` earlier ones.
    pub(crate) fn backoff(&self, crashes: u32) -> f64 {
        if crashes == 0 {
            return 0.0;
        }
        (self.backoff_secs * f64::from(crashes - 1).exp2()).min(self.max_backoff_secs)
    }

    /// What the `index`-th of `count` pods uses relative to their mean.
    pub(crate) fn share(&self, index: usize, count: usize) -> f64 {
        let p = (index as f64 + 0.5) / count as f64;
        // A logistic distribution of this scale has a standard deviation of 1.
        let deviations = (p / (1.0 - p)).ln() * (3f64.sqrt() / std::f64::consts::PI);
        (1.0 + self.spread * deviations).max(0.0)
    }

    /// Percent of its CPU time that a call costs with a heap of which `live` bytes are live, in steps of 5.
    pub(crate) fn gc_percent(&self, jvm: &Jvm, live: f64, heap: f64) -> u32 {
        let h = live / heap;
        let factor = if h < 1.0 { 1.0 + jvm.gc_cost * h / (1.0 - h) } else { self.max_gc_factor };
        // Steps bound the number of response curves.
        (20.0 * factor.min(self.max_gc_factor)).round() as u32 * 5
    }
}

/// Live bytes of a JVM with this many calls in progress.
pub(crate) fn live(service: &Service, jvm: &Jvm, calls: f64) -> f64 {
    jvm.live.0 as f64 + service.memory_per_call.0 as f64 * calls.min(f64::from(jvm.threads))
}

/// Working set of a JVM with a heap of which `live` bytes are live.
pub(crate) fn working_set(jvm: &Jvm, live: f64, heap: Bytes) -> f64 {
    let heap = heap.0 as f64;
    let touched = jvm.fill.0 as f64 * (1.0 - (-heap / jvm.fill_scale.0 as f64).exp());
    jvm.off_heap.0 as f64 + touched.max(live).min(heap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JVM: Jvm = Jvm {
        off_heap: Bytes::mebibytes(256),
        fill: Bytes::mebibytes(307),
        fill_scale: Bytes::mebibytes(300),
        live: Bytes::mebibytes(70),
        gc_cost: 0.05,
        threads: 200,
    };

    #[test]
    fn restarts_wait_twice_as_long_each_time_up_to_five_minutes() {
        let config = MemoryConfig::default();
        let waits: Vec<f64> = (0..8).map(|crashes| config.backoff(crashes)).collect();
        assert_eq!(waits, [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]);
    }

    #[test]
    fn the_working_set_follows_the_published_medians_of_teastore() {
        // GiB at 100, 200 … 900 MB of heap (gsa data set); the fit is good to 5 %.
        let medians = [0.33, 0.42, 0.44, 0.47, 0.51, 0.52, 0.53, 0.54, 0.55];
        for (step, median) in medians.iter().enumerate() {
            let heap = Bytes(100_000_000 * (step as u64 + 1));
            let found = working_set(&JVM, JVM.live.0 as f64, heap) / f64::from(1u32 << 30);
            assert!((found / median - 1.0).abs() < 0.07, "{found} for {median}");
        }
    }

    #[test]
    fn a_collector_is_felt_only_close_to_the_live_set() {
        let config = MemoryConfig::default();
        let live = JVM.live.0 as f64;
        assert_eq!(config.gc_percent(&JVM, live, 400e6), 100);
        assert_eq!(config.gc_percent(&JVM, live, 100e6), 115);
        assert_eq!(config.gc_percent(&JVM, live, 70e6), 1000);
    }

    #[test]
    fn the_pods_of_a_service_use_its_mean_together() {
        let config = MemoryConfig::default();
        let total: f64 = (0..7).map(|i| config.share(i, 7)).sum();
        assert!((total - 7.0).abs() < 1e-9 && config.share(0, 1) == 1.0);
    }
}
