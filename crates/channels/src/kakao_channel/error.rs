//! What the result codes of NHN Cloud mean for us: the one table. The codes are
//! documented; what follows from each is our own judgement.

use std::time::Duration;

use fanfare_core::attempt::Retry;
use fanfare_core::delivery::Failure;

use crate::failure;

/// A sender that has reached its limit is left alone for so long.
const LIMIT_WAIT: Duration = Duration::from_hours(1);

/// What a code says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It had no effect.
    Refused(Failure, Retry),
    /// It is night, by the channel's clock.
    Night,
    /// This recipient is not reached, and never will be.
    Recipient,
    /// Our key is known: it may have been sent before.
    KeyKnown,
    /// It was sent, and may arrive within three days: it is never sent again.
    Sent,
    /// The channel is at it, or says nothing that anything follows from.
    Unclear,
}

/// What follows from `code`; of one that is not listed, nothing.
pub(super) fn meaning(code: i64) -> Meaning {
    listed(code).unwrap_or(Meaning::Unclear)
}

/// What follows from `code`, where it is listed.
pub(super) fn listed(code: i64) -> Option<Meaning> {
    let permanent = |why: Failure| Meaning::Refused(why, Retry::Never);
    Some(match code {
        -1000 | -1001 => permanent(failure::auth_expired()),
        -1006 | -2017 => permanent(failure::sender_rejected()),
        4 | -2005..=-2000 | 1030 | 3014 | 4144 => permanent(failure::content_rejected()),
        3024 => permanent(failure::media_rejected()),
        1003 | 1006 | 1007 | 1021..=1028 | -1027 => permanent(failure::permission_denied()),
        3008 | 3018..=3021 => Meaning::Recipient,
        4138 | 4156 => Meaning::Refused(failure::rate_limited(), Retry::After(LIMIT_WAIT)),
        3022 => Meaning::Night,
        3005 => Meaning::Sent,
        -1005 | 4131 => Meaning::KeyKnown,
        // The first is being processed; the others are troubles of the channel's,
        // which allow a repeat only after a look-up.
        4161 | 2001 | 3000 | 3006 | 3010 | 3012 | 9998 | 9999 => Meaning::Unclear,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i64) -> String {
        match meaning(code) {
            Meaning::Refused(why, Retry::Never) => why.code.into_owned(),
            Meaning::Refused(why, Retry::After(wait)) => format!("{} {}", why.code, wait.as_secs()),
            other => format!("{other:?}"),
        }
    }

    /// One line for each row of the table.
    #[test]
    fn every_row_of_the_table() {
        for (codes, meaning) in [
            (&[-1000][..], "auth_expired"),
            (&[-1001], "auth_expired"),
            (&[-1006, -2017], "sender_rejected"),
            (&[4], "content_rejected"),
            (&[-2000, -2001, -2002, -2003, -2004, -2005], "content_rejected"),
            (&[1030, 3014, 4144], "content_rejected"),
            (&[3024], "media_rejected"),
            (&[1003, 1006, 1007, -1027], "permission_denied"),
            (&[1021, 1022, 1023, 1024, 1025, 1026, 1027, 1028], "permission_denied"),
            (&[3008, 3018, 3019, 3020, 3021], "Recipient"),
            (&[4138, 4156], "rate_limited 3600"),
            (&[3022], "Night"),
            (&[3005], "Sent"),
            (&[-1005, 4131], "KeyKnown"),
            (&[4161], "Unclear"),
            (&[2001, 3000, 3006, 3010, 3012, 9998, 9999], "Unclear"),
            // Of what is not listed nothing follows.
            (&[-1, 1, 5, -2006, 1029, 3017, 3023, i64::MIN, i64::MAX], "Unclear"),
        ] {
            for code in codes {
                assert_eq!(said(*code), meaning, "{code}");
            }
        }
    }
}
