//! `media`: makes the pictures and tones the example requests refer to, or
//! checks that the committed ones are what would be made.
//!
//! They are made rather than collected so that their sizes can follow the
//! channels' limits and nobody else's rights are involved. Not here: the
//! requests themselves, which are written by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::canvas::Canvas;
use crate::scene::{bakery, flower_shop, spring_coffee};
use crate::tone::{self, Tune};
use crate::tunes;

/// Fine enough that no block shows, small enough to send six times.
const QUALITY: u8 = 85;

#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a committed file is not what would be made.
    #[arg(long)]
    check: bool,
}

/// A shop's two files and what they are made from.
struct Shop {
    name: &'static str,
    draw: fn() -> Canvas,
    tune: &'static Tune,
}

static SHOPS: [Shop; 3] = [
    Shop {
        name: "spring-coffee",
        draw: spring_coffee::draw,
        tune: &tunes::SPRING_COFFEE,
    },
    Shop {
        name: "bakery",
        draw: bakery::draw,
        tune: &tunes::BAKERY,
    },
    Shop {
        name: "flower-shop",
        draw: flower_shop::draw,
        tune: &tunes::FLOWER_SHOP,
    },
];

/// A file to be, without its directory.
struct Medium {
    name: String,
    bytes: Vec<u8>,
}

fn picture(shop: &Shop) -> Result<Medium> {
    Ok(Medium {
        name: format!("{}.jpg", shop.name),
        bytes: (shop.draw)().jpeg(QUALITY)?,
    })
}

fn tone(shop: &Shop) -> Result<Medium> {
    Ok(Medium {
        name: format!("{}.wav", shop.name),
        bytes: tone::wav(shop.tune)?,
    })
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/media")
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let directory = directory();
    for shop in &SHOPS {
        for medium in [picture(shop)?, tone(shop)?] {
            if options.check {
                compare(&directory, &medium)?;
            } else {
                write(&directory, &medium)?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the list of files is this command's output")]
fn write(directory: &Path, medium: &Medium) -> Result<()> {
    std::fs::create_dir_all(directory).context("creating examples/media")?;
    std::fs::write(directory.join(&medium.name), &medium.bytes)
        .with_context(|| format!("writing examples/media/{}", medium.name))?;
    println!("examples/media/{} {} bytes", medium.name, medium.bytes.len());
    Ok(())
}

/// Fails, naming the file, unless the committed bytes are those just made.
fn compare(directory: &Path, medium: &Medium) -> Result<()> {
    let committed = std::fs::read(directory.join(&medium.name))
        .with_context(|| format!("reading examples/media/{}", medium.name))?;
    if committed != medium.bytes {
        bail!(
            "examples/media/{} differs from what would be made; run `cargo run -p xtask -- media`",
            medium.name
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use image::{ImageReader, RgbImage};
    use std::io::Cursor;
    use std::sync::LazyLock;

    use super::{Medium, Result, SHOPS, Shop, compare, directory, picture, tone};

    /// Made once for all tests; drawing takes seconds without optimisation.
    static PICTURES: LazyLock<Vec<Medium>> = LazyLock::new(|| all(picture));
    static TONES: LazyLock<Vec<Medium>> = LazyLock::new(|| all(tone));

    fn all(make: fn(&Shop) -> Result<Medium>) -> Vec<Medium> {
        SHOPS.iter().map(|shop| make(shop).unwrap()).collect()
    }

    fn decode(medium: &Medium) -> RgbImage {
        let reader = ImageReader::new(Cursor::new(&medium.bytes)).with_guessed_format();
        reader.unwrap().decode().unwrap().into_rgb8()
    }

    /// The little-endian number of `N` bytes at an offset.
    fn number<const N: usize>(bytes: &[u8], offset: usize) -> u32 {
        let part = bytes[offset..offset + N].iter().rev();
        part.fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    }

    #[test]
    fn pictures_keep_the_tightest_limits_of_the_channels() {
        for medium in PICTURES.iter() {
            let (width, height) = decode(medium).dimensions();
            assert!((500..=1440).contains(&width), "{} {width}", medium.name);
            // Instagram: 4:5 to 1.91:1. Kakao: height at most 1.333 widths.
            assert!(width * 5 >= height * 4, "{} {width}x{height}", medium.name);
            assert!(width * 100 <= height * 191, "{} {width}x{height}", medium.name);
            assert!(medium.bytes.len() < 250_000, "{} {}", medium.name, medium.bytes.len());
        }
    }

    #[test]
    fn pictures_show_something() {
        for medium in PICTURES.iter() {
            let picture = decode(medium);
            let mut tones: Vec<[u8; 3]> = picture.pixels().map(|pixel| pixel.0.map(|part| part / 32)).collect();
            tones.sort_unstable();
            tones.dedup();
            assert!(tones.len() > 40, "{} {}", medium.name, tones.len());
        }
    }

    #[test]
    fn tones_are_telephone_wav_files() {
        for medium in TONES.iter() {
            let bytes = &medium.bytes;
            assert_eq!((&bytes[..4], &bytes[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
            assert_eq!(number::<4>(bytes, 4) as usize, bytes.len() - 8);
            assert_eq!((number::<2>(bytes, 20), number::<2>(bytes, 22)), (1, 1), "PCM, mono");
            assert_eq!((number::<4>(bytes, 24), number::<4>(bytes, 28)), (8_000, 16_000));
            assert_eq!((number::<2>(bytes, 32), number::<2>(bytes, 34)), (2, 16));
            assert_eq!(&bytes[36..40], b"data");
            let size = number::<4>(bytes, 40);
            assert_eq!(size as usize, bytes.len() - 44);
            assert!((8..=12).contains(&(size / 16_000)), "{}", medium.name);
        }
    }

    #[test]
    fn making_twice_gives_the_same_bytes() {
        let again = all(picture).into_iter().chain(all(tone));
        for (one, two) in PICTURES.iter().chain(TONES.iter()).zip(again) {
            assert!(one.bytes == two.bytes, "{}", one.name);
        }
    }

    #[test]
    fn a_changed_or_missing_file_is_named() {
        let altered = Medium {
            name: "bakery.wav".to_owned(),
            bytes: vec![1, 2, 3],
        };
        let absent = Medium {
            name: "nowhere.jpg".to_owned(),
            bytes: Vec::new(),
        };
        for medium in [altered, absent] {
            let message = compare(&directory(), &medium).unwrap_err().to_string();
            assert!(message.contains(&medium.name), "{message}");
        }
    }
}
