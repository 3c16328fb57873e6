//! Use of one container, made up: the smart-vpa system's workload generators, and stand-ins for recordings.
//!
//! `constant`, `step`, `sinusoidal` and `low_high` are that system's rules with its examples as defaults; amounts are MB and
//! millicores, rounded to whole ones. `arabesque`, `azure`, `alibaba` and `borg` name recordings: whoever has a copy reads it
//! ([`super::read_usage`]); without one they are **synthetic stand-ins** ([`StandIn`]), and say so.
//!
//! Corrected here: an odd number of steps of `low_high` has its last one. Left out: files and pictures.

use super::{Size, UsageSeries};
use crate::{Result, error::require, error::require_rate};
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use rand_pcg::{Pcg64Mcg, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};
use trimtab_model::{Time, UsagePoint};

/// Most steps of a workload.
const MOST_STEPS: usize = 10_000_000;

/// Amounts of memory and CPU; memory first, as that system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// MB (10⁶ bytes).
    pub memory: f64,
    /// Millicores.
    pub cpu: f64,
}

impl Use {
    const fn new(memory: f64, cpu: f64) -> Self {
        Self { memory, cpu }
    }

    fn pair(self) -> [f64; 2] {
        [self.memory, self.cpu]
    }
}

/// The container that a workload is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerSpec {
    /// Its name.
    pub container_name: String,
    /// What it requests.
    pub requests: Use,
    /// Its limits.
    pub limits: Use,
}

impl Default for ContainerSpec {
    fn default() -> Self {
        Self {
            container_name: "experimental".to_owned(),
            requests: Use::new(1000.0, 500.0),
            limits: Use::new(5000.0, 2000.0),
        }
    }
}

/// A random walk's steps, memory first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkSteps {
    /// Length of a unit, as a share of the most.
    pub steps_unit: [f64; 2],
    /// Most units at a time.
    pub max_steps: [u32; 2],
}

/// The rule of a made-up workload. In a file its fields say which it is, as in the smart-vpa system's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum UsageShape {
    /// The same all the time.
    Constant {
        /// That amount.
        usage: Use,
    },
    /// Least and most in turn, least first.
    LowHigh {
        /// Least.
        min_usage: Use,
        /// Most.
        max_usage: Use,
    },
    /// `(sin x + 1)/2` of the most, with `x` from 0 to `num_peaks · π`.
    Sinusoidal {
        /// Half-waves.
        num_peaks: f64,
        /// Most.
        max_usage: Use,
    },
    /// A random walk within 0 and 1 of the most.
    Step {
        /// Where it starts, memory first.
        start_workload: [f64; 2],
        /// Its steps.
        workload_var: WalkSteps,
        /// Most.
        max_usage: Use,
    },
    /// A synthetic stand-in for a recording.
    StandIn(StandIn),
}

/// A day's wave with correlated noise around it, in percent of the most: `mean + amplitude·sin + noise`, within 0 and 100; between
/// jobs, where there are jobs, nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    /// The recording it stands for.
    pub stands_for: String,
    /// What its numbers rest on.
    pub fitted_to: String,
    /// What 100 % is.
    pub max_usage: Use,
    /// Percent.
    pub memory: Wave,
    /// Percent.
    pub cpu: Wave,
    /// Mean minutes of a job and of the pause after it; absent: it runs all the time.
    pub jobs: Option<[f64; 2]>,
    /// Median, and standard deviation of the logarithm, of a log-normal factor on a container's CPU. Absent: all are alike.
    #[serde(default)]
    pub cpu_levels: Option<[f64; 2]>,
}

/// One resource of a [`StandIn`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Mean.
    pub mean: f64,
    /// Amplitude of the daily sine.
    pub amplitude: f64,
    /// Standard deviation of the noise.
    pub deviation: f64,
    /// Correlation of the noise with itself a minute later.
    pub correlation: f64,
}

