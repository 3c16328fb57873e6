//! Pods of one service in one lane, as cohorts that were created together.

use serde::{Deserialize, Serialize};

/// More than the pods that can be told apart by the HPA's five-minute initialisation period at one
/// decision every 15 s; beyond it the two oldest cohorts are joined.
const COHORTS: usize = 24;

/// Pods created by one decision. Times are seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cohort {
    pub(crate) count: u32,
    pub(crate) running_at: f64,
    pub(crate) ready_at: f64,
}

/// Cohorts, oldest first. In memory the first cohort, most often the only one, lies beside the counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[repr(C)]
pub(crate) struct Pods {
    len: usize,
    /// When the next cohort becomes ready; infinite if none waits.
    next_ready: f64,
    ready: u32,
    total: u32,
    cohorts: [Cohort; COHORTS],
}

impl Pods {
    /// `count` pods that have been ready for an hour.
    pub(crate) fn settled(count: u32, now: f64) -> Self {
        let mut pods = Self { next_ready: f64::INFINITY, ready: count, total: count, ..Self::default() };
        pods.cohorts[0] = Cohort { count, running_at: now - 3600.0, ready_at: now - 3600.0 };
        pods.len = 1;
        pods
    }

    pub(crate) fn ready(&self) -> u32 {
        self.ready
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// When the next cohort becomes ready; infinite if none waits.
    pub(crate) fn next_ready(&self) -> f64 {
        self.next_ready
    }

    pub(crate) fn cohorts(&self) -> &[Cohort] {
        &self.cohorts[..self.len]
    }

    /// Pods whose start completes by `now` begin to serve.
    #[inline]
    pub(crate) fn promote(&mut self, now: f64) {
        if self.next_ready <= now {
            self.recount(now);
        }
    }

    fn recount(&mut self, now: f64) {
        let cohorts = &self.cohorts[..self.len];
        self.total = cohorts.iter().map(|c| c.count).sum();
        self.ready = cohorts.iter().filter(|c| c.ready_at <= now).map(|c| c.count).sum();
        self.next_ready =
            cohorts.iter().map(|c| c.ready_at).filter(|&at| at > now).fold(f64::INFINITY, f64::min);
    }

    pub(crate) fn add(&mut self, cohort: Cohort, now: f64) {
        if self.len == COHORTS {
            let oldest = self.cohorts[0];
            self.cohorts.copy_within(1.., 0);
            self.cohorts[0].count += oldest.count;
            self.len -= 1;
        }
        self.cohorts[self.len] = cohort;
        self.len += 1;
        self.recount(now);
    }

    /// Removes `count` pods: those not ready first, then the youngest (the order of the `ReplicaSet` controller).
    pub(crate) fn remove(&mut self, mut count: u32, now: f64) {
        for starting in [true, false] {
            for i in (0..self.len).rev() {
                let cohort = &mut self.cohorts[i];
                if (cohort.ready_at > now) == starting {
                    let gone = count.min(cohort.count);
                    cohort.count -= gone;
                    count -= gone;
                }
            }
        }
        let mut kept = 0;
        for i in 0..self.len {
            if self.cohorts[i].count > 0 {
                self.cohorts[kept] = self.cohorts[i];
                kept += 1;
            }
        }
        self.len = kept;
        self.recount(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pod_serves_only_when_its_start_is_over() {
        let mut pods = Pods::settled(2, 1000.0);
        pods.add(Cohort { count: 1, running_at: 1007.0, ready_at: 1030.0 }, 1000.0);
        pods.promote(1029.0);
        assert_eq!((pods.ready(), pods.total()), (2, 3));
        pods.promote(1030.0);
        assert_eq!((pods.ready(), pods.total()), (3, 3));
    }

    #[test]
    fn starting_pods_are_removed_before_ready_ones() {
        let mut pods = Pods::settled(2, 1000.0);
        pods.add(Cohort { count: 2, running_at: 1007.0, ready_at: 1030.0 }, 1000.0);
        pods.remove(3, 1010.0);
        assert_eq!((pods.ready(), pods.total()), (1, 1));
    }

    #[test]
    fn more_cohorts_than_fit_keep_every_pod() {
        let mut pods = Pods::settled(1, 0.0);
        for i in 0..40 {
            pods.add(Cohort { count: 1, running_at: f64::from(i), ready_at: f64::from(i) }, f64::from(i));
        }
        assert_eq!(pods.total(), 41);
        assert_eq!(pods.cohorts().iter().map(|c| c.count).sum::<u32>(), 41);
    }
}
