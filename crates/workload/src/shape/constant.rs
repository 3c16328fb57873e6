//! The same rate for ever: what capacity tests and unit tests want.

use crate::{ArrivalRate, Result, error::require_rate};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Settings of [`Constant`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantConfig {
    /// Requests/s, zero or more.
    pub rate: f64,
}

/// `λ(t) = rate`.
#[derive(Clone, Debug)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a rate that is negative or not finite.
    pub fn new(config: &ConstantConfig) -> Result<Self> {
        require_rate("rate", config.rate)?;
        Ok(Self { rate: config.rate })
    }
}

impl ArrivalRate for Constant {
    fn rate(&self, _: Seconds) -> PerSecond {
        PerSecond(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_or_infinite_rate_is_an_error() {
        for rate in [-1.0, f64::INFINITY, f64::NAN] {
            let error = Constant::new(&ConstantConfig { rate }).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("rate: expected a finite number of zero or more, found {rate}")
            );
        }
    }

    #[test]
    fn mean_and_rate_are_the_constant_everywhere() {
        let constant = Constant::new(&ConstantConfig { rate: 7.5 }).unwrap();
        assert_eq!(constant.rate(Seconds(-3.0)).0, 7.5);
        assert_eq!(constant.mean(Seconds(0.0), Seconds(1e6)).0, 7.5);
        assert_eq!(constant.duration(), None);
    }
}
