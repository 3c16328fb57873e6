//! The DSP forecast of Crane: find out by a Fourier transform whether days (or else weeks) repeat, take the noise out of
//! the spectrum, and expect the last cycle again, with a margin.
//!
//! Source: `pkg/prediction/dsp` of gocrane/crane: samples above the 99.9th or below the 0.1st percentile become those
//! percentiles; a series repeats when the strongest frequency that is not slower than a cycle is the cycle's; of several
//! estimators (how many spectral lines, which margin) the one is taken that would have forecast the last cycle best,
//! with too little counting more than too much. As there, today's traffic changes nothing: the model is fitted once. Days
//! that were left out of the history are bridged as if the days around them were neighbours, which keeps the phase.
//!
//! Left out: Crane's `MaxValue` estimator, which is not among its defaults, and its hourly peaks; how far to look ahead
//! is the autoscaler's business.

use super::{
    Forecaster, SLOT,
    seasonal_naive::{phase, slots_in},
};
use crate::{RateSeries, Result, error::check, parameter::Parameter};
use realfft::{RealFftPlanner, num_complex::Complex};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// Settings of [`Dsp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DspConfig {
    /// Spectral lines that are kept at least.
    pub spectrum_items: u32,
    /// Lines of periods shorter than this are noise unless they are strong, minutes.
    pub noise_minutes: f64,
    /// Margin on the forecast, in percent; below 0: of 1, 10, 15 and 20 the one that would have done best.
    pub margin_percent: f64,
}

