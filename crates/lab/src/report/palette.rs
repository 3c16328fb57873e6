//! How each autoscaler looks in every chart: colour, dash and marker, so that it is known again without colour.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), told apart by colour-blind readers, and two more for larger casts;
//! dashes and markers repeat the distinction for print in grey. Left out: drawing.

use crate::comparison::Comparison;
use maud::{Markup, html};
use plotters::style::RGBColor;
use std::fmt::Write;

/// Text and axes. The style sheet replaces this very colour in the dark.
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Grid lines; replaced in the dark as well.
pub(super) const GRID: RGBColor = RGBColor(0xE3, 0xE6, 0xEA);
/// Traffic, which belongs to no autoscaler.
pub(super) const TRAFFIC: RGBColor = RGBColor(0x6E, 0x77, 0x81);

/// Shape of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    TriangleDown,
}

/// Colour, dash (an SVG `stroke-dasharray`) and marker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// Colour of lines and points.
    pub(super) colour: RGBColor,
    /// Shape of points.
    pub(super) marker: Marker,
    pub(super) dash: &'static str,
}

/// What a page is about.
pub(super) const CANDIDATE: Look = look(0xD5, 0x5E, 0x00, "none", Marker::Circle);
/// What it is held against.
pub(super) const BASELINE: Look = look(0x00, 0x72, 0xB2, "18 5", Marker::Square);
const OTHERS: [Look; 7] = [
    look(0x00, 0x9E, 0x73, "4 5", Marker::Triangle),
    look(0xE6, 0x9F, 0x00, "14 5 3 5", Marker::Diamond),
    look(0xCC, 0x79, 0xA7, "9 5", Marker::TriangleDown),
    look(0x56, 0xB4, 0xE9, "18 5 3 5 3 5", Marker::Circle),
    look(0x8C, 0x8C, 0x8C, "3 9", Marker::Square),
    look(0x9A, 0x6B, 0xD0, "2 4 12 4", Marker::Diamond),
    look(0xA8, 0x8B, 0x1D, "24 6 6 6", Marker::Triangle),
];

const fn look(red: u8, green: u8, blue: u8, dash: &'static str, marker: Marker) -> Look {
    Look { colour: RGBColor(red, green, blue), marker, dash }
}

/// What an autoscaler is in this comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Neither of the two; drawn first, below them.
    Other,
    /// What the candidate has to beat.
    Baseline,
    /// What the comparison is about; drawn last, on top.
    Candidate,
}

/// Everybody who takes part, with role and look.
pub(super) struct Cast<'a> {
    parts: Vec<(&'a str, Role, Look)>,
}

impl<'a> Cast<'a> {
    /// The first pair names candidate and baseline.
    pub(super) fn new(comparison: &'a Comparison) -> Self {
        let pair = comparison.paired.first();
        let mut others = OTHERS.iter().cycle();
        let parts = comparison
            .autoscalers
            .iter()
            .map(|autoscaler| {
                let name = autoscaler.name.as_str();
                match pair {
                    Some(pair) if pair.candidate == name => (name, Role::Candidate, CANDIDATE),
                    Some(pair) if pair.baseline == name => (name, Role::Baseline, BASELINE),
                    _ => (name, Role::Other, *others.next().expect("a cycle has no end")),
                }
            })
            .collect();
        Self { parts }
    }

    /// How `name` looks.
    pub(super) fn look(&self, name: &str) -> Look {
        self.parts.iter().find(|part| part.0 == name).map_or(OTHERS[OTHERS.len() - 1], |part| part.2)
    }

    /// What `name` is.
    pub(super) fn role(&self, name: &str) -> Role {
        self.parts.iter().find(|part| part.0 == name).map_or(Role::Other, |part| part.1)
    }
}

/// Colours of our runs and of a peer's, where there are no others.
pub(super) const OURS_AND_PEERS: [RGBColor; 2] = [CANDIDATE.colour, BASELINE.colour];

/// How the `index`-th seed looks, where every line is of the same autoscaler.
pub(super) fn seed_look(index: usize) -> Look {
    OTHERS[(index + 2) % OTHERS.len()]
}

/// `#RRGGBB`, as plotters writes it.
fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Style rules that give the lines of each colour their dash: plotters cannot, and drawing every dash as a line
/// of its own would make the page many times larger.
pub(super) fn dashes() -> String {
    let mut css = String::new();
    for look in [BASELINE].iter().chain(&OTHERS) {
        let (colour, dash) = (hex(look.colour), look.dash);
        writeln!(css, ".dashed polyline[stroke=\"{colour}\"] {{ stroke-dasharray: {dash} }}")
            .expect("writing to a string cannot fail");
    }
    css
}

/// One line of a legend: a sample and what it stands for.
pub(super) fn key(look: Look, name: &str) -> Markup {
    html! {
        span.key {
            svg.sample.dashed viewBox="0 0 68 20" width="34" height="10" aria-hidden="true" {
                polyline points="0,10 68,10" fill="none" stroke=(hex(look.colour)) stroke-width="5" {}
            }
            (name)
        }
    }
}

/// The legend's line for a bound.
pub(super) fn bound_key(name: &str) -> Markup {
    html! {
        span.key {
            svg.sample viewBox="0 0 68 20" width="34" height="10" aria-hidden="true" {
                line x1="0" y1="10" x2="68" y2="10" stroke=(hex(INK)) stroke-width="3" {}
            }
            (name)
        }
    }
}
