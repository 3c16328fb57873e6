//! Learning curves over seeds: the interquartile mean with its interval, and the page that shows ours beside a peer's.
//!
//! The interquartile mean leaves out the best and the worst quarter of the seeds (rounded down), as Agarwal et al. 2021
//! (arXiv:2108.13264) recommend: one seed that fails neither hides nor decides. Intervals are percentile bootstraps over
//! seeds.
//!
//! Left out: running anything, and files; `cargo xtask learn` does both.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::statistics::interquartile_mean;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const RESAMPLES: usize = 4000;

/// Returns of every seed, by environment steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    returns: BTreeMap<u64, Vec<f64>>,
    /// What the file's first line says, if it is a comment.
    pub note: Option<String>,
}

/// All seeds at one number of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Environment steps.
    pub steps: u64,
    /// Interquartile mean of the return.
    pub iqm: f64,
    /// 2.5th percentile of the resampled one.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// What one gate came to: its name, our curve, and the peer's where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The gate, as in `crates/rl/tests/learning/gates.rs`.
    pub name: String,
    /// Ours.
    pub ours: Curve,
    /// Stable-Baselines3's with the same settings.
    pub peers: Option<Curve>,
}

impl Curve {
    /// Reads lines of `seed,steps,return` below that heading.
    ///
    /// # Errors
    /// A sentence with the number of the line that is something else.
    pub fn read(csv: &str) -> Result<Self, String> {
        let mut curve = Self::default();
        for (at, line) in csv.lines().enumerate() {
            if let Some(note) = line.strip_prefix('#') {
                curve.note = Some(note.trim().to_owned());
                continue;
            }
            if line == "seed,steps,return" {
                continue;
            }
            let mut cells = line.split(',');
            let entry = (cells.next(), cells.next(), cells.next(), cells.next());
            let (Some(_), Some(steps), Some(value), None) = entry else {
                return Err(format!("line {}: expected seed,steps,return, found {line:?}", at + 1));
            };
            let (Ok(steps), Ok(value)) = (steps.parse(), value.parse()) else {
                return Err(format!("line {}: expected numbers, found {line:?}", at + 1));
            };
            curve.returns.entry(steps).or_default().push(value);
        }
        Ok(curve)
    }

    /// Seeds at the last point.
    pub fn seeds(&self) -> usize {
        self.returns.last_key_value().map_or(0, |(_, returns)| returns.len())
    }

    /// The middle of the seeds and its interval, by steps. Equal inputs give equal intervals.
    pub fn points(&self) -> Vec<Point> {
        let mut rng = Pcg64Mcg::seed_from_u64(0x7472_696d);
        let point = |(&steps, returns): (&u64, &Vec<f64>)| {
            let mut resampled: Vec<f64> = (0..RESAMPLES)
                .map(|_| {
                    let draw = returns.iter().map(|_| returns[rng.random_range(0..returns.len())]);
                    interquartile_mean(&mut draw.collect::<Vec<f64>>())
                })
                .collect();
            resampled.sort_by(f64::total_cmp);
            let at = |q: f64| resampled[((RESAMPLES - 1) as f64 * q).round() as usize];
            Point { steps, iqm: interquartile_mean(&mut returns.clone()), low: at(0.025), high: at(0.975) }
        };
        self.returns.iter().map(point).collect()
    }
}

/// The page in Markdown; the pictures are expected at `learning-curves/NAME.svg`.
pub fn page(shown: &[Shown]) -> String {
    let mut page = String::from(INTRODUCTION);
    page +=
        "\n| gate | environment steps | ours, at the end | seeds | Stable-Baselines3, at the end | seeds |\n";
    page += "|---|--:|--:|--:|--:|--:|\n";
    for Shown { name, ours, peers } in shown {
        let steps = ours.returns.last_key_value().map_or(0, |(steps, _)| *steps);
        let cells = |curve: &Curve| (last(curve), curve.seeds().to_string());
        let (found, seeds) = cells(ours);
        let (theirs, their_seeds) = peers.as_ref().map_or_else(|| ("–".into(), "–".into()), cells);
        line(&mut page, &format!("| {name} | {steps} | {found} | {seeds} | {theirs} | {their_seeds} |"));
    }
    for Shown { name, peers, .. } in shown {
        line(&mut page, &format!("\n## {name}\n"));
        line(&mut page, &format!("<img src=\"learning-curves/{name}.svg\" width=\"640\" alt=\"{name}\">"));
        if let Some(note) = peers.as_ref().and_then(|peers| peers.note.as_ref()) {
            line(&mut page, &format!("\nBlue: {note}."));
        }
    }
    page
}

const INTRODUCTION: &str = "\
<!-- Written by `cargo xtask learn`; do not edit. -->

# Learning curves

Every learning gate (`crates/rl/tests/learning/gates.rs`) over many seeds, in orange, beside Stable-Baselines3, in blue, with
the same settings unless a note says otherwise (`bench/peers/learning_curves.py`). A point is the mean return of 20 whole episodes of fresh
environments with the most probable actions; a line is the interquartile mean over seeds, its band the 95 % interval of
4000 bootstrap resamples of the seeds. With three seeds nothing is cut off and the interval is coarse.
";

/// The end of a curve with its interval.
fn last(curve: &Curve) -> String {
    let Some(Point { iqm, low, high, .. }) = curve.points().pop() else { return "–".into() };
    format!("{iqm:.1} [{low:.1}, {high:.1}]")
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::learning_curve;

    const CSV: &str = "# peer 1.0\nseed,steps,return\n1,0,9.5\n2,0,10.5\n1,100,20\n2,100,40\n";

    #[test]
    fn a_curve_has_a_point_for_each_number_of_steps() {
        let curve = Curve::read(CSV).unwrap();
        assert_eq!((curve.seeds(), curve.note.as_deref()), (2, Some("peer 1.0")));
        let points = curve.points();
        assert_eq!(points[0], Point { steps: 0, iqm: 10.0, low: 9.5, high: 10.5 });
        assert_eq!((points[1].steps, points[1].iqm), (100, 30.0));
        assert_eq!(curve.points(), points, "intervals do not change from page to page");
    }

    #[test]
    fn what_is_no_curve_is_told_with_its_line() {
        assert!(Curve::read("seed,steps,return\n1,2\n").unwrap_err().starts_with("line 2"));
        assert!(Curve::read("1,2,x\n").unwrap_err().starts_with("line 1: expected numbers"));
    }

    #[test]
    fn the_page_names_every_gate_and_shows_a_missing_peer_as_a_dash() {
        let ours = Curve::read(CSV).unwrap();
        let one = Shown { name: "ppo-x".into(), ours: ours.clone(), peers: None };
        let two = Shown { name: "a2c-x".into(), ours: ours.clone(), peers: Some(ours.clone()) };
        let page = page(&[one, two]);
        assert!(page.contains("| ppo-x | 100 | 30.0 [20.0, 40.0] | 2 | – | – |"), "{page}");
        assert!(page.contains("learning-curves/a2c-x.svg") && page.contains("Blue: peer 1.0."), "{page}");
        let picture = learning_curve(&ours.points(), &[]);
        assert!(picture.starts_with("<svg") && picture.contains("fill=\"#FFFFFF\"/>"), "{picture}");
    }
}
