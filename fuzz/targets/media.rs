//! Files that users name, whatever is in them: pictures, sounds and films are told apart,
//! measured and, where they are small, decoded and made to fit.
#![no_main]

use fanfare_channels::media::{PIXELS_MAX, fit, fuzzing};
use fanfare_core::picture::ImageFit;
use fanfare_core::validate::instagram;
use libfuzzer_sys::fuzz_target;

/// A picture of more pixels takes so long that little else is tried.
const DECODED_MAX: u64 = 200_000;

fuzz_target!(|bytes: &[u8]| {
    // The last byte says what else is asked, so that a file can be a seed as it is.
    let choice = bytes.last().copied().unwrap_or_default();
    if let Some((width, height)) = fuzzing::picture(bytes) {
        let pixels = u64::from(width) * u64::from(height);
        assert!((1..=PIXELS_MAX).contains(&pixels), "{width} x {height}");
        if pixels <= DECODED_MAX {
            let how = [ImageFit::Pad, ImageFit::Crop][usize::from(choice % 2)];
            if let Ok(Some(made)) = fit(bytes, &instagram::PICTURE, how) {
                assert!(made.len() <= instagram::PICTURE.bytes_max);
                let size = fuzzing::picture(&made);
                assert!(size.is_some(), "what was made to fit is no picture");
            }
        }
    }
    if let Some(length) = fuzzing::sound(bytes) {
        assert!(!length.is_zero());
    }
    _ = fuzzing::film(bytes, 1 << (choice % 16));
});
