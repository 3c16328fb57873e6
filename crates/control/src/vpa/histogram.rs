//! A weighted histogram whose percentile is the end of a bucket, and its checkpoint.
//!
//! Source: `pkg/recommender/util/histogram.go` of the VPA. Left out: forgetting
//! ([`DecayingHistogram`](super::DecayingHistogram)).

use super::{BucketLayout, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Weight of the heaviest bucket in a checkpoint.
const HEAVIEST: f64 = 10_000.0;

/// What the API server keeps of a histogram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramCheckpoint {
    /// Instant at which a sample has its own weight; never for a histogram that forgets nothing.
    pub reference: Stamp,
    /// Weight of each bucket that did not round to nothing; the heaviest has 10,000.
    pub buckets: BTreeMap<usize, u32>,
    /// Sum of all weights, exact.
    pub total_weight: f64,
}

/// Why a checkpoint cannot be loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The sum of weights is negative.
    #[error("the total weight {0} is negative")]
    NegativeWeight(f64),
    /// A bucket that the layout does not have.
    #[error("bucket {bucket} is outside a histogram of {count} buckets")]
    NoSuchBucket {
        /// Index in the checkpoint.
        bucket: usize,
        /// Buckets of the layout.
        count: usize,
    },
    /// Written by a recommender with another format.
    #[error("unsupported checkpoint version {0:?}")]
    Version(String),
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    layout: BucketLayout,
    weights: Vec<f64>,
    total: f64,
    /// First bucket with a weight of epsilon or more; the last bucket where there is none.
    lowest: usize,
    /// Last bucket with a weight of epsilon or more; 0 where there is none.
    highest: usize,
}

impl Histogram {
    /// An empty histogram.
    pub fn new(layout: BucketLayout) -> Self {
        let count = layout.count();
        Self { layout, weights: vec![0.0; count], total: 0.0, lowest: count - 1, highest: 0 }
    }

    /// Adds `weight` (not negative) at `value`.
    pub fn add(&mut self, value: f64, weight: f64) {
        let bucket = self.layout.find(value);
        self.weights[bucket] += weight;
        self.total += weight;
        if self.weights[bucket] >= self.layout.epsilon() {
            self.lowest = self.lowest.min(bucket);
            self.highest = self.highest.max(bucket);
        }
    }

    /// Takes `weight` (not negative) away at `value`; what falls under epsilon becomes zero.
    pub fn subtract(&mut self, value: f64, weight: f64) {
        let bucket = self.layout.find(value);
        self.total = self.without(self.total, weight);
        self.weights[bucket] = self.without(self.weights[bucket], weight);
        self.narrow();
    }

