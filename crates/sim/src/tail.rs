//! Response-time distributions: log-normals matched by moments, their mixture's quantiles, and the maximum
//! of two branches.
//!
//! Sources: Φ by Abramowitz & Stegun 26.2.17 (error below 7.5e-8); the maximum of two normals by Clark,
//! *The greatest of a finite set of random variables* (1961).

/// Standard normal upper tail, `P(Z > z)`.
#[inline]
pub fn upper_tail(z: f32) -> f32 {
    let x = z.abs().min(13.0);
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let poly =
        t * (0.319_381_53 + t * (-0.356_563_78 + t * (1.781_477_9 + t * (-1.821_255_9 + t * 1.330_274_5))));
    let tail = density(x) * poly;
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// Standard normal density.
#[inline]
pub fn density(z: f32) -> f32 {
    0.398_942_3 * (-0.5 * z * z).exp()
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
    #[inline]
    pub fn from_moments(mean: f32, variance: f32) -> Self {
        let sigma2 = (variance / (mean * mean)).max(1e-8).ln_1p();
        Self { mu: mean.ln() - 0.5 * sigma2, sigma: sigma2.sqrt() }
    }

    /// `P(X > x)` given ln x.
    #[inline]
    pub fn exceeds(&self, log_x: f32) -> f32 {
        upper_tail((log_x - self.mu) / self.sigma)
    }
}

/// Where the mixture of `parts` (weight, distribution) has `tail` of its mass above; seconds.
///
/// Newton steps on the logarithm, kept inside a bracket; the weights need not sum to 1. Zero for an empty
/// mixture. `tail` is 0.05 for p95.
pub fn mixture_quantile(parts: &[(f32, LogNormal)], tail: f32) -> f32 {
    let total: f32 = parts.iter().map(|p| p.0).sum();
    if total <= 0.0 {
        return 0.0;
    }
    // The mixture's quantile lies between the smallest and the largest of its parts' own.
    let z = if tail < 0.02 { 2.326_348 } else { 1.644_854 };
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for (_, part) in parts.iter().filter(|p| p.0 > 0.0) {
        let own = part.mu + z * part.sigma;
        low = low.min(own);
        high = high.max(own);
    }
    let target = tail * total;
    let (mut low, mut high) = (low - 0.01, high + 0.01);
    let mut y = 0.5 * (low + high);
    for _ in 0..12 {
        let (mut mass, mut slope) = (0.0, 0.0);
        for (weight, part) in parts {
            let z = (y - part.mu) / part.sigma;
            mass += weight * upper_tail(z);
            slope += weight * density(z) / part.sigma;
        }
        let excess = mass - target;
        if excess > 0.0 {
            low = y;
        } else {
            high = y;
        }
        if excess.abs() < 1e-4 * target {
            break;
        }
        let newton = y + excess / slope;
        y = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    y.exp()
}

/// Mean and variance of the larger of two independent variables with these moments, by Clark's formulas.
#[inline]
pub fn larger(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    let theta = (a.1 + b.1).sqrt().max(1e-9);
    let alpha = (a.0 - b.0) / theta;
    let (below, bump) = (upper_tail(alpha), density(alpha));
    let above = 1.0 - below;
    let mean = a.0 * above + b.0 * below + theta * bump;
    let second = (a.0 * a.0 + a.1) * above + (b.0 * b.0 + b.1) * below + (a.0 + b.0) * theta * bump;
    (mean, (second - mean * mean).max(0.0))
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
}
