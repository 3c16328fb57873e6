//! Losses, gradients, optimisers and whole updates against `PyTorch`'s numbers (`fixtures/make.py`, `make_updates.py`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod a2c;
mod fixture;
mod off_policy;
mod optimisers;
mod ppo;
mod ppo_updates;

const TOLERANCE: f64 = 1e-5;

/// Fails unless named figures of a case agree.
fn agree(case: &str, name: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < TOLERANCE, "{case}: {name} is {found}, expected {expected}");
}
