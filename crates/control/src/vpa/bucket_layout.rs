//! Where the buckets of a histogram lie: even steps, or each step a fixed ratio wider than the one before.
//!
//! Source: `pkg/recommender/util/histogram_options.go` of the VPA. With first size `f` and ratio `r`, exponential
//! bucket `n` starts at `f (rⁿ − 1)/(r − 1)`. Left out: weights.

use super::elementary::{ln, pow};
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketLayout {
    count: usize,
    first: f64,
    /// Growth from bucket to bucket; 1 for even steps.
    ratio: f64,
    epsilon: f64,
}

impl BucketLayout {
    /// Buckets of equal `size` from 0 to `max`; a weight under `epsilon` counts as none.
    ///
    /// # Errors
    /// A number that is not positive.
    pub fn linear(max: f64, size: f64, epsilon: f64) -> Result<Self> {
        check_positive(max, size, epsilon)?;
        Ok(Self { count: (max / size).ceil() as usize + 1, first: size, ratio: 1.0, epsilon })
    }

    /// Buckets from 0 to `max`, the first of size `first`, each `ratio` times as wide as the one before.
    ///
    /// # Errors
    /// A number that is not positive, or a ratio that is not above 1.
    pub fn exponential(max: f64, first: f64, ratio: f64, epsilon: f64) -> Result<Self> {
        check_positive(max, first, epsilon)?;
        check("histogram.ratio", ratio > 1.0, "above 1", ratio)?;
        let count = (ln(max * (ratio - 1.0) / first + 1.0) / ln(ratio)).ceil() as usize + 1;
        Ok(Self { count, first, ratio, epsilon })
    }

    /// Number of buckets.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Weight under which a bucket counts as empty.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The bucket that `value` falls into; the first or the last one when it lies outside.
    pub fn find(&self, value: f64) -> usize {
        let bucket = if self.ratio == 1.0 {
            value / self.first
        } else if value < self.first {
            0.0
        } else {
            ln(value * (self.ratio - 1.0) / self.first + 1.0) / ln(self.ratio)
        };
        // The conversion truncates and takes negative numbers to 0.
        (bucket as usize).min(self.count - 1)
    }

    /// Lower end of a bucket.
    pub fn start(&self, bucket: usize) -> f64 {
        if self.ratio == 1.0 {
            bucket as f64 * self.first
        } else if bucket == 0 {
            0.0
        } else {
            self.first * (pow(self.ratio, bucket as f64) - 1.0) / (self.ratio - 1.0)
        }
    }
}

fn check_positive(max: f64, size: f64, epsilon: f64) -> Result<()> {
    check("histogram.max", max > 0.0, "positive", max)?;
    check("histogram.bucket_size", size > 0.0, "positive", size)?;
    check("histogram.epsilon", epsilon > 0.0, "positive", epsilon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_holds_what_lies_between_its_start_and_the_next() {
        let layout = BucketLayout::exponential(1000.0, 0.01, 1.05, 1e-4).unwrap();
        assert_eq!(layout.count(), 176);
        for bucket in 0..layout.count() - 1 {
            let middle = f64::midpoint(layout.start(bucket), layout.start(bucket + 1));
            assert_eq!(layout.find(middle), bucket);
        }
        assert_eq!((layout.find(-1.0), layout.find(1e9)), (0, 175));
    }

    #[test]
    fn a_ratio_of_one_is_refused() {
        assert!(BucketLayout::exponential(1.0, 0.1, 1.0, 1e-4).is_err());
        assert!(BucketLayout::linear(1.0, 0.0, 1e-4).is_err());
    }
}
