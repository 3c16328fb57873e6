//! The recommender that the smart-vpa system ported from the VPA, with what it left out left out.
//!
//! Both resources feed a decaying histogram with weight 1; lower, target and upper are the 50th, 90th and 95th percentile
//! with a margin. Confidence and minimums are off unless asked for. Its updater looks at the *use*, not the request
//! ([`UpdaterRule::Usage`](crate::vertical::UpdaterRule)). Source: saeid93/smart-vpa, as described in words.
//!
//! Corrected here: confidence counts 1,440 samples a day (the system 86,400 in one place), and the memory bounds come from
//! memory (the system's from CPU). Left out: memory peaks, OOM kills, checkpoints.

use super::{
    Aggregate, AggregationConfig, Amount, DecayingHistogram, Estimate, Resource, Span, Stamp, UsageSink,
    recommender::{LOWER, confidence_multiplier},
};
use serde::{Deserialize, Serialize};

/// Shares of the weight below lower bound, target and upper bound.
const SHARES: [f64; 3] = [0.5, 0.9, 0.95];
/// Factor on everything when the margin is on.
const MARGIN: f64 = 1.15;
/// Least CPU in millicores and memory in bytes when the minimum is on.
const LEAST: [Amount; 2] = [Amount(25), Amount(250_000_000)];
/// Greatest CPU in millicores and memory in bytes.
const GREATEST: [Amount; 2] = [Amount(100_000), Amount(800_000_000_000)];

/// Switches of [`Simplified`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimplifiedConfig {
    /// Whether 15 % is added.
    pub margin: bool,
    /// Whether bounds are wider while the history is short.
    pub confidence: bool,
    /// Power of the upper bound's confidence multiplier; the system has 2, the VPA 1.
    pub upper_power: f64,
    /// Whether 25 millicores and 250 MB are the least.
    pub min_resource: bool,
}

impl Default for SimplifiedConfig {
    fn default() -> Self {
        Self { margin: true, confidence: false, upper_power: 2.0, min_resource: false }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Simplified {
    config: SimplifiedConfig,
    histograms: [DecayingHistogram; 2],
    // Counts samples and their span; its histograms are not read.
    history: Aggregate,
}

impl Simplified {
    /// A recommender that has seen nothing.
    pub fn new(config: SimplifiedConfig) -> Self {
        let histogram = |layout| DecayingHistogram::new(layout, Span::DAY);
        Self {
            config,
            histograms: [
                histogram(AggregationConfig::cpu_layout()),
                histogram(AggregationConfig::memory_layout()),
            ],
            history: Aggregate::new(&AggregationConfig::default(), Stamp::NEVER),
        }
    }

    /// Takes the use of both resources at an instant.
    pub fn update(&mut self, cpu: Amount, memory: Amount, at: Stamp) {
        self.histograms[0].add(cpu.cores(), 1.0, at);
        self.histograms[1].add(memory.0 as f64, 1.0, at);
        self.history.add(Resource::Cpu, cpu, at);
    }

    /// Target and bounds. Without history the upper bound is the greatest amount and the rest is nothing.
    pub fn recommend(&self, resource: Resource) -> Estimate {
        let slot = resource as usize;
        let histogram = &self.histograms[slot];
        let greatest = GREATEST[slot];
        if histogram.is_empty() {
            return Estimate { upper: greatest, ..Estimate::default() };
        }
        let margin = if self.config.margin { MARGIN } else { 1.0 };
        let confidence = self.history.confidence(Span::DAY);
        let multiplier = |power| {
            if self.config.confidence { confidence_multiplier(power, confidence) } else { 1.0 }
        };
        let unit = if resource == Resource::Cpu { 1000.0 } else { 1.0 };
        let amount = |share: f64, multiplier: f64| {
            let wish = Amount::truncated(histogram.percentile(share) * margin * multiplier * unit);
            let least = if self.config.min_resource { LEAST[slot] } else { Amount(0) };
            wish.max(least).min(greatest)
        };
        let [lower, target, upper] = SHARES;
        Estimate {
            target: amount(target, 1.0),
            lower: amount(lower, multiplier(LOWER)),
            upper: amount(upper, multiplier((1.0, self.config.upper_power))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpa::recommender::{LOWER, UPPER, confidence_multiplier, with_confidence, with_margin};

    #[test]
    fn percentiles_are_those_of_the_systems_own_tests() {
        let at = Stamp::from_secs(1_700_000_000);
        let mut simplified =
            Simplified::new(SimplifiedConfig { margin: false, ..SimplifiedConfig::default() });
        for k in 1..=3 {
            simplified.update(Amount(1000 * k), Amount(1_000_000_000 * k), at);
        }
        assert_eq!(Amount::from_cores(simplified.histograms[0].percentile(0.2)), Amount(1016));
        assert_eq!(simplified.recommend(Resource::Memory).lower, Amount(2_093_479_957));
    }

    #[test]
    fn nine_samples_in_sixteen_minutes_multiply_by_two_hundred_eighty_nine() {
        let mut simplified = Simplified::new(SimplifiedConfig::default());
        for k in 0..9 {
            simplified.update(Amount(1), Amount(1), Stamp::from_secs(1_700_000_000 + 120 * k));
        }
        let confidence = simplified.history.confidence(Span::DAY);
        assert_eq!(with_confidence(Amount(3140), (0.1, 2.0), confidence), Amount(907_460));
    }

    #[test]
    fn margin_and_multipliers_are_those_of_the_systems_tests() {
        assert_eq!(with_margin(Amount(3140), 0.1), Amount(3454));
        let hour = 1.0 / 24.0;
        let close = |multiplier: (f64, f64), days: f64, expected: f64| {
            let found = confidence_multiplier(multiplier, days);
            assert!((found - expected).abs() < 0.006, "{days} days: {found} is not {expected}");
        };
        close(UPPER, 0.5, 3.0);
        close(UPPER, 1.0, 2.0);
        close(UPPER, 7.0, 1.14);
        close(LOWER, hour / 12.0, 0.6);
        close(LOWER, hour / 2.0, 0.91);
        close(LOWER, hour, 0.95);
    }
}
