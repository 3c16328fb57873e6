//! The reward functions: how an agent's use lies in its band, and how long all services' answers take.
//!
//! Left out: when use and answers are measured, which is after the action in `localization` and before it in the original.

use super::{LocalizationConfig, rules::Reading};

/// Weight of an agent's own term.
pub(super) const OWN: f64 = 0.5;
/// Weighted seconds that are free in reward functions 1 and 2.
const FREE_SECS: f64 = 0.01;
/// Percentage points of a fall or rise in use that count fully.
const STEP_PERCENT: f64 = 10.0;
/// Weight of the mean response time in reward functions 3 to 5.
const MEAN_WEIGHT: f64 = 10.0;

/// The agent's own term: of use within the band, the more the better; above it nothing; below it whether use rises.
pub(super) fn own(config: &LocalizationConfig, reading: &Reading) -> f64 {
    let (low, high, percent) = (config.lower_cpu, config.upper_cpu, reading.percent);
    let rising = || ((percent - reading.before) / STEP_PERCENT).clamp(-1.0, 1.0);
    match config.reward_function {
        1 if percent <= low => -1.0,
        1 => 0.0,
        _ if percent < low => rising(),
        2 | 3 if percent <= high => 1.0 + percent / (high - low),
        _ => 0.0,
    }
}

/// The term that all agents share, of each present agent's response time in seconds and priority.
pub(super) fn shared(config: &LocalizationConfig, responses: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut weighted, mut sum, mut count) = (0.0, 0.0, 0.0);
    for (seconds, priority) in responses {
        weighted += (1.0 + priority) * seconds;
        sum += seconds;
        count += 1.0;
    }
    let mean = sum / f64::max(count, 1.0);
    match config.reward_function {
        3 | 5 => 1.0 - MEAN_WEIGHT * mean,
        4 => -MEAN_WEIGHT * mean,
        _ => 1.0 - config.alpha * (weighted - FREE_SECS),
    }
}
