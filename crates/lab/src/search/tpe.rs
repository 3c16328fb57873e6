//! Tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011, section 4).
//!
//! The better part of the trials gives a density l of each parameter, the others a density g; of a few draws from l the
//! one with the largest l/g is tried, which is the one with the largest expected improvement. Parameters are treated
//! one by one. What the paper leaves open is as in Optuna 4's defaults, so that figures can be compared:
//!
//! * the better part are the ⌈n/10⌉ best of n trials, at most 25; a pruned trial comes after all whole ones, and among
//!   them one that got further before one that did not;
//! * a kernel is a normal distribution cut at the bounds, as wide as the larger distance to a neighbour (the outermost:
//!   to the inner one), between the range over min(100, n + 2) and the range; one more, the prior, is centred and as
//!   wide as the range;
//! * all weigh the same but in g from the 26th trial on, where the oldest weigh least, rising in a straight line;
//! * a choice's kernel is its own share of one and the prior's, spread evenly.
//!
//! Whole numbers are treated as numbers with half a unit to either side, of which Optuna takes the integral.

use super::{
    space::{Domain, Space},
    study::{State, Trial},
};
use rand::{Rng, RngExt};
use std::f64::consts::{PI, SQRT_2};

/// Trials before the densities are used.
const STARTUP: usize = 10;
/// Draws from l.
const CANDIDATES: usize = 24;
/// Trials at full weight, the newest ones.
const FULL_WEIGHT: usize = 25;

/// Whether there are enough trials to learn from.
pub(super) fn knows_enough(history: &[Trial]) -> bool {
    history.iter().filter(|trial| trial.state != State::Failed).count() >= STARTUP
}

/// Coordinates worth trying.
pub(super) fn suggest(space: &Space, history: &[Trial], rng: &mut impl Rng) -> Vec<f64> {
    let (better, others) = split(history);
    let column = |trials: &[&Trial], at: usize| -> Vec<f64> {
        let coordinates = trials.iter().filter_map(|trial| space.coordinates(&trial.point));
        coordinates.map(|coordinates| coordinates[at]).collect()
    };
    let parameters = space.parameters().iter().enumerate();
    parameters
        .map(|(at, parameter)| {
            let good = Density::new(&parameter.domain, &column(&better, at));
            let bad = Density::new(&parameter.domain, &column(&others, at));
            let mut best = (f64::NEG_INFINITY, 0.0);
            for _ in 0..CANDIDATES {
                let candidate = good.draw(rng);
                let gain = good.log(candidate) - bad.log(candidate);
                if gain > best.0 {
                    best = (gain, candidate);
                }
            }
            best.1
        })
        .collect()
}

/// The better part of the trials and the others, each in the order in which they were made.
fn split(history: &[Trial]) -> (Vec<&Trial>, Vec<&Trial>) {
    let mut ranked: Vec<&Trial> = history.iter().filter(|trial| trial.state != State::Failed).collect();
    let rank = |trial: &Trial| {
        let (step, last) = trial.reports.last().copied().unwrap_or((0, f64::INFINITY));
        match trial.value {
            Some(value) => (0, 0, value),
            None => (1, u64::MAX - step, last),
        }
    };
    ranked.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    });
    let better = ranked.len().div_ceil(10).min(25);
    let mut others = ranked.split_off(better);
    ranked.sort_by_key(|trial| trial.number);
    others.sort_by_key(|trial| trial.number);
    (ranked, others)
}

/// A Parzen estimate of one parameter.
enum Density {
    /// A mixture of normal distributions cut at `ends`: weight, mean, deviation and mass inside the ends.
    Normals { ends: (f64, f64), kernels: Vec<(f64, f64, f64, f64)> },
    /// The probability of each choice.
    Shares(Vec<f64>),
}

impl Density {
    fn new(domain: &Domain, seen: &[f64]) -> Self {
        let weights = weights(seen.len());
        match (domain.ends(), domain) {
            (Some(ends), _) => Self::normals(ends, seen, &weights),
            (None, Domain::Choice(choices)) => Self::shares(choices.len(), seen, &weights),
            (None, _) => unreachable!("only choices have no ends"),
        }
    }

    fn normals(ends: (f64, f64), seen: &[f64], weights: &[f64]) -> Self {
        let range = ends.1 - ends.0;
        // The prior comes last, and takes part as a neighbour.
        let means: Vec<f64> = seen.iter().copied().chain([0.5 * (ends.0 + ends.1)]).collect();
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
        let narrowest = range / (means.len() as f64 + 1.0).min(100.0);
        let mut kernels = vec![(0.0, 0.0, range, 1.0); means.len()];
        for (place, &at) in order.iter().enumerate() {
            let left = (place > 0).then(|| means[at] - means[order[place - 1]]);
            let right = order.get(place + 1).map(|&next| means[next] - means[at]);
            let widest = match (left, right) {
                (Some(left), Some(right)) => left.max(right),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => range,
            };
            let is_prior = at == seen.len();
            let deviation = if is_prior { range } else { widest.clamp(narrowest, range) };
            let mass =
                cumulative((ends.1 - means[at]) / deviation) - cumulative((ends.0 - means[at]) / deviation);
            kernels[at] = (weights[at], means[at], deviation, mass);
        }
        Self::Normals { ends, kernels }
    }

    fn shares(choices: usize, seen: &[f64], weights: &[f64]) -> Self {
        let kernels = weights.len() as f64;
        let even = 1.0 / choices as f64;
        // A kernel holds the prior's weight over all kernels for each choice, and one for its own.
        let whole = 1.0 + choices as f64 / kernels;
        let mut shares = vec![weights[seen.len()] * even; choices];
        for (at, weight) in seen.iter().zip(weights) {
            for (choice, share) in shares.iter_mut().enumerate() {
                let own = if choice == *at as usize { 1.0 } else { 0.0 };
                *share += weight * (own + 1.0 / kernels) / whole;
            }
        }
        Self::Shares(shares)
    }

