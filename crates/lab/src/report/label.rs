//! Names beside points, moved until they cover neither each other nor the points.
//!
//! Left out: optimality; names are placed one after another, each at the first free spot near its point.

use super::plot::{CHARACTER_WIDTH, Place};

const HEIGHT: i32 = 16;

/// Where a name goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    /// Left edge of the text, and its middle vertically.
    pub(super) text: Place,
    /// Where a line from the point should end, if the text is so far away that it needs one.
    pub(super) leader: Option<Place>,
}

/// A rectangle: left, top, right, bottom.
type Area = (i32, i32, i32, i32);

/// One spot for each of `names`, whose points lie at `anchors`, inside the `bounds` of the picture and off
/// `obstacles`.
pub(super) fn spots(
    names: &[&str],
    anchors: &[Place],
    obstacles: &[(Place, Place)],
    bounds: (Place, Place),
) -> Vec<Spot> {
    let mut taken: Vec<Area> = obstacles.iter().map(|&(a, b)| spanned(a, b, 3)).collect();
    taken.extend(anchors.iter().map(|&a| spanned(a, a, 8)));
    let inside = spanned(bounds.0, bounds.1, 0);
    names
        .iter()
        .zip(anchors)
        .map(|(name, &anchor)| {
            let width = name.chars().count() as i32 * CHARACTER_WIDTH + 6;
            let cost = |spot: &Spot| {
                let area = area(spot, width);
                let covered: i64 = taken.iter().map(|t| shared(area, *t)).sum();
                covered + 20 * (size(area) - shared(area, inside))
            };
            let spot = around(anchor, width).min_by_key(cost).expect("there are spots around every point");
            taken.push(area(&spot, width));
            spot
        })
        .collect()
}

/// Spots near `anchor`, the most natural first.
fn around(anchor: Place, width: i32) -> impl Iterator<Item = Spot> {
    [12, 22, 36, 54, 76, 100].into_iter().flat_map(move |distance| {
        let (right, left, middle) = (anchor.0 + distance, anchor.0 - distance - width, anchor.0 - width / 2);
        let (above, below) = (anchor.1 - distance, anchor.1 + distance);
        [
            (right, anchor.1),
            (right, above),
            (right, below),
            (left, anchor.1),
            (left, above),
            (left, below),
            (middle, above - 4),
            (middle, below + 4),
        ]
        .map(|text| Spot { text, leader: (distance > 20).then(|| nearest(anchor, text, width)) })
    })
}

/// The place on the edge of the text that is nearest to `anchor`.
fn nearest(anchor: Place, text: Place, width: i32) -> Place {
    let x = anchor.0.clamp(text.0, text.0 + width);
    let y = if x == anchor.0 { text.1 + HEIGHT / 2 * (anchor.1 - text.1).signum() } else { text.1 };
    (x, y)
}

/// What the text at `spot` covers.
fn area(spot: &Spot, width: i32) -> Area {
    (spot.text.0, spot.text.1 - HEIGHT / 2, spot.text.0 + width, spot.text.1 + HEIGHT / 2)
}

fn spanned(a: Place, b: Place, margin: i32) -> Area {
    (a.0.min(b.0) - margin, a.1.min(b.1) - margin, a.0.max(b.0) + margin, a.1.max(b.1) + margin)
}

fn size(a: Area) -> i64 {
    i64::from((a.2 - a.0).max(0)) * i64::from((a.3 - a.1).max(0))
}

fn shared(a: Area, b: Area) -> i64 {
    let overlap = (a.0.max(b.0), a.1.max(b.1), a.2.min(b.2), a.3.min(b.3));
    if overlap.2 <= overlap.0 || overlap.3 <= overlap.1 { 0 } else { size(overlap) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_points_in_one_place_do_not_cover_each_other() {
        let names = ["fixed", "hpa", "hpa_calibrated", "trim"];
        let anchors = [(100, 100); 4];
        let spots = spots(&names, &anchors, &[], ((0, 0), (400, 300)));
        for (i, a) in spots.iter().enumerate() {
            for (j, b) in spots.iter().enumerate().skip(i + 1) {
                let width = |k: usize| names[k].len() as i32 * CHARACTER_WIDTH + 6;
                assert_eq!(shared(area(a, width(i)), area(b, width(j))), 0, "{} and {}", names[i], names[j]);
            }
        }
    }

    #[test]
    fn a_name_at_the_edge_stays_inside() {
        let spot = spots(&["hpa_calibrated"], &[(395, 5)], &[], ((0, 0), (400, 300)))[0];
        assert!(spot.text.0 + 14 * CHARACTER_WIDTH + 6 <= 400 && spot.text.1 >= HEIGHT / 2, "{spot:?}");
    }
}