/// A made-up workload: a file of these fields is what the smart-vpa system's generator takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageWorkload {
    /// Free text.
    #[serde(default)]
    pub notes: String,
    /// Number of steps.
    pub timesteps: usize,
    /// Seconds between two steps.
    pub time_interval: f64,
    /// Seed of what is random.
    pub seed: u64,
    /// The rule.
    pub config: UsageShape,
    /// The container.
    #[serde(default)]
    pub container: ContainerSpec,
}

/// Names of the types, in the order of the smart-vpa system's README; `constant` is in its code only.
pub const TYPES: [&str; 8] =
    ["constant", "step", "sinusoidal", "low_high", "arabesque", "azure", "alibaba", "borg"];

impl UsageWorkload {
    /// The example of a type: the smart-vpa system's for its own four, a stand-in over two days for the recordings.
    pub fn example(kind: &str) -> Option<Self> {
        let (timesteps, config) = match kind {
            "constant" => (10, UsageShape::Constant { usage: Use::new(1000.0, 100.0) }),
            "low_high" | "lowhigh" => (
                10,
                UsageShape::LowHigh {
                    min_usage: Use::new(2500.0, 500.0),
                    max_usage: Use::new(5000.0, 1000.0),
                },
            ),
            "sinusoidal" => {
                (100, UsageShape::Sinusoidal { num_peaks: 5.0, max_usage: Use::new(5000.0, 1000.0) })
            }
            "step" => (
                10,
                UsageShape::Step {
                    start_workload: [0.5, 0.5],
                    workload_var: WalkSteps { steps_unit: [0.01, 0.01], max_steps: [1, 1] },
                    max_usage: Use::new(5000.0, 1000.0),
                },
            ),
            _ => (2880, UsageShape::StandIn(StandIn::of(kind)?)),
        };
        let container = ContainerSpec::default();
        Some(Self { notes: String::new(), timesteps, time_interval: 60.0, seed: 42, config, container })
    }

    /// The workload as a series; equal arguments give equal series.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for fewer than two steps, a step of no length, or an amount that is negative or not finite.
    pub fn build(&self) -> Result<UsageSeries> {
        let steps = self.timesteps;
        require((2..=MOST_STEPS).contains(&steps), "timesteps", "from 2 to ten million", steps)?;
        let interval = self.time_interval;
        require(interval.is_finite() && interval > 0.0, "time_interval", "above 0", interval)?;
        self.config.validate()?;
        let amounts = self.config.amounts(self);
        let point = |(step, [memory, cpu]): (usize, [f64; 2])| UsagePoint {
            at: Time(step as f64 * interval),
            cpu_cores: cpu.round() / 1000.0,
            memory_bytes: memory.round() * 1e6,
        };
        let ContainerSpec { container_name, requests, .. } = &self.container;
        Ok(UsageSeries {
            name: container_name.clone(),
            points: amounts.into_iter().enumerate().map(point).collect(),
            has_memory: true,
            size: Size { cores: requests.cpu / 1000.0, memory_bytes: requests.memory * 1e6 },
        })
    }
}

