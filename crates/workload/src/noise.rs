//! Autocorrelated multiplicative noise around another rate.
//!
//! Left out: noise of single arrivals (Poisson counts), which belongs to whoever draws them.

use crate::{
    ArrivalRate, Result,
    error::{require, require_positive, require_rate},
    rate::mean_of,
};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::{Pcg64Mcg, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use trimtab_model::{PerSecond, Seconds};

/// Most grid cells that are stored.
const MOST_CELLS: f64 = 1e7;

/// Settings of [`Noise`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseConfig {
    /// Standard deviation of the logarithm of the factor, zero or more; 0.1 is about 10 %.
    pub sigma: f64,
    /// Correlation of one grid cell with the next, 0 to below 1.
    pub phi: f64,
    /// Width of a grid cell, seconds, above zero.
    #[serde(default = "one_minute")]
    pub grid_secs: f64,
    /// Length of the noise that is drawn, seconds; it repeats after that.
    #[serde(default = "two_weeks")]
    pub horizon_secs: f64,
}

fn one_minute() -> f64 {
    60.0
}

fn two_weeks() -> f64 {
    14.0 * 86_400.0
}

/// `λ(t) = inner(t) · exp(x_k − σ²/2)`, `k = ⌊t/grid⌋`, with `x_k = φ x_{k−1} + σ √(1−φ²) n_k`, `n_k`
/// standard normal and `x_0` from the stationary law `N(0, σ²)`: every factor has mean 1.
#[derive(Clone, Debug)]
pub struct Noise<R> {
    inner: R,
    grid: f64,
    factors: Vec<f64>,
}

impl<R: ArrivalRate> Noise<R> {
    /// Draws the factors over the horizon.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a setting outside its range, or more than ten million grid cells.
    pub fn new(inner: R, config: &NoiseConfig, seed: u64) -> Result<Self> {
        require_rate("sigma", config.sigma)?;
        require((0.0..1.0).contains(&config.phi), "phi", "a number from 0 to below 1", config.phi)?;
        require_positive("grid_secs", config.grid_secs)?;
        require_positive("horizon_secs", config.horizon_secs)?;
        let cells = (config.horizon_secs / config.grid_secs).ceil();
        require(cells <= MOST_CELLS, "horizon_secs", "at most ten million grid cells", config.horizon_secs)?;

        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut draw = move || -> f64 { StandardNormal.sample(&mut rng) };
        let innovation = config.sigma * (1.0 - config.phi * config.phi).sqrt();
        let mut x = config.sigma * draw();
        let mut factors = Vec::with_capacity(cells as usize);
        for _ in 0..cells as usize {
            factors.push((x - config.sigma * config.sigma / 2.0).exp());
            x = config.phi * x + innovation * draw();
        }
        Ok(Self { inner, grid: config.grid_secs, factors })
    }

    fn factor(&self, cell: f64) -> f64 {
        // `min`: the remainder of a tiny negative number rounds up to the divisor itself.
        self.factors[(cell.rem_euclid(self.factors.len() as f64) as usize).min(self.factors.len() - 1)]
    }

    fn requests(&self, from: f64, to: f64) -> f64 {
        let (mut t, mut requests) = (from, 0.0);
        let mut cell = (from / self.grid).floor();
        while t < to {
            let end = ((cell + 1.0) * self.grid).min(to);
            if end > t {
                requests += self.factor(cell) * self.inner.mean(Seconds(t), Seconds(end)).0 * (end - t);
            }
            (t, cell) = (end.max(t), cell + 1.0);
        }
        requests
    }
}

impl<R: ArrivalRate> ArrivalRate for Noise<R> {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.inner.rate(t).0 * self.factor((t.0 / self.grid).floor()))
    }

    /// As exact as the inner mean; the time it takes grows with the number of grid cells in the interval.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        mean_of(from, to, || self.requests(from.0, to.0), || self.rate(from))
    }

    fn duration(&self) -> Option<Seconds> {
        self.inner.duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Constant, ConstantConfig};

    fn noise(sigma: f64, phi: f64, seed: u64) -> Noise<Constant> {
        let inner = Constant::new(&ConstantConfig { rate: 50.0 }).unwrap();
        let config = NoiseConfig { sigma, phi, grid_secs: 10.0, horizon_secs: 1e6 };
        Noise::new(inner, &config, seed).unwrap()
    }

    #[test]
    fn no_sigma_is_no_noise() {
        let noise = noise(0.0, 0.9, 3);
        assert_eq!(noise.rate(Seconds(777.0)).0, 50.0);
        assert!((noise.mean(Seconds(3.0), Seconds(4321.0)).0 - 50.0).abs() < 1e-9);
    }

    #[test]
    fn the_logarithm_has_the_asked_deviation_and_correlation_and_the_factor_mean_one() {
        let noise = noise(0.3, 0.8, 5);
        let x: Vec<f64> = noise.factors.iter().map(|f| f.ln() + 0.045).collect();
        let n = x.len() as f64;
        let variance = x.iter().map(|x| x * x).sum::<f64>() / n;
        let lagged = x.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n;
        assert!((variance.sqrt() - 0.3).abs() < 0.01, "{variance}");
        assert!((lagged / variance - 0.8).abs() < 0.01, "{lagged}");
        assert!((noise.mean(Seconds(0.0), Seconds(1e6)).0 / 50.0 - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_factor_holds_over_its_cell_and_the_mean_mixes_cells_by_time() {
        let noise = noise(0.5, 0.5, 9);
        assert_eq!(noise.rate(Seconds(20.0)), noise.rate(Seconds(29.9)));
        assert_ne!(noise.rate(Seconds(20.0)), noise.rate(Seconds(30.0)));
        let (a, b) = (noise.rate(Seconds(25.0)).0, noise.rate(Seconds(35.0)).0);
        // 4 s of the one cell and 1 s of the other.
        assert!((noise.mean(Seconds(26.0), Seconds(31.0)).0 - (4.0 * a + b) / 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_phi_of_one_is_an_error() {
        let inner = Constant::new(&ConstantConfig { rate: 50.0 }).unwrap();
        let config = NoiseConfig { sigma: 0.1, phi: 1.0, grid_secs: 10.0, horizon_secs: 100.0 };
        let error = Noise::new(inner, &config, 0).unwrap_err();
        assert_eq!(error.to_string(), "phi: expected a number from 0 to below 1, found 1");
    }
}