    fn draw(&self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Shares(shares) => pick(shares.iter().copied(), rng) as f64,
            Self::Normals { ends, kernels } => {
                let (_, mean, deviation, _) = kernels[pick(kernels.iter().map(|k| k.0), rng)];
                // At least a third of a kernel lies inside the ends, because none is wider than their distance.
                loop {
                    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                    let drawn = mean + deviation * radius * (2.0 * PI * rng.random::<f64>()).cos();
                    if (ends.0..=ends.1).contains(&drawn) {
                        return drawn;
                    }
                }
            }
        }
    }

    /// Logarithm of the density.
    fn log(&self, at: f64) -> f64 {
        match self {
            Self::Shares(shares) => shares[at as usize].ln(),
            Self::Normals { kernels, .. } => {
                let density = |&(weight, mean, deviation, mass): &(f64, f64, f64, f64)| {
                    let z = (at - mean) / deviation;
                    weight * (-0.5 * z * z).exp() / ((2.0 * PI).sqrt() * deviation * mass)
                };
                kernels.iter().map(density).sum::<f64>().ln()
            }
        }
    }
}

/// Weights of `seen` trials and of the prior, their sum 1.
fn weights(seen: usize) -> Vec<f64> {
    let ramp = seen.saturating_sub(FULL_WEIGHT);
    let rising = (0..ramp).map(|i| {
        let first = 1.0 / seen as f64;
        first + (1.0 - first) * i as f64 / (ramp.max(2) - 1) as f64
    });
    let mut weights: Vec<f64> = rising.chain((ramp..seen).map(|_| 1.0)).chain([1.0]).collect();
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// A number drawn with these probabilities.
fn pick(probabilities: impl ExactSizeIterator<Item = f64>, rng: &mut impl Rng) -> usize {
    let (mut left, last) = (rng.random::<f64>(), probabilities.len() - 1);
    for (at, probability) in probabilities.enumerate() {
        left -= probability;
        if left < 0.0 {
            return at;
        }
    }
    last
}

/// The normal distribution function, to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
fn cumulative(z: f64) -> f64 {
    let x = z.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592]
        .iter()
        .fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let erf = 1.0 - polynomial * (-x * x).exp();
    0.5 * (1.0 + erf.copysign(z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    fn trial(number: u64, value: Option<f64>, reports: &[(u64, f64)]) -> Trial {
        let state = if value.is_some() { State::Complete } else { State::Pruned };
        Trial {
            number,
            point: super::super::Point::new(),
            state,
            value,
            reports: reports.to_vec(),
            error: None,
        }
    }

    #[test]
    fn the_normal_distribution_function_is_right_to_seven_digits() {
        for (z, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102)]
        {
            assert!((cumulative(z) - expected).abs() < 2e-7, "{z}");
        }
    }

    #[test]
    fn a_density_of_numbers_has_the_integral_one_and_widths_by_neighbours() {
        let density = Density::new(&Domain::Float { low: 0.0, high: 10.0, log: false }, &[2.0, 2.5, 9.0]);
        let cells = 20_000;
        let sum: f64 =
            (0..cells).map(|i| density.log((f64::from(i) + 0.5) * 10.0 / f64::from(cells)).exp()).sum();
        assert!((sum * 10.0 / f64::from(cells) - 1.0).abs() < 1e-4);
        let Density::Normals { kernels, .. } = density else { panic!() };
        // In order 2, 2.5, 5 (the prior), 9: the outermost look inwards, none is narrower than 10 / 5.
        let widths: Vec<f64> = kernels.iter().map(|kernel| kernel.2).collect();
        assert_eq!(widths, [2.0, 2.5, 4.0, 10.0]);
    }

    #[test]
    fn a_density_of_choices_sums_to_one_and_favours_what_was_seen() {
        let choices = ["a", "b", "c"].map(toml::Value::from).to_vec();
        let Density::Shares(shares) = Density::new(&Domain::Choice(choices), &[1.0, 1.0, 2.0]) else {
            panic!()
        };
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(shares[1] > shares[2] && shares[2] > shares[0] && shares[0] > 0.0, "{shares:?}");
    }

    #[test]
    fn draws_stay_inside_the_bounds() {
        let density = Density::new(&Domain::Integer { low: 1, high: 3, log: true }, &[0.0, 1.0]);
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let (low, high) = (0.5f64.ln(), 3.5f64.ln());
        assert!((0..1000).map(|_| density.draw(&mut rng)).all(|x| (low..=high).contains(&x)));
    }

    #[test]
    fn old_trials_weigh_less_from_the_26th_on() {
        assert_eq!(weights(3), [0.25; 4]);
        let weights = weights(30);
        assert!(weights[0] < weights[1] && weights[4] == weights[29] && weights[30] == weights[29]);
        assert!((weights[0] / weights[29] - 1.0 / 30.0).abs() < 1e-12);
    }

    #[test]
    fn pruned_trials_come_after_whole_ones_and_those_that_got_further_first() {
        let history: Vec<Trial> = (0..18)
            .map(|i| trial(i, Some(10.0 + i as f64), &[]))
            .chain([trial(18, None, &[(1, 0.0)]), trial(19, None, &[(1, 9.0), (2, 9.0)])])
            .collect();
        let (better, others) = split(&history);
        assert_eq!(better.iter().map(|t| t.number).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(others.len(), 18);
        let (better, _) = split(&history[18..]);
        assert_eq!(better[0].number, 19);
    }
}
