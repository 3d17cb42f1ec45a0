//! Clients of the six channels.
//!
//! A channel client runs a channel's protocol one step at a time: it makes the
//! call, reads what came of it, and says once whether it may be repeated. When
//! a step is due, and what follows from its outcome, is decided in
//! `fanfare_core`; what is sent is composed there too. A client keeps no state
//! and never retries by itself.
//!
//! A client speaks through the guarded HTTP client (`http.rs`) alone. Beside it
//! stands each channel's mock: a receipt with the contract's fields, made without
//! a call or a name look-up. Every channel can be live: Naver Blog by handing the
//! post to a person, or on another blog that speaks `MetaWeblog`; and any channel
//! through a company's own gateway.

pub mod any_channel;
pub mod api;
mod call_off;
pub mod check;
pub mod client;
mod connect;
pub mod contract;
mod failure;
pub mod gateway;
pub mod genie_tv;
pub mod http;
pub mod instagram;
pub mod kakao_channel;
pub mod media;
pub mod mock;
pub mod naver_blog;
mod numbers;
mod patience;
pub mod ringo_biz;
pub mod secret;
mod status;
mod withdraw;
pub mod wooridongne_tv;