impl Default for DspConfig {
    fn default() -> Self {
        Self { spectrum_items: 50, noise_minutes: 60.0, margin_percent: -1.0 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::integer("spectrum_items", "", 3, 100, "spectral lines that are kept at least").on_log_scale(),
    Parameter::float("noise_minutes", "min", 5.0, 240.0, "weak lines of shorter periods are noise")
        .on_log_scale(),
    Parameter::float("margin_percent", "%", -1.0, 50.0, "margin; below 0: the best of 1, 10, 15 and 20"),
];

/// Lengths of the cycles that are looked for, in hours.
const CYCLES: [u32; 2] = [24, 168];
/// Margins to choose from, in percent.
const MARGINS: [f64; 4] = [1.0, 10.0, 15.0, 20.0];
/// Most spectral lines that are kept whatever their period.
const MOST_ITEMS: usize = 100;

/// See the module.
#[derive(Clone, Debug)]
pub struct Dsp {
    config: DspConfig,
    /// One cycle to come, from its phase 0; empty when nothing repeats.
    cycle: Vec<f64>,
}

impl Dsp {
    /// A model that has seen nothing.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(config: DspConfig) -> Result<Self> {
        let items = (1..=MOST_ITEMS as u32).contains(&config.spectrum_items);
        check("spectrum_items", items, "1 to 100", config.spectrum_items)?;
        check("noise_minutes", config.noise_minutes > 0.0, "above zero", config.noise_minutes)?;
        check("margin_percent", config.margin_percent >= -1.0, "-1 or more", config.margin_percent)?;
        Ok(Self { config, cycle: Vec::new() })
    }

    /// Whether a cycle was found in what was learned.
    pub fn repeats(&self) -> bool {
        !self.cycle.is_empty()
    }

    fn fit(&self, samples: &[f64], slots: usize, first_phase: usize) -> Option<Vec<f64>> {
        let cycles = samples.len() / slots;
        let samples = &samples[samples.len() - cycles * slots..];
        if cycles < 2 || !is_periodic(samples, slots) {
            return None;
        }
        let margin = if self.config.margin_percent >= 0.0 {
            self.config.margin_percent
        } else {
            let (before, last) = samples.split_at(samples.len() - slots);
            let plain = self.denoised_cycle(before, slots);
            let error = |margin: f64| {
                let pairs = last.iter().zip(&plain);
                pairs.map(|(real, plain)| error(*real, plain * (1.0 + margin / 100.0))).sum::<f64>()
            };
            MARGINS.into_iter().min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(MARGINS[0])
        };
        let mut cycle = self.denoised_cycle(samples, slots);
        for rate in &mut cycle {
            *rate *= 1.0 + margin / 100.0;
        }
        cycle.rotate_right(first_phase % slots);
        Some(cycle)
    }

    /// The last cycle of `samples` without weak and fast parts.
    fn denoised_cycle(&self, samples: &[f64], slots: usize) -> Vec<f64> {
        let n = samples.len();
        let mut lines = spectrum(samples);
        let strength = |line: &Complex<f64>| line.norm() / n as f64;
        let mut strengths: Vec<f64> = lines[1..].iter().map(strength).collect();
        strengths.sort_by(|a, b| b.total_cmp(a));
        let kept = (self.config.spectrum_items as usize).min(strengths.len());
        let weakest = strengths[kept - 1];
        let fastest = n as f64 * SLOT.0 / (60.0 * self.config.noise_minutes);
        for (k, line) in lines.iter_mut().enumerate() {
            if k as f64 > fastest && strength(line) < weakest {
                *line = Complex::default();
            }
        }
        let mut planner = RealFftPlanner::new();
        let inverse = planner.plan_fft_inverse(n);
        let mut smooth = inverse.make_output_vec();
        // What rounding leaves of the imaginary parts of the first and the last line is refused by the transform.
        lines[0].im = 0.0;
        if n.is_multiple_of(2) {
            let last = lines.len() - 1;
            lines[last].im = 0.0;
        }
        inverse.process(&mut lines, &mut smooth).expect("both buffers have the plan's lengths");
        smooth[n - slots..].iter().map(|value| (value / n as f64).max(0.0)).collect()
    }
}

/// The lines of frequency 0 to half the sampling rate.
fn spectrum(samples: &[f64]) -> Vec<Complex<f64>> {
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(samples.len());
    let (mut input, mut lines) = (samples.to_vec(), forward.make_output_vec());
    forward.process(&mut input, &mut lines).expect("both buffers have the plan's lengths");
    lines
}

/// Whether cycles of `slots` repeat: no slower line is stronger than theirs, and theirs is stronger than the strongest
/// line of 99 in 100 permutations of the samples. Crane draws 100 permutations; a line of white noise with variance σ²
/// has an exponentially distributed power of mean nσ², which gives the same bound without drawing.
fn is_periodic(samples: &[f64], slots: usize) -> bool {
    let (n, lines) = (samples.len() as f64, spectrum(samples));
    let own = samples.len() / slots;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / n;
    let by_chance = n * variance * (100.0 * n / 2.0).ln();
    let power = lines[own].norm_sqr();
    variance > 1e-12 * mean * mean
        && power > by_chance
        && lines[1..own].iter().all(|line| line.norm_sqr() < power)
}

/// Relative error of a forecast; one that is too low counts more, without bound as it nears zero.
fn error(real: f64, forecast: f64) -> f64 {
    if real < 1e-3 {
        return (forecast - real).abs();
    }
    let relative = (forecast - real) / real;
    if relative < 0.0 { -relative / (1.0 + relative).max(1e-3) } else { relative }
}

/// Clips to the 0.1st and the 99.9th percentile.
fn without_outliers(samples: &mut [f64]) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(0.001), at(0.999));
    for sample in samples {
        *sample = sample.clamp(low, high);
    }
}

impl Forecaster for Dsp {
    fn observe(&mut self, _: Time, _: f64) {}

    fn expect(&self, at: Time) -> Option<f64> {
        if self.cycle.is_empty() {
            return None;
        }
        Some(self.cycle[phase(at, self.cycle.len())])
    }

