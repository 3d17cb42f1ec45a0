//! Shapes with a free outline: polygons, smooth closed curves and brush strokes.
//!
//! A curve is given by the few points it runs through and is flattened into
//! short straight pieces. Not here: control-point curves, which are harder to
//! write by hand than points on the line itself.

use crate::shape::{Bounds, Point, Shape, at};

/// Straight pieces between two given points of a curve.
const PIECES: u8 = 10;

/// The curve through `one` and `two`, its slope taken from the neighbours.
fn between(before: Point, one: Point, two: Point, after: Point, part: f64) -> Point {
    let leaving = (two - before) * 0.5;
    let arriving = (after - one) * 0.5;
    let square = part * part;
    let cube = square * part;
    one * (2.0 * cube - 3.0 * square + 1.0)
        + leaving * (cube - 2.0 * square + part)
        + two * (3.0 * square - 2.0 * cube)
        + arriving * (cube - square)
}

/// A point of one curve piece: a fraction from 0 up to but without 1.
fn fractions() -> impl Iterator<Item = f64> {
    (0..PIECES).map(|piece| f64::from(piece) / f64::from(PIECES))
}

fn bounds(points: &[Point], margin: f64) -> Bounds {
    let mut all = Bounds {
        min: at(f64::MAX, f64::MAX),
        max: at(f64::MIN, f64::MIN),
    };
    for point in points {
        all.min = at(all.min.x.min(point.x - margin), all.min.y.min(point.y - margin));
        all.max = at(all.max.x.max(point.x + margin), all.max.y.max(point.y + margin));
    }
    all
}

/// Where on the piece from `one` to `two` the closest point lies (0 to 1), and
/// how far away it is.
fn nearest(place: Point, one: Point, two: Point) -> (f64, f64) {
    let along = two - one;
    let offset = place - one;
    let part = (offset.dot(along) / along.dot(along).max(1e-12)).clamp(0.0, 1.0);
    (part, (offset - along * part).length())
}

/// A closed outline.
pub(crate) struct Polygon(Vec<Point>);

impl Polygon {
    /// Straight edges between the corners.
    pub(crate) fn new(corners: &[Point]) -> Self {
        Self(corners.to_vec())
    }

    /// A smooth closed curve through the points.
    pub(crate) fn smooth(through: &[Point]) -> Self {
        let count = through.len();
        let mut outline = Vec::new();
        for index in 0..count {
            let [before, one, two, after] = [count - 1, 0, 1, 2].map(|shift| through[(index + shift) % count]);
            outline.extend(fractions().map(|part| between(before, one, two, after, part)));
        }
        Self(outline)
    }
}

impl Shape for Polygon {
    fn bounds(&self) -> Bounds {
        bounds(&self.0, 0.0)
    }

    fn distance(&self, place: Point) -> f64 {
        let mut closest = f64::MAX;
        let mut inside = false;
        let ends = self.0.iter().skip(1).chain(self.0.first());
        for (&one, &two) in self.0.iter().zip(ends) {
            closest = closest.min(nearest(place, one, two).1);
            if (one.y > place.y) != (two.y > place.y) {
                let crossing = one.x + (place.y - one.y) / (two.y - one.y) * (two.x - one.x);
                inside ^= place.x < crossing;
            }
        }
        if inside { -closest } else { closest }
    }
}

/// An open line with round ends that may grow thinner towards its end.
pub(crate) struct Stroke {
    line: Vec<Point>,
    thick: f64,
    thin: f64,
}

impl Stroke {
    /// A smooth line through the points, `width` pixels wide.
    pub(crate) fn new(through: &[Point], width: f64) -> Self {
        Self::tapered(through, width, width)
    }

    /// A smooth line from one width to another.
    pub(crate) fn tapered(through: &[Point], from: f64, to: f64) -> Self {
        let mut line = Vec::new();
        let last = through.len().saturating_sub(1);
        for index in 0..last {
            let before = through[index.saturating_sub(1)];
            let after = through[(index + 2).min(last)];
            let (one, two) = (through[index], through[index + 1]);
            line.extend(fractions().map(|part| between(before, one, two, after, part)));
        }
        line.extend(through.last());
        Self {
            line,
            thick: from / 2.0,
            thin: to / 2.0,
        }
    }
}

impl Shape for Stroke {
    fn bounds(&self) -> Bounds {
        bounds(&self.line, self.thick.max(self.thin))
    }

    fn distance(&self, place: Point) -> f64 {
        let pieces = self.line.len().saturating_sub(1).max(1);
        let step = (self.thin - self.thick) / f64::from(u32::try_from(pieces).unwrap_or(u32::MAX));
        let mut closest = f64::MAX;
        let mut radius = self.thick;
        for pair in self.line.windows(2) {
            let (part, away) = nearest(place, pair[0], pair[1]);
            closest = closest.min(away - radius - step * part);
            radius += step;
        }
        closest
    }
}
