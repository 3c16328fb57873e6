//! Running statistics, and the scale of rewards and observations by them.
//!
//! Left out: scales that do not change while a policy learns.

use serde::{Deserialize, Serialize};
use trimtab_nn::ObservationScale;

use crate::env::Presence;

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
    pub fn update(&mut self, batch: impl Iterator<Item = f64> + Clone) {
        let n = batch.clone().count() as f64;
        if n == 0.0 {
            return;
        }
        let mean = batch.clone().sum::<f64>() / n;
        let variance = batch.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
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

/// Whether an agent is there; without presence all are.
fn there(presence: &[Presence], row: usize) -> bool {
    presence.get(row).is_none_or(|presence| *presence != Presence::Absent)
}

/// Shifts and scales each number of an observation by its running mean and standard deviation, and clips it to ±10, as
/// Stable-Baselines3's `VecNormalize`. What is learned from has the scale of the time when it was seen. The numbers behind
/// the scalable ones, such as a graph's edges, are clipped only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservationNormalizer {
    statistics: Vec<RunningStatistics>,
    scalable: usize,
}

impl ObservationNormalizer {
    const CLIP: f32 = 10.0;
    const EPS: f64 = 1e-8;

    /// For observations of `obs_dim` numbers, the first `scalable` of which are shifted and scaled.
    pub fn new(obs_dim: usize, scalable: usize) -> Self {
        Self { statistics: vec![RunningStatistics::default(); obs_dim], scalable }
    }

    /// Takes in one step's observations (`rows × obs_dim`) of those who are there (`rows`; empty: everyone).
    pub fn update(&mut self, obs: &[f32], presence: &[Presence]) {
        let dim = self.statistics.len();
        for (at, statistics) in self.statistics.iter_mut().enumerate().take(self.scalable) {
            let column = obs[at..].iter().step_by(dim).enumerate();
            statistics.update(column.filter(|(row, _)| there(presence, *row)).map(|(_, x)| f64::from(*x)));
        }
    }

    /// Brings observations to scale.
    pub fn normalize(&self, obs: &mut [f32]) {
        for obs in obs.chunks_exact_mut(self.statistics.len()) {
            for (x, statistics) in obs.iter_mut().zip(&self.statistics) {
                // Mean 0 and variance 1 where nothing was taken in.
                let deviation = (statistics.variance + Self::EPS).sqrt();
                let scaled = ((f64::from(*x) - statistics.mean) / deviation) as f32;
                *x = scaled.clamp(-Self::CLIP, Self::CLIP);
            }
        }
    }

    /// The scale as it is now, for a policy to act by.
    pub fn scale(&self) -> ObservationScale {
        let mean: Vec<f64> = self.statistics.iter().map(RunningStatistics::mean).collect();
        let variance: Vec<f64> = self.statistics.iter().map(RunningStatistics::variance).collect();
        ObservationScale::new(&mean, &variance, Self::CLIP)
    }

    /// Whether this belongs to observations of so many numbers.
    pub(crate) fn fits(&self, obs_dim: usize) -> bool {
        self.statistics.len() == obs_dim && self.scalable <= obs_dim
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

    /// Takes in one step's rewards, one for each row, of those who are there (`rows`; empty: everyone), and writes the
    /// scaled ones.
    pub fn normalize(&mut self, rewards: &[f32], presence: &[Presence], scaled: &mut [f32]) {
        for (total, reward) in self.returns.iter_mut().zip(rewards) {
            *total = *total * self.gamma + f64::from(*reward);
        }
        let returns = self.returns.iter().enumerate();
        self.statistics.update(returns.filter(|(row, _)| there(presence, *row)).map(|(_, x)| *x));
        let scale = self.scale();
        for (scaled, reward) in scaled.iter_mut().zip(rewards) {
            *scaled = (f64::from(*reward) * scale).clamp(-Self::CLIP, Self::CLIP) as f32;
        }
    }

    /// What rewards are multiplied by now.
    pub fn scale(&self) -> f64 {
        1.0 / (self.statistics.variance() + Self::EPS).sqrt()
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
        values.chunks(7).for_each(|batch| statistics.update(batch.iter().copied()));
        let mean = values.iter().sum::<f64>() / 1000.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0;
        assert!((statistics.mean() - mean).abs() < 1e-3);
        assert!((statistics.variance() / variance - 1.0).abs() < 1e-3);
    }

    #[test]
    fn rewards_are_scaled_by_the_spread_of_discounted_returns() {
        let mut normalizer = RewardNormalizer::new(1, 0.5);
        let mut scaled = [0.0];
        for step in 0..10_000 {
            let reward = if step % 2 == 0 { 3.0 } else { -3.0 };
            normalizer.normalize(&[reward], &[], &mut scaled);
        }
        // The return alternates between ±2, so the reward −3 is worth −1.5 standard deviations.
        assert!((scaled[0] + 1.5).abs() < 1e-3, "{scaled:?}");
    }

    #[test]
    fn observations_are_brought_to_mean_zero_and_deviation_one_by_column() {
        let mut normalizer = ObservationNormalizer::new(2, 2);
        let presence = [Presence::Acting, Presence::Absent, Presence::Waiting];
        for _ in 0..1000 {
            normalizer.update(&[1.0, -4.0, 1e6, 1e6, 3.0, 4.0], &presence);
        }
        let mut obs = [3.0, 4.0, 2.0, 1e9];
        normalizer.normalize(&mut obs);
        let expected = [1.0, 1.0, 0.0, 10.0];
        assert!(obs.iter().zip(expected).all(|(x, expected)| (x - expected).abs() < 1e-3), "{obs:?}");
        let mut same = [3.0, 4.0, 2.0, 1e9];
        normalizer.scale().apply(&mut same);
        assert!(obs.iter().zip(same).all(|(a, b)| (a - b).abs() < 1e-5), "{same:?}");
    }
}
