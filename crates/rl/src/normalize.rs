//! Running statistics, and the rewards' scale by them.
//!
//! Left out: observations, which the codec that makes them brings to scale.

use serde::{Deserialize, Serialize};

/// Mean and variance of all that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningStatistics {
    mean: f64,
    variance: f64,
    count: f64,
}

impl Default for RunningStatistics {
    /// Mean 0 and variance 1 with next to no weight, as Stable-Baselines3 starts.
    fn default() -> Self {
        Self { mean: 0.0, variance: 1.0, count: 1e-4 }
    }
}

impl RunningStatistics {
    /// Takes in a batch (Chan, Golub and `LeVeque` 1983).
    pub fn update(&mut self, batch: &[f64]) {
        if batch.is_empty() {
            return;
        }
        let n = batch.len() as f64;
        let mean = batch.iter().sum::<f64>() / n;
        let variance = batch.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let (delta, total) = (mean - self.mean, self.count + n);
        let squares = self.variance * self.count + variance * n + delta * delta * self.count * n / total;
        self.mean += delta * n / total;
        self.variance = squares / total;
        self.count = total;
    }

    /// Mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance (of the population).
    pub fn variance(&self) -> f64 {
        self.variance
    }
}

/// Scales rewards by the running standard deviation of the *discounted return*, not of the reward, and clips
/// them to ±10; the mean stays, since shifting a reward changes the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardNormalizer {
    gamma: f64,
    statistics: RunningStatistics,
    /// Discounted return of each row so far in its episode.
    returns: Vec<f64>,
}

impl RewardNormalizer {
    const CLIP: f64 = 10.0;
    const EPS: f64 = 1e-8;

    /// For `rows` rows and a discount.
    pub fn new(rows: usize, gamma: f64) -> Self {
        Self { gamma, statistics: RunningStatistics::default(), returns: vec![0.0; rows] }
    }

    /// Takes in one step's rewards, one for each row, and writes the scaled ones `stride` apart to `scaled`.
    pub fn normalize(&mut self, rewards: &[f32], scaled: &mut [f32], stride: usize) {
        for (total, reward) in self.returns.iter_mut().zip(rewards) {
            *total = *total * self.gamma + f64::from(*reward);
        }
        self.statistics.update(&self.returns);
        let scale = 1.0 / (self.statistics.variance() + Self::EPS).sqrt();
        for (scaled, reward) in scaled.iter_mut().step_by(stride).zip(rewards) {
            *scaled = (f64::from(*reward) * scale).clamp(-Self::CLIP, Self::CLIP) as f32;
        }
    }

    /// Forgets the return of a row whose episode ended.
    pub fn end_episode(&mut self, row: usize) {
        self.returns[row] = 0.0;
    }

    /// Whether this belongs to so many rows.
    pub(crate) fn fits(&self, rows: usize) -> bool {
        self.returns.len() == rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up_to_the_statistics_of_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| ((i * 37) % 101) as f64 - 20.0).collect();
        let mut statistics = RunningStatistics::default();
        values.chunks(7).for_each(|batch| statistics.update(batch));
        let mean = values.iter().sum::<f64>() / 1000.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0;
        assert!((statistics.mean() - mean).abs() < 1e-3);
        assert!((statistics.variance() / variance - 1.0).abs() < 1e-3);
    }

    #[test]
    fn rewards_are_scaled_by_the_spread_of_discounted_returns() {
        let mut normalizer = RewardNormalizer::new(1, 0.5);
        let mut scaled = [0.0, -1.0];
        for step in 0..10_000 {
            let reward = if step % 2 == 0 { 3.0 } else { -3.0 };
            normalizer.normalize(&[reward], &mut scaled, 2);
        }
        // The return alternates between ±2, so the reward −3 is worth −1.5 standard deviations.
        assert!((scaled[0] + 1.5).abs() < 1e-3, "{scaled:?}");
        assert_eq!(scaled[1], -1.0, "only every second entry is a reward");
    }
}
