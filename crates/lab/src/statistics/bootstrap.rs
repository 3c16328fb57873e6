//! The stratified bootstrap over blocks: within each stratum (a traffic) blocks (days) are drawn with replacement, each
//! with all its repeats (seeds). Where a stratum has a single block, its repeats are drawn.
//!
//! Repeats within blocks are not drawn again: block means hold their scatter already, and drawing at both levels
//! would count it twice (Davison and Hinkley 1997, "Bootstrap Methods and their Application", 3.8).
//!
//! A percentile interval of few blocks is too narrow, by √((n − 1)/n) and by what Student's t adds to the normal
//! distribution. [`Width::Expanded`] takes percentiles further out, so that for means of normal values the interval is as
//! wide as Student's (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", 5.3: the expanded percentile
//! interval). Percentiles so far out need enough blocks to resample: with ten degrees of freedom or fewer, the interval is
//! Student's with the bootstrap's standard error.
//!
//! Left out: acceleration and bias correction (`BCa`), which mend skewness and not few blocks; coverage does not ask for
//! them (`coverage`).

use super::Estimate;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Blocks of repeats: `[day][seed]`.
pub type Stratum = Vec<Vec<f64>>;

/// How far out the ends of a 95 % interval lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// At the percentiles 2.5 and 97.5, as `rliable` has them.
    Percentile,
    /// As wide as Student's t asks for.
    Expanded,
}

/// How an interval is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Times everything is drawn again.
    pub resamples: usize,
    /// Where the ends lie.
    pub width: Width,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 4000, width: Width::Expanded }
    }
}

/// Share beyond each end of the interval.
const BEYOND: f64 = 0.025;
/// With fewer degrees of freedom the percentiles that the interval asks for are beyond what resampling can tell.
const FEWEST_FREEDOMS: usize = 11;

impl Bootstrap {
    /// `statistic` of the strata, each as one list of values, with its interval. Nothing observed is zero.
    pub fn estimate(&self, strata: &[Stratum], mut statistic: impl FnMut(&[Vec<f64>]) -> f64) -> Estimate {
        let mut flat: Vec<Vec<f64>> = Vec::new();
        self.estimate_blocks(strata, |strata| {
            flatten(strata, &mut flat);
            statistic(&flat)
        })
    }

    /// `statistic` of the strata with their blocks, with its interval. Nothing observed is zero.
    pub fn estimate_blocks(
        &self,
        strata: &[Stratum],
        mut statistic: impl FnMut(&[Stratum]) -> f64,
    ) -> Estimate {
        let found = self.estimates(strata, 1, |strata, out| out[0] = statistic(strata));
        found.first().copied().unwrap_or_default()
    }

    /// `count` statistics that `statistics` writes for the same resamples, with their intervals.
    pub fn estimates(
        &self,
        strata: &[Stratum],
        count: usize,
        mut statistics: impl FnMut(&[Stratum], &mut [f64]),
    ) -> Vec<Estimate> {
        let strata = observed(strata);
        if strata.is_empty() {
            return vec![Estimate::default(); count];
        }
        let mut middle = vec![0.0; count];
        statistics(&strata, &mut middle);
        let mut rng = Pcg64Mcg::seed_from_u64(0x7472_696d);
        let mut drawn = strata.clone();
        let mut row = vec![0.0; count];
        let mut columns = vec![Vec::with_capacity(self.resamples); count];
        for _ in 0..self.resamples {
            for (from, to) in strata.iter().zip(&mut drawn) {
                draw(from, to, &mut rng);
            }
            statistics(&drawn, &mut row);
            for (column, value) in columns.iter_mut().zip(&row) {
                column.push(*value);
            }
        }
        let spread = Spread::of(&strata);
        middle.iter().zip(&mut columns).map(|(&m, column)| spread.interval(m, column, self.width)).collect()
    }
}

/// Without empty blocks and empty strata.
fn observed(strata: &[Stratum]) -> Vec<Stratum> {
    let full = |stratum: &Stratum| -> Stratum {
        stratum.iter().filter(|block| !block.is_empty()).cloned().collect()
    };
    strata.iter().map(full).filter(|stratum| !stratum.is_empty()).collect()
}

