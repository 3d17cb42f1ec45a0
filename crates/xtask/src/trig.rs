//! Sine and cosine out of nothing but multiplication and addition.
//!
//! The standard library's versions call the platform's mathematics library,
//! whose last digit differs between systems; the media must come out byte for
//! byte the same everywhere. For the same reason nothing in this crate uses
//! `powf`, `exp` or `hypot`. Not here: accuracy beyond what a picture or a
//! tone needs (the error stays below one in a hundred million).

use std::f64::consts::TAU;

/// Sine of an angle given in turns (1.0 is the full circle).
pub(crate) fn sine(turns: f64) -> f64 {
    let wrapped = turns - (turns + 0.5).floor();
    // The series is good near zero, so mirror the outer quarters inwards.
    let near = if wrapped > 0.25 {
        0.5 - wrapped
    } else if wrapped < -0.25 {
        -0.5 - wrapped
    } else {
        wrapped
    };
    let angle = near * TAU;
    let square = angle * angle;
    let mut sum = 1.0;
    for pair in [156.0, 110.0, 72.0, 42.0, 20.0, 6.0] {
        sum = 1.0 - sum * square / pair;
    }
    angle * sum
}

/// Cosine of an angle given in turns.
pub(crate) fn cosine(turns: f64) -> f64 {
    sine(turns + 0.25)
}

#[cfg(test)]
mod tests {
    use super::{cosine, sine};
    use std::f64::consts::TAU;

    #[test]
    fn agrees_with_the_platform() {
        for step in -400..=400 {
            let turns = f64::from(step) / 130.0;
            assert!((sine(turns) - (turns * TAU).sin()).abs() < 1e-8, "{turns}");
            assert!((cosine(turns) - (turns * TAU).cos()).abs() < 1e-8, "{turns}");
        }
    }
}
