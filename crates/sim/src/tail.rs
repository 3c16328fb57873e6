//! Response-time distributions: log-normals matched by moments, their mixtures' quantiles, and the maximum
//! of two branches.
//!
//! Sources: Φ by Abramowitz & Stegun 26.2.17 (error below 7.5e-8) and its inverse by 26.2.23 (error below 4.5e-4); the
//! maximum of two normals by Clark, *The greatest of a finite set of random variables* (1961).
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use crate::elementary::{exp, least, ln, ln_1p, most};

/// Standard normal density and upper tail, from one exponential.
#[inline(always)]
fn density_and_tail(z: f32) -> (f32, f32) {
    let x = least(z.abs(), 13.0);
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let poly =
        t * (0.319_381_53 + t * (-0.356_563_78 + t * (1.781_477_9 + t * (-1.821_255_9 + t * 1.330_274_5))));
    let density = 0.398_942_3 * exp(-0.5 * x * x);
    let tail = density * poly;
    (density, if z >= 0.0 { tail } else { 1.0 - tail })
}

/// Standard normal upper tail, `P(Z > z)`.
#[inline(always)]
pub fn upper_tail(z: f32) -> f32 {
    density_and_tail(z).1
}

/// Standard normal density.
#[inline(always)]
pub fn density(z: f32) -> f32 {
    0.398_942_3 * exp(-0.5 * z * z)
}

/// Where the standard normal has `tail` of its mass above, for `tail` from 1e-6 to 0.5; error below 4.5e-4.
#[inline(always)]
fn normal_quantile(tail: f32) -> f32 {
    let t = (-2.0 * ln(tail)).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328))
        / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

/// A log-normal distribution with the parameters of its logarithm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogNormal {
    /// Mean of the logarithm (of seconds).
    pub mu: f32,
    /// Standard deviation of the logarithm.
    pub sigma: f32,
}

impl LogNormal {
    /// The log-normal with this mean (seconds, above zero) and variance.
    #[inline(always)]
    pub fn from_moments(mean: f32, variance: f32) -> Self {
        let sigma2 = ln_1p(most(variance / (mean * mean), 1e-8));
        Self { mu: ln(mean) - 0.5 * sigma2, sigma: sigma2.sqrt() }
    }

    /// The log-normal of `count` times with this sum and sum of squares.
    #[inline(always)]
    pub(crate) fn from_sums(count: f32, sum: f32, squares: f32) -> Self {
        let mean = sum / count;
        Self::from_moments(mean, squares / count - mean * mean)
    }

    /// `P(X > x)` given ln x.
    #[inline(always)]
    pub fn exceeds(&self, log_x: f32) -> f32 {
        upper_tail((log_x - self.mu) / self.sigma)
    }
}

/// Where the mixture of `parts` (weight, distribution) has `tail` of its mass above; seconds. The weights need not sum
/// to 1. Zero for an empty mixture. `tail`, from 1e-6 to 0.5, is 0.05 for p95.
pub fn mixture_quantile(parts: &[(f32, LogNormal)], tail: f32) -> f32 {
    let mut mixtures = Mixtures::new(parts.len(), 1);
    for (part, (weight, distribution)) in parts.iter().enumerate() {
        mixtures.set(part, 0, *weight, *distribution);
    }
    mixtures.tail[0] = tail;
    mixtures.solve();
    mixtures.quantile[0]
}

/// Mixtures of one number of log-normals, one in each lane, and a quantile of each.
#[derive(Clone, Debug)]
pub(crate) struct Mixtures {
    lanes: usize,
    /// `parts × lanes`: weights, and parameters of the distributions.
    weight: Vec<f32>,
    mu: Vec<f32>,
    inverse_sigma: Vec<f32>,
    /// What to have above, by lane.
    pub(crate) tail: Vec<f32>,
    /// The quantile, by lane; seconds, zero for an empty mixture.
    pub(crate) quantile: Vec<f32>,
    target: Vec<f32>,
    low: Vec<f32>,
    high: Vec<f32>,
    mass: Vec<f32>,
    slope: Vec<f32>,
}

impl Mixtures {
    pub(crate) fn new(parts: usize, lanes: usize) -> Self {
        let (cells, row) = (vec![0.0; parts * lanes], vec![0.0; lanes]);
        Self {
            lanes,
            weight: cells.clone(),
            mu: cells.clone(),
            inverse_sigma: cells,
            tail: row.clone(),
            quantile: row.clone(),
            target: row.clone(),
            low: row.clone(),
            high: row.clone(),
            mass: row.clone(),
            slope: row,
        }
    }

    /// Gives a part of a lane's mixture its weight (0: it is not there) and distribution.
    #[inline(always)]
    pub(crate) fn set(&mut self, part: usize, lane: usize, weight: f32, distribution: LogNormal) {
        let at = part * self.lanes + lane;
        let there = weight > 0.0;
        self.weight[at] = weight;
        self.mu[at] = if there { distribution.mu } else { 0.0 };
        self.inverse_sigma[at] = if there { 1.0 / distribution.sigma } else { 1.0 };
    }

