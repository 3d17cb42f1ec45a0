//! A small anti-aliased canvas: colours, gradients, and one way to lay a shape
//! down.
//!
//! Shapes say how far a point is from their edge (see `shape`), so a sharp
//! edge, a soft shadow and a glow differ only in how wide the edge fades. Not
//! here: fonts, bitmaps, and any knowledge of what is drawn.

use anyhow::{Context as _, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::shape::{Bounds, Point, Shape, at};

/// Side of the squares that are skipped or filled without a closer look.
const TILE: u16 = 8;
/// Half the diagonal of such a square, rounded up.
const TILE_REACH: f64 = 5.7;

/// sRGB with opacity; every part from 0 to 1.
#[derive(Clone, Copy)]
pub(crate) struct Color {
    red: f64,
    green: f64,
    blue: f64,
    opacity: f64,
}

/// The colour written `0xRR_GG_BB`.
pub(crate) fn hex(code: u32) -> Color {
    let [_, red, green, blue] = code.to_be_bytes().map(|part| f64::from(part) / 255.0);
    Color {
        red,
        green,
        blue,
        opacity: 1.0,
    }
}

impl Color {
    pub(crate) fn fade(self, opacity: f64) -> Self {
        Self {
            opacity: self.opacity * opacity,
            ..self
        }
    }

    /// The colour a part of the way (0 to 1) towards another.
    pub(crate) fn mix(self, other: Self, part: f64) -> Self {
        let blend = |one: f64, two: f64| one + (two - one) * part;
        Self {
            red: blend(self.red, other.red),
            green: blend(self.green, other.green),
            blue: blend(self.blue, other.blue),
            opacity: blend(self.opacity, other.opacity),
        }
    }

    pub(crate) fn lighter(self, part: f64) -> Self {
        self.mix(hex(0xff_ff_ff).fade(self.opacity), part)
    }

    /// Towards a warm dark brown, which shades more kindly than black.
    pub(crate) fn darker(self, part: f64) -> Self {
        self.mix(hex(0x3a_1f_1c).fade(self.opacity), part)
    }

    fn over(self, below: Self, coverage: f64) -> Self {
        let mixed = below.mix(self, self.opacity * coverage);
        Self { opacity: 1.0, ..mixed }
    }
}

/// What a shape is filled with.
#[derive(Clone, Copy)]
pub(crate) enum Paint {
    Flat(Color),
    /// From the first point to the second.
    Linear(Point, Point, Color, Color),
    /// From the centre to the radius.
    Radial(Point, f64, Color, Color),
}

impl From<Color> for Paint {
    fn from(color: Color) -> Self {
        Self::Flat(color)
    }
}

impl Paint {
    pub(crate) fn down(top: f64, bottom: f64, from: Color, to: Color) -> Self {
        Self::Linear(at(0.0, top), at(0.0, bottom), from, to)
    }

    pub(crate) fn across(left: f64, right: f64, from: Color, to: Color) -> Self {
        Self::Linear(at(left, 0.0), at(right, 0.0), from, to)
    }

    fn color(&self, place: Point) -> Color {
        match *self {
            Self::Flat(color) => color,
            Self::Linear(start, end, from, to) => {
                let along = end - start;
                let part = (place - start).dot(along) / along.dot(along);
                from.mix(to, ease(part))
            }
            Self::Radial(center, radius, inner, outer) => inner.mix(outer, ease((place - center).length() / radius)),
        }
    }
}

/// A ramp from 0 to 1 without corners at either end.
fn ease(part: f64) -> f64 {
    let part = part.clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// The whole number below, held between two limits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type just before"
)]
fn whole(value: f64, most: u16) -> u16 {
    value.floor().clamp(0.0, f64::from(most)) as u16
}

pub(crate) struct Canvas {
    width: u16,
    height: u16,
    pixels: Vec<Color>,
}

/// One layer of paint: how wide its edge fades and what it must stay inside.
struct Layer<'a> {
    shape: &'a dyn Shape,
    clip: Option<&'a dyn Shape>,
    feather: f64,
    paint: Paint,
}

