//! Makes a picture fit: decoded, turned upright, scaled, put on white or cut, and
//! written as a JPEG. Pure, and slow: never on a thread that others wait for.
//!
//! What a camera wrote beside the pixels (place, time, owner) is left out; the
//! colours' profile is kept.

use std::borrow::Cow;
use std::io::Cursor;

use fanfare_core::picture::{Layout, PictureKind, Size};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use png::Transformations;

use super::MediaError;
use super::sniff::{broken, jpeg, orientation};

/// Of a decoded picture so many pixels are kept at most: halved once more it would
/// have fewer than channels are sent.
pub(super) const WORKING_PIXELS: u32 = 4 * 1_440 * 1_440;

/// The last is far below what any channel's limit asks for.
const QUALITIES: [u8; 4] = [90, 80, 65, 45];

/// Of a colour profile; cameras' have some hundred bytes.
const PROFILE_MAX: usize = 64 * 1_024;

/// Three bytes a pixel, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) size: Size,
    rgb: Vec<u8>,
}

/// A decoded picture, upright, as far as channels can use it.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) pixels: Pixels,
    /// Of its colours.
    profile: Option<Vec<u8>>,
}

impl Working {
    /// Decodes a file that was sniffed.
    pub(super) fn of(bytes: &[u8], kind: PictureKind) -> Result<Self, MediaError> {
        let (pixels, profile, turn) = match kind {
            PictureKind::Jpeg => decode_jpeg(bytes)?,
            PictureKind::Png => decode_png(bytes)?,
            PictureKind::Gif | PictureKind::Webp => return Err(broken("it can't be decoded here")),
        };
        let mut working = pixels;
        while working.is_large() {
            working = working.halved();
        }
        Ok(Self {
            pixels: working.upright(turn),
            profile: profile.filter(|profile| profile.len() <= PROFILE_MAX && profile.get(16..20) == Some(b"RGB ")),
        })
    }

    /// As a JPEG of at most so many bytes; `None` where even the least is more.
    pub(super) fn fitted(&self, layout: &Layout, bytes_max: usize) -> Result<Option<Vec<u8>>, MediaError> {
        let Layout {
            from,
            part,
            scaled,
            canvas,
        } = *layout;
        let shown = self.pixels.scaled(from, part, scaled).on_white(canvas);
        for quality in QUALITIES {
            let written = shown.as_jpeg(quality, self.profile.as_deref())?;
            if written.len() <= bytes_max {
                return Ok(Some(written));
            }
        }
        Ok(None)
    }
}

type Decoded = (Pixels, Option<Vec<u8>>, u16);

fn decode_jpeg(bytes: &[u8]) -> Result<Decoded, MediaError> {
    let mut decoder = jpeg(bytes)?;
    let turn = decoder.exif().map_or(1, |exif| orientation(exif));
    let profile = decoder.icc_profile();
    let rgb = decoder.decode().map_err(broken)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    Ok((Pixels::new(width, height, rgb)?, profile, turn))
}

fn decode_png(bytes: &[u8]) -> Result<Decoded, MediaError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(broken)?;
    if !has_whole_colours(reader.info()) {
        return Err(broken("its palette is not whole"));
    }
    let length = reader.output_buffer_size().ok_or_else(|| broken("it is too large"))?;
    let mut raw = vec![0; length];
    let frame = reader.next_frame(&mut raw).map_err(broken)?;
    let info = reader.info();
    let profile = info.icc_profile.as_ref().map(|profile| profile.to_vec());
    let turn = info.exif_metadata.as_ref().map_or(1, |exif| orientation(exif));
    let rgb = match reader.output_color_type().0 {
        png::ColorType::Rgb => raw,
        png::ColorType::Rgba => {
            raw = on_white(raw);
            raw
        }
        png::ColorType::Grayscale => raw.iter().flat_map(|gray| [*gray; 3]).collect(),
        png::ColorType::GrayscaleAlpha => {
            let flat = raw.chunks_exact(2);
            flat.flat_map(|pixel| [over_white(pixel[0], pixel[1]); 3]).collect()
        }
        png::ColorType::Indexed => return Err(broken("its palette was not expanded")),
    };
    let (width, height) = (frame.width as usize, frame.height as usize);
    Ok((Pixels::new(width, height, rgb)?, profile, turn))
}

