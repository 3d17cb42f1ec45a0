//! A small synthesiser and the WAV file it writes.
//!
//! Additive: every note is a few sine partials, each fading at its own pace.
//! The numbers are those of a telephone network, because that is where a
//! ring-back tone is heard. Not here: the tunes (`tunes`), and anything
//! sampled, compressed or stereo.

use std::f64::consts::SQRT_2;

use anyhow::{Context as _, Result};

use crate::trig::sine;

/// Samples a second; what a telephone line carries.
const RATE: u32 = 8_000;
const CHANNELS: u16 = 1;
const BITS: u16 = 16;
/// Partials above this would fold back below half the rate.
const HIGHEST: f64 = 3_600.0;
/// Loudest sample, well below the limit: three decibels of room.
const PEAK: f64 = 0.7;
const FADE_IN: f64 = 0.03;
const FADE_OUT: f64 = 1.2;

/// One overtone of an instrument.
pub(crate) struct Partial {
    /// Multiple of the note's pitch.
    pub(crate) ratio: f64,
    pub(crate) level: f64,
    /// Seconds until about a third is left.
    pub(crate) decay: f64,
}

pub(crate) struct Instrument {
    pub(crate) partials: &'static [Partial],
    /// Seconds from silence to full level.
    pub(crate) attack: f64,
    /// Seconds from the end of the note to silence.
    pub(crate) release: f64,
}

/// One voice: an instrument and the notes it plays one after another.
pub(crate) struct Voice {
    pub(crate) instrument: &'static Instrument,
    pub(crate) level: f64,
    /// Beats before the first note.
    pub(crate) rest: f64,
    /// MIDI note numbers (0 is silence) and their lengths in beats.
    pub(crate) notes: &'static [(u8, f64)],
}

pub(crate) struct Tune {
    pub(crate) seconds: f64,
    /// Beats a minute.
    pub(crate) tempo: f64,
    pub(crate) voices: &'static [Voice],
}

/// Pitch in hertz of a MIDI note number; 69 is the A of 440.
fn pitch(note: u8) -> f64 {
    // Twelfth roots of two, written out: `powf` differs between systems.
    const STEPS: [f64; 12] = [
        1.0,
        1.059_463_094,
        1.122_462_048,
        1.189_207_115,
        1.259_921_050,
        1.334_839_854,
        SQRT_2,
        1.498_307_077,
        1.587_401_052,
        1.681_792_831,
        1.781_797_436,
        1.887_748_625,
    ];
    /// The lowest C of the scheme, note 0.
    const LOWEST: f64 = 8.175_798_916;
    let octave = f64::from(1_u16 << (note / 12));
    LOWEST * octave * STEPS[usize::from(note % 12)]
}

/// How many samples a time takes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "held between zero and an hour just before"
)]
fn samples(seconds: f64) -> usize {
    (seconds.clamp(0.0, 3_600.0) * f64::from(RATE)) as usize
}

/// The samples of a tune, each between -1 and 1.
fn play(tune: &Tune) -> Vec<f64> {
    let mut mix = vec![0.0; samples(tune.seconds)];
    let beat = 60.0 / tune.tempo;
    for voice in tune.voices {
        let mut start = voice.rest * beat;
        for &(note, beats) in voice.notes {
            let length = beats * beat;
            if note > 0 {
                strike(&mut mix, voice, pitch(note), (start, length));
            }
            start += length;
        }
    }
    echo(&mut mix);
    finish(&mut mix);
    mix
}

/// Adds one note; `when` is its start and length in seconds.
fn strike(mix: &mut [f64], voice: &Voice, pitch: f64, when: (f64, f64)) {
    let instrument = voice.instrument;
    let room = mix.get_mut(samples(when.0)..).unwrap_or_default();
    let length = samples(when.1 + instrument.release);
    let tick = 1.0 / f64::from(RATE);
    for partial in instrument.partials {
        let hertz = pitch * partial.ratio;
        if hertz > HIGHEST {
            continue;
        }
        let fall = 1.0 - tick / partial.decay;
        let (mut level, mut turns, mut time) = (partial.level * voice.level, 0.0, 0.0);
        for sample in room.iter_mut().take(length) {
            let rise = ramp(time / instrument.attack);
            let hold = ramp((when.1 + instrument.release - time) / instrument.release);
            *sample += sine(turns) * level * rise * hold;
            level *= fall;
            turns += hertz * tick;
            time += tick;
        }
    }
}

/// From 0 to 1, without the corners that would click.
fn ramp(part: f64) -> f64 {
    let part = part.clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// A little room: two quiet repeats that feed on themselves.
fn echo(mix: &mut [f64]) {
    for (delay, amount) in [(0.137, 0.16), (0.211, 0.12)] {
        let back = samples(delay);
        for index in back..mix.len() {
            mix[index] += mix[index - back] * amount;
        }
    }
}

/// Levels the tune and fades both of its ends.
fn finish(mix: &mut [f64]) {
    let loudest = mix.iter().fold(1e-9, |most: f64, sample| most.max(sample.abs()));
    let tick = 1.0 / f64::from(RATE);
    let mut time = 0.0;
    let mut left = f64::from(u32::try_from(mix.len()).unwrap_or(u32::MAX)) * tick;
    for sample in mix {
        *sample *= PEAK / loudest * ramp(time / FADE_IN) * ramp(left / FADE_OUT);
        time += tick;
        left -= tick;
    }
}

/// A sample as a 16-bit number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "held within the range of the type just before"
)]
fn quantize(sample: f64) -> i16 {
    (sample.clamp(-1.0, 1.0) * f64::from(i16::MAX)).round() as i16
}

/// The tune as a RIFF/WAVE file of plain PCM.
pub(crate) fn wav(tune: &Tune) -> Result<Vec<u8>> {
    let sound = play(tune);
    let frame = CHANNELS * BITS / 8;
    let size = u32::try_from(sound.len() * usize::from(frame)).context("the tune is too long for a WAV file")?;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(CHANNELS.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(BITS.to_le_bytes());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(sound.into_iter().flat_map(|sample| quantize(sample).to_le_bytes()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{PEAK, pitch, play};
    use crate::tunes;

    #[test]
    fn concert_pitch_and_its_octave() {
        assert!((pitch(69) - 440.0).abs() < 1e-3);
        assert!((pitch(81) - 880.0).abs() < 1e-3);
        assert!((pitch(60) - 261.6256).abs() < 1e-3);
    }

    #[test]
    fn tunes_start_and_end_in_silence_and_never_clip() {
        for tune in [&tunes::SPRING_COFFEE, &tunes::BAKERY, &tunes::FLOWER_SHOP] {
            let sound = play(tune);
            let loudest = sound.iter().fold(0.0, |most: f64, sample| most.max(sample.abs()));
            assert!(loudest <= PEAK + 1e-9 && loudest > PEAK / 2.0, "{loudest}");
            assert!(sound[0].abs() < 1e-6);
            assert!(sound.last().unwrap().abs() < 1e-6);
        }
    }
}
