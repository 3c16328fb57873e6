//! A straight line from one rate to another: the sweep that finds where an application saturates.

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive, require_rate},
    rate::mean_of,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Settings of [`Ramp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RampConfig {
    /// Requests/s until the start, zero or more.
    pub from: f64,
    /// Requests/s after the end, zero or more.
    pub to: f64,
    /// Start of the slope, seconds.
    #[serde(default)]
    pub start_secs: f64,
    /// Length of the slope, seconds, above zero.
    pub length_secs: f64,
}

/// `λ(t) = from + (to − from)·clamp((t − start)/length, 0, 1)`.
#[derive(Clone, Debug)]
pub struct Ramp {
    config: RampConfig,
}

impl Ramp {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a negative rate, no length, or anything that is not finite.
    pub fn new(config: &RampConfig) -> Result<Self> {
        require_rate("from", config.from)?;
        require_rate("to", config.to)?;
        require(config.start_secs.is_finite(), "start_secs", "a finite number", config.start_secs)?;
        require_positive("length_secs", config.length_secs)?;
        Ok(Self { config: config.clone() })
    }

    /// Integral of the rate from the start of the slope to `t`, negative before it.
    fn requests_until(&self, t: f64) -> f64 {
        let RampConfig { from, to, start_secs, length_secs } = self.config;
        let x = t - start_secs;
        let on_slope = x.clamp(0.0, length_secs);
        from * x.min(0.0)
            + from * on_slope
            + (to - from) * on_slope * on_slope / (2.0 * length_secs)
            + to * (x - length_secs).max(0.0)
    }
}

impl ArrivalRate for Ramp {
    fn rate(&self, t: Seconds) -> PerSecond {
        let RampConfig { from, to, start_secs, length_secs } = self.config;
        let share = ((t.0 - start_secs) / length_secs).clamp(0.0, 1.0);
        PerSecond(from * (1.0 - share) + to * share)
    }

    /// Exact.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests_until(to.0) - self.requests_until(from.0), || self.rate(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_flat_then_a_line_then_flat() {
        let ramp =
            Ramp::new(&RampConfig { from: 10.0, to: 110.0, start_secs: 60.0, length_secs: 100.0 }).unwrap();
        assert_eq!(
            [0.0, 60.0, 110.0, 160.0, 500.0].map(|t| ramp.rate(Seconds(t)).0),
            [10.0, 10.0, 60.0, 110.0, 110.0]
        );
        // 60 s at 10/s, 100 s at 60/s on average, 40 s at 110/s.
        assert!((ramp.mean(Seconds(0.0), Seconds(200.0)).0 - 55.0).abs() < 1e-12);
        assert_eq!(ramp.mean(Seconds(10.0), Seconds(50.0)).0, 10.0);
    }

    #[test]
    fn a_ramp_of_no_length_is_an_error() {
        let config = RampConfig { from: 1.0, to: 2.0, start_secs: 0.0, length_secs: 0.0 };
        assert!(Ramp::new(&config).unwrap_err().to_string().starts_with("length_secs: expected"));
    }
}
