//! Independent normal variables whose spread does not depend on the observation.
//!
//! Left out: squashing; the environment sees what was drawn clipped to its space.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// ln √(2π)
const LN_ROOT_TWO_PI: f32 = 0.918_938_5;

/// Independent normal variables. There may be fewer log standard deviations than variables, a divisor of their number:
/// they repeat, so that variables of equal meaning share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaussian {
    width: usize,
    stride: usize,
}

impl Gaussian {
    /// `width` variables, in rows `stride` apart.
    pub fn new(width: usize, stride: usize) -> Self {
        Self { width, stride }
    }

    /// The means, clipped to the action space `[-1, 1]`.
    pub fn mode(&self, means: &[f32], numbers: &mut [f32]) {
        for (means, numbers) in means.chunks_exact(self.stride).zip(numbers.chunks_exact_mut(self.width)) {
            numbers.iter_mut().zip(means).for_each(|(number, mean)| *number = mean.clamp(-1.0, 1.0));
        }
    }

    /// Draws and gives each row's log-density. What is drawn is not clipped: the density is that of the
    /// unclipped number, and only the environment may see a clipped one.
    pub fn sample(
        &self,
        means: &[f32],
        log_stds: &[f32],
        rng: &mut impl Rng,
        numbers: &mut [f32],
        row_log_probs: &mut [f32],
    ) {
        let rows =
            means.chunks_exact(self.stride).zip(numbers.chunks_exact_mut(self.width)).zip(row_log_probs);
        for ((means, numbers), row_log_prob) in rows {
            *row_log_prob = 0.0;
            for ((number, mean), log_std) in numbers.iter_mut().zip(means).zip(log_stds.iter().cycle()) {
                let noise: f32 = rng.sample(StandardNormal);
                *number = mean + log_std.exp() * noise;
                *row_log_prob -= 0.5 * noise * noise + log_std + LN_ROOT_TWO_PI;
            }
        }
    }

    /// Log-density of the given numbers, `Σ −½((a − μ)/σ)² − ln σ − ½ ln 2π`, and entropy, `Σ ½ + ½ ln 2π + ln σ`.
    pub fn evaluate(
        &self,
        means: &[f32],
        log_stds: &[f32],
        numbers: &[f32],
        row_log_probs: &mut [f32],
        row_entropies: &mut [f32],
    ) {
        let entropy: f32 = log_stds.iter().map(|log_std| 0.5 + LN_ROOT_TWO_PI + log_std).sum();
        row_entropies.fill(entropy * (self.width / log_stds.len()) as f32);
        let rows = means.chunks_exact(self.stride).zip(numbers.chunks_exact(self.width)).zip(row_log_probs);
        for ((means, numbers), row_log_prob) in rows {
            *row_log_prob = 0.0;
            for ((number, mean), log_std) in numbers.iter().zip(means).zip(log_stds.iter().cycle()) {
                let z = (number - mean) * (-log_std).exp();
                *row_log_prob -= 0.5 * z * z + log_std + LN_ROOT_TWO_PI;
            }
        }
    }

    /// Replaces the means by the gradient with respect to them, `g·(a − μ)/σ²`, and adds `g·(((a − μ)/σ)² − 1) + h`
    /// to the gradient of the log standard deviations; `g` and `h` as in [`MultiCategorical::backward`](super::MultiCategorical::backward).
    pub fn backward(
        &self,
        means: &mut [f32],
        log_stds: &[f32],
        numbers: &[f32],
        (log_prob_grads, entropy_grad): (&[f32], f32),
        log_std_grads: &mut [f32],
    ) {
        let rows =
            means.chunks_exact_mut(self.stride).zip(numbers.chunks_exact(self.width)).zip(log_prob_grads);
        for ((means, numbers), g) in rows {
            let group = log_stds.len();
            for (means, numbers) in
                means[..self.width].chunks_exact_mut(group).zip(numbers.chunks_exact(group))
            {
                let outputs = means.iter_mut().zip(numbers).zip(log_stds).zip(&mut *log_std_grads);
                for (((mean, number), log_std), log_std_grad) in outputs {
                    let inverse = (-log_std).exp();
                    let z = (number - *mean) * inverse;
                    *mean = g * z * inverse;
                    *log_std_grad += g * (z * z - 1.0) + entropy_grad;
                }
            }
            means[self.width..].fill(0.0);
        }
    }
}
