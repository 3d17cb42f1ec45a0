//! Shapes as signed distances: negative inside, positive outside.
//!
//! One number per point gives a crisp anti-aliased edge, a blurred shadow and
//! the intersection of two shapes alike, so the canvas needs only one way to
//! draw. Not here: colour, outlines made of curves (`outline`), and shapes made
//! of other shapes (`combine`).

use std::ops::{Add, Mul, Sub};

use crate::trig::{cosine, sine};

/// A place on the canvas, in pixels from the top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

pub(crate) const fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

impl Point {
    pub(crate) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    pub(crate) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        at(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        at(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, by: f64) -> Self {
        at(self.x * by, self.y * by)
    }
}

/// A moved, turned and scaled set of axes in which a motif is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) origin: Point,
    pub(crate) turns: f64,
    pub(crate) scale: f64,
    right: Point,
}

impl Frame {
    pub(crate) fn new(origin: Point, turns: f64, scale: f64) -> Self {
        Self {
            origin,
            turns,
            scale,
            right: at(cosine(turns), sine(turns)) * scale,
        }
    }

    /// The canvas point of local coordinates.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        self.origin + at(self.right.x * x - self.right.y * y, self.right.y * x + self.right.x * y)
    }

    /// Canvas points of many local coordinates.
    pub(crate) fn points(&self, local: &[(f64, f64)]) -> Vec<Point> {
        local.iter().map(|&(x, y)| self.at(x, y)).collect()
    }

    /// An ellipse given in local coordinates, turned further by `turns`.
    pub(crate) fn ellipse(&self, center: (f64, f64), radii: (f64, f64), turns: f64) -> Ellipse {
        Ellipse::turned(
            self.at(center.0, center.1),
            radii.0 * self.scale,
            radii.1 * self.scale,
            self.turns + turns,
        )
    }

    /// A circle given in local coordinates.
    pub(crate) fn circle(&self, x: f64, y: f64, radius: f64) -> Circle {
        Circle(self.at(x, y), radius * self.scale)
    }
}

/// The corners of a shape's bounding box.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) min: Point,
    pub(crate) max: Point,
}

pub(crate) trait Shape {
    fn bounds(&self) -> Bounds;
    fn distance(&self, place: Point) -> f64;
}

pub(crate) struct Circle(pub(crate) Point, pub(crate) f64);

impl Shape for Circle {
    fn bounds(&self) -> Bounds {
        let reach = at(self.1, self.1);
        Bounds {
            min: self.0 - reach,
            max: self.0 + reach,
        }
    }

    fn distance(&self, place: Point) -> f64 {
        (place - self.0).length() - self.1
    }
}

pub(crate) struct Ellipse {
    center: Point,
    radii: Point,
    axis: Point,
}

impl Ellipse {
    pub(crate) fn new(center: Point, horizontal: f64, vertical: f64) -> Self {
        Self::turned(center, horizontal, vertical, 0.0)
    }

    pub(crate) fn turned(center: Point, horizontal: f64, vertical: f64, turns: f64) -> Self {
        Self {
            center,
            radii: at(horizontal, vertical),
            axis: at(cosine(turns), sine(turns)),
        }
    }
}

impl Shape for Ellipse {
    fn bounds(&self) -> Bounds {
        let along = at(self.radii.x * self.axis.x, self.radii.y * self.axis.y).length();
        let down = at(self.radii.x * self.axis.y, self.radii.y * self.axis.x).length();
        Bounds {
            min: self.center - at(along, down),
            max: self.center + at(along, down),
        }
    }

    /// Exact on the edge, close to it elsewhere: enough for an edge of a pixel.
    fn distance(&self, place: Point) -> f64 {
        let offset = place - self.center;
        let local = at(offset.dot(self.axis), offset.y * self.axis.x - offset.x * self.axis.y);
        let unit = at(local.x / self.radii.x, local.y / self.radii.y);
        let slope = at(unit.x / self.radii.x, unit.y / self.radii.y).length();
        if slope < 1e-9 {
            return -self.radii.x.min(self.radii.y);
        }
        let reach = unit.length();
        reach * (reach - 1.0) / slope
    }
}

/// A flat ellipse measured in its own squashed space, so that its soft edge
/// widens along with it: the shadow of something standing on a table.
pub(crate) struct Pool(pub(crate) Point, pub(crate) f64, pub(crate) f64);

impl Shape for Pool {
    /// Room for an edge up to twice the smaller radius.
    fn bounds(&self) -> Bounds {
        let reach = at(self.1, self.2) * 3.0;
        Bounds {
            min: self.0 - reach,
            max: self.0 + reach,
        }
    }

    fn distance(&self, place: Point) -> f64 {
        let offset = place - self.0;
        (at(offset.x / self.1, offset.y / self.2).length() - 1.0) * self.1.min(self.2)
    }
}

/// An upright rectangle whose upper and lower corners may differ.
pub(crate) struct Block {
    center: Point,
    half: Point,
    upper: f64,
    lower: f64,
}

impl Block {
    /// From the top left corner, width and height; corners are square.
    pub(crate) fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self {
            center: at(left + width / 2.0, top + height / 2.0),
            half: at(width / 2.0, height / 2.0),
            upper: 0.0,
            lower: 0.0,
        }
    }

    pub(crate) fn round(self, radius: f64) -> Self {
        self.rounds(radius, radius)
    }

    pub(crate) fn rounds(self, upper: f64, lower: f64) -> Self {
        let most = self.half.x.min(self.half.y);
        Self {
            upper: upper.min(most),
            lower: lower.min(most),
            ..self
        }
    }
}

impl Shape for Block {
    fn bounds(&self) -> Bounds {
        Bounds {
            min: self.center - self.half,
            max: self.center + self.half,
        }
    }

    fn distance(&self, place: Point) -> f64 {
        let offset = place - self.center;
        let radius = if offset.y < 0.0 { self.upper } else { self.lower };
        let beyond = at(
            offset.x.abs() - self.half.x + radius,
            offset.y.abs() - self.half.y + radius,
        );
        let outside = at(beyond.x.max(0.0), beyond.y.max(0.0)).length();
        outside + beyond.x.max(beyond.y).min(0.0) - radius
    }
}
