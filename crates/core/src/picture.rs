//! Which pictures a channel takes, and how one that it does not take is made to
//! fit: all of it arithmetic on sizes, so that it can be tried for every size.
//!
//! Deliberately absent: bytes. What a file is and how its pixels are moved is in
//! `fanfare_channels::media`.

use serde::{Deserialize, Serialize};

/// Formats of pictures that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl PictureKind {
    /// Such as `image/jpeg`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// Of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }
}

/// In pixels, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// Width to height, both 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspect(pub u32, pub u32);

/// What is done with a picture that a channel does not take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFit {
    /// All of it is shown, on a white ground where the shape is another one.
    #[default]
    Pad,
    /// What is too much of the shape is cut off, as much on both sides.
    Crop,
    /// Nothing: the delivery fails.
    Refuse,
}

/// What a channel takes.
#[derive(Debug, Clone, Copy)]
pub struct PictureRule {
    /// In these formats.
    pub kinds: &'static [PictureKind],
    /// Largest file, in bytes.
    pub bytes_max: usize,
    /// Smallest width, 1 or more.
    pub width_min: u32,
    /// Largest width.
    pub width_max: u32,
    /// The narrowest and the widest shape; any where it is absent.
    pub shapes: Option<(Aspect, Aspect)>,
}

/// Fitted pictures are not wider than this, whatever a channel takes: no phone
/// shows more.
pub const FITTED_WIDTH_MAX: u32 = 1_440;

/// How a picture is made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Where the part that is shown begins, from the left and from the top.
    pub from: (u32, u32),
    /// That part of the picture.
    pub part: Size,
    /// What it is scaled to.
    pub scaled: Size,
    /// What it is put on, in the middle.
    pub canvas: Size,
}

impl PictureRule {
    /// Whether the channel takes this size; one that is not known only where any is
    /// taken.
    pub fn takes_size(&self, size: Option<Size>) -> bool {
        match size {
            Some(size) => {
                (self.width_min..=self.width_max).contains(&size.width)
                    && (self.height_min(size.width)..=self.height_max(size.width)).contains(&size.height)
            }
            None => self.shapes.is_none() && self.width_min <= 1 && self.width_max == u32::MAX,
        }
    }

    /// How a picture of `size` is made to fit: for every size, the canvas is one
    /// that the channel takes.
    pub fn layout(&self, size: Size, fit: ImageFit) -> Layout {
        let shape = Size {
            width: size.width.max(1),
            height: size.height.max(1),
        };
        let part = match (fit, self.shapes) {
            (ImageFit::Crop, Some(shapes)) => cut(shape, shapes),
            (ImageFit::Pad | ImageFit::Refuse | ImageFit::Crop, _) => shape,
        };
        let canvas = self.canvas(part);
        Layout {
            from: ((shape.width - part.width) / 2, (shape.height - part.height) / 2),
            part,
            scaled: within(part, canvas),
            canvas,
        }
    }

    /// The size that the channel takes and `part` lies on.
    fn canvas(&self, part: Size) -> Size {
        let most = self.width_max.min(FITTED_WIDTH_MAX).max(self.width_min);
        // Too tall, it lies on a canvas that is wider than itself.
        let wanted = match self.shapes {
            Some((Aspect(width, height), _)) => rounded_up(part.height, width, height).max(part.width),
            None => part.width,
        };
        let width = wanted.clamp(self.width_min, most);
        let height = scaled(part.height, width, part.width);
        Size {
            width,
            height: height.clamp(self.height_min(width), self.height_max(width)),
        }
    }

    /// Of the widest shape.
    fn height_min(&self, width: u32) -> u32 {
        match self.shapes {
            Some((_, Aspect(wide, high))) => rounded_up(width, high, wide).max(1),
            None => 1,
        }
    }

    /// Of the narrowest shape.
    fn height_max(&self, width: u32) -> u32 {
        match self.shapes {
            Some((Aspect(wide, high), _)) => u32::try_from(u64::from(width) * u64::from(high) / u64::from(wide.max(1)))
                .unwrap_or(u32::MAX)
                .max(1),
            None => u32::MAX,
        }
    }
}

/// The middle of it in the nearest shape that is taken.
fn cut(size: Size, (narrowest, widest): (Aspect, Aspect)) -> Size {
    let Size { width, height } = size;
    let width_max = u64::from(height) * u64::from(widest.0) / u64::from(widest.1.max(1));
    let height_max = u64::from(width) * u64::from(narrowest.1) / u64::from(narrowest.0.max(1));
    Size {
        width: u32::try_from(width_max).unwrap_or(u32::MAX).clamp(1, width),
        height: u32::try_from(height_max).unwrap_or(u32::MAX).clamp(1, height),
    }
}

/// As large as it can be on the canvas, in its own shape.
fn within(part: Size, canvas: Size) -> Size {
    let by_width = scaled(part.height, canvas.width, part.width);
    if by_width <= canvas.height {
        // A canvas is no further from the shape than rounding where it is the same.
        let height = if canvas.height - by_width <= 1 {
            canvas.height
        } else {
            by_width
        };
        return Size {
            width: canvas.width,
            height,
        };
    }
    let width = scaled(part.width, canvas.height, part.height).min(canvas.width);
    Size {
        width: if canvas.width - width <= 1 { canvas.width } else { width },
        height: canvas.height,
    }
}