impl Layer<'_> {
    fn coverage(&self, place: Point) -> f64 {
        let distance = self.shape.distance(place);
        let own = if self.feather > 0.5 {
            ease(0.5 - distance / (2.0 * self.feather))
        } else {
            (0.5 - distance).clamp(0.0, 1.0)
        };
        match self.clip {
            Some(clip) if own > 0.0 => own * (0.5 - clip.distance(place)).clamp(0.0, 1.0),
            _ => own,
        }
    }

    /// The coverage all over a tile, where it is the same.
    fn uniform(&self, middle: Point) -> Option<f64> {
        let reach = TILE_REACH + self.feather.max(0.5);
        let distance = self.shape.distance(middle);
        if distance > reach {
            return Some(0.0);
        }
        let clip = self.clip.map_or(f64::MIN, |clip| clip.distance(middle));
        if clip > TILE_REACH + 0.5 {
            return Some(0.0);
        }
        (distance < -reach && clip < -TILE_REACH - 0.5).then_some(1.0)
    }

    fn bounds(&self) -> Bounds {
        let inner = self.shape.bounds();
        let grow = at(self.feather + 1.0, self.feather + 1.0);
        Bounds {
            min: inner.min - grow,
            max: inner.max + grow,
        }
    }
}

impl Canvas {
    pub(crate) fn new(width: u16, height: u16, ground: Paint) -> Self {
        let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height));
        for row in 0..height {
            pixels.extend((0..width).map(|column| ground.color(middle(column, row))));
        }
        Self { width, height, pixels }
    }

    /// Fills a shape up to its crisp edge.
    pub(crate) fn fill(&mut self, shape: &dyn Shape, paint: impl Into<Paint>) {
        self.lay(&Layer {
            shape,
            clip: None,
            feather: 0.0,
            paint: paint.into(),
        });
    }

    /// Fills a shape whose edge fades over `feather` pixels to either side.
    pub(crate) fn soft(&mut self, shape: &dyn Shape, feather: f64, paint: impl Into<Paint>) {
        self.lay(&Layer {
            shape,
            clip: None,
            feather,
            paint: paint.into(),
        });
    }

    /// The same, but only inside of another shape: shading, highlights.
    pub(crate) fn shade(&mut self, clip: &dyn Shape, shape: &dyn Shape, feather: f64, paint: impl Into<Paint>) {
        self.lay(&Layer {
            shape,
            clip: Some(clip),
            feather,
            paint: paint.into(),
        });
    }

    fn lay(&mut self, layer: &Layer<'_>) {
        let Bounds { min, max } = layer.bounds();
        if max.x < 0.0 || max.y < 0.0 {
            return;
        }
        let (left, right) = (whole(min.x, self.width), whole(max.x, self.width));
        let (top, bottom) = (whole(min.y, self.height), whole(max.y, self.height));
        for tile_top in (top - top % TILE..=bottom).step_by(TILE.into()) {
            for tile_left in (left - left % TILE..=right).step_by(TILE.into()) {
                self.tile(layer, tile_left, tile_top);
            }
        }
    }

    fn tile(&mut self, layer: &Layer<'_>, left: u16, top: u16) {
        let half = f64::from(TILE) / 2.0;
        let known = layer.uniform(at(f64::from(left) + half, f64::from(top) + half));
        if known.is_some_and(|coverage| coverage <= 0.0) {
            return;
        }
        for row in top..(top + TILE).min(self.height) {
            for column in left..(left + TILE).min(self.width) {
                let place = middle(column, row);
                let coverage = known.unwrap_or_else(|| layer.coverage(place));
                if coverage > 0.0 {
                    let index = usize::from(row) * usize::from(self.width) + usize::from(column);
                    let pixel = &mut self.pixels[index];
                    *pixel = layer.paint.color(place).over(*pixel, coverage);
                }
            }
        }
    }

    /// The picture as a JPEG file; untagged, which every reader takes as sRGB.
    pub(crate) fn jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
        for pixel in &self.pixels {
            for part in [pixel.red, pixel.green, pixel.blue] {
                bytes.push(u8::try_from(whole(part * 255.0 + 0.5, 255))?);
            }
        }
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality)
            .write_image(&bytes, self.width.into(), self.height.into(), ExtendedColorType::Rgb8)
            .context("encoding the picture")?;
        Ok(file)
    }
}

fn middle(column: u16, row: u16) -> Point {
    at(f64::from(column) + 0.5, f64::from(row) + 0.5)
}
