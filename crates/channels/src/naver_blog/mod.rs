//! The blog, in two ways.
//!
//! Naver closed the writing API of its blogs on 6 May 2020, to stop bulk
//! advertising. So a post on Naver is **handed off**: a person finds it ready
//! on a page, puts it on their blog, and gives its address back. Blogs that
//! still speak `MetaWeblog`, such as `WordPress`, are **posted to**.
//!
//! | file | holds |
//! |---|---|
//! | `hand_off.rs` | what asks a person to post, and takes their word for it |
//! | `ticket.rs` | the signed name of one task, which its page is found by |
//! | `rss.rs` | whether a post is in the blog's feed |
//! | `meta_weblog.rs` | the client of a blog that speaks `MetaWeblog` |
//! | `look_up.rs` | what became of a post whose answer was not clear |
//! | `withdraw.rs` | deleting a post there |
//! | `html.rs` | the post as HTML |
//! | `error.rs` | what a refusal means, the one table |
//! | `xml_rpc.rs` | calls and answers of XML-RPC |
//! | `mock.rs` | mock mode |
//!
//! Deliberately absent: whatever drives Naver's editor in a person's place. The
//! page itself is the service's.

mod error;
pub mod hand_off;
mod html;
mod look_up;
pub mod meta_weblog;
mod mock;
mod rss;
pub mod ticket;
mod withdraw;
mod xml_rpc;

pub use self::mock::mock_receipt;

/// What the fuzz targets (`scripts/fuzz`) read feeds by.
#[cfg(fuzzing)]
pub fn addresses(feed: &[u8]) -> Vec<String> {
    rss::addresses(&String::from_utf8_lossy(feed))
}
