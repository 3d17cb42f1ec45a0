//! The public feed of a blog, as far as a hand-off reads it: whatever stands there, the
//! reader ends, and keeps no more addresses than it says.
#![no_main]

use fanfare_channels::naver_blog::addresses;
use libfuzzer_sys::fuzz_target;

/// As many as the reader looks at.
const ADDRESSES_MAX: usize = 400;

fuzz_target!(|bytes: &[u8]| {
    let found = addresses(bytes);
    assert!(found.len() <= ADDRESSES_MAX, "{} addresses", found.len());
    let length: usize = found.iter().map(String::len).sum();
    // What is no UTF-8 becomes three bytes for one.
    assert!(length <= bytes.len() * 3, "{length} bytes of {}", bytes.len());
});
