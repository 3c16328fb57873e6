//! A histogram in which a sample's weight halves with every half-life that passes.
//!
//! Instead of shrinking old weights it grows new ones: a sample at `t` weighs `w·2^((t − reference)/half_life)`, and
//! the reference moves forward when the exponent passes 100. Percentiles see ratios only.
//! Source: `pkg/recommender/util/decaying_histogram.go` of the VPA.
//!
//! The detail others get wrong: the reference is rounded to a multiple of the half-life *since year 1*, and merging
//! shifts the older of the two references in place, in the histogram merged from too. Left out: checkpoints' times.

use super::{BucketLayout, CheckpointError, Histogram, HistogramCheckpoint, Span, Stamp, elementary};

/// Half-lives after which the reference moves.
const FARTHEST: i64 = 100;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct DecayingHistogram {
    histogram: Histogram,
    half_life: Span,
    reference: Stamp,
}

impl DecayingHistogram {
    /// An empty histogram; the half-life is longer than nothing.
    pub fn new(layout: BucketLayout, half_life: Span) -> Self {
        debug_assert!(half_life.is_positive());
        Self { histogram: Histogram::new(layout), half_life, reference: Stamp::NEVER }
    }

    /// Adds a sample taken at `at`.
    pub fn add(&mut self, value: f64, weight: f64, at: Stamp) {
        let factor = self.factor(at);
        self.histogram.add(value, weight * factor);
    }

    /// Takes a sample away that was added for the instant `at`.
    pub fn subtract(&mut self, value: f64, weight: f64, at: Stamp) {
        let factor = self.factor(at);
        self.histogram.subtract(value, weight * factor);
    }

    /// Adds every weight of `other`, which has the same layout and half-life. The older reference of the two moves to
    /// the younger.
    pub fn merge(&mut self, other: &mut Self) {
        debug_assert_eq!(self.half_life, other.half_life);
        if self.reference < other.reference {
            self.shift(other.reference);
        } else if other.reference < self.reference {
            other.shift(self.reference);
        }
        self.histogram.merge(&other.histogram);
    }

    /// See [`Histogram::percentile`].
    pub fn percentile(&self, share: f64) -> f64 {
        self.histogram.percentile(share)
    }

    /// See [`Histogram::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// See [`Histogram::weight`]; in units of the reference.
    pub fn weight(&self, bucket: usize) -> f64 {
        self.histogram.weight(bucket)
    }

    /// The instant at which a sample has its own weight.
    pub fn reference(&self) -> Stamp {
        self.reference
    }

    /// See [`Histogram::checkpoint`]; the reference keeps whole seconds.
    pub fn checkpoint(&self) -> HistogramCheckpoint {
        HistogramCheckpoint { reference: self.reference.whole_seconds(), ..self.histogram.checkpoint() }
    }

    /// See [`Histogram::load`]; the reference becomes the checkpoint's.
    ///
    /// # Errors
    /// Those of [`Histogram::load`].
    pub fn load(&mut self, checkpoint: &HistogramCheckpoint) -> Result<(), CheckpointError> {
        self.histogram.load(checkpoint)?;
        self.reference = checkpoint.reference;
        Ok(())
    }

    fn factor(&mut self, at: Stamp) -> f64 {
        if at > self.reference.plus(self.half_life.times(FARTHEST)) {
            self.shift(at);
        }
        elementary::exp2(at.since(self.reference).over(self.half_life))
    }

    fn shift(&mut self, to: Stamp) {
        let to = to.round_to(self.half_life);
        let exponent = (self.reference.since(to).over(self.half_life) + 0.5).floor();
        self.histogram.scale(elementary::scale(1.0, exponent as i64));
        self.reference = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly() -> DecayingHistogram {
        DecayingHistogram::new(BucketLayout::linear(10.0, 1.0, 1e-15).unwrap(), Span::HOUR)
    }

    #[test]
    fn a_sample_of_one_half_life_ago_weighs_half() {
        let t = Stamp::from_secs(1_234_567_890);
        let mut histogram = hourly();
        histogram.add(2.0, 1.0, t);
        histogram.add(1.0, 1.0, t.plus(Span::HOUR));
        assert_eq!(histogram.percentile(0.66), 2.0);
        assert_eq!(histogram.percentile(0.67), 3.0);
    }

    #[test]
    fn a_hundred_half_lives_forget() {
        let t = Stamp::from_secs(1_234_567_890);
        let mut histogram = hourly();
        histogram.add(2.0, 1.0, t);
        histogram.add(1.0, 1.0, t.plus(Span::HOUR.times(101)));
        assert_eq!(histogram.percentile(1.0), 2.0);
    }

    #[test]
    fn merging_moves_the_older_reference_in_both() {
        let t = Stamp::from_secs(1_234_569_600);
        let (mut old, mut young) = (hourly(), hourly());
        old.add(3.0, 1.0, t);
        young.add(1.0, 1.0, t.plus(Span::HOUR.times(2)));
        young.merge(&mut old);
        assert_eq!(old.reference(), young.reference());
        assert_eq!(young.percentile(0.8), 2.0);
        assert_eq!(young.percentile(0.81), 4.0);
    }
}