impl UsageShape {
    fn validate(&self) -> Result<()> {
        let both = |key: &'static str, amount: Use| {
            require_rate(key, amount.memory)?;
            require_rate(key, amount.cpu)
        };
        match self {
            Self::Constant { usage } => both("usage", *usage),
            Self::LowHigh { min_usage, max_usage } => {
                both("min_usage", *min_usage)?;
                both("max_usage", *max_usage)
            }
            Self::Sinusoidal { num_peaks, max_usage } => {
                require_rate("num_peaks", *num_peaks)?;
                both("max_usage", *max_usage)
            }
            Self::Step { start_workload, workload_var, max_usage } => {
                for value in start_workload {
                    require((0.0..=1.0).contains(value), "start_workload", "a number from 0 to 1", value)?;
                }
                for value in workload_var.steps_unit {
                    require_rate("steps_unit", value)?;
                }
                both("max_usage", *max_usage)
            }
            Self::StandIn(stand_in) => {
                both("max_usage", stand_in.max_usage)?;
                for value in stand_in.cpu_levels.unwrap_or_default() {
                    require_rate("cpu_levels", value)?;
                }
                for wave in [stand_in.memory, stand_in.cpu] {
                    let correlation = wave.correlation;
                    let fits = (0.0..1.0).contains(&correlation);
                    require(fits, "correlation", "a number from 0 to below 1", correlation)?;
                    require_rate("deviation", wave.deviation)?;
                }
                Ok(())
            }
        }
    }

    /// MB and millicores, step by step.
    fn amounts(&self, workload: &UsageWorkload) -> Vec<[f64; 2]> {
        let steps = workload.timesteps;
        match self {
            Self::Constant { usage } => vec![usage.pair(); steps],
            Self::LowHigh { min_usage, max_usage } => {
                (0..steps).map(|k| if k % 2 == 0 { min_usage } else { max_usage }.pair()).collect()
            }
            Self::Sinusoidal { num_peaks, max_usage } => (0..steps)
                .map(|k| {
                    let x = num_peaks * PI * k as f64 / (steps - 1) as f64;
                    max_usage.pair().map(|most| f64::midpoint(x.sin(), 1.0) * most)
                })
                .collect(),
            Self::Step { start_workload, workload_var, max_usage } => {
                let mut rng = Pcg64Mcg::seed_from_u64(workload.seed);
                let mut place = *start_workload;
                let mut amounts = Vec::with_capacity(steps);
                for _ in 0..steps {
                    let most = max_usage.pair();
                    amounts.push([place[0] * most[0], place[1] * most[1]]);
                    for (slot, share) in place.iter_mut().enumerate() {
                        let reach = f64::from(workload_var.max_steps[slot]);
                        let drawn: f64 = StandardUniform.sample(&mut rng);
                        let units = (drawn * (2.0 * reach + 1.0)).floor() - reach;
                        *share = (*share + units * workload_var.steps_unit[slot]).clamp(0.0, 1.0);
                    }
                }
                amounts
            }
            Self::StandIn(stand_in) => stand_in.amounts(workload),
        }
    }
}

impl StandIn {
    /// The stand-in for a recording.
    ///
    /// `alibaba` has the medians of eight machines of the 2018 trace over eight days. `azure` has the levels and the spread of CPU of
    /// samples of the public data set, which has no memory; how fast CPU moves is assumed. `borg` and `arabesque` are fitted to nothing:
    /// no recording is at hand, and Arabesque's is private.
    pub fn of(kind: &str) -> Option<Self> {
        let wave = |mean, amplitude, deviation, correlation| Wave { mean, amplitude, deviation, correlation };
        let levels = (kind == "azure").then_some([0.32, 1.33]);
        let (fitted_to, max_usage, memory, cpu, jobs) = match kind {
            "alibaba" => (
                "medians over eight machines and eight days of Alibaba 2018 machine_usage: mean, daily amplitude, deviation and correlation a minute apart",
                Use::new(16_000.0, 4000.0),
                wave(90.4, 1.3, 4.1, 0.96),
                wave(38.6, 9.9, 10.4, 0.82),
                None,
            ),
            // Cut off below 0, such a wave has the mean 10 and its 95th percentile at three times that; a median level of 0.32 makes it 3.2 %.
            "azure" => (
                "a hundred VMs of one reading of the Azure public data set (mean CPU 7.5 %, geometric mean 3.2 %, standard deviation of the logarithm 1.33) and ten rows of its table of VMs (the 95th percentile of five minutes' highest CPU is 3.0 times the mean, in the median); correlation, the lack of a daily swing, and memory, which the data set does not have, are assumed",
                Use::new(16_000.0, 4000.0),
                wave(40.0, 1.0, 1.0, 0.98),
                wave(7.5, 0.0, 13.5, 0.8),
                None,
            ),
            "borg" => (
                "nothing: no recording is at hand; level, swing and noise are assumed",
                Use::new(16_000.0, 4000.0),
                wave(60.0, 2.0, 3.0, 0.98),
                wave(45.0, 5.0, 8.0, 0.9),
                None,
            ),
            "arabesque" => (
                "nothing: its recording is private; that pods of Argo workflows run for a while and stop is all that is known, and the numbers are assumed",
                Use::new(5000.0, 1000.0),
                wave(55.0, 0.0, 10.0, 0.97),
                wave(70.0, 0.0, 15.0, 0.85),
                Some([45.0, 30.0]),
            ),
            _ => return None,
        };
        Some(Self {
            stands_for: kind.to_owned(),
            fitted_to: fitted_to.to_owned(),
            max_usage,
            memory,
            cpu,
            jobs,
            cpu_levels: levels,
        })
    }

