//! The pictures of the example shops, one module each, and what they share:
//! the size, a repeatable scatter and a few motifs.
//!
//! Not here: words in the picture. The channels print the shop's title and
//! text beside it, and a font would be the only binary input of the drawing.

pub(crate) mod bakery;
mod blooms;
mod breads;
mod cup;
pub(crate) mod flower_shop;
mod macarons;
mod petals;
pub(crate) mod spring_coffee;
mod street;
mod view;
mod wrapping;

use crate::canvas::{Canvas, Color, Paint};
use crate::combine::{Common, Joined};
use crate::shape::{Block, Circle, Point, Shape, at};

/// Instagram's tallest portrait, 4:5, which Kakao's and the IPTV channel's
/// limits take as well.
pub(crate) const WIDTH: u16 = 1080;
pub(crate) const HEIGHT: u16 = 1350;

/// Numbers that look thrown about but are the same every time.
struct Scatter(u64);

impl Scatter {
    /// The next number between two limits.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        // SplitMix64; its upper half becomes a fraction.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let upper = u32::try_from(word >> 32).unwrap_or(u32::MAX);
        low + (high - low) * f64::from(upper) / f64::from(u32::MAX)
    }

    /// The next place inside a rectangle given by two corners.
    fn place(&mut self, one: Point, two: Point) -> Point {
        at(self.between(one.x, two.x), self.between(one.y, two.y))
    }
}

/// A flat-bottomed cloud, `size` pixels to either side of its middle.
fn cloud(canvas: &mut Canvas, middle: Point, size: f64, color: Color) {
    let sky = Block::new(middle.x - size * 2.0, middle.y - size * 2.0, size * 4.0, size * 2.0);
    let puffs = [
        (-0.55, -0.1, 0.32),
        (-0.15, -0.28, 0.42),
        (0.32, -0.18, 0.36),
        (0.68, -0.05, 0.22),
    ]
    .map(|(x, y, radius)| Circle(middle + at(x, y) * size, radius * size));
    let base = Block::new(middle.x - size * 0.95, middle.y - size * 0.2, size * 1.9, size * 0.2);
    let base = base.round(size * 0.1);
    let mut parts: Vec<&dyn Shape> = vec![&base];
    parts.extend(puffs.iter().map(|puff| -> &dyn Shape { puff }));
    let paint = Paint::down(middle.y - size * 0.6, middle.y, color, color.fade(0.7));
    canvas.fill(&Common(&Joined(&parts), &sky), paint);
}