    /// Gives a part of every lane's mixture the distribution of `count` times with these sums (0: it is not there).
    #[inline(always)]
    pub(crate) fn set_part(&mut self, part: usize, count: &[f32], first: &[f32], second: &[f32]) {
        let cells = part * self.lanes..(part + 1) * self.lanes;
        let (mu, inverse_sigma) = (&mut self.mu[cells.clone()], &mut self.inverse_sigma[cells.clone()]);
        self.weight[cells].copy_from_slice(count);
        fit(count, first, second, mu, inverse_sigma);
    }

    /// Finds every lane's quantile: Newton steps on the logarithm, kept inside a bracket. A lane that has settled stays
    /// where it is, so its result does not depend on its neighbours.
    #[inline(always)]
    pub(crate) fn solve(&mut self) {
        let lanes = self.lanes;
        let parts = self.weight.len() / lanes;
        let Self { weight, mu, inverse_sigma, tail, quantile, target, low, high, mass, slope, .. } = self;
        target.fill(0.0);
        low.fill(f32::INFINITY);
        high.fill(f32::NEG_INFINITY);
        for (z, tail) in slope.iter_mut().zip(&*tail) {
            *z = normal_quantile(*tail);
        }
        // The mixture's quantile lies between the smallest and the largest of its parts' own.
        for part in 0..parts {
            let cells = part * lanes..(part + 1) * lanes;
            for (target, weight) in target.iter_mut().zip(&weight[cells.clone()]) {
                *target += weight;
            }
            enclose(&weight[cells.clone()], &mu[cells.clone()], &inverse_sigma[cells], slope, low, high);
        }
        begin(tail, target, low, high, quantile);
        for _ in 0..12 {
            mass.fill(0.0);
            slope.fill(0.0);
            for part in 0..parts {
                let cells = part * lanes..(part + 1) * lanes;
                let (weight, mu) = (&weight[cells.clone()], &mu[cells.clone()]);
                add_part(weight, mu, &inverse_sigma[cells], quantile, mass, slope);
            }
            if !step(mass, slope, target, low, high, quantile) {
                break;
            }
        }
        for (y, target) in quantile.iter_mut().zip(target) {
            *y = if *target > 0.0 { exp(*y) } else { 0.0 };
        }
    }
}

// The loops over lanes. Each is a function of its own because only a function's arguments are known not to overlap.

#[inline(always)]
fn fit(count: &[f32], first: &[f32], second: &[f32], mu: &mut [f32], inverse_sigma: &mut [f32]) {
    let lanes = count.len();
    let (first, second) = (&first[..lanes], &second[..lanes]);
    let (mu, inverse_sigma) = (&mut mu[..lanes], &mut inverse_sigma[..lanes]);
    for l in 0..lanes {
        let part = LogNormal::from_sums(count[l], first[l], second[l]);
        let there = count[l] > 0.0;
        mu[l] = if there { part.mu } else { 0.0 };
        inverse_sigma[l] = if there { 1.0 / part.sigma } else { 1.0 };
    }
}

/// Widens each lane's bracket to hold a part's own quantile.
#[inline(always)]
fn enclose(weight: &[f32], mu: &[f32], inverse_sigma: &[f32], z: &[f32], low: &mut [f32], high: &mut [f32]) {
    let lanes = weight.len();
    let (mu, inverse_sigma, z) = (&mu[..lanes], &inverse_sigma[..lanes], &z[..lanes]);
    let (low, high) = (&mut low[..lanes], &mut high[..lanes]);
    for l in 0..lanes {
        let own = mu[l] + z[l] / inverse_sigma[l];
        let there = weight[l] > 0.0;
        low[l] = least(if there { own } else { f32::INFINITY }, low[l]);
        high[l] = most(if there { own } else { f32::NEG_INFINITY }, high[l]);
    }
}

/// Starts in the middle of the bracket; turns the sum of the weights into the mass to have above.
#[inline(always)]
fn begin(tail: &[f32], target: &mut [f32], low: &mut [f32], high: &mut [f32], y: &mut [f32]) {
    let lanes = tail.len();
    let (target, low, high) = (&mut target[..lanes], &mut low[..lanes], &mut high[..lanes]);
    let y = &mut y[..lanes];
    for l in 0..lanes {
        let there = target[l] > 0.0;
        // The margin covers the error of the normal quantile.
        low[l] = if there { low[l] - 0.01 } else { -1.0 };
        high[l] = if there { high[l] + 0.01 } else { 1.0 };
        target[l] *= tail[l];
        y[l] = 0.5 * (low[l] + high[l]);
    }
}

/// Adds a part's mass above `y`, and the slope of that.
#[inline(always)]
fn add_part(
    weight: &[f32],
    mu: &[f32],
    inverse_sigma: &[f32],
    y: &[f32],
    mass: &mut [f32],
    slope: &mut [f32],
) {
    let lanes = weight.len();
    let (mu, inverse_sigma, y) = (&mu[..lanes], &inverse_sigma[..lanes], &y[..lanes]);
    let (mass, slope) = (&mut mass[..lanes], &mut slope[..lanes]);
    for l in 0..lanes {
        let (density, tail) = density_and_tail((y[l] - mu[l]) * inverse_sigma[l]);
        mass[l] += weight[l] * tail;
        slope[l] += weight[l] * density * inverse_sigma[l];
    }
}

