//! The shared look of all charts: frame, grid, axes, lines and points, as SVG text.
//!
//! Everything is drawn at twice its size on the page, because plotters rounds to whole pixels; the style sheet
//! scales it back. Left out: what is drawn, and legends, which stand outside of the picture.

use super::axis::Axis;
use super::palette::{GRID, INK, Marker};
use maud::{Markup, PreEscaped};
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::prelude::{
    Cartesian2d, Circle, DrawingArea, IntoDrawingArea, PathElement, Polygon, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TRANSPARENT, TextStyle};

/// Drawn units for each CSS pixel.
const SCALE: i32 = 2;
/// Type size on the page, in CSS pixels.
const TYPE_SIZE: f64 = 12.5;
/// Width of a character of that type, on average, in CSS pixels.
pub(super) const CHARACTER_WIDTH: i32 = 7;
/// plotters writes a font's size divided by this.
const PLOTTERS_TYPE: f64 = 1.24;
const INFALLIBLE: &str = "drawing into a string cannot fail";

/// A chart before anything is drawn in it. Sizes are in CSS pixels.
pub(super) struct Frame<'a> {
    /// Width of the whole picture.
    pub(super) width: i32,
    /// Height of the whole picture.
    pub(super) height: i32,
    /// Room for the labels of the vertical axis.
    pub(super) left: i32,
    /// What the horizontal axis shows; empty for nothing.
    pub(super) x_title: &'a str,
    /// The horizontal axis.
    pub(super) x: Axis,
    /// The vertical axis.
    pub(super) y: Axis,
}

/// Where a chart's content is drawn.
pub(super) struct Canvas<'a, 'b> {
    chart: ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>,
    root: &'a DrawingArea<SVGBackend<'b>, Shift>,
    frame: &'a Frame<'a>,
}

/// A place in the picture, in CSS pixels from its upper left corner.
pub(super) type Place = (i32, i32);

impl Frame<'_> {
    /// The chart with `content` on top of its grid.
    pub(super) fn draw(&self, content: impl FnOnce(&Canvas<'_, '_>)) -> Markup {
        let mut svg = String::new();
        {
            let size = ((self.width * SCALE) as u32, (self.height * SCALE) as u32);
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let x_area = if self.x_title.is_empty() { 26 } else { 44 };
            let mut chart = ChartBuilder::on(&root)
                .margin_top(10 * SCALE)
                .margin_right(20 * SCALE)
                .x_label_area_size(x_area * SCALE)
                .y_label_area_size(self.left * SCALE)
                .build_cartesian_2d(self.x.clone(), self.y.clone())
                .expect(INFALLIBLE);
            chart
                .configure_mesh()
                .x_desc(self.x_title)
                .bold_line_style(GRID.stroke_width(SCALE as u32))
                .light_line_style(TRANSPARENT)
                .axis_style(INK.stroke_width(SCALE as u32))
                .label_style(text_style())
                .axis_desc_style(text_style())
                .set_all_tick_mark_size(4 * SCALE)
                .draw()
                .expect(INFALLIBLE);
            content(&Canvas { chart, root: &root, frame: self });
            root.present().expect(INFALLIBLE);
        }
        PreEscaped(svg)
    }
}

impl Canvas<'_, '_> {
    /// Where a point of the data lies, if it is finite.
    pub(super) fn place(&self, x: f64, y: f64) -> Option<Place> {
        self.drawn(x, y).map(|(x, y)| (x / SCALE, y / SCALE))
    }

    /// A line through `points`, broken where one is not finite, `width` CSS pixels wide.
    pub(super) fn line(&self, points: impl IntoIterator<Item = (f64, f64)>, colour: RGBColor, width: f64) {
        let mut run = Vec::new();
        for (x, y) in points {
            match self.drawn(x, y) {
                Some(point) => run.push(point),
                None => self.path(std::mem::take(&mut run), colour, width),
            }
        }
        self.path(run, colour, width);
    }

    /// Whether a point lies within both axes.
    pub(super) fn shows(&self, at: (f64, f64)) -> bool {
        self.frame.x.contains(at.0) && self.frame.y.contains(at.1)
    }

    /// A horizontal line over the whole width.
    pub(super) fn level(&self, y: f64, colour: RGBColor, width: f64) {
        let (low, high) = self.frame.x.ends();
        self.rule((low, y), (high, y), colour, width);
    }

    /// A vertical line over the whole height.
    pub(super) fn upright(&self, x: f64, colour: RGBColor, width: f64) {
        let (low, high) = self.frame.y.ends();
        self.rule((x, low), (x, high), colour, width);
    }

