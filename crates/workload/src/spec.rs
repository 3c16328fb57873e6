//! A workload as data: a tree that can be written in TOML and is built into an [`ArrivalRate`] with a seed.
//!
//! ```toml
//! kind = "noise"
//! sigma = 0.1
//! phi = 0.9
//! of = { kind = "diurnal", base = 200.0, harmonics = [{ amplitude = 0.6, phase = -1.57 }] }
//! ```
//!
//! Left out: reading files. A `replay` names a trace; the caller resolves the name
//! ([`Workload::build_with`]).

use crate::{
    ArrivalRate, Error, Noise, NoiseConfig, Replay, Result, Trace,
    combine::{Clip, Concatenate, Delay, Product, Repeat, Scale, Sum, Switch, Window},
    error::require,
    seed,
    shape::{
        Constant, ConstantConfig, Diurnal, DiurnalConfig, FlashCrowd, FlashCrowdConfig, Mmpp, MmppConfig,
        Ramp, RampConfig, Step, StepConfig,
    },
    shipped,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Description of a workload. Rates are requests/s, times seconds; ranges are given where a field leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Workload {
    /// [`Constant`].
    Constant(ConstantConfig),
    /// [`Step`].
    Step(StepConfig),
    /// [`Ramp`].
    Ramp(RampConfig),
    /// [`Diurnal`].
    Diurnal(DiurnalConfig),
    /// [`FlashCrowd`].
    FlashCrowd(FlashCrowdConfig),
    /// [`Mmpp`], seeded.
    Mmpp(MmppConfig),
    /// [`Replay`] of a trace.
    Replay {
        /// Its name.
        trace: String,
        /// Days to play one after the other, as [`Trace::pick_days`] takes them; all of the trace by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<String>,
        /// Highest interval rate, in requests/s, to scale the whole trace to; as recorded by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peak: Option<f64>,
        /// How many times faster than recorded to play, above zero, with the rates as recorded.
        #[serde(default = "one")]
        speed: f64,
    },
    /// [`Noise`] around another workload, seeded.
    Noise {
        /// Standard deviation of the logarithm of the factor.
        sigma: f64,
        /// Correlation of one grid cell with the next.
        phi: f64,
        /// Width of a grid cell.
        #[serde(default = "one_minute")]
        grid_secs: f64,
        /// Length until the noise repeats.
        #[serde(default = "two_weeks")]
        horizon_secs: f64,
        /// What is noisy.
        of: Box<Workload>,
    },
    /// [`Sum`].
    Sum {
        /// What is added.
        parts: Vec<Workload>,
    },
    /// [`Product`].
    Product {
        /// A rate and factors.
        parts: Vec<Workload>,
    },
    /// [`Scale`].
    Scale {
        /// Factor, zero or more.
        factor: f64,
        /// What is scaled.
        of: Box<Workload>,
    },
    /// [`Clip`].
    Clip {
        /// Lower bound; 0 by default.
        #[serde(default)]
        min: f64,
        /// Upper bound; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// What is clipped.
        of: Box<Workload>,
    },
    /// [`Switch`].
    Switch {
        /// When.
        at_secs: f64,
        /// Until then.
        before: Box<Workload>,
        /// From then on.
        after: Box<Workload>,
    },
    /// [`Concatenate`].
    Concatenate {
        /// One after the other.
        parts: Vec<Part>,
    },
    /// [`Repeat`].
    Repeat {
        /// Length of a period; the duration of what is repeated by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period_secs: Option<f64>,
        /// What is repeated.
        of: Box<Workload>,
    },
    /// [`Delay`].
    Delay {
        /// By how much.
        by_secs: f64,
        /// What is delayed.
        of: Box<Workload>,
    },
    /// [`Window`].
    Window {
        /// Where it starts; 0 by default.
        #[serde(default)]
        start_secs: f64,
        /// How long it is.
        length_secs: f64,
        /// What is seen through it.
        of: Box<Workload>,
    },
}

/// A phase of a concatenation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its length, seconds, above zero; the duration of its workload by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_secs: Option<f64>,
    /// Its traffic.
    pub of: Workload,
}

fn one() -> f64 {
    1.0
}

fn one_minute() -> f64 {
    60.0
}

fn two_weeks() -> f64 {
    14.0 * 86_400.0
}

/// Finds the trace of a name.
pub type FindTrace<'a> = &'a dyn Fn(&str) -> Result<Trace>;

impl Workload {
    /// Builds the workload; traces are the [`shipped`] ones.
    ///
    /// # Errors
    /// [`Error`] for a setting outside its range, with its path, or an unknown trace.
    pub fn build(&self, seed: u64) -> Result<Box<dyn ArrivalRate>> {
        self.build_with(seed, &|name| shipped::find(name)?.trace())
    }

