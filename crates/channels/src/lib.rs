//! Clients of the six channels.
//!
//! A channel client runs a channel's protocol one step at a time: it makes the
//! call, reads what came of it, and says once whether it may be repeated. When
//! a step is due, and what follows from its outcome, is decided in
//! `fanfare_core`; what is sent is composed there too. A client keeps no state
//! and never retries by itself.
//!
//! What is here so far is each channel's mock: a receipt with the contract's
//! fields and nothing else, made without a call or a name look-up. The live
//! clients are absent yet.

pub mod genie_tv;
pub mod instagram;
pub mod kakao_channel;
pub mod mock;
pub mod naver_blog;
pub mod ringo_biz;
pub mod wooridongne_tv;
