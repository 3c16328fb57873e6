//! The daily rhythm of people, with a factor for each day of the week.
//!
//! Left out: trend and holidays; use [`crate::combine::Product`] for them.

use crate::{
    ArrivalRate, Result,
    error::{require, require_rate},
    rate::mean_of,
};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use trimtab_model::{PerSecond, Seconds};

const DAY: f64 = 86_400.0;

/// One sine wave of [`Diurnal`]; the `k`-th in the list has `k` periods a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harmonic {
    /// Height as a share of the base rate, 0 to 1; those of all harmonics together at most 1.
    pub amplitude: f64,
    /// Phase in radians; `-π/2` puts the trough of the first harmonic at midnight.
    #[serde(default)]
    pub phase: f64,
}

/// Settings of [`Diurnal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiurnalConfig {
    /// Mean requests/s of a day with factor 1, zero or more.
    pub base: f64,
    /// One to three harmonics.
    pub harmonics: Vec<Harmonic>,
    /// Factor of each of seven days, zero or more; the first belongs to the day in which t = 0 begins.
    #[serde(default = "even_week")]
    pub week: [f64; 7],
}

fn even_week() -> [f64; 7] {
    [1.0; 7]
}

/// `λ(t) = base · week[⌊t/86400⌋ mod 7] · (1 + Σ_k a_k sin(2πkt/86400 + φ_k))`, k = 1 to 3.
#[derive(Clone, Debug)]
pub struct Diurnal {
    config: DiurnalConfig,
}

impl Diurnal {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a negative rate or factor, amplitudes that could make the rate
    /// negative, or another number of harmonics than one to three.
    pub fn new(config: &DiurnalConfig) -> Result<Self> {
        require_rate("base", config.base)?;
        let count = config.harmonics.len();
        require((1..=3).contains(&count), "harmonics", "one to three", count)?;
        let mut sum = 0.0;
        for (i, harmonic) in config.harmonics.iter().enumerate() {
            let within = |e: crate::Error| e.within(format_args!("harmonics[{i}]"));
            require_rate("amplitude", harmonic.amplitude).map_err(within)?;
            require(harmonic.phase.is_finite(), "phase", "a finite number", harmonic.phase)
                .map_err(within)?;
            sum += harmonic.amplitude;
        }
        require(sum <= 1.0 + 1e-9, "harmonics", "amplitudes that sum to at most 1", sum)?;
        for (i, factor) in config.week.iter().enumerate() {
            require(
                factor.is_finite() && *factor >= 0.0,
                format!("week[{i}]"),
                "a finite number of zero or more",
                factor,
            )?;
        }
        Ok(Self { config: config.clone() })
    }

    fn factor(&self, day: f64) -> f64 {
        self.config.base * self.config.week[day.rem_euclid(7.0) as usize % 7]
    }

    /// Antiderivative of the daily wave, in seconds.
    fn wave_until(&self, t: f64) -> f64 {
        let mut sum = t;
        for (i, harmonic) in self.config.harmonics.iter().enumerate() {
            let pulse = TAU * (i + 1) as f64 / DAY;
            sum -= harmonic.amplitude * (pulse * t.rem_euclid(DAY) + harmonic.phase).cos() / pulse;
        }
        sum
    }

    fn requests(&self, from: f64, to: f64) -> f64 {
        let (mut t, mut requests) = (from, 0.0);
        let mut day = (from / DAY).floor();
        while t < to {
            let end = ((day + 1.0) * DAY).min(to);
            requests += self.factor(day) * (self.wave_until(end) - self.wave_until(t));
            (t, day) = (end, day + 1.0);
        }
        requests
    }
}

impl ArrivalRate for Diurnal {
    fn rate(&self, t: Seconds) -> PerSecond {
        let mut wave = 1.0;
        for (i, harmonic) in self.config.harmonics.iter().enumerate() {
            let pulse = TAU * (i + 1) as f64 / DAY;
            wave += harmonic.amplitude * (pulse * t.0.rem_euclid(DAY) + harmonic.phase).sin();
        }
        PerSecond((self.factor((t.0 / DAY).floor()) * wave).max(0.0))
    }

    /// Exact; the time it takes grows with the number of days in the interval.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests(from.0, to.0), || self.rate(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    fn diurnal(week: [f64; 7]) -> Diurnal {
        let harmonics =
            vec![Harmonic { amplitude: 0.6, phase: -FRAC_PI_2 }, Harmonic { amplitude: 0.2, phase: 0.0 }];
        Diurnal::new(&DiurnalConfig { base: 100.0, harmonics, week }).unwrap()
    }

    #[test]
    fn the_trough_is_at_midnight_and_the_peak_at_noon() {
        let rates = [0.0, 0.25, 0.5].map(|day| diurnal([1.0; 7]).rate(Seconds(day * DAY)).0);
        for (rate, expected) in rates.iter().zip([40.0, 100.0, 160.0]) {
            assert!((rate - expected).abs() < 1e-9, "{rates:?}");
        }
    }

    #[test]
    fn a_whole_day_averages_to_base_times_its_factor() {
        let week = [1.0, 2.0, 0.5, 1.0, 1.0, 1.0, 0.0];
        let diurnal = diurnal(week);
        for (day, factor) in week.iter().enumerate() {
            let from = (7 + day) as f64 * DAY;
            let mean = diurnal.mean(Seconds(from), Seconds(from + DAY)).0;
            assert!((mean - 100.0 * factor).abs() < 1e-6, "day {day}: {mean}");
        }
        let week_mean = diurnal.mean(Seconds(0.0), Seconds(7.0 * DAY)).0;
        assert!((week_mean - 100.0 * 6.5 / 7.0).abs() < 1e-6);
    }

    #[test]
    fn the_exact_mean_agrees_with_a_fine_sum() {
        let diurnal = diurnal([1.0, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let (from, to, n) = (70_000.0, 110_000.0, 40_000);
        let sum: f64 = (0..n).map(|i| diurnal.rate(Seconds(from + i as f64 + 0.5)).0).sum();
        assert!((diurnal.mean(Seconds(from), Seconds(to)).0 - sum / f64::from(n)).abs() < 1e-4);
    }

    #[test]
    fn amplitudes_that_could_go_below_zero_are_an_error() {
        let harmonics =
            vec![Harmonic { amplitude: 0.8, phase: 0.0 }, Harmonic { amplitude: 0.3, phase: 0.0 }];
        let error = Diurnal::new(&DiurnalConfig { base: 1.0, harmonics, week: [1.0; 7] }).unwrap_err();
        assert!(
            error.to_string().starts_with("harmonics: expected amplitudes that sum to at most 1, found 1.1")
        );
    }
}
