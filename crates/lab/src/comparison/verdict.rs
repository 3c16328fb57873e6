//! Who won, in one sentence, and whether the data can say so at all.

use super::{Cell, Paired};
use crate::statistics::{Estimate, estimate};

/// Candidate less baseline on the same days and seeds of one traffic. A baseline that was run with one seed
/// only is paired with every seed of the candidate.
pub fn judge(cells: &[Cell], traffic: &str, candidate: &str, baseline: &str) -> Paired {
    let of = |name: &str| -> Vec<&Cell> {
        cells.iter().filter(|c| c.traffic == traffic && c.autoscaler == name).collect()
    };
    let (ours, theirs) = (of(candidate), of(baseline));
    let mut days: Vec<&str> = ours.iter().map(|c| c.day.as_str()).collect();
    days.dedup();
    let mut costs = Vec::new();
    let mut violations = Vec::new();
    for day in days {
        let (mut cost, mut violation) = (Vec::new(), Vec::new());
        for mine in ours.iter().filter(|c| c.day == day) {
            let same = theirs.iter().find(|c| c.day == day && c.seed == mine.seed);
            if let Some(other) = same.or_else(|| theirs.iter().find(|c| c.day == day)) {
                cost.push(100.0 * (mine.score.core_hours / other.score.core_hours.max(1e-9) - 1.0));
                violation.push(100.0 * (mine.score.violation_share - other.score.violation_share));
            }
        }
        costs.push(cost);
        violations.push(violation);
    }
    let (cost_percent, violation_points) = (estimate(&costs), estimate(&violations));
    let runs = Pairs { days: costs.len(), pairs: costs.iter().map(Vec::len).sum() };
    Paired {
        traffic: traffic.to_owned(),
        candidate: candidate.to_owned(),
        baseline: baseline.to_owned(),
        verdict: runs.sentence(traffic, candidate, baseline, &cost_percent, &violation_points),
        cost_percent,
        violation_points,
    }
}

/// Smallest difference in violations that is worth a word, in percentage points: one window in a thousand.
const NEGLIGIBLE_POINTS: f64 = 0.1;

/// What a verdict rests on.
struct Pairs {
    days: usize,
    pairs: usize,
}

impl Pairs {
    fn sentence(
        &self,
        traffic: &str,
        candidate: &str,
        baseline: &str,
        cost: &Estimate,
        violation: &Estimate,
    ) -> String {
        // A single run has no spread: its interval has no width and shows nothing.
        let shows = self.pairs > 1;
        let cheaper = shows && cost.high < 0.0;
        let dearer = shows && cost.low > 0.0;
        let safer = shows && violation.high < 0.0;
        let riskier = shows && violation.low > 0.0 && violation.mean > NEGLIGIBLE_POINTS;
        let not_dearer = cost.mean <= 0.0;
        let not_riskier = violation.mean <= NEGLIGIBLE_POINTS;
        let figures = format!(
            "cost {:+.1} % [{:+.1}, {:+.1}], SLO violated {:+.2} points of time [{:+.2}, {:+.2}]",
            cost.mean, cost.low, cost.high, violation.mean, violation.low, violation.high
        );
        let judgement = if (cheaper && not_riskier && !riskier) || (safer && not_dearer && !dearer) {
            format!("{candidate} beats {baseline}")
        } else if (dearer && !safer) || (riskier && !cheaper) {
            format!("{baseline} beats {candidate}")
        } else if (cheaper && riskier) || (dearer && safer) {
            format!("{candidate} and {baseline} trade cost against violations")
        } else {
            format!("no difference shown between {candidate} and {baseline}")
        };
        let over = match (self.days, self.pairs) {
            (_, 0 | 1) => "a single pair of runs, which has no interval",
            (1, _) => "95 % intervals over the seeds of one day; they say nothing about other days",
            _ => "95 % intervals over days and seeds",
        };
        format!("{traffic}: {judgement} ({figures}; {over}).")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Score;
    use super::*;

    fn cells(ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> Vec<Cell> {
        let cell = |name: &str, day: usize, (core_hours, violation_share): (f64, f64)| Cell {
            autoscaler: name.to_owned(),
            traffic: "t".to_owned(),
            day: format!("day {day}"),
            seed: 0,
            score: Score { core_hours, violation_share, ..Score::default() },
        };
        let ours = ours.iter().enumerate().map(|(d, s)| cell("trim", d, *s));
        ours.chain(theirs.iter().enumerate().map(|(d, s)| cell("hpa", d, *s))).collect()
    }

    fn verdict(ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> String {
        judge(&cells(ours, theirs), "t", "trim", "hpa").verdict
    }

    #[test]
    fn cheaper_on_every_day_at_no_more_violations_wins() {
        let text = verdict(&[(90.0, 0.01), (91.0, 0.01), (89.0, 0.01)], &[(100.0, 0.01); 3]);
        assert!(text.contains("trim beats hpa") && text.contains("cost -10.0 %"), "{text}");
    }

    #[test]
    fn dearer_without_being_safer_loses() {
        let text = verdict(&[(110.0, 0.01), (112.0, 0.01), (108.0, 0.012)], &[(100.0, 0.01); 3]);
        assert!(text.contains("hpa beats trim"), "{text}");
    }

    #[test]
    fn cheaper_at_more_violations_is_a_trade() {
        let text = verdict(&[(90.0, 0.05), (91.0, 0.06), (89.0, 0.05)], &[(100.0, 0.01); 3]);
        assert!(text.contains("trade cost against violations"), "{text}");
    }

    #[test]
    fn one_pair_of_runs_shows_nothing() {
        let text = verdict(&[(50.0, 0.01)], &[(100.0, 0.01)]);
        assert!(text.contains("no difference shown") && text.contains("no interval"), "{text}");
    }

    #[test]
    fn a_difference_that_changes_sign_from_day_to_day_is_none() {
        let text = verdict(&[(90.0, 0.01), (111.0, 0.01), (99.0, 0.01)], &[(100.0, 0.01); 3]);
        assert!(text.contains("no difference shown"), "{text}");
    }
}
