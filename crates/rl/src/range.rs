//! Ranges of hyper-parameters, each with the sentence that names what was expected.
//!
//! Left out: numbers that come from environments, see `env::checks`.

use std::fmt::Debug;

use crate::error::{Error, Result};

/// Fails unless `fits`.
pub(crate) fn check(key: &str, fits: bool, expected: impl Into<String>, found: impl Debug) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::Config { key: key.into(), expected: expected.into(), found: format!("{found:?}") })
}

pub(crate) fn not_negative(key: &str, value: f64) -> Result<()> {
    check(key, value >= 0.0 && value.is_finite(), "at least 0", value)
}

pub(crate) fn positive(key: &str, value: f64) -> Result<()> {
    check(key, value > 0.0 && value.is_finite(), "above 0", value)
}

pub(crate) fn positive_or_none(key: &str, value: Option<f64>) -> Result<()> {
    let fits = value.is_none_or(|value| value > 0.0 && value.is_finite());
    check(key, fits, "above 0, or none", value)
}

pub(crate) fn share(key: &str, value: f64) -> Result<()> {
    check(key, (0.0..=1.0).contains(&value), "0 to 1", value)
}

pub(crate) fn at_least_one(key: &str, value: usize) -> Result<()> {
    check(key, value > 0, "at least 1", value)
}
