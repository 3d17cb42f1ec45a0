//! One run: callers, each on a connection that stays open.
//!
//! It shares the machine with what it measures, so it is made to cost little:
//! one thread, a body that is prepared once and patched, an answer of which one
//! word is looked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, anyhow};
use fanfare_core::channel::Channel;
use hyper::Uri;
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::caller::Caller;
use super::turns::Turns;
use crate::clock::{Clock, SystemClock};
use crate::commands::failure::Failure;

/// How long after its end a run waits for its last answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// Stands where the number of the event goes.
pub(super) const NUMBER: &str = "0000000000000000";

/// What one run does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) callers: u32,
    pub(super) length: Duration,
    /// Requests a second; `None` sends the next when the last is answered.
    pub(super) rate: Option<u32>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// From the first request to the last answer.
    pub(super) elapsed: Duration,
    /// Of completed distributions; sorted.
    pub(super) latencies: Vec<Duration>,
    /// Accepted, but not (or not yet) complete.
    pub(super) open: u64,
    /// What else happened, and how often.
    pub(super) refusals: BTreeMap<String, u64>,
}

impl Run {
    pub(super) fn completed(&self) -> u64 {
        self.latencies.len() as u64
    }

    pub(super) fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }

    fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.open += other.open;
        for (what, count) in other.refusals {
            *self.refusals.entry(what).or_default() += count;
        }
    }
}

/// Where requests go, and what they look like.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) address: String,
    pub(super) path: Uri,
    /// The API key, where one is brought.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Vec<u8>,
    /// Where in the body the request's number stands.
    pub(super) number_at: usize,
    /// Of the next event; begins at the time of the start, so that no two
    /// measurements share an event.
    pub(super) next: Arc<AtomicU64>,
}

impl Driver {
    /// For the service at that URL.
    pub(super) fn new(base: &str, channels: u8, live: bool) -> Result<Self, Failure> {
        let path: Uri = format!("{base}/api/distribution/distribute")
            .parse()
            .context("the URL cannot be used")?;
        let host = path.host().context("the URL names no host")?;
        let address = format!("{host}:{}", path.port_u16().unwrap_or(80));
        let begun = SystemClock::default().now().as_millisecond().unsigned_abs() << 22;
        let mut body = json!({
            "eventId": format!("evt-{NUMBER}"),
            "channels": Channel::ALL[..usize::from(channels)],
            "contentUrls": {
                "imageUrl": "https://cdn.example.com/flyer.jpg",
                "audioUrl": "https://cdn.example.com/jingle.mp3",
                "videoUrl": "https://cdn.example.com/film.mp4",
            },
        });
        if live {
            let chosen = Channel::ALL[..usize::from(channels)].iter();
            body["channelOptions"] = chosen
                .map(|channel| (channel.name().to_owned(), options(*channel)))
                .collect();
        }
        let body = body.to_string();
        let number_at = body.find(NUMBER).context("the body has no place for a number")?;
        Ok(Self {
            address,
            path,
            authorization: None,
            body: body.into_bytes(),
            number_at,
            next: Arc::new(AtomicU64::new(begun)),
        })
    }

    /// One run; returns when the last answer is there.
    pub(super) async fn drive(&self, plan: Plan) -> Result<Run, Failure> {
        let begun = Instant::now();
        let turns = Arc::new(Turns::new(plan, begun));
        let mut callers = JoinSet::new();
        for _ in 0..plan.callers {
            callers.spawn(Caller::new(self).call(Arc::clone(&turns)));
        }
        let all = async {
            let mut run = Run::default();
            while let Some(tally) = callers.join_next().await {
                run.merge(tally.context("a caller ended badly")?);
            }
            run.elapsed = begun.elapsed();
            run.latencies.sort_unstable();
            Ok(run)
        };
        let late = |_| {
            anyhow!(
                "{} did not answer within {} s of the run's end",
                self.address,
                PATIENCE.as_secs()
            )
        };
        tokio::time::timeout_at(begun + plan.length + PATIENCE, all)
            .await
            .map_err(late)?
    }
}

/// Whose ring-back tone is replaced in a live run.
pub(super) const RINGO_BIZ_LINE: &str = "02-555-0134";

/// What live mode needs of each channel.
fn options(channel: Channel) -> Value {
    match channel {
        Channel::WooridongneTV => json!({"regions": ["1168000000"], "budget": 50_000}),
        Channel::RingoBiz => json!({"phoneNumber": RINGO_BIZ_LINE}),
        Channel::GenieTV => {
            let date = |days: u64| {
                (SystemClock::default().now() + Duration::from_hours(24 * days))
                    .strftime("%F")
                    .to_string()
            };
            json!({"region": "1168000000", "budget": 300_000, "schedule": {
                "startDate": date(2), "endDate": date(15),
            }})
        }
        Channel::Instagram => json!({"caption": "오늘 문을 열었습니다. 20% 할인합니다."}),
        Channel::NaverBlog => json!({"title": "오늘 문을 열었습니다", "content": "20% 할인합니다."}),
        Channel::KakaoChannel => json!({"message": "(광고) 오늘 문을 열었습니다. 20% 할인합니다."}),
    }
}