    fn amounts(&self, workload: &UsageWorkload) -> Vec<[f64; 2]> {
        let mut rng = Pcg64Mcg::seed_from_u64(workload.seed);
        let minutes = workload.time_interval / 60.0;
        let waves = [self.memory, self.cpu];
        let most = self.max_usage.pair();
        let mut noise = [0.0; 2];
        let level = self.cpu_levels.map_or(1.0, |[median, deviation]| {
            let drawn: f64 = StandardNormal.sample(&mut rng);
            median * (deviation * drawn).exp()
        });
        let mut running = self.jobs.is_none_or(|_| {
            let drawn: f64 = StandardUniform.sample(&mut rng);
            drawn < 0.5
        });
        (0..workload.timesteps)
            .map(|step| {
                if let Some([job, pause]) = self.jobs {
                    let length = if running { job } else { pause };
                    let drawn: f64 = StandardUniform.sample(&mut rng);
                    running ^= drawn < 1.0 - (-minutes / length.max(1e-9)).exp();
                }
                let phase = TAU * (step as f64 * workload.time_interval / 86_400.0);
                let mut amounts = [0.0; 2];
                for (slot, wave) in waves.iter().enumerate() {
                    let keep = wave.correlation.powf(minutes);
                    let drawn: f64 = StandardNormal.sample(&mut rng);
                    noise[slot] = keep * noise[slot] + (1.0 - keep * keep).sqrt() * drawn;
                    let percent = wave.mean + wave.amplitude * phase.sin() + wave.deviation * noise[slot];
                    let percent = if slot == 1 { level * percent } else { percent };
                    let share = if running { percent.clamp(0.0, 100.0) / 100.0 } else { 0.0 };
                    amounts[slot] = share * most[slot];
                }
                amounts
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(kind: &str) -> UsageSeries {
        UsageWorkload::example(kind).unwrap().build().unwrap()
    }

    #[test]
    fn the_examples_are_the_systems() {
        let low_high = built("low_high");
        let amounts: Vec<(f64, f64)> =
            low_high.points.iter().map(|p| (p.memory_bytes / 1e6, p.cpu_cores * 1000.0)).collect();
        assert_eq!(amounts.len(), 10);
        assert_eq!(amounts[..3], [(2500.0, 500.0), (5000.0, 1000.0), (2500.0, 500.0)]);
        let wave = built("sinusoidal");
        assert_eq!((wave.points.len(), wave.points[0].cpu_cores), (100, 0.5));
        assert!(
            wave.points.iter().any(|p| p.cpu_cores > 0.99) && wave.points.iter().any(|p| p.cpu_cores < 0.01)
        );
        assert_eq!(built("constant").points[9].memory_bytes, 1e9);
        assert_eq!(built("constant").points[9].at.0, 540.0);
    }

    #[test]
    fn the_systems_own_configuration_files_are_read() {
        let text = r#"
            notes = ""
            timesteps = 10
            time_interval = 60
            seed = 42
            [config]
            start_workload = [0.5, 0.5]
            workload_var = { steps_unit = [0.01, 0.01], max_steps = [1, 1] }
            max_usage = { cpu = 1000, memory = 5000 }
            [container]
            container_name = "experimental"
            requests = { memory = 1000, cpu = 500 }
            limits = { memory = 5000, cpu = 2000 }
        "#;
        let read: UsageWorkload = toml::from_str(text).unwrap();
        assert_eq!(read, UsageWorkload::example("step").unwrap());
        for kind in TYPES {
            let example = UsageWorkload::example(kind).unwrap();
            let again: UsageWorkload = toml::from_str(&toml::to_string(&example).unwrap()).unwrap();
            assert_eq!(again, example, "{kind}");
        }
    }

    #[test]
    fn an_odd_number_of_steps_is_kept() {
        let workload = UsageWorkload { timesteps: 7, ..UsageWorkload::example("low_high").unwrap() };
        assert_eq!(workload.build().unwrap().points.len(), 7);
    }

    #[test]
    fn a_walk_moves_a_unit_at_a_time_within_its_bounds() {
        let workload = UsageWorkload { timesteps: 5000, ..UsageWorkload::example("step").unwrap() };
        let points = workload.build().unwrap().points;
        for pair in points.windows(2) {
            assert!((pair[1].cpu_cores - pair[0].cpu_cores).abs() < 0.0105);
            assert!((0.0..=1.0).contains(&pair[1].cpu_cores));
        }
        assert_eq!(points, workload.build().unwrap().points);
        assert_ne!(points, UsageWorkload { seed: 1, ..workload }.build().unwrap().points);
    }

    #[test]
    fn a_stand_in_has_the_mean_and_spread_it_says() {
        let workload = UsageWorkload { timesteps: 14 * 1440, ..UsageWorkload::example("alibaba").unwrap() };
        let cpu: Vec<f64> =
            workload.build().unwrap().points.iter().map(|p| 100.0 * p.cpu_cores / 4.0).collect();
        let mean = cpu.iter().sum::<f64>() / cpu.len() as f64;
        let spread = (cpu.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / cpu.len() as f64).sqrt();
        assert!((mean - 38.6).abs() < 1.5, "{mean}");
        // A sine of amplitude 9.9 and noise of 10.4.
        assert!((spread - (9.9f64.powi(2) / 2.0 + 10.4f64.powi(2)).sqrt()).abs() < 1.0, "{spread}");
    }

    #[test]
    fn containers_of_azure_are_as_unlike_as_the_sample_and_their_peaks_as_high() {
        let (mut logarithms, mut ratios) = (Vec::new(), Vec::new());
        for seed in 0..200 {
            let workload = UsageWorkload { seed, ..UsageWorkload::example("azure").unwrap() };
            let points = workload.build().unwrap().points;
            let mut cpu: Vec<f64> = points.iter().map(|p| 100.0 * p.cpu_cores / 4.0).collect();
            let mean = cpu.iter().sum::<f64>() / cpu.len() as f64;
            cpu.sort_by(f64::total_cmp);
            logarithms.push(mean.max(0.01).ln());
            ratios.push(cpu[cpu.len() * 95 / 100] / mean.max(0.01));
        }
        let count = logarithms.len() as f64;
        let mean = logarithms.iter().sum::<f64>() / count;
        let spread = (logarithms.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        ratios.sort_by(f64::total_cmp);
        assert!((2.6..4.2).contains(&mean.exp()), "{}", mean.exp());
        assert!((1.1..1.5).contains(&spread), "{spread}");
        assert!((2.4..3.3).contains(&ratios[100]), "{}", ratios[100]);
    }

    #[test]
    fn every_type_has_an_example() {
        for kind in TYPES {
            assert!(UsageWorkload::example(kind).unwrap().build().unwrap().points.len() >= 10, "{kind}");
        }
        assert!(UsageWorkload::example("sawtooth").is_none());
        let jobs = UsageWorkload { timesteps: 5000, ..UsageWorkload::example("arabesque").unwrap() };
        let idle = jobs.build().unwrap().points.iter().filter(|point| point.cpu_cores == 0.0).count();
        assert!((1000..3000).contains(&idle), "{idle}");
    }
}
