//! Whether a 95 % interval holds the truth in 95 % of repetitions, on made-up runs with a known difference.

use super::{Bootstrap, Estimate, Stratum, estimate, interquartile_mean, mean};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

const REPETITIONS: usize = 2000;
/// The known difference.
const DIFFERENCE: f64 = -3.0;

/// Differences between two autoscalers, `[day][seed]`: days differ by 1, seeds within a day by 0.5.
fn differences(days: usize, seeds: usize, rng: &mut Pcg64Mcg) -> Stratum {
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    (0..days)
        .map(|_| {
            let day = DIFFERENCE + normal();
            (0..seeds).map(|_| day + 0.5 * normal()).collect()
        })
        .collect()
}

/// Percent of repetitions in which the interval holds the known difference.
fn covered(seed: u64, mut interval: impl FnMut(&mut Pcg64Mcg) -> Estimate) -> f64 {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let holds = |found: Estimate| found.low <= DIFFERENCE && DIFFERENCE <= found.high;
    let count = (0..REPETITIONS).filter(|_| holds(interval(&mut rng))).count();
    100.0 * count as f64 / REPETITIONS as f64
}

fn assert_right(what: &str, percent: f64) {
    assert!((93.0..=97.0).contains(&percent), "{what}: {percent} %");
}

#[test]
fn paired_differences_over_five_days_and_three_seeds_are_covered() {
    assert_right("5 days × 3 seeds", covered(1, |rng| estimate(&differences(5, 3, rng))));
}

#[test]
fn paired_differences_over_three_days_are_covered() {
    assert_right("3 days × 3 seeds", covered(2, |rng| estimate(&differences(3, 3, rng))));
}

#[test]
fn paired_differences_over_one_day_and_ten_seeds_are_covered_for_that_day() {
    // The day is what it is: only seeds vary.
    let seeds = |rng: &mut Pcg64Mcg| -> Vec<f64> {
        let normal = |rng: &mut Pcg64Mcg| -> f64 { StandardNormal.sample(rng) };
        (0..10).map(|_| DIFFERENCE + normal(rng)).collect()
    };
    assert_right("1 day × 10 seeds", covered(3, |rng| estimate(&[seeds(rng)])));
}

#[test]
fn the_stratified_interquartile_mean_over_six_traffics_and_ten_seeds_is_covered() {
    let mut all = Vec::new();
    let percent = covered(4, |rng| {
        let strata: Vec<Stratum> = (0..6).map(|_| differences(10, 1, rng)).collect();
        Bootstrap { resamples: 2000, ..Bootstrap::default() }.estimate(&strata, |strata| {
            all.clear();
            all.extend(strata.iter().flatten());
            interquartile_mean(&mut all)
        })
    });
    assert_right("6 traffics × 10 seeds", percent);
}

#[test]
fn means_over_four_traffics_of_five_days_are_covered() {
    let percent = covered(5, |rng| {
        let strata: Vec<Stratum> = (0..4).map(|_| differences(5, 2, rng)).collect();
        Bootstrap { resamples: 2000, ..Bootstrap::default() }
            .estimate(&strata, |strata| mean(&strata.iter().map(|v| mean(v)).collect::<Vec<_>>()))
    });
    assert_right("4 traffics × 5 days × 2 seeds", percent);
}