/// The decoder takes for granted that a palette has whole colours, and no more
/// transparencies than colours: it panics where not.
fn has_whole_colours(info: &png::Info<'_>) -> bool {
    let length = |part: &Option<Cow<'_, [u8]>>| part.as_ref().map_or(0, |part| part.len());
    let (palette, transparent) = (length(&info.palette), length(&info.trns));
    let is_whole = palette % 3 == 0 && palette / 3 <= 256 && transparent <= palette / 3;
    info.color_type != png::ColorType::Indexed || is_whole
}

/// Four bytes a pixel to three, in place: a large picture is held once.
fn on_white(mut rgba: Vec<u8>) -> Vec<u8> {
    let pixels = rgba.len() / 4;
    for pixel in 0..pixels {
        let alpha = rgba[pixel * 4 + 3];
        for channel in 0..3 {
            rgba[pixel * 3 + channel] = over_white(rgba[pixel * 4 + channel], alpha);
        }
    }
    rgba.truncate(pixels * 3);
    rgba
}

fn over_white(colour: u8, alpha: u8) -> u8 {
    let mixed = u32::from(colour) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
    u8::try_from((mixed + 127) / 255).unwrap_or(u8::MAX)
}

impl Pixels {
    fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, MediaError> {
        let narrowed = |length| u32::try_from(length).map_err(broken);
        let size = Size {
            width: narrowed(width)?,
            height: narrowed(height)?,
        };
        if width * height * 3 != rgb.len() || rgb.is_empty() {
            return Err(broken("its pixels are not as many as its header says"));
        }
        Ok(Self { size, rgb })
    }

    fn row(&self, number: usize) -> &[u8] {
        let length = self.size.width as usize * 3;
        &self.rgb[number * length..(number + 1) * length]
    }

    /// Whether half of it is enough. What is a pixel high or wide can't be halved.
    fn is_large(&self) -> bool {
        let Size { width, height } = self.size;
        u64::from(width) * u64::from(height) > u64::from(WORKING_PIXELS) && width > 1 && height > 1
    }

    /// Half as wide and high: quicker than [`Self::scaled`]. An odd last row or column
    /// is left out.
    fn halved(&self) -> Self {
        let size = Size {
            width: self.size.width / 2,
            height: self.size.height / 2,
        };
        let length = size.width as usize * 3;
        let mut rgb = vec![0; length * size.height as usize];
        let mut sums = vec![0_u16; length * 2];
        for (y, row) in rgb.chunks_exact_mut(length).enumerate() {
            let pairs = self.row(2 * y).iter().zip(self.row(2 * y + 1));
            for (sum, (upper, lower)) in sums.iter_mut().zip(pairs) {
                *sum = u16::from(*upper) + u16::from(*lower);
            }
            let pairs = sums.as_chunks::<6>().0;
            for (new, old) in row.as_chunks_mut::<3>().0.iter_mut().zip(pairs) {
                let mean = |left: u16, right: u16| ((left + right + 2) / 4).to_le_bytes()[0];
                *new = [mean(old[0], old[3]), mean(old[1], old[4]), mean(old[2], old[5])];
            }
        }
        Self { size, rgb }
    }

