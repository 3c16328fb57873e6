//! Our figures beside those of `SciPy` and rliable (`tests/fixtures/statistics.py`).

use super::{
    Bootstrap, Estimate, Stratum, Width, holm, interquartile_mean, probability_of_improvement, profile,
    signed_rank, u_statistic,
};
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let fixture: Value = serde_json::from_str(include_str!("../../tests/fixtures/statistics.json")).unwrap();
    fixture[kind].as_array().unwrap().clone()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Each run is a block of its own, as in rliable.
fn strata(value: &Value) -> Vec<Stratum> {
    let stratum = |task: &Value| list(task).into_iter().map(|score| vec![score]).collect();
    value.as_array().unwrap().iter().map(stratum).collect()
}

fn close(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance, "{ours} is not {theirs}");
}

#[test]
fn the_interquartile_mean_and_its_percentile_interval_are_rliables() {
    for case in cases("rliable") {
        let bootstrap = Bootstrap { resamples: 20_000, width: Width::Percentile };
        let mut all = Vec::new();
        let found = bootstrap.estimate(&strata(&case["ours"]), |strata| {
            all.clear();
            all.extend(strata.iter().flatten());
            interquartile_mean(&mut all)
        });
        close(found.mean, case["iqm"].as_f64().unwrap(), 1e-9);
        let [low, high] = list(&case["iqm_interval"])[..] else { panic!("two ends") };
        // Both are Monte Carlo: two percentiles of 20,000 draws.
        let tolerance = 0.03 * (high - low);
        close(found.low, low, tolerance);
        close(found.high, high, tolerance);
    }
}

#[test]
fn the_probability_of_improvement_is_rliables() {
    for case in cases("rliable") {
        let found = probability_of_improvement(&strata(&case["ours"]), &strata(&case["theirs"]));
        close(found.mean, case["improvement"].as_f64().unwrap(), 1e-9);
        // rliable takes plain percentiles, which lie within ours.
        let [low, high] = list(&case["improvement_interval"])[..] else { panic!("two ends") };
        assert!(found.low <= low + 0.01 && high - 0.01 <= found.high, "{found:?} and [{low}, {high}]");
    }
}

#[test]
fn performance_profiles_are_rliables() {
    for case in cases("rliable") {
        let found = profile(&strata(&case["ours"]), &list(&case["taus"]));
        let (lows, highs) = (list(&case["profile_low"]), list(&case["profile_high"]));
        for (i, (Estimate { mean, low, high }, theirs)) in
            found.iter().zip(list(&case["profile"])).enumerate()
        {
            close(*mean, theirs, 1e-9);
            assert!(*low <= lows[i] + 0.02 && highs[i] - 0.02 <= *high, "{low} {high} {lows:?} {highs:?}");
        }
    }
}

#[test]
fn signed_ranks_are_scipys() {
    for case in cases("signed_rank") {
        let found = signed_rank(&list(&case["differences"]));
        close(found.positive_ranks, case["positive_ranks"].as_f64().unwrap(), 1e-12);
        close(found.p_value, case["p_value"].as_f64().unwrap(), 1e-9);
        close(found.rank_biserial, case["rank_biserial"].as_f64().unwrap(), 1e-12);
    }
}

#[test]
fn the_u_statistic_is_scipys() {
    for case in cases("u") {
        assert_eq!(u_statistic(&list(&case["x"]), &list(&case["y"])), case["u"].as_f64().unwrap());
    }
}

#[test]
fn holms_correction_is_as_defined() {
    for case in cases("holm") {
        for (ours, theirs) in holm(&list(&case["p"])).into_iter().zip(list(&case["adjusted"])) {
            close(ours, theirs, 1e-12);
        }
    }
}
