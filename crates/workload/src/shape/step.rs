//! Levels that change at given times: load-test plans such as "100/s, at 180 s up to 800/s, at 480 s back".

use crate::{
    ArrivalRate, Result,
    error::{require, require_rate},
    rate::mean_of,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// One level of [`Step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Start of the level, seconds.
    pub at_secs: f64,
    /// Requests/s from then on, zero or more.
    pub rate: f64,
}

/// Settings of [`Step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// At least one level, in rising order of time. The first one also holds before its start.
    pub levels: Vec<Level>,
}

/// `λ(t)` = rate of the last level that started at or before `t`.
#[derive(Clone, Debug)]
pub struct Step {
    levels: Vec<Level>,
}

impl Step {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for no levels, times that do not rise, or a rate that is not one.
    pub fn new(config: &StepConfig) -> Result<Self> {
        require(!config.levels.is_empty(), "levels", "at least one level", "none")?;
        for (i, level) in config.levels.iter().enumerate() {
            let before = if i == 0 { f64::NEG_INFINITY } else { config.levels[i - 1].at_secs };
            require(
                level.at_secs.is_finite() && level.at_secs > before,
                format!("levels[{i}].at_secs"),
                "finite, rising times",
                level.at_secs,
            )?;
            require_rate("rate", level.rate).map_err(|e| e.within(format_args!("levels[{i}]")))?;
        }
        Ok(Self { levels: config.levels.clone() })
    }

    fn index(&self, t: f64) -> usize {
        self.levels.partition_point(|level| level.at_secs <= t).saturating_sub(1)
    }

    fn requests(&self, from: f64, to: f64) -> f64 {
        let (mut t, mut requests) = (from, 0.0);
        for i in self.index(from)..self.levels.len() {
            let end = self.levels.get(i + 1).map_or(to, |next| next.at_secs.min(to));
            requests += self.levels[i].rate * (end - t).max(0.0);
            t = t.max(end);
        }
        requests
    }
}

impl ArrivalRate for Step {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.levels[self.index(t.0)].rate)
    }

    /// Exact.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests(from.0, to.0), || self.rate(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rush() -> Step {
        let levels = [(0.0, 100.0), (180.0, 800.0), (480.0, 100.0)];
        let levels = levels.map(|(at_secs, rate)| Level { at_secs, rate }).to_vec();
        Step::new(&StepConfig { levels }).unwrap()
    }

    #[test]
    fn a_level_holds_from_its_start_until_the_next() {
        let rates = [-5.0, 0.0, 179.9, 180.0, 479.9, 480.0, 1e9].map(|t| rush().rate(Seconds(t)).0);
        assert_eq!(rates, [100.0, 100.0, 100.0, 800.0, 800.0, 100.0, 100.0]);
    }

    #[test]
    fn the_mean_weighs_each_level_by_its_time() {
        // 90 s at 100/s and 10 s at 800/s.
        assert_eq!(rush().mean(Seconds(90.0), Seconds(190.0)).0, 170.0);
        // 180 s at 100/s, 300 s at 800/s, 120 s at 100/s.
        assert_eq!(rush().mean(Seconds(0.0), Seconds(600.0)).0, 450.0);
        assert_eq!(rush().mean(Seconds(-20.0), Seconds(-10.0)).0, 100.0);
        assert_eq!(rush().mean(Seconds(200.0), Seconds(200.0)).0, 800.0);
    }

    #[test]
    fn levels_out_of_order_are_an_error_that_names_the_level() {
        let levels = vec![Level { at_secs: 5.0, rate: 1.0 }, Level { at_secs: 5.0, rate: 2.0 }];
        let error = Step::new(&StepConfig { levels }).unwrap_err();
        assert_eq!(error.to_string(), "levels[1].at_secs: expected finite, rising times, found 5");
    }
}
