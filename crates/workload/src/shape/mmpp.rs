//! Bursts: a two-state Markov-modulated Poisson process, here its rate (the modulating state), not its
//! arrivals.
//!
//! Real traffic within a minute is close to Poisson (variance to mean 1.2 on the NASA log), so sojourns of
//! minutes are the realistic use. Left out: more than two states.

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive, require_rate},
    rate::mean_of,
};
use rand_distr::{Distribution, Exp1, StandardUniform};
use rand_pcg::{Pcg64Mcg, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Most mean sojourns that a path may hold: a path is stored, 16 bytes a switch.
const MOST_SOJOURNS: f64 = 1e6;

/// Settings of [`Mmpp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmppConfig {
    /// Requests/s in the quiet state, λ₀, zero or more.
    pub low: f64,
    /// Requests/s in the burst state, λ₁, at least `low`.
    pub high: f64,
    /// Mean length of a quiet spell, 1/r₀₁, seconds, above zero.
    pub low_secs: f64,
    /// Mean length of a burst, 1/r₁₀, seconds, above zero.
    pub high_secs: f64,
    /// Length of the path that is drawn, seconds; it repeats after that.
    #[serde(default = "two_weeks")]
    pub horizon_secs: f64,
}

fn two_weeks() -> f64 {
    14.0 * 86_400.0
}

impl MmppConfig {
    /// Long-run mean in requests/s: `(λ₀ r₁₀ + λ₁ r₀₁) / (r₀₁ + r₁₀)`.
    pub fn mean(&self) -> f64 {
        let (r01, r10) = (1.0 / self.low_secs, 1.0 / self.high_secs);
        (self.low * r10 + self.high * r01) / (r01 + r10)
    }

    /// Asymptotic index of dispersion of counts (variance to mean over long windows) of Poisson arrivals with
    /// this rate: `1 + 2 r₀₁ r₁₀ (λ₁−λ₀)² / ((r₀₁+r₁₀)² (λ₀ r₁₀ + λ₁ r₀₁))`, 1 for traffic that does not
    /// burst. (Heffes and Lucantoni, IEEE JSAC 4(6), 1986.)
    pub fn index_of_dispersion(&self) -> f64 {
        let (r01, r10) = (1.0 / self.low_secs, 1.0 / self.high_secs);
        let weighted = self.low * r10 + self.high * r01;
        if weighted == 0.0 {
            return 1.0;
        }
        1.0 + 2.0 * r01 * r10 * (self.high - self.low).powi(2) / ((r01 + r10).powi(2) * weighted)
    }
}

/// `λ(t)` = `low` or `high`, switching after exponential times; the first state is drawn from the stationary
/// law.
#[derive(Clone, Debug)]
pub struct Mmpp {
    rates: [f64; 2],
    first: usize,
    /// Start of each sojourn; the first is 0.
    starts: Vec<f64>,
    /// Requests before each sojourn.
    before: Vec<f64>,
    horizon: f64,
    total: f64,
}

impl Mmpp {
    /// Draws the path over the horizon.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a setting outside its range, or a horizon of more than a million
    /// sojourns.
    pub fn new(config: &MmppConfig, seed: u64) -> Result<Self> {
        require_rate("low", config.low)?;
        require(config.high.is_finite() && config.high >= config.low, "high", "at least `low`", config.high)?;
        require_positive("low_secs", config.low_secs)?;
        require_positive("high_secs", config.high_secs)?;
        require_positive("horizon_secs", config.horizon_secs)?;
        let sojourns = 2.0 * config.horizon_secs / (config.low_secs + config.high_secs);
        require(
            sojourns <= MOST_SOJOURNS,
            "horizon_secs",
            "at most a million mean sojourns",
            config.horizon_secs,
        )?;

        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let rates = [config.low, config.high];
        let lengths = [config.low_secs, config.high_secs];
        let uniform: f64 = StandardUniform.sample(&mut rng);
        let first = usize::from(uniform < config.high_secs / (config.low_secs + config.high_secs));
        let (mut starts, mut before) = (Vec::new(), Vec::new());
        let (mut t, mut requests, mut state) = (0.0, 0.0, first);
        while t < config.horizon_secs {
            starts.push(t);
            before.push(requests);
            let draw: f64 = Exp1.sample(&mut rng);
            // A sojourn of no length would make two starts equal.
            let end = (t + (draw * lengths[state]).max(1e-9 * lengths[state])).min(config.horizon_secs);
            requests += rates[state] * (end - t);
            (t, state) = (end, 1 - state);
        }
        Ok(Self { rates, first, starts, before, horizon: config.horizon_secs, total: requests })
    }