    fn learn(&mut self, history: &[RateSeries]) {
        for hours in CYCLES {
            let slots = slots_in(hours);
            let (mut samples, mut next) = (Vec::new(), None);
            for series in history.iter().filter(|series| !series.rates.is_empty()) {
                if next != Some(phase(series.start, slots)) {
                    samples.clear();
                }
                for step in 0..((series.end() - series.start).0 / SLOT.0) as usize {
                    samples.extend(series.at(series.start + Seconds(SLOT.0 * step as f64)));
                }
                next = Some(phase(series.end(), slots));
            }
            if samples.len() < 2 * slots {
                continue;
            }
            without_outliers(&mut samples);
            if let Some(cycle) = self.fit(&samples, slots, next.unwrap_or(0)) {
                self.cycle = cycle;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg32;

    fn wave(share: f64) -> f64 {
        100.0
            + 60.0 * (std::f64::consts::TAU * share).sin()
            + 20.0 * (2.0 * std::f64::consts::TAU * share).cos()
    }

    fn history(days: i32, start: f64, rate: impl Fn(f64) -> f64) -> Vec<RateSeries> {
        let rates =
            (0..1440 * days).map(|minute| rate(f64::from(minute) / 1440.0 + start / 86_400.0)).collect();
        vec![RateSeries { start: Time(start), step: SLOT, rates }]
    }

    fn learned(config: DspConfig, history: &[RateSeries]) -> Dsp {
        let mut model = Dsp::new(config).unwrap();
        model.learn(history);
        model
    }

    #[test]
    fn a_daily_wave_is_found_under_noise_and_expected_again() {
        let mut generator = Pcg32::seed_from_u64(1);
        let mut days = history(4, 6.0 * 3600.0, wave);
        for rate in &mut days[0].rates {
            *rate += generator.random_range(-10.0..10.0);
        }
        let config = DspConfig { spectrum_items: 3, margin_percent: 0.0, ..DspConfig::default() };
        let model = learned(config, &days);
        assert!(model.repeats());
        for minute in 0..1440 {
            let at = 10.0 * 86_400.0 + 60.0 * f64::from(minute);
            let (expected, real) = (model.expect(Time(at)).unwrap(), wave(at / 86_400.0));
            assert!((expected - real).abs() < 5.0, "{minute}: {expected} {real}");
        }
    }

    #[test]
    fn what_does_not_repeat_is_not_forecast() {
        let mut generator = Pcg32::seed_from_u64(2);
        let mut noise = history(4, 0.0, |_| 100.0);
        assert!(!learned(DspConfig::default(), &noise).repeats());
        noise[0].rates.iter_mut().for_each(|rate| *rate += generator.random_range(-10.0..10.0));
        assert!(!learned(DspConfig::default(), &noise).repeats());
        assert!(!learned(DspConfig::default(), &history(4, 0.0, |day| 100.0 + 50.0 * day)).repeats());
        assert!(!learned(DspConfig::default(), &history(1, 0.0, wave)).repeats());
        assert_eq!(learned(DspConfig::default(), &[]).expect(Time(0.0)), None);
    }

    #[test]
    fn the_margin_raises_the_forecast_and_is_chosen_by_the_last_cycle() {
        let day = |share: f64| if share < 3.0 { wave(share) } else { 1.13 * wave(share) };
        let plain =
            learned(DspConfig { margin_percent: 0.0, ..DspConfig::default() }, &history(4, 0.0, wave));
        let raised =
            learned(DspConfig { margin_percent: 30.0, ..DspConfig::default() }, &history(4, 0.0, wave));
        let at = Time(86_400.0 * 4.3);
        assert!((raised.expect(at).unwrap() / plain.expect(at).unwrap() - 1.3).abs() < 1e-9);
        let fixed = learned(DspConfig { margin_percent: 0.0, ..DspConfig::default() }, &history(4, 0.0, day));
        let chosen = learned(DspConfig::default(), &history(4, 0.0, day));
        let margin = chosen.expect(at).unwrap() / fixed.expect(at).unwrap();
        assert!((margin - 1.15).abs() < 1e-9, "{margin}");
    }
}
