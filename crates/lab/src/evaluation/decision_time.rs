//! How long an autoscaler takes to decide.
//!
//! Measured with the lab's clock and kept apart from scores: no two runs of the same comparison take equally long.

use crate::clock;
use serde::{Deserialize, Serialize};
use trimtab_control::Autoscaler;
use trimtab_model::{Decision, Snapshot};

/// Classes of one eighth of an octave, from 1 ns.
const CLASSES_AN_OCTAVE: f64 = 8.0;

/// Counts of decisions by the time they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionTimes {
    counts: Vec<u64>,
    nanos: f64,
}

/// What a reader wants to know of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionTime {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Decisions that were timed, each for all services.
    pub decisions: u64,
    /// Mean, microseconds.
    pub mean_us: f64,
    /// Half of the decisions took no longer, microseconds; within a twelfth.
    pub p50_us: f64,
    /// 99 % of the decisions took no longer, microseconds; within a twelfth.
    pub p99_us: f64,
}

impl DecisionTimes {
    fn add(&mut self, nanos: f64) {
        let class = (CLASSES_AN_OCTAVE * nanos.max(1.0).log2()) as usize;
        if self.counts.len() <= class {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += 1;
        self.nanos += nanos;
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.nanos += other.nanos;
    }

    /// In words of a reader, under the name of whose they are.
    pub fn summary(&self, autoscaler: &str) -> DecisionTime {
        let decisions: u64 = self.counts.iter().sum();
        DecisionTime {
            autoscaler: autoscaler.to_owned(),
            decisions,
            mean_us: self.nanos / decisions.max(1) as f64 / 1000.0,
            p50_us: self.quantile(0.5, decisions),
            p99_us: self.quantile(0.99, decisions),
        }
    }

    /// Upper edge of the class in which the share `q` of decisions is reached, microseconds.
    fn quantile(&self, q: f64, decisions: u64) -> f64 {
        let mut left = q * decisions as f64;
        let class = self.counts.iter().position(|&count| {
            left -= count as f64;
            left <= 0.0
        });
        class.map_or(0.0, |class| 2f64.powf((class + 1) as f64 / CLASSES_AN_OCTAVE) / 1000.0)
    }
}

/// An autoscaler under the clock.
pub(super) struct Timed<'a> {
    pub(super) autoscaler: &'a mut dyn Autoscaler,
    pub(super) times: DecisionTimes,
}

impl Autoscaler for Timed<'_> {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let start = clock::now();
        self.autoscaler.decide(seen, proposal);
        self.times.add(start.elapsed().as_nanos() as f64);
    }

    fn reset(&mut self) {
        self.autoscaler.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_class_of_the_exact_one() {
        let mut times = DecisionTimes::default();
        (1..=1000).for_each(|i| times.add(f64::from(i) * 10.0));
        let mut other = DecisionTimes::default();
        other.merge(&times);
        let found = other.summary("hpa");
        assert_eq!(found.decisions, 1000);
        assert!(
            (found.p50_us / 5.0 - 1.0).abs() < 0.1 && (found.p99_us / 9.9 - 1.0).abs() < 0.1,
            "{found:?}"
        );
        assert!((found.mean_us - 5.005).abs() < 1e-9);
    }
}