    /// A part of it, in another size: each pixel is the mean of those that it covers,
    /// or, where it is larger, lies between its neighbours.
    fn scaled(&self, from: (u32, u32), part: Size, to: Size) -> Self {
        if from == (0, 0) && part == self.size && to == self.size {
            return self.clone();
        }
        let columns = taps(part.width, to.width);
        let (left, width) = (from.0 as usize * 3, part.width as usize);
        let length = to.width as usize * 3;
        let mut rgb = vec![0; length * to.height as usize];
        // Rows first: whole rows are added at once. Four numbers a pixel, of which one stays
        // nothing, are what processors add at a time.
        let mut row = vec![[0_u16; 4]; width];
        let lines = rgb.chunks_exact_mut(length).zip(taps(part.height, to.height));
        for (line, Tap { first, weights }) in lines {
            row.fill([0; 4]);
            for (number, weight) in weights.into_iter().enumerate() {
                let source = &self.row(from.1 as usize + first + number)[left..left + width * 3];
                for (sums, [red, green, blue]) in row.iter_mut().zip(source.as_chunks::<3>().0) {
                    sums[0] += u16::from(*red) * weight;
                    sums[1] += u16::from(*green) * weight;
                    sums[2] += u16::from(*blue) * weight;
                }
            }
            for (new, Tap { first, weights }) in line.as_chunks_mut::<3>().0.iter_mut().zip(&columns) {
                // By places: with `lto = "off"` zips and maps of arrays stay calls, here one a pixel.
                let mut sums = [ROUNDING; 4];
                for (number, weight) in weights.iter().enumerate() {
                    let (pixel, weight) = (row[first + number], u32::from(*weight));
                    sums[0] += u32::from(pixel[0]) * weight;
                    sums[1] += u32::from(pixel[1]) * weight;
                    sums[2] += u32::from(pixel[2]) * weight;
                    sums[3] += u32::from(pixel[3]) * weight;
                }
                let high = |sum: u32| sum.to_le_bytes()[2];
                *new = [high(sums[0]), high(sums[1]), high(sums[2])];
            }
        }
        Self { size: to, rgb }
    }

    /// In the middle of a white ground.
    fn on_white(self, canvas: Size) -> Self {
        if self.size == canvas {
            return self;
        }
        let width = canvas.width as usize * 3;
        let mut rgb = vec![u8::MAX; width * canvas.height as usize];
        let left = (canvas.width - self.size.width) as usize / 2 * 3;
        let top = (canvas.height - self.size.height) as usize / 2;
        for number in 0..self.size.height as usize {
            let row = self.row(number);
            let at = (top + number) * width + left;
            rgb[at..at + row.len()].copy_from_slice(row);
        }
        Self { size: canvas, rgb }
    }

    /// As the camera was held.
    fn upright(self, turn: u16) -> Self {
        if !(2..=8).contains(&turn) {
            return self;
        }
        let Size { width, height } = self.size;
        let size = if turn >= 5 {
            Size {
                width: height,
                height: width,
            }
        } else {
            self.size
        };
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..size.height {
            for x in 0..size.width {
                let (from_x, from_y) = match turn {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    _ => (width - 1 - y, x),
                };
                let at = (from_y as usize * width as usize + from_x as usize) * 3;
                rgb.extend_from_slice(&self.rgb[at..at + 3]);
            }
        }
        Self { size, rgb }
    }

