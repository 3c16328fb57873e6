//! Noise on the actions of deterministic policies, so that they explore.
//!
//! Left out: noise on parameters.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::range::{not_negative, positive};
use crate::schedule::Schedule;

/// Kind of noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseKind {
    /// None.
    #[default]
    None,
    /// Independent normal numbers.
    Gaussian,
    /// Normal numbers that forget slowly (Uhlenbeck & Ornstein 1930): `x += θ·(0 − x)·dt + σ·√dt·ε`.
    OrnsteinUhlenbeck,
}

/// Noise and its strength.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConfig {
    /// Kind.
    pub kind: NoiseKind,
    /// Strength, at least 0; the action space is `[-1, 1]`.
    pub sigma: Schedule,
    /// Rate at which an Ornstein–Uhlenbeck process forgets, at least 0.
    pub theta: f64,
    /// Length of its step, above 0.
    pub dt: f64,
}

impl Default for NoiseConfig {
    /// None; the constants are those of Stable-Baselines3 and its zoo.
    fn default() -> Self {
        Self { kind: NoiseKind::None, sigma: Schedule::Constant(0.1), theta: 0.15, dt: 1e-2 }
    }
}

impl NoiseConfig {
    pub(super) fn validate(&self) -> Result<()> {
        not_negative("action_noise.sigma", self.sigma.start())?;
        not_negative("action_noise.theta", self.theta)?;
        positive("action_noise.dt", self.dt)
    }
}

/// The noise of every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    config: NoiseConfig,
    width: usize,
    /// `rows × width` values of the processes; empty for noise without a memory.
    processes: Vec<f32>,
}

impl Noise {
    /// Starts at 0.
    pub fn new(config: NoiseConfig, rows: usize, width: usize) -> Self {
        let remembered = if config.kind == NoiseKind::OrnsteinUhlenbeck { rows * width } else { 0 };
        Self { config, width, processes: vec![0.0; remembered] }
    }

    /// Starts a row's process anew, at the end of its episode.
    pub fn reset(&mut self, row: usize) {
        if !self.processes.is_empty() {
            self.processes[row * self.width..][..self.width].fill(0.0);
        }
    }

    /// Adds noise to a row's action and clips it to `[-1, 1]`.
    pub fn add(&mut self, row: usize, action: &mut [f32], progress_remaining: f64, rng: &mut Pcg64) {
        let NoiseConfig { kind, sigma, theta, dt } = self.config;
        let sigma = sigma.at(progress_remaining);
        let mut normal = || rng.sample::<f64, _>(StandardNormal);
        match kind {
            NoiseKind::None => return,
            NoiseKind::Gaussian => {
                for x in action.iter_mut() {
                    *x += (sigma * normal()) as f32;
                }
            }
            NoiseKind::OrnsteinUhlenbeck => {
                let processes = &mut self.processes[row * self.width..][..self.width];
                for (x, process) in action.iter_mut().zip(processes) {
                    let value = f64::from(*process);
                    *process = (value - theta * value * dt + sigma * dt.sqrt() * normal()) as f32;
                    *x += *process;
                }
            }
        }
        for x in action.iter_mut() {
            *x = x.clamp(-1.0, 1.0);
        }
    }

    /// Values of the processes, for a checkpoint.
    pub(super) fn processes(&self) -> &[f32] {
        &self.processes
    }

    /// The same, to be restored.
    pub(super) fn processes_mut(&mut self) -> &mut [f32] {
        &mut self.processes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(kind: NoiseKind, steps: usize) -> Vec<f64> {
        let config = NoiseConfig { kind, sigma: Schedule::Constant(0.2), ..NoiseConfig::default() };
        let (mut noise, mut rng) = (Noise::new(config, 2, 1), Pcg64::new(3, 4));
        let draw = |_| {
            let mut action = [0.0];
            noise.add(1, &mut action, 1.0, &mut rng);
            f64::from(action[0])
        };
        (0..steps).map(draw).collect()
    }

    #[test]
    fn gaussian_noise_has_the_asked_spread() {
        let values = series(NoiseKind::Gaussian, 20_000);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt();
        assert!(mean.abs() < 0.005 && (spread - 0.2).abs() < 0.005, "{mean} {spread}");
    }

    #[test]
    fn ornstein_uhlenbeck_noise_moves_in_small_steps_and_starts_anew() {
        let values = series(NoiseKind::OrnsteinUhlenbeck, 2000);
        // One step has spread σ·√dt = 0.02.
        assert!(values.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.1));
        let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let spread = (steps.iter().map(|x| x * x).sum::<f64>() / steps.len() as f64).sqrt();
        assert!((spread - 0.02).abs() < 0.002, "{spread}");
        let config = NoiseConfig { kind: NoiseKind::OrnsteinUhlenbeck, ..NoiseConfig::default() };
        let (mut noise, mut rng) = (Noise::new(config, 2, 1), Pcg64::new(3, 4));
        noise.add(1, &mut [0.0], 1.0, &mut rng);
        assert_ne!(noise, Noise::new(config, 2, 1));
        noise.reset(1);
        assert_eq!(noise, Noise::new(config, 2, 1));
    }

    #[test]
    fn actions_stay_in_their_space() {
        let config = NoiseConfig {
            kind: NoiseKind::Gaussian,
            sigma: Schedule::Constant(5.0),
            ..NoiseConfig::default()
        };
        let (mut noise, mut rng) = (Noise::new(config, 1, 3), Pcg64::new(3, 4));
        let mut action = [0.9, -0.9, 0.0];
        noise.add(0, &mut action, 1.0, &mut rng);
        assert!(action.iter().all(|x| x.abs() <= 1.0));
    }
}