/// One step in every lane that has not settled; whether there was any.
#[inline(always)]
fn step(
    mass: &[f32],
    slope: &[f32],
    target: &[f32],
    low: &mut [f32],
    high: &mut [f32],
    y: &mut [f32],
) -> bool {
    let lanes = mass.len();
    let (slope, target, y) = (&slope[..lanes], &target[..lanes], &mut y[..lanes]);
    let (low, high) = (&mut low[..lanes], &mut high[..lanes]);
    let mut open = 0u32;
    for l in 0..lanes {
        let excess = mass[l] - target[l];
        low[l] = if excess > 0.0 { y[l] } else { low[l] };
        high[l] = if excess > 0.0 { high[l] } else { y[l] };
        let settled = excess.abs() <= 1e-4 * target[l];
        // Newton's step on the logarithm of the mass, which is nearly a parabola in the tail.
        let ratio = most(mass[l], 1e-30) / most(target[l], 1e-30);
        let newton = y[l] + ln(ratio) * mass[l] / slope[l];
        let inside = newton > low[l] && newton < high[l];
        let next = if inside { newton } else { 0.5 * (low[l] + high[l]) };
        y[l] = if settled { y[l] } else { next };
        open |= u32::from(!settled);
    }
    open != 0
}

/// Mean and variance of the larger of two independent variables with these moments, by Clark's formulas.
#[inline(always)]
pub fn larger(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    let theta = most((a.1 + b.1).sqrt(), 1e-9);
    let alpha = (a.0 - b.0) / theta;
    let (bump, below) = density_and_tail(alpha);
    let above = 1.0 - below;
    let mean = a.0 * above + b.0 * below + theta * bump;
    let second = (a.0 * a.0 + a.1) * above + (b.0 * b.0 + b.1) * below + (a.0 + b.0) * theta * bump;
    (mean, most(second - mean * mean, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_tail_matches_tables() {
        assert!((upper_tail(1.644_854) - 0.05).abs() < 1e-6);
        assert!((upper_tail(-1.0) - 0.841_344_7).abs() < 1e-6);
    }

    #[test]
    fn moments_survive_the_log_normal() {
        let d = LogNormal::from_moments(0.2, 0.01);
        let mean = (d.mu + 0.5 * d.sigma * d.sigma).exp();
        let variance = ((d.sigma * d.sigma).exp() - 1.0) * mean * mean;
        assert!((mean - 0.2).abs() < 1e-5 && (variance - 0.01).abs() < 1e-5);
    }

    #[test]
    fn the_quantile_of_one_part_is_its_own() {
        let d = LogNormal::from_moments(0.2, 0.04);
        let p95 = mixture_quantile(&[(3.0, d)], 0.05);
        assert!((p95 - (d.mu + 1.644_854 * d.sigma).exp()).abs() < 1e-4);
    }

    #[test]
    fn the_quantile_of_a_mixture_leaves_the_tail_above() {
        let parts = [(0.9, LogNormal::from_moments(0.05, 0.001)), (0.1, LogNormal::from_moments(1.0, 0.1))];
        let x = mixture_quantile(&parts, 0.05).ln();
        let above: f32 = parts.iter().map(|(w, d)| w * d.exceeds(x)).sum();
        assert!((above - 0.05).abs() < 1e-4, "{above}");
    }

    #[test]
    fn the_larger_of_two_equal_normals_is_above_their_mean() {
        // E max of two N(1, 1) = 1 + 1/√π; variance 1 − 1/π.
        let (mean, variance) = larger((1.0, 1.0), (1.0, 1.0));
        assert!((mean - 1.564_19).abs() < 1e-4 && (variance - 0.681_69).abs() < 1e-4);
    }

    #[test]
    fn any_tail_of_a_mixture_is_left_above() {
        let parts = [(0.9, LogNormal::from_moments(0.05, 0.001)), (0.1, LogNormal::from_moments(1.0, 0.1))];
        for tail in [1e-4, 2e-3, 0.02, 0.3] {
            let x = mixture_quantile(&parts, tail).ln();
            let above: f32 = parts.iter().map(|(w, d)| w * d.exceeds(x)).sum();
            assert!((above / tail - 1.0).abs() < 1e-2, "{above} above, {tail} asked for");
        }
    }

    #[test]
    fn a_lane_without_parts_has_no_quantile_and_disturbs_no_other() {
        let d = LogNormal::from_moments(0.2, 0.04);
        let mut mixtures = Mixtures::new(2, 3);
        mixtures.set(1, 1, 3.0, d);
        mixtures.tail.fill(0.05);
        mixtures.solve();
        assert_eq!(mixtures.quantile, [0.0, mixture_quantile(&[(3.0, d)], 0.05), 0.0]);
    }
}