    fn as_jpeg(&self, quality: u8, profile: Option<&[u8]>) -> Result<Vec<u8>, MediaError> {
        let side = |length: u32| u16::try_from(length).map_err(broken);
        let mut written = Vec::new();
        let mut encoder = Encoder::new(&mut written, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        if let Some(profile) = profile {
            encoder.add_icc_profile(profile).map_err(broken)?;
        }
        let (width, height) = (side(self.size.width)?, side(self.size.height)?);
        encoder
            .encode(&self.rgb, width, height, ColorType::Rgb)
            .map_err(broken)?;
        Ok(written)
    }
}

/// Which of the old pixels a new one is made of, and how much of each, in parts of
/// [`WHOLE`]: together they are a whole.
struct Tap {
    first: usize,
    weights: Vec<u16>,
}

/// With bytes it stays within sixteen bits.
const WHOLE: u64 = 256;

/// Half of a step, where rows and columns are weighed.
const ROUNDING: u32 = 256 * 256 / 2;

/// One for each of `to` pixels in the place of `from`.
fn taps(from: u32, to: u32) -> Vec<Tap> {
    let (old, new) = (u64::from(from), u64::from(to));
    let tap = |first: u64, weights: Vec<u64>| Tap {
        first: usize::try_from(first).unwrap_or_default(),
        weights: weights
            .into_iter()
            .filter_map(|weight| weight.try_into().ok())
            .collect(),
    };
    let covered = |place: u64| {
        // In units of 1 ÷ (old × new): an old pixel is `new` long, a new one `old`.
        let (begin, end) = (place * old, (place + 1) * old);
        let pixels = begin / new..=(end - 1) / new;
        // What is rounded is rounded up to here, so that nothing is lost on the way.
        let until = |pixel: u64| (((pixel * new).clamp(begin, end) - begin) * WHOLE + old / 2) / old;
        tap(
            *pixels.start(),
            pixels.map(|pixel| until(pixel + 1) - until(pixel)).collect(),
        )
    };
    let between = |place: u64| {
        // The middle of the new pixel, from the middle of the first old one.
        let at = ((2 * place + 1) * old).saturating_sub(new);
        let (first, rest) = (at / (2 * new), at % (2 * new));
        let share = (rest * WHOLE + new) / (2 * new);
        let last = first + 1 >= old;
        tap(
            first.min(old - 1),
            if last { vec![WHOLE] } else { vec![WHOLE - share, share] },
        )
    };
    (0..new)
        .map(|place| if new <= old { covered(place) } else { between(place) })
        .collect()
}

#[cfg(test)]
mod tests {
    use fanfare_core::picture::{ImageFit, PictureRule};
    use fanfare_core::validate::{instagram, kakao_channel, naver_blog};

    use super::*;
    use crate::media::sample;
    use crate::media::sniff::sniff;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn fitted(bytes: &[u8], rule: &PictureRule, fit: ImageFit) -> Vec<u8> {
        let found = sniff(bytes, None).unwrap();
        let working = Working::of(bytes, found.kind).unwrap();
        let layout = rule.layout(working.pixels.size, fit);
        working.fitted(&layout, rule.bytes_max).unwrap().unwrap()
    }

    #[test]
    fn what_comes_out_is_what_the_channel_takes() {
        let pictures = [
            sample::jpeg(1, 1),
            sample::jpeg(2_000, 100),
            sample::jpeg(100, 2_000),
            sample::jpeg(1_999, 1_501),
            sample::turned(&sample::jpeg(900, 300), 8),
            sample::png(640, 641, png::ColorType::Rgba),
            sample::png(33, 7, png::ColorType::Grayscale),
            sample::png(7, 33, png::ColorType::GrayscaleAlpha),
        ];
        for rule in [&instagram::PICTURE, &kakao_channel::PICTURE, &naver_blog::PICTURE] {
            for picture in &pictures {
                for fit in [ImageFit::Pad, ImageFit::Crop] {
                    let made = fitted(picture, rule, fit);
                    let found = sniff(&made, Some("image/jpeg")).unwrap();
                    assert!(rule.takes_size(found.size), "{found:?}");
                    assert!(rule.kinds.contains(&found.kind) && made.len() <= rule.bytes_max);
                }
            }
        }
    }

    #[test]
    fn padding_is_white_and_the_picture_stays_in_the_middle() {
        let black = Pixels {
            size: size(4, 2),
            rgb: vec![0; 24],
        };
        let padded = black.on_white(size(4, 4));
        let white = [255; 12];
        assert_eq!((padded.row(0), padded.row(3)), (&white[..], &white[..]));
        assert_eq!((padded.row(1), padded.row(2)), (&[0; 12][..], &[0; 12][..]));
    }

