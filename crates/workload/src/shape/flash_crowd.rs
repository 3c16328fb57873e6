//! A sudden crowd: baseline, steep ramp, plateau, slow exponential decay.
//!
//! The 1998 World Cup site, the usual example, peaked at about 20 times its mean (Arlitt and Jin, IEEE
//! Network 14(3), 2000). Left out: several crowds; add them with [`crate::combine::Sum`].

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive, require_rate},
    rate::mean_of,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Settings of [`FlashCrowd`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlashCrowdConfig {
    /// Requests/s before and long after, zero or more.
    pub baseline: f64,
    /// The plateau as a multiple of the baseline, 1 or more.
    pub peak_factor: f64,
    /// Start of the ramp, seconds.
    pub onset_secs: f64,
    /// Length of the linear ramp, seconds, above zero.
    pub ramp_secs: f64,
    /// Length of the plateau, seconds, zero or more.
    pub plateau_secs: f64,
    /// Time constant of the decay, seconds, above zero.
    pub decay_secs: f64,
}

/// `λ(t) = b + (p − 1)·b·g(t)` with `g` rising from 0 to 1 over the ramp, 1 on the plateau, and
/// `exp(−(t − end of plateau)/τ)` after it.
#[derive(Clone, Debug)]
pub struct FlashCrowd {
    config: FlashCrowdConfig,
}

impl FlashCrowd {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a setting outside the range given at its field.
    pub fn new(config: &FlashCrowdConfig) -> Result<Self> {
        require_rate("baseline", config.baseline)?;
        let factor = config.peak_factor;
        require(factor.is_finite() && factor >= 1.0, "peak_factor", "a finite number of 1 or more", factor)?;
        require(config.onset_secs.is_finite(), "onset_secs", "a finite number", config.onset_secs)?;
        require_positive("ramp_secs", config.ramp_secs)?;
        require_rate("plateau_secs", config.plateau_secs)?;
        require_positive("decay_secs", config.decay_secs)?;
        Ok(Self { config: config.clone() })
    }

    /// The crowd's share of its plateau at `t`.
    fn share(&self, t: f64) -> f64 {
        let x = t - self.config.onset_secs;
        let after = x - self.config.ramp_secs - self.config.plateau_secs;
        if after > 0.0 {
            (-after / self.config.decay_secs).exp()
        } else {
            (x / self.config.ramp_secs).clamp(0.0, 1.0)
        }
    }

    /// Integral of [`Self::share`] from the onset to `t`, in seconds.
    fn share_until(&self, t: f64) -> f64 {
        let FlashCrowdConfig { onset_secs, ramp_secs, plateau_secs, decay_secs, .. } = self.config;
        let x = (t - onset_secs).max(0.0);
        let ramp = x.min(ramp_secs);
        let plateau = (x - ramp_secs).clamp(0.0, plateau_secs);
        let after = (x - ramp_secs - plateau_secs).max(0.0);
        ramp * ramp / (2.0 * ramp_secs) + plateau - decay_secs * (-after / decay_secs).exp_m1()
    }

    fn crowd(&self) -> f64 {
        self.config.baseline * (self.config.peak_factor - 1.0)
    }
}

impl ArrivalRate for FlashCrowd {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.config.baseline + self.crowd() * self.share(t.0))
    }

    /// Exact.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        let requests = || {
            self.config.baseline * (to.0 - from.0)
                + self.crowd() * (self.share_until(to.0) - self.share_until(from.0))
        };
        mean_of(from, to, requests, || self.rate(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> FlashCrowd {
        FlashCrowd::new(&FlashCrowdConfig {
            baseline: 10.0,
            peak_factor: 11.0,
            onset_secs: 100.0,
            ramp_secs: 50.0,
            plateau_secs: 200.0,
            decay_secs: 60.0,
        })
        .unwrap()
    }

    #[test]
    fn the_crowd_ramps_holds_and_decays_by_e_each_time_constant() {
        let rates = [0.0, 100.0, 125.0, 150.0, 350.0, 410.0].map(|t| crowd().rate(Seconds(t)).0);
        assert_eq!(rates[..5], [10.0, 10.0, 60.0, 110.0, 110.0]);
        assert!((rates[5] - (10.0 + 100.0 / std::f64::consts::E)).abs() < 1e-12);
        assert!((crowd().rate(Seconds(1e5)).0 - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_mean_counts_ramp_plateau_and_tail() {
        // Crowd alone: 25 s of ramp + 200 s + 60 s of tail, at 100/s; baseline 10/s for 10,000 s.
        let mean = crowd().mean(Seconds(0.0), Seconds(10_000.0)).0;
        assert!((mean - (10.0 + 100.0 * 285.0 / 10_000.0)).abs() < 1e-9);
    }
}