/// One list of values for each stratum, reusing buffers.
pub(super) fn flatten(strata: &[Stratum], flat: &mut Vec<Vec<f64>>) {
    flat.resize(strata.len(), Vec::new());
    for (values, stratum) in flat.iter_mut().zip(strata) {
        values.clear();
        values.extend(stratum.iter().flatten());
    }
}

fn draw(from: &Stratum, to: &mut Stratum, rng: &mut Pcg64Mcg) {
    if let ([only], [block]) = (&from[..], &mut to[..]) {
        block.clear();
        block.extend((0..only.len()).map(|_| only[rng.random_range(0..only.len())]));
        return;
    }
    for block in to {
        block.clear();
        block.extend_from_slice(&from[rng.random_range(0..from.len())]);
    }
}

/// What the number of independent units says about the width of an interval.
struct Spread {
    /// Units less strata.
    freedoms: usize,
    /// √(n / (n − 1)): resampling n units varies too little by this factor.
    factor: f64,
}

impl Spread {
    /// Units are blocks, or repeats where a stratum has a single block.
    fn of(strata: &[Stratum]) -> Self {
        let units = |s: &Stratum| if s.len() > 1 { s.len() } else { s[0].len() };
        let total: usize = strata.iter().map(units).sum();
        let freedoms = total - strata.len();
        Self { freedoms, factor: (total as f64 / freedoms.max(1) as f64).sqrt() }
    }

    fn interval(&self, middle: f64, resampled: &mut [f64], width: Width) -> Estimate {
        resampled.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| quantile(resampled, share);
        let (low, high) = match width {
            _ if self.freedoms == 0 => (middle, middle),
            Width::Percentile => (at(BEYOND), at(1.0 - BEYOND)),
            Width::Expanded => {
                let student = StudentsT::new(0.0, 1.0, self.freedoms as f64)
                    .expect("there is at least one degree of freedom")
                    .inverse_cdf(1.0 - BEYOND);
                let reach = student * self.factor;
                if self.freedoms < FEWEST_FREEDOMS {
                    let error = deviation(resampled);
                    (middle - reach * error, middle + reach * error)
                } else {
                    let beyond = Normal::standard().cdf(-reach);
                    (at(beyond), at(1.0 - beyond))
                }
            }
        };
        Estimate { mean: middle, low: low.min(middle), high: high.max(middle) }
    }
}

/// The value below which the share `share` of sorted `values` lies, interpolated linearly (`NumPy`'s default).
fn quantile(values: &[f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + part * (values[above] - values[below])
}

fn deviation(values: &[f64]) -> f64 {
    let mean = super::mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (values.len() - 1).max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_are_resampled_apart_from_each_other() {
        // Two constants: whatever is drawn, the mean of the means stays.
        let strata = vec![vec![vec![0.0, 0.0], vec![0.0]], vec![vec![10.0], vec![10.0]]];
        let mean = |s: &[Vec<f64>]| s.iter().map(|v| super::super::mean(v)).sum::<f64>() / s.len() as f64;
        let found = Bootstrap::default().estimate(&strata, mean);
        assert_eq!((found.mean, found.low, found.high), (5.0, 5.0, 5.0));
    }

    #[test]
    fn a_single_value_has_an_interval_of_no_width() {
        let found = super::super::estimate(&[vec![3.0]]);
        assert_eq!((found.low, found.high), (3.0, 3.0));
    }

    #[test]
    fn two_days_say_little_about_other_days() {
        // Student's t with one degree of freedom: 12.7 standard errors of 0.5.
        let found = super::super::estimate(&[vec![1.0], vec![2.0]]);
        assert!((found.high - 1.5 - 12.706 * 0.5).abs() < 0.3, "{found:?}");
    }

    #[test]
    fn an_expanded_interval_is_as_wide_as_students() {
        let blocks: Vec<Vec<f64>> = (0..12).map(|i| vec![f64::from(i * i % 13)]).collect();
        let values: Vec<f64> = blocks.iter().flatten().copied().collect();
        let error = deviation(&values) / 12f64.sqrt();
        let found = super::super::estimate(&blocks);
        let student = 2.0 * 2.201 * error;
        assert!(((found.high - found.low) / student - 1.0).abs() < 0.06, "{found:?} {student}");
    }
}