/// `length` × `by` ÷ `of`, rounded; 1 at least.
fn scaled(length: u32, by: u32, of: u32) -> u32 {
    let of = u64::from(of.max(1));
    let scaled = (u64::from(length) * u64::from(by) + of / 2) / of;
    u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
}

fn rounded_up(length: u32, by: u32, of: u32) -> u32 {
    let up = (u64::from(length) * u64::from(by)).div_ceil(u64::from(of.max(1)));
    u32::try_from(up).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::validate::{instagram, kakao_channel, naver_blog};

    const RULES: [PictureRule; 3] = [instagram::PICTURE, kakao_channel::PICTURE, naver_blog::PICTURE];

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Every size there can be, those that are very long or very small too.
        #[test]
        fn whatever_its_size_the_result_is_one_that_the_channel_takes(
            (width, height) in prop_oneof![(1..=60_000_u32, 1..=60_000_u32), (1..=9_u32, 1..=65_535_u32),
                (1..=65_535_u32, 1..=9_u32), (300..=1_500_u32, 300..=1_500_u32)],
            rule in 0..RULES.len(),
            crops in any::<bool>(),
        ) {
            let (rule, picture) = (RULES[rule], size(width, height));
            let layout = rule.layout(picture, if crops { ImageFit::Crop } else { ImageFit::Pad });
            prop_assert!(rule.takes_size(Some(layout.canvas)), "{layout:?}");
            prop_assert!(layout.canvas.width <= FITTED_WIDTH_MAX);
            let Layout { from, part, scaled, canvas } = layout;
            prop_assert!(part.width > 0 && from.0 + part.width <= width, "{layout:?}");
            prop_assert!(part.height > 0 && from.1 + part.height <= height, "{layout:?}");
            prop_assert!(scaled.width > 0 && scaled.width <= canvas.width, "{layout:?}");
            prop_assert!(scaled.height > 0 && scaled.height <= canvas.height, "{layout:?}");
            if crops && rule.shapes.is_some() && width.min(height) > 500 {
                // Nothing but what was rounded is left white.
                prop_assert!(canvas.width - scaled.width <= 2 && canvas.height - scaled.height <= 2, "{layout:?}");
            }
            if !crops {
                prop_assert_eq!(part, picture);
            }
        }

        /// What is shown is not distorted, but for rounding.
        #[test]
        fn it_keeps_its_shape((width, height) in (200..=9_000_u32, 200..=9_000_u32), crops in any::<bool>()) {
            let layout = RULES[0].layout(size(width, height), if crops { ImageFit::Crop } else { ImageFit::Pad });
            let shape = |size: Size| f64::from(size.width) / f64::from(size.height);
            let (part, scaled) = (shape(layout.part), shape(layout.scaled));
            let a_pixel = 2.0 / f64::from(layout.scaled.width.min(layout.scaled.height));
            prop_assert!((part / scaled - 1.0).abs() < a_pixel, "{layout:?}");
        }
    }

    #[test]
    fn what_the_channel_s_documents_say() {
        for (rule, picture, taken) in [
            (0, size(320, 400), true),
            (0, size(1_440, 754), true),
            (0, size(319, 319), false),
            (0, size(1_441, 1_441), false),
            (0, size(1_000, 1_251), false),
            (0, size(1_440, 753), false),
            (1, size(500, 250), true),
            (1, size(4_000, 2_000), true),
            (1, size(499, 499), false),
            (1, size(1_000, 1_334), false),
            (1, size(1_000, 499), false),
            (2, size(1, 60_000), true),
        ] {
            assert_eq!(RULES[rule].takes_size(Some(picture)), taken, "{rule} {picture:?}");
        }
        assert!(!RULES[0].takes_size(None) && !RULES[1].takes_size(None) && RULES[2].takes_size(None));
    }

    #[test]
    fn a_tall_picture_is_put_on_white_or_cut() {
        let tall = size(1_000, 3_000);
        let padded = RULES[0].layout(tall, ImageFit::Pad);
        assert_eq!((padded.scaled, padded.canvas), (size(600, 1_800), size(1_440, 1_800)));
        let cut = RULES[0].layout(tall, ImageFit::Crop);
        assert_eq!((cut.from, cut.part), ((0, 875), size(1_000, 1_250)));
        assert_eq!((cut.scaled, cut.canvas), (size(1_000, 1_250), size(1_000, 1_250)));
    }

    #[test]
    fn a_wide_picture_is_put_on_white_or_cut() {
        let wide = size(4_000, 1_000);
        let padded = RULES[0].layout(wide, ImageFit::Pad);
        assert_eq!((padded.scaled, padded.canvas), (size(1_440, 360), size(1_440, 754)));
        let cut = RULES[0].layout(wide, ImageFit::Crop);
        assert_eq!((cut.from, cut.part), ((1_045, 0), size(1_910, 1_000)));
        assert_eq!(cut.canvas, size(1_440, 754));
    }
}