    /// Adds every weight of `other`, which has the same layout.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.layout, other.layout);
        if other.lowest <= other.highest {
            for bucket in other.lowest..=other.highest {
                self.weights[bucket] += other.weights[bucket];
            }
        }
        self.total += other.total;
        self.lowest = self.lowest.min(other.lowest);
        self.highest = self.highest.max(other.highest);
    }

    /// End of the first bucket at which `share` of the weight lies below; start of the last bucket, which has no end;
    /// 0 when the histogram is empty.
    pub fn percentile(&self, share: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let threshold = share * self.total;
        let mut sum = 0.0;
        let mut bucket = self.lowest;
        while bucket < self.highest {
            sum += self.weights[bucket];
            if sum >= threshold {
                break;
            }
            bucket += 1;
        }
        self.layout.start((bucket + 1).min(self.layout.count() - 1))
    }

    /// Whether no bucket holds epsilon or more.
    pub fn is_empty(&self) -> bool {
        self.weights[self.lowest] < self.layout.epsilon()
    }

    /// Weight of one bucket.
    pub fn weight(&self, bucket: usize) -> f64 {
        self.weights[bucket]
    }

    /// Sum of all weights.
    pub fn total_weight(&self) -> f64 {
        self.total
    }

    /// Multiplies every weight by `factor` (not negative).
    pub(crate) fn scale(&mut self, factor: f64) {
        if self.lowest <= self.highest {
            for weight in &mut self.weights[self.lowest..=self.highest] {
                *weight *= factor;
            }
        }
        self.total *= factor;
        self.narrow();
    }

    /// The histogram rounded to whole parts in ten thousand of its heaviest bucket.
    pub fn checkpoint(&self) -> HistogramCheckpoint {
        let held = self.lowest..self.highest + 1;
        let heaviest = held.clone().map(|bucket| self.weights[bucket]).fold(0.0, f64::max);
        let ratio = HEAVIEST / heaviest;
        let buckets = held
            .map(|bucket| (bucket, (self.weights[bucket] * ratio + 0.5).floor() as u32))
            .filter(|&(_, weight)| weight > 0)
            .collect();
        HistogramCheckpoint { reference: Stamp::NEVER, buckets, total_weight: self.total }
    }

    /// Adds what a checkpoint holds.
    ///
    /// # Errors
    /// A checkpoint that no histogram of this layout can have written; the histogram is then unchanged.
    pub fn load(&mut self, checkpoint: &HistogramCheckpoint) -> Result<(), CheckpointError> {
        if checkpoint.total_weight < 0.0 {
            return Err(CheckpointError::NegativeWeight(checkpoint.total_weight));
        }
        let count = self.layout.count();
        if let Some(&bucket) = checkpoint.buckets.keys().find(|&&bucket| bucket >= count) {
            return Err(CheckpointError::NoSuchBucket { bucket, count });
        }
        let sum: u64 = checkpoint.buckets.values().map(|&weight| u64::from(weight)).sum();
        if sum == 0 {
            return Ok(());
        }
        let ratio = checkpoint.total_weight / sum as f64;
        for (&bucket, &weight) in &checkpoint.buckets {
            self.lowest = self.lowest.min(bucket);
            self.highest = self.highest.max(bucket);
            self.weights[bucket] += f64::from(weight) * ratio;
        }
        self.total += checkpoint.total_weight;
        self.narrow();
        Ok(())
    }

    fn without(&self, value: f64, weight: f64) -> f64 {
        let left = value - weight;
        if left < self.layout.epsilon() { 0.0 } else { left }
    }

    /// Moves both ends over buckets that have become empty.
    fn narrow(&mut self) {
        let epsilon = self.layout.epsilon();
        while self.weights[self.lowest] < epsilon && self.lowest < self.weights.len() - 1 {
            self.lowest += 1;
        }
        while self.weights[self.highest] < epsilon && self.highest > 0 {
            self.highest -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenths() -> Histogram {
        Histogram::new(BucketLayout::linear(1.0, 0.1, 1e-15).unwrap())
    }

    #[test]
    fn a_percentile_is_the_end_of_a_bucket() {
        let mut histogram = tenths();
        for (value, weight) in [(0.15, 1.0), (0.25, 2.0), (0.35, 1.0)] {
            histogram.add(value, weight);
        }
        assert_eq!(histogram.percentile(0.25), 0.2);
        assert_eq!(histogram.percentile(0.5), 0.1 * 3.0);
        assert_eq!(histogram.percentile(1.0), 0.4);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut histogram = tenths();
        histogram.add(0.5, 2.0);
        histogram.subtract(0.5, 2.0);
        assert!(histogram.is_empty());
        assert_eq!(histogram.percentile(0.9), 0.0);
    }

    #[test]
    fn a_checkpoint_comes_back_to_one_part_in_ten_thousand() {
        let mut histogram = tenths();
        for i in 1..9 {
            histogram.add(f64::from(i) * 0.1, f64::from(i));
        }
        let mut loaded = tenths();
        loaded.load(&histogram.checkpoint()).unwrap();
        for bucket in 0..10 {
            assert!((loaded.weight(bucket) - histogram.weight(bucket)).abs() < 1e-3);
        }
        assert_eq!(loaded.total_weight(), histogram.total_weight());
    }
}