    #[test]
    fn a_smaller_pixel_is_the_mean_of_what_it_covers() {
        let line = Pixels {
            size: size(4, 1),
            rgb: [[0; 3], [100; 3], [200; 3], [100; 3]].concat(),
        };
        assert_eq!(
            line.scaled((0, 0), size(4, 1), size(2, 1)).rgb,
            [[50; 3], [150; 3]].concat()
        );
        assert_eq!(line.scaled((1, 0), size(2, 1), size(1, 1)).rgb, [150; 3]);
        // 0, 100 ÷ 3 of the second …
        assert_eq!(line.scaled((0, 0), size(4, 1), size(3, 1)).rgb[..3], [25; 3]);
        let larger = line.scaled((0, 0), size(4, 1), size(8, 1));
        assert_eq!(
            (larger.rgb[0], larger.rgb[3], larger.rgb[6], larger.rgb[21]),
            (0, 25, 75, 100)
        );
    }

    #[test]
    fn every_tap_weighs_one_and_stays_inside() {
        for from in 1..60 {
            for to in 1..130 {
                for tap in taps(from, to) {
                    assert_eq!(tap.weights.iter().sum::<u16>(), 256, "{from} {to}");
                    assert!(tap.first + tap.weights.len() <= from as usize, "{from} {to}");
                }
            }
        }
    }

    /// The corner that is red is seen at the top left, however the camera was held.
    #[test]
    fn it_is_turned_upright() {
        let red_at = |x: usize, y: usize| {
            let mut rgb = vec![0; 3 * 3 * 2];
            rgb[(y * 3 + x) * 3] = 255;
            Pixels { size: size(3, 2), rgb }
        };
        for (turn, x, y, upright) in [
            (1, 0, 0, size(3, 2)),
            (2, 2, 0, size(3, 2)),
            (3, 2, 1, size(3, 2)),
            (4, 0, 1, size(3, 2)),
            (5, 0, 0, size(2, 3)),
            (6, 0, 1, size(2, 3)),
            (7, 2, 1, size(2, 3)),
            (8, 2, 0, size(2, 3)),
        ] {
            let turned = red_at(x, y).upright(turn);
            assert_eq!((turned.size, turned.rgb[0]), (upright, 255), "{turn}");
        }
    }

    #[test]
    fn what_is_transparent_is_white() {
        assert_eq!(on_white(vec![0, 0, 0, 0, 10, 20, 30, 255]), [255, 255, 255, 10, 20, 30]);
    }

    #[test]
    fn half_of_a_picture_has_the_means_of_four() {
        let square = Pixels {
            size: size(3, 2),
            rgb: [[0; 3], [100; 3], [9; 3], [200; 3], [101; 3], [9; 3]].concat(),
        };
        assert_eq!(
            square.halved(),
            Pixels {
                size: size(1, 1),
                rgb: vec![100; 3]
            }
        );
        let flat = Pixels {
            size: size(WORKING_PIXELS + 1, 1),
            rgb: Vec::new(),
        };
        assert!(!flat.is_large());
    }

    #[test]
    fn a_file_that_breaks_off_is_told_or_shown_as_far_as_it_goes() {
        let whole = sample::jpeg(64, 48);
        for end in (0..whole.len()).step_by(7) {
            _ = Working::of(&whole[..end], PictureKind::Jpeg);
        }
        let whole = sample::png(64, 48, png::ColorType::Rgb);
        for end in (0..whole.len()).step_by(7) {
            assert!(Working::of(&whole[..end], PictureKind::Png).is_err() || end + 16 > whole.len());
        }
    }

    #[test]
    fn a_palette_that_is_not_whole_is_refused() {
        let indexed = |palette: usize, trns: usize| {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(vec![7; palette]);
            encoder.set_trns(vec![7; trns]);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&[0; 4]).unwrap();
            writer.finish().unwrap();
            Working::of(&bytes, PictureKind::Png)
        };
        for (palette, trns, is_whole) in [
            (3, 0, true),
            (6, 2, true),
            (768, 256, true),
            (4, 0, false),
            (7, 0, false),
            (3, 2, false),
            (771, 0, false),
        ] {
            assert_eq!(indexed(palette, trns).is_ok(), is_whole, "{palette}, {trns}");
        }
    }
}
