//! Traffic at the entrance of an application, as a function of time, and the published Locust scenarios.
//!
//! Left out: workloads of other shapes and recordings, which applications' own environments take.

use super::{HorizontalConfig, check};
use crate::Result;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// A shape of traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waveform {
    /// Always the mean.
    Constant,
    /// A sine around the mean.
    #[default]
    Sine,
    /// High and low by turns, half a period each.
    Step,
    /// In each eighth of a period a burst, with a chance of a quarter, of the mean and three times the amplitude; else the mean
    /// less the amplitude.
    Bursty,
    /// 50 users.
    Offpeak,
    /// 500 users.
    Peak,
    /// 50, 50, 800 and 50 users for 225 s each.
    Rushsale,
    /// 50, 300, 50 and 800 users for 225 s each.
    Fluctuating,
}

/// Seconds of a phase of a published scenario.
const PHASE_SECS: f64 = 225.0;

impl Waveform {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Sine => "sine",
            Self::Step => "step",
            Self::Bursty => "bursty",
            Self::Offpeak => "offpeak",
            Self::Peak => "peak",
            Self::Rushsale => "rushsale",
            Self::Fluctuating => "fluctuating",
        }
    }

    /// Users of the phases of a published scenario.
    fn users(self) -> Option<[f64; 4]> {
        match self {
            Self::Constant | Self::Sine | Self::Step | Self::Bursty => None,
            Self::Offpeak => Some([50.0; 4]),
            Self::Peak => Some([500.0; 4]),
            Self::Rushsale => Some([50.0, 50.0, 800.0, 50.0]),
            Self::Fluctuating => Some([50.0, 300.0, 50.0, 800.0]),
        }
    }
}

/// Requests a second over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    shape: Waveform,
    rate: f64,
    amplitude: f64,
    period: f64,
    /// Largest factor of an episode.
    spread: f64,
}

impl Load {
    pub(super) fn new(settings: &HorizontalConfig, capacity: f64) -> Result<Self> {
        let HorizontalConfig { load, rate, rate_spread: spread, amplitude, period_secs, .. } = *settings;
        check("rate", rate, rate >= 0.0, "a number of at least 0")?;
        check("rate_spread", spread, spread >= 1.0, "a number of at least 1")?;
        check("amplitude", amplitude, (0.0..=1.0).contains(&amplitude), "0 to 1")?;
        check("period_secs", period_secs, period_secs > 0.0, "a number above 0")?;
        let (own, period) = match load.users() {
            Some(users) => (users.into_iter().fold(0.0, f64::max), 4.0 * PHASE_SECS),
            None => (0.2 * capacity, period_secs),
        };
        check("rate", own, true, "a rate, where a service has no CPU limit")?;
        Ok(Self { shape: load, rate: if rate > 0.0 { rate } else { own }, amplitude, period, spread })
    }

    /// Seconds after which it comes again; where an episode starts in them is drawn.
    pub(super) fn period(&self) -> f64 {
        self.period
    }

    /// The factor of an episode; without a spread nothing is drawn.
    pub(super) fn factor(&self, rng: &mut impl Rng) -> f64 {
        if self.spread == 1.0 { 1.0 } else { self.spread.powf(rng.random_range(-1.0..=1.0)) }
    }

    /// Requests a second at `time` seconds, of the bursts that `seed` gives.
    pub(super) fn rate(&self, time: f64, seed: u64) -> f64 {
        let (mean, swing, turn) = (self.rate, self.rate * self.amplitude, time / self.period);
        match self.shape {
            Waveform::Constant => mean,
            Waveform::Sine => mean + swing * (TAU * turn).sin(),
            Waveform::Step => mean + if turn.rem_euclid(1.0) < 0.5 { swing } else { -swing },
            Waveform::Bursty => {
                let slot = (8.0 * turn).floor() as i64 as u64;
                mean + if mixed(seed ^ slot.wrapping_mul(0x9e37_79b9_7f4a_7c15)).is_multiple_of(4) {
                    3.0 * swing
                } else {
                    -swing
                }
            }
            scenario => {
                let users = scenario.users().unwrap_or_default();
                let most = users.into_iter().fold(0.0, f64::max);
                let phase = (4.0 * turn.rem_euclid(1.0)) as usize;
                users[phase.min(3)] / most * mean
            }
        }
    }
}

/// `SplitMix64`'s last step, whose low bits are as good as its high ones.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(shape: Waveform, rate: f64) -> Load {
        let settings = HorizontalConfig { load: shape, rate, period_secs: 800.0, ..Default::default() };
        Load::new(&settings, 500.0).unwrap()
    }

    #[test]
    fn shapes_keep_their_mean_and_their_swing() {
        for shape in [Waveform::Constant, Waveform::Sine, Waveform::Step, Waveform::Bursty] {
            let load = load(shape, 0.0);
            let rates: Vec<f64> = (0..160_000).map(|second| load.rate(f64::from(second), 3)).collect();
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!((mean - 100.0).abs() < 6.0, "{shape:?}: {mean}");
            let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
            let expected = if shape == Waveform::Constant { 100.0 } else { 40.0 };
            assert!((least - expected).abs() < 0.01, "{shape:?}: {least}");
        }
    }

    #[test]
    fn factors_are_spread_evenly_on_a_logarithmic_scale() {
        use rand::SeedableRng;
        let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
        let settings = HorizontalConfig { rate_spread: 4.0, ..Default::default() };
        let load = Load::new(&settings, 500.0).unwrap();
        let factors: Vec<f64> = (0..4000).map(|_| load.factor(&mut rng)).collect();
        assert!(factors.iter().all(|factor| (0.25..=4.0).contains(factor)));
        let below = factors.iter().filter(|factor| **factor < 0.5).count();
        assert!((900..1100).contains(&below), "{below}");
    }

    #[test]
    fn scenarios_are_the_published_users() {
        let at = |shape, time| load(shape, 0.0).rate(time, 0);
        assert_eq!(
            [10.0, 300.0, 500.0, 899.0].map(|time| at(Waveform::Rushsale, time)),
            [50.0, 50.0, 800.0, 50.0]
        );
        assert_eq!(
            [10.0, 300.0, 500.0, 899.0].map(|time| at(Waveform::Fluctuating, time)),
            [50.0, 300.0, 50.0, 800.0]
        );
        assert_eq!((at(Waveform::Offpeak, 1.0), at(Waveform::Peak, 1.0)), (50.0, 500.0));
        assert_eq!(load(Waveform::Rushsale, 80.0).rate(500.0, 0), 80.0, "a smaller cluster's largest phase");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let settings = HorizontalConfig { amplitude: 1.5, ..Default::default() };
        let text = Load::new(&settings, 500.0).unwrap_err().to_string();
        assert_eq!(text, "horizontal.amplitude: is 1.5, expected 0 to 1");
    }
}
