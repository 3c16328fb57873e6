//! A histogram of response times with buckets of equal ratio, so that percentiles over a whole run are
//! those of all requests and never averages of percentiles.

use crate::tail::LogNormal;
use serde::{Deserialize, Serialize};

const BUCKETS: usize = 224;
const FIRST: f32 = 1e-5;
const RATIO: f32 = 1.075;

/// Counts of requests by response time: 224 buckets from 10 µs, each 7.5 % wider than the last (to 100 s).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyHistogram {
    counts: Vec<f64>,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { counts: vec![0.0; BUCKETS + 1] }
    }
}

impl LatencyHistogram {
    /// Adds `requests` whose times follow `distribution`.
    pub(crate) fn add(&mut self, requests: f32, distribution: LogNormal) {
        let mut above = 1.0;
        for (k, count) in self.counts[..BUCKETS].iter_mut().enumerate() {
            let beyond = distribution.exceeds(upper_edge(k).ln());
            *count += f64::from(requests * (above - beyond));
            above = beyond;
        }
        self.counts[BUCKETS] += f64::from(requests * above);
    }

    /// Adds requests that never got an answer; they count as slower than everything.
    pub(crate) fn add_failed(&mut self, requests: f32) {
        self.counts[BUCKETS] += f64::from(requests);
    }

    /// Joins another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }

    /// What was added since it was `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self { counts: self.counts.iter().zip(&earlier.counts).map(|(now, then)| now - then).collect() }
    }

    /// Time in seconds below which the share `q` (0…1) of requests was answered, interpolated within its
    /// bucket on a logarithmic scale; 0 without requests, the last edge for anything slower.
    pub fn quantile(&self, q: f64) -> f64 {
        let total: f64 = self.counts.iter().sum();
        let mut left = q * total;
        for (k, &count) in self.counts[..BUCKETS].iter().enumerate() {
            if count > 0.0 && left <= count {
                let low = if k == 0 { FIRST / RATIO } else { upper_edge(k - 1) };
                return f64::from(low) * f64::from(RATIO).powf(left / count);
            }
            left -= count;
        }
        if total > 0.0 { f64::from(upper_edge(BUCKETS - 1)) } else { 0.0 }
    }
}

fn upper_edge(bucket: usize) -> f32 {
    FIRST * RATIO.powi(bucket as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_bucket_of_the_exact_one() {
        let mut histogram = LatencyHistogram::default();
        let d = LogNormal::from_moments(0.2, 0.02);
        histogram.add(1000.0, d);
        let exact = f64::from((d.mu + 1.644_854 * d.sigma).exp());
        assert!((histogram.quantile(0.95) / exact - 1.0).abs() < 0.02);
    }

    #[test]
    fn what_came_before_can_be_taken_out_again() {
        let mut histogram = LatencyHistogram::default();
        histogram.add_failed(5.0);
        let before = histogram.clone();
        histogram.add(10.0, LogNormal::from_moments(0.1, 0.001));
        assert!(histogram.since(&before).quantile(0.99) < 0.3);
    }

    #[test]
    fn failed_requests_are_the_slowest() {
        let mut histogram = LatencyHistogram::default();
        histogram.add(90.0, LogNormal::from_moments(0.1, 0.001));
        histogram.add_failed(10.0);
        assert!(histogram.quantile(0.95) > 50.0);
        assert!(histogram.quantile(0.85) < 0.3);
    }
}