    /// Index of the sojourn at `t`, which lies within the horizon.
    fn sojourn(&self, t: f64) -> usize {
        self.starts.partition_point(|&start| start <= t).saturating_sub(1)
    }

    fn rate_in(&self, sojourn: usize) -> f64 {
        self.rates[(self.first + sojourn) % 2]
    }

    fn requests_until(&self, t: f64) -> f64 {
        let x = t.rem_euclid(self.horizon);
        let i = self.sojourn(x);
        (t / self.horizon).floor() * self.total + self.before[i] + self.rate_in(i) * (x - self.starts[i])
    }
}

impl ArrivalRate for Mmpp {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.rate_in(self.sojourn(t.0.rem_euclid(self.horizon))))
    }

    /// Exact.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests_until(to.0) - self.requests_until(from.0), || self.rate(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MmppConfig {
        MmppConfig { low: 20.0, high: 100.0, low_secs: 30.0, high_secs: 10.0, horizon_secs: 2e6 }
    }

    #[test]
    fn mean_and_dispersion_follow_the_formulas_by_hand() {
        // A quarter of the time in the burst: 0.75·20 + 0.25·100.
        assert!((config().mean() - 40.0).abs() < 1e-12);
        // r01 = 1/30, r10 = 1/10: 1 + 2·(1/300)·6400 / ((4/30)²·(2 + 100/30)) = 1 + 42.667/0.094815 = 451.
        assert!((config().index_of_dispersion() - 451.0).abs() < 1e-9);
    }

    #[test]
    fn the_long_run_mean_of_a_path_is_near_the_formula() {
        let mmpp = Mmpp::new(&config(), 7).unwrap();
        let mean = mmpp.mean(Seconds(0.0), Seconds(2e6)).0;
        assert!((mean / 40.0 - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn the_dispersion_of_a_path_over_long_windows_is_near_the_formula() {
        let mmpp = Mmpp::new(&config(), 11).unwrap();
        let window = 1000.0;
        let counts: Vec<f64> = (0..2000)
            .map(|i| window * mmpp.mean(Seconds(i as f64 * window), Seconds((i + 1) as f64 * window)).0)
            .collect();
        let mean = counts.iter().sum::<f64>() / 2000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 1999.0;
        // Poisson arrivals add their own mean to the variance of the intensity.
        let dispersion = 1.0 + variance / mean;
        assert!((dispersion / 451.0 - 1.0).abs() < 0.12, "{dispersion}");
    }

    #[test]
    fn the_path_depends_on_the_seed_alone_and_repeats_after_its_horizon() {
        let config = MmppConfig { horizon_secs: 1000.0, ..config() };
        let path = |seed| {
            let mmpp = Mmpp::new(&config, seed).unwrap();
            (0..1000).map(|t| mmpp.rate(Seconds(f64::from(t))).0).collect::<Vec<_>>()
        };
        assert_eq!(path(1), path(1));
        assert_ne!(path(1), path(2));
        let mmpp = Mmpp::new(&config, 1).unwrap();
        assert_eq!(mmpp.rate(Seconds(123.0)), mmpp.rate(Seconds(3123.0)));
        let around = mmpp.mean(Seconds(900.0), Seconds(1100.0)).0;
        let halves = [(900.0, 1000.0), (0.0, 100.0)].map(|(a, b)| mmpp.mean(Seconds(a), Seconds(b)).0);
        assert!((around - f64::midpoint(halves[0], halves[1])).abs() < 1e-9);
    }
}
