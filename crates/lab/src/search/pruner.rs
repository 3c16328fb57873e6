//! Ending trials early that fall behind.

use super::study::{State, Trial};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pruner {
    /// Every trial runs to its end.
    None,
    /// A trial ends whose best report so far is worse than the median of what whole trials reported at the same step
    /// (Golovin et al., "Google Vizier", 2017, as in Optuna's `MedianPruner`).
    Median(MedianConfig),
}

/// When [`Pruner::Median`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MedianConfig {
    /// Whole trials before any is ended.
    pub startup_trials: usize,
    /// A trial is not ended at a step below this.
    pub warmup_steps: u64,
}

impl Default for MedianConfig {
    fn default() -> Self {
        Self { startup_trials: 5, warmup_steps: 0 }
    }
}

impl Pruner {
    /// Whether a trial with `reports` (step and value, in order) is to end, after the trials in `history`. A report that
    /// is not a number is worse than any.
    pub fn ends(&self, reports: &[(u64, f64)], history: &[Trial]) -> bool {
        let (Self::Median(config), Some(&(step, _))) = (self, reports.last()) else { return false };
        let whole = || history.iter().filter(|trial| trial.state == State::Complete);
        if whole().count() < config.startup_trials.max(1) || step < config.warmup_steps {
            return false;
        }
        let at_step = |trial: &Trial| trial.reports.iter().find(|report| report.0 == step).map(|r| r.1);
        let mut others: Vec<f64> = whole().filter_map(at_step).filter(|value| !value.is_nan()).collect();
        others.sort_by(f64::total_cmp);
        let Some(last) = others.len().checked_sub(1) else { return false };
        let median = 0.5 * (others[last / 2] + others[last.div_ceil(2)]);
        let best = reports.iter().map(|report| report.1).filter(|value| !value.is_nan());
        best.fold(f64::INFINITY, f64::min) > median
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Point;

    fn whole(values: &[&[f64]]) -> Vec<Trial> {
        let steps = |values: &[f64]| (1..).map(|i| 10 * i).zip(values.iter().copied()).collect();
        let trial = |(number, values): (usize, &&[f64])| Trial {
            number: number as u64,
            point: Point::new(),
            state: State::Complete,
            value: values.last().copied(),
            reports: steps(values),
            error: None,
        };
        values.iter().enumerate().map(trial).collect()
    }

    fn median(startup_trials: usize, warmup_steps: u64) -> Pruner {
        Pruner::Median(MedianConfig { startup_trials, warmup_steps })
    }

    #[test]
    fn what_is_worse_than_the_median_at_its_step_ends() {
        let history = whole(&[&[5.0, 1.0], &[6.0, 2.0], &[7.0, 3.0]]);
        let pruner = median(3, 0);
        assert!(!pruner.ends(&[(10, 6.0)], &history));
        assert!(pruner.ends(&[(10, 6.1)], &history));
        assert!(pruner.ends(&[(10, 5.0), (20, 2.5)], &history));
        // The best report counts, not the last one.
        assert!(!pruner.ends(&[(10, 1.5), (20, 9.0)], &history));
        // Between two middle ones the median is their mean.
        assert!(!median(2, 0).ends(&[(10, 5.5)], &history[..2]));
        assert!(median(2, 0).ends(&[(10, 5.6)], &history[..2]));
    }

    #[test]
    fn nothing_ends_before_enough_trials_and_steps_or_without_a_figure_to_compare() {
        let history = whole(&[&[5.0, 1.0], &[6.0, 2.0], &[7.0, 3.0]]);
        assert!(!median(4, 0).ends(&[(10, 99.0)], &history));
        assert!(!median(3, 20).ends(&[(10, 99.0)], &history));
        assert!(median(3, 20).ends(&[(10, 99.0), (20, 99.0)], &history));
        assert!(!median(3, 0).ends(&[(15, 99.0)], &history));
        assert!(!median(0, 0).ends(&[(10, 99.0)], &[]));
        assert!(!Pruner::None.ends(&[(10, 99.0)], &history));
    }

    #[test]
    fn what_is_no_number_is_worse_than_any() {
        let history = whole(&[&[5.0], &[6.0], &[f64::NAN]]);
        assert!(median(3, 0).ends(&[(10, f64::NAN)], &history));
        assert!(!median(3, 0).ends(&[(10, 5.5)], &history));
    }

    #[test]
    fn only_whole_trials_are_compared_with() {
        let mut history = whole(&[&[5.0], &[6.0], &[7.0]]);
        history[0].state = State::Pruned;
        assert!(!median(3, 0).ends(&[(10, 99.0)], &history));
        assert!(!median(2, 0).ends(&[(10, 6.5)], &history));
    }
}
