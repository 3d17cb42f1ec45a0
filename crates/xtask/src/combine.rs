//! Shapes made of other shapes: what they share, their union, rim and shift.
//!
//! Not here: cutting one shape out of another, which no picture needs.

use crate::shape::{Bounds, Point, Shape, at};

/// What two shapes have in common.
pub(crate) struct Common<'a>(pub(crate) &'a dyn Shape, pub(crate) &'a dyn Shape);

impl Shape for Common<'_> {
    fn bounds(&self) -> Bounds {
        let (one, two) = (self.0.bounds(), self.1.bounds());
        Bounds {
            min: at(one.min.x.max(two.min.x), one.min.y.max(two.min.y)),
            max: at(one.max.x.min(two.max.x), one.max.y.min(two.max.y)),
        }
    }

    fn distance(&self, place: Point) -> f64 {
        self.0.distance(place).max(self.1.distance(place))
    }
}

/// All that is in any of the shapes, with one edge around the whole.
pub(crate) struct Joined<'a>(pub(crate) &'a [&'a dyn Shape]);

impl Shape for Joined<'_> {
    fn bounds(&self) -> Bounds {
        let mut all = Bounds {
            min: at(f64::MAX, f64::MAX),
            max: at(f64::MIN, f64::MIN),
        };
        for part in self.0.iter().map(|shape| shape.bounds()) {
            all.min = at(all.min.x.min(part.min.x), all.min.y.min(part.min.y));
            all.max = at(all.max.x.max(part.max.x), all.max.y.max(part.max.y));
        }
        all
    }

    fn distance(&self, place: Point) -> f64 {
        let parts = self.0.iter().map(|shape| shape.distance(place));
        parts.fold(f64::MAX, f64::min)
    }
}

/// The line around a shape, so many pixels to either side of its edge.
pub(crate) struct Rim<'a>(pub(crate) &'a dyn Shape, pub(crate) f64);

impl Shape for Rim<'_> {
    fn bounds(&self) -> Bounds {
        Moved(self.0, at(0.0, 0.0), self.1).bounds()
    }

    fn distance(&self, place: Point) -> f64 {
        self.0.distance(place).abs() - self.1
    }
}

/// A shape moved by an offset and grown on every side.
pub(crate) struct Moved<'a>(pub(crate) &'a dyn Shape, pub(crate) Point, pub(crate) f64);

impl Shape for Moved<'_> {
    fn bounds(&self) -> Bounds {
        let inner = self.0.bounds();
        let grow = at(self.2, self.2);
        Bounds {
            min: inner.min + self.1 - grow,
            max: inner.max + self.1 + grow,
        }
    }

    fn distance(&self, place: Point) -> f64 {
        self.0.distance(place - self.1) - self.2
    }
}