    /// Builds the workload; `traces` finds the traces that it names. Every random part draws from a seed of
    /// its own, made of `seed` and its place in the tree.
    ///
    /// # Errors
    /// As [`Self::build`], and whatever `traces` answers.
    pub fn build_with(&self, seed: u64, traces: FindTrace) -> Result<Box<dyn ArrivalRate>> {
        let child = |name: &'static str, index: u64, of: &Self| {
            of.build_with(seed::part(seed, index), traces).map_err(|e| e.within(name))
        };
        let children = |parts: &[Self]| -> Result<Vec<_>> {
            parts
                .iter()
                .enumerate()
                .map(|(i, part)| {
                    let built = part.build_with(seed::part(seed, i as u64), traces);
                    built.map_err(|e| e.within(format_args!("parts[{i}]")))
                })
                .collect()
        };
        Ok(match self {
            Self::Constant(config) => Box::new(Constant::new(config)?),
            Self::Step(config) => Box::new(Step::new(config)?),
            Self::Ramp(config) => Box::new(Ramp::new(config)?),
            Self::Diurnal(config) => Box::new(Diurnal::new(config)?),
            Self::FlashCrowd(config) => Box::new(FlashCrowd::new(config)?),
            Self::Mmpp(config) => Box::new(Mmpp::new(config, seed)?),
            Self::Replay { trace, days, peak, speed } => {
                replay(traces(trace)?, days.as_deref(), *peak, *speed)?
            }
            Self::Noise { sigma, phi, grid_secs, horizon_secs, of } => {
                let config = NoiseConfig {
                    sigma: *sigma,
                    phi: *phi,
                    grid_secs: *grid_secs,
                    horizon_secs: *horizon_secs,
                };
                Box::new(Noise::new(child("of", 0, of)?, &config, seed)?)
            }
            Self::Sum { parts } => Box::new(Sum { parts: children(parts)? }),
            Self::Product { parts } => Box::new(Product { parts: children(parts)? }),
            Self::Scale { factor, of } => Box::new(Scale::new(child("of", 0, of)?, *factor)?),
            Self::Clip { min, max, of } => {
                let max = PerSecond(max.unwrap_or(f64::INFINITY));
                Box::new(Clip::new(child("of", 0, of)?, PerSecond(*min), max)?)
            }
            Self::Switch { at_secs, before, after } => {
                let (before, after) = (child("before", 0, before)?, child("after", 1, after)?);
                Box::new(Switch::new(Seconds(*at_secs), before, after)?)
            }
            Self::Concatenate { parts } => {
                let mut built = Vec::with_capacity(parts.len());
                for (i, part) in parts.iter().enumerate() {
                    let rate = part.of.build_with(seed::part(seed, i as u64), traces);
                    let rate = rate.map_err(|e| e.within(format_args!("parts[{i}].of")))?;
                    let length = length(part.length_secs, &rate, "length_secs");
                    let length = length.map_err(|e| e.within(format_args!("parts[{i}]")))?;
                    built.push((rate, length));
                }
                Box::new(Concatenate::new(built)?)
            }
            Self::Repeat { period_secs, of } => {
                let inner = child("of", 0, of)?;
                let period = length(*period_secs, &inner, "period_secs")?;
                Box::new(Repeat::new(inner, period)?)
            }
            Self::Delay { by_secs, of } => Box::new(Delay::new(child("of", 0, of)?, Seconds(*by_secs))?),
            Self::Window { start_secs, length_secs, of } => {
                let inner = child("of", 0, of)?;
                Box::new(Window::new(inner, Seconds(*start_secs), Seconds(*length_secs))?)
            }
        })
    }
}

/// The given length, or the duration of the workload.
fn length(given: Option<f64>, rate: &dyn ArrivalRate, key: &'static str) -> Result<Seconds> {
    given.map(Seconds).or_else(|| rate.duration()).ok_or_else(|| Error::Parameter {
        key: key.to_owned(),
        expected: "a length, as this workload has no end",
        found: "none".to_owned(),
    })
}

fn replay(trace: Trace, days: Option<&str>, peak: Option<f64>, speed: f64) -> Result<Box<dyn ArrivalRate>> {
    require(speed.is_finite() && speed > 0.0, "speed", "a finite number above zero", speed)?;
    let trace = match peak {
        Some(peak) => trace.scaled_to_peak(PerSecond(peak))?,
        None => trace,
    };
    let picked = days.map(|spec| Trace::pick_days(&trace.days(), spec)).transpose()?;
    // A faster clock alone would raise the rates.
    let replay = Replay::new(&trace.compressed(speed)?.scaled(1.0 / speed)?);
    let Some(picked) = picked else { return Ok(Box::new(replay)) };
    let mut parts: Vec<(Box<dyn ArrivalRate>, Seconds)> = Vec::with_capacity(picked.len());
    for day in picked {
        let (offset, length) = (Seconds(day.offset.0 / speed), Seconds(day.length.0 / speed));
        parts.push((Box::new(Window::new(replay.clone(), offset, length)?), length));
    }
    Ok(Box::new(Concatenate::new(parts)?))
}

#[cfg(test)]
mod tests;
