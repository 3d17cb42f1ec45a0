//! The stable words for what can be wrong with a request, one list for the
//! whole of `decode` and `validate`. Clients switch on them: a word may be
//! added, none may change its meaning.

/// The body has more faults than are listed.
pub const TOO_MANY_FAULTS: &str = "too_many_faults";
/// Another kind of JSON value is needed, such as an object instead of an array.
pub const WRONG_TYPE: &str = "wrong_type";
/// There is no field of this name.
pub const UNKNOWN_FIELD: &str = "unknown_field";
/// None of the allowed words.
pub const UNKNOWN_VALUE: &str = "unknown_value";
/// Something that is needed is not there.
pub const REQUIRED: &str = "required";
/// A text without anything in it but blanks.
pub const BLANK: &str = "blank";
/// A text with U+0000.
pub const NUL_CHARACTER: &str = "nul_character";
/// A text with another control character that does not belong there.
pub const CONTROL_CHARACTER: &str = "control_character";
/// A text with more characters than there may be.
pub const TOO_LONG: &str = "too_long";
/// A text with more lines than there may be.
pub const TOO_MANY_LINES: &str = "too_many_lines";
/// Fewer items than there must be.
pub const TOO_FEW: &str = "too_few";
/// More items than there may be.
pub const TOO_MANY: &str = "too_many";
/// Two things of which only one can be had.
pub const CONFLICTING: &str = "conflicting";
/// The same thing twice.
pub const REPEATED: &str = "repeated";
/// No channel has this name.
pub const UNKNOWN_CHANNEL: &str = "unknown_channel";
/// A channel is named twice.
pub const REPEATED_CHANNEL: &str = "repeated_channel";
/// It can't be told whether a URL of the array is a picture, a sound or a film.
pub const AMBIGUOUS_CONTENT_URL: &str = "ambiguous_content_url";
/// A URL that is not one of the public web.
pub const URL_NOT_ALLOWED: &str = "url_not_allowed";
/// The file's format is none that the channel takes.
pub const UNSUPPORTED_FORMAT: &str = "unsupported_format";
/// No date of the calendar as `YYYY-MM-DD`.
pub const BAD_DATE: &str = "bad_date";
/// No point in time as RFC 3339 writes it.
pub const BAD_TIME: &str = "bad_time";
/// No time of day as `HH:MM-HH:MM`.
pub const BAD_DAYPART: &str = "bad_daypart";
/// A point in time that does not say in which time zone.
pub const OFFSET_MISSING: &str = "offset_missing";
/// Before now.
pub const IN_THE_PAST: &str = "in_the_past";
/// Later than can be planned.
pub const TOO_FAR_AHEAD: &str = "too_far_ahead";
/// It ends before it starts.
pub const END_BEFORE_START: &str = "end_before_start";
/// Two times of day share some minutes.
pub const OVERLAPPING: &str = "overlapping";
/// A number below or above what is allowed.
pub const OUT_OF_RANGE: &str = "out_of_range";
/// No Korean telephone number.
pub const BAD_PHONE_NUMBER: &str = "bad_phone_number";
/// A telephone number that was not verified for who asks.
pub const NUMBER_NOT_VERIFIED: &str = "number_not_verified";
/// The tenant has no recipient list of this name.
pub const UNKNOWN_RECIPIENT_LIST: &str = "unknown_recipient_list";
/// No Korean region in force.
pub const BAD_REGION: &str = "bad_region";
/// A hashtag with something in it that ends a hashtag.
pub const BAD_HASHTAG: &str = "bad_hashtag";
/// A value that no account of the channel has.
pub const BAD_ACCOUNT: &str = "bad_account";

/// Every word above.
pub const ALL: [&str; 34] = [
    TOO_MANY_FAULTS,
    WRONG_TYPE,
    UNKNOWN_FIELD,
    UNKNOWN_VALUE,
    REQUIRED,
    BLANK,
    NUL_CHARACTER,
    CONTROL_CHARACTER,
    TOO_LONG,
    TOO_MANY_LINES,
    TOO_FEW,
    TOO_MANY,
    CONFLICTING,
    REPEATED,
    UNKNOWN_CHANNEL,
    REPEATED_CHANNEL,
    AMBIGUOUS_CONTENT_URL,
    URL_NOT_ALLOWED,
    UNSUPPORTED_FORMAT,
    BAD_DATE,
    BAD_TIME,
    BAD_DAYPART,
    OFFSET_MISSING,
    IN_THE_PAST,
    TOO_FAR_AHEAD,
    END_BEFORE_START,
    OVERLAPPING,
    OUT_OF_RANGE,
    BAD_PHONE_NUMBER,
    NUMBER_NOT_VERIFIED,
    UNKNOWN_RECIPIENT_LIST,
    BAD_REGION,
    BAD_HASHTAG,
    BAD_ACCOUNT,
];
