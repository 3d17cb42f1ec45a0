//! The time of day of those whom all of this is for.

use jiff::tz::{Offset, offset};

/// Korea's time; there has been no summer time since 1988.
pub const KOREA: Offset = offset(9);
