//! Candidate less baseline, day by day: each day's mean over its seeds with their spread, and the mean over all
//! days with its interval.
//!
//! Left out: the verdict, which `comparison` has found already.

use super::axis::Axis;
use super::palette::{Cast, INK, Marker};
use super::plot::{CHARACTER_WIDTH, Frame};
use crate::comparison::{Cell, Comparison, Paired, Score};
use crate::statistics::Estimate;
use maud::{Markup, html};

/// Longer names of days are cut.
const DAY_CHARACTERS: usize = 16;

/// One day's differences: least, mean and greatest over its seeds.
struct Day<'a> {
    name: &'a str,
    least: f64,
    mean: f64,
    greatest: f64,
}

/// The two charts of a pair with their caption.
pub(super) fn figure(comparison: &Comparison, paired: &Paired, cast: &Cast<'_>) -> Markup {
    let cost = days(comparison, paired, |c, b| 100.0 * (c.core_hours / b.core_hours - 1.0));
    let violations = days(comparison, paired, |c, b| 100.0 * (c.violation_share - b.violation_share));
    if cost.is_empty() && violations.is_empty() {
        return html! {};
    }
    let marker = cast.look(&paired.candidate);
    let chart = |days: &[Day<'_>], all: &Estimate, title: &str| {
        let mut names: Vec<String> = vec!["all days".to_owned()];
        names.extend(days.iter().rev().map(|d| d.name.chars().take(DAY_CHARACTERS).collect()));
        let left = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as i32 * CHARACTER_WIDTH + 18;
        let height = 66 + 24 * names.len() as i32;
        let values = days.iter().flat_map(|d| [d.least, d.greatest]).chain([0.0, all.low, all.high]);
        let (x, y) = (Axis::over(values, 5), Axis::names(names));
        Frame { width: 440, height, left, x_title: title, x, y }.draw(|canvas| {
            canvas.upright(0.0, INK, 1.5);
            for (index, day) in days.iter().rev().enumerate() {
                let row = index as f64 + 1.0;
                canvas.rule((day.least, row), (day.greatest, row), marker.colour, 1.5);
                canvas.point((day.mean, row), marker.marker, 5.0, marker.colour, 1.0);
            }
            canvas.rule((all.low, 0.0), (all.high, 0.0), INK, 3.0);
            canvas.point((all.mean, 0.0), Marker::Diamond, 6.0, INK, 1.0);
        })
    };
    html! {
        figure {
            h4 { (paired.candidate) " less " (paired.baseline) ", day by day" }
            div.halves {
                div { h5 { "cost" } (chart(&cost, &paired.cost_percent, "percent of the baseline's")) }
                div { h5 { "time with the SLO violated" } (chart(&violations, &paired.violation_points, "percentage points")) }
            }
            figcaption {
                "Left of zero " (paired.candidate) " is better. A dot is a day's mean over the seeds, its line reaches from the seed with the least to the one with the greatest difference. The diamond is the mean over all days with its 95 % interval: where that crosses zero, no difference is shown."
            }
        }
    }
}

/// Differences of the runs that share day and seed, by day in order of appearance; paired as
/// [`judge`](crate::comparison::judge) does it.
fn days<'a>(
    comparison: &'a Comparison,
    paired: &Paired,
    difference: fn(&Score, &Score) -> f64,
) -> Vec<Day<'a>> {
    let of = |name: &str| -> Vec<&'a Cell> {
        comparison.cells.iter().filter(|c| c.autoscaler == name && c.traffic == paired.traffic).collect()
    };
    let (candidate, baseline) = (of(&paired.candidate), of(&paired.baseline));
    let mut days: Vec<(&'a str, Vec<f64>)> = Vec::new();
    for cell in candidate {
        let same_day = || baseline.iter().filter(|b| b.day == cell.day);
        let twin = same_day().find(|b| b.seed == cell.seed).or_else(|| same_day().next());
        let Some(value) = twin.map(|b| difference(&cell.score, &b.score)).filter(|d| d.is_finite()) else {
            continue;
        };
        match days.iter_mut().find(|(day, _)| *day == cell.day) {
            Some((_, values)) => values.push(value),
            None => days.push((&cell.day, vec![value])),
        }
    }
    days.into_iter()
        .map(|(name, values)| Day {
            name,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            greatest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
        .collect()
}
