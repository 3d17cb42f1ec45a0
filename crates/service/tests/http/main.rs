//! The HTTP API from outside: the contract, and the catalogue of bad input.
//!
//! | file | asks |
//! |---|---|
//! | `contract.rs` | is the given contract kept to the letter |
//! | `state.rs` | once: keys, replays, claims, preferences |
//! | `repeat.rs` | an event that is announced more than once |
//! | `schedule.rs` | what is to begin later |
//! | `live.rs` | channels that are really called, at the simulator |
//! | `preview.rs` | what a preview asks of them |
//! | `live_partners.rs` | the same for 지니TV and 링고비즈 |
//! | `live_kakao.rs` | the same for Kakao Channel |
//! | `accounts.rs`, `accounts_changed.rs` | tenants' own accounts on channels |
//! | `media.rs` | pictures: looked at, made to fit, and where channels fetch them |
//! | `instagram.rs` | several pictures as a carousel, a film as a Reel |
//! | `breaker.rs` | circuit breakers in an operator's hand |
//! | `redrive.rs` | a second chance for many that failed |
//! | `door.rs` | what is told while channels are behind, and while too many wait |
//! | `cancel.rs` | calling a distribution off |
//! | `withdraw.rs` | taking down what is live |
//! | `spending.rs` | how much a tenant may spend |
//! | `stop.rs` | stopping all sending, or one tenant's |
//! | `notices.rs`, `notices_kill.rs`, `notices_secrets.rs` | who is told what went wrong |
//! | `handoff.rs`, `handoff_picture.rs` | posts that a person puts on their blog, and blogs that are posted to |
//! | `progress.rs` | the stream of events |
//! | `shared_cache.rs` | statuses in Redis: the given key, several services |
//! | `shared_cache_faults.rs` | Redis hung, killed, refusing, and over TLS |
//! | `reading.rs` | status, lists, attempts, history, journal |
//! | `replay_events.rs` | publishing again, and dead letters |
//! | `bad_http.rs`, `bad_json.rs`, `bad_request.rs`, `bad_urls.rs` | is everything wrong named, and nothing a 500 |
//! | `token.rs` | Instagram's token: shown, renewed, told of |
//! | `keys.rs` | who may do what: every route at which a key is asked for |
//! | `tenants.rs` | two tenants, of whom none sees the other |
//! | `documents.rs` | channels, health, metrics, `OpenAPI`, the page that shows it |

#![expect(clippy::unwrap_used, reason = "what a test did not expect is to stop it")]

mod account_breaker;
mod accounts;
mod accounts_changed;
mod bad_http;
mod bad_json;
mod bad_request;
mod bad_urls;
mod blog_elsewhere;
mod breaker;
mod cancel;
mod contract;
mod documents;
mod door;
mod handoff;
mod handoff_picture;
mod instagram;
mod keys;
mod later_news;
mod live;
mod live_kakao;
mod live_partners;
mod look_ahead;
mod media;
mod notices;
mod notices_kill;
mod notices_secrets;
mod overdue;
mod preview;
mod program;
mod progress;
mod reading;
#[path = "../support/receiver.rs"]
mod receiver;
#[path = "../support/redis.rs"]
mod redis_server;
mod redrive;
mod repeat;
mod replay_events;
mod schedule;
mod shared_cache;
mod shared_cache_faults;
mod spending;
mod spots;
mod state;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod tenants;
mod token;
mod token_of_tenant;
mod withdraw;

use serde_json::{Value, json};

/// All six channels, with all that mock mode needs.
fn all_six(event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["WooridongneTV", "RingoBiz", "GenieTV", "Instagram", "NaverBlog", "KakaoChannel"],
        "contentUrls": {
            "imageUrl": "https://cdn.example.com/a.jpg",
            "audioUrl": "https://cdn.example.com/a.mp3"
        }
    })
}

/// The bare request, to these channels.
fn bare(event: &str, channels: &[&str]) -> Value {
    json!({
        "eventId": event,
        "channels": channels,
        "contentUrls": { "imageUrl": "https://cdn.example.com/a.jpg" }
    })
}

/// The same with one more field, or another value for one.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}