    /// One straight stroke that no dash interrupts.
    pub(super) fn rule(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) {
        let (Some(from), Some(to)) = (self.drawn(from.0, from.1), self.drawn(to.0, to.1)) else { return };
        let half = (width * f64::from(SCALE) / 2.0).round().max(1.0) as i32;
        let (across, along) = if from.1 == to.1 { (0, half) } else { (half, 0) };
        let corners = vec![
            (from.0 - across, from.1 - along),
            (to.0 - across, to.1 - along),
            (to.0 + across, to.1 + along),
            (from.0 + across, from.1 + along),
        ];
        self.root.draw(&Polygon::new(corners, colour.filled())).expect(INFALLIBLE);
    }

    /// The area between `points` and the horizontal axis.
    pub(super) fn area(&self, points: &[(f64, f64)], colour: RGBColor) {
        let (low, _) = self.frame.y.ends();
        let mut outline: Vec<(i32, i32)> =
            points.iter().filter_map(|&(x, y)| self.drawn(x, if y.is_finite() { y } else { low })).collect();
        let ends = [points.last(), points.first()];
        outline.extend(ends.into_iter().flatten().filter_map(|&(x, _)| self.drawn(x, low)));
        self.root.draw(&Polygon::new(outline, colour.mix(0.25).filled())).expect(INFALLIBLE);
    }

    /// The area between two lines, given as `(x, low, high)`.
    pub(super) fn band(&self, edges: &[(f64, f64, f64)], colour: RGBColor) {
        let low = edges.iter().filter_map(|&(x, low, _)| self.drawn(x, low));
        let high = edges.iter().rev().filter_map(|&(x, _, high)| self.drawn(x, high));
        self.root
            .draw(&Polygon::new(low.chain(high).collect::<Vec<_>>(), colour.mix(0.2).filled()))
            .expect(INFALLIBLE);
    }

    /// A point of `radius` CSS pixels; faint ones let others shine through.
    pub(super) fn point(&self, at: (f64, f64), marker: Marker, radius: f64, colour: RGBColor, opacity: f64) {
        let Some((x, y)) = self.drawn(at.0, at.1) else { return };
        let style: ShapeStyle = colour.mix(opacity).filled();
        let r = (radius * f64::from(SCALE)).round() as i32;
        let corners = match marker {
            Marker::Circle => {
                self.root.draw(&Circle::new((x, y), r, style)).expect(INFALLIBLE);
                return;
            }
            Marker::Square => vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
            Marker::Triangle => vec![(x, y - r - 1), (x + r + 1, y + r), (x - r - 1, y + r)],
            Marker::TriangleDown => vec![(x, y + r + 1), (x + r + 1, y - r), (x - r - 1, y - r)],
            Marker::Diamond => vec![(x, y - r - 2), (x + r + 2, y), (x, y + r + 2), (x - r - 2, y)],
        };
        self.root.draw(&Polygon::new(corners, style)).expect(INFALLIBLE);
    }

    /// Text whose left edge is at `place`, centred on it vertically.
    pub(super) fn text(&self, text: &str, place: Place) {
        let style = text_style().pos(Pos::new(HPos::Left, VPos::Center));
        self.root.draw_text(text, &style, (place.0 * SCALE, place.1 * SCALE)).expect(INFALLIBLE);
    }

    /// A thin line between two places.
    pub(super) fn leader(&self, from: Place, to: Place) {
        let ends = vec![(from.0 * SCALE, from.1 * SCALE), (to.0 * SCALE, to.1 * SCALE)];
        self.root.draw(&PathElement::new(ends, INK.stroke_width(SCALE as u32))).expect(INFALLIBLE);
    }

    /// Upper left and lower right corner of the part where data is drawn.
    pub(super) fn corners(&self) -> (Place, Place) {
        let (across, down) = self.chart.plotting_area().get_pixel_range();
        ((across.start / SCALE, down.start / SCALE), (across.end / SCALE, down.end / SCALE))
    }

    fn drawn(&self, x: f64, y: f64) -> Option<(i32, i32)> {
        (x.is_finite() && y.is_finite()).then(|| self.chart.backend_coord(&(x, y)))
    }

    fn path(&self, points: Vec<(i32, i32)>, colour: RGBColor, width: f64) {
        if points.len() > 1 {
            let stroke = colour.stroke_width((width * f64::from(SCALE)).round() as u32);
            self.root.draw(&PathElement::new(points, stroke)).expect(INFALLIBLE);
        }
    }
}

/// The type of labels, in drawn units.
fn text_style() -> TextStyle<'static> {
    let size = TYPE_SIZE * f64::from(SCALE) * PLOTTERS_TYPE;
    TextStyle::from(FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal)).color(&INK)
}
