//! How long it takes to make a photograph of 12 megapixels fit, and how much memory:
//! `cargo bench --workspace --all-features --locked --bench media`.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]
#![expect(clippy::print_stdout, reason = "memory is told beside what criterion tells")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group};
use fanfare_channels::media::fit;
use fanfare_core::picture::ImageFit;
use fanfare_core::validate::instagram;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// As a telephone makes them: waves and noise compress about as well.
fn photograph(progressive: bool) -> Vec<u8> {
    let (width, height) = (4_000_u16, 3_000_u16);
    let mut noise = 12_345_u32;
    let mut rgb = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let wave = |at: u32, length: u32| (at % length).abs_diff(length / 2) * 160 / length;
            for channel in 0..3 {
                let value = wave(x + channel * 90, 700) + wave(y, 450 + channel * 60) + (noise >> 27);
                rgb.push(u8::try_from(value.min(255)).unwrap());
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 88);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.encode(&rgb, width, height, ColorType::Rgb).unwrap();
    bytes
}

fn fit_12_megapixels(criterion: &mut Criterion) {
    for (name, progressive) in [("baseline", false), ("progressive", true)] {
        let bytes = photograph(progressive);
        let megabytes = bytes.len() / 100_000;
        println!("{name}: a file of {}.{} MB", megabytes / 10, megabytes % 10);
        criterion.bench_function(&format!("fit 12 megapixels, {name}"), |bencher| {
            bencher.iter(|| fit(black_box(&bytes), &instagram::PICTURE, ImageFit::Pad).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = fit_12_megapixels
}

/// A file that is made to fit once, by a process that does nothing else, for its
/// memory; one that is not there is made first (`…progressive…`, or not).
const FIT: &str = "FANFARE_BENCH_FIT";

fn main() {
    let Some(file) = std::env::var_os(FIT) else {
        benches();
        return;
    };
    let bytes = std::fs::read(&file).unwrap_or_default();
    if bytes.is_empty() {
        let progressive = file.to_string_lossy().contains("progressive");
        std::fs::write(&file, photograph(progressive)).unwrap();
        return;
    }
    let made = fit(&bytes, &instagram::PICTURE, ImageFit::Pad).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!(
        "{} B to {} B; {}",
        bytes.len(),
        made.map_or(0, |made| made.len()),
        peak.unwrap_or("?")
    );
}
