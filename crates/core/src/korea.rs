//! The time of day of those whom all of this is for.

use jiff::Timestamp;
use jiff::tz::{Offset, offset};

/// Korea's time; there has been no summer time since 1988.
pub const KOREA: Offset = offset(9);

/// A time there to the minute, as people and channels write it.
pub fn minute(at: Timestamp) -> String {
    KOREA.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_cut_off_and_korea_s() {
        assert_eq!(minute("2026-11-24T15:30:59Z".parse().unwrap()), "2026-11-25 00:30");
    }
}
