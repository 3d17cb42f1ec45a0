//! Sends so many requests a second, however they are answered (open loop), and keeps
//! what came of each. The time counts from when a request was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use fanfare::clock::{Clock, SystemClock};
use fanfare_core::channel::Channel;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Requests that are out at once; a crowd that is greater does not ask at all.
const CROWD: usize = 4_000;

/// How many, how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) per_second: u32,
    pub(crate) length: Duration,
    /// Of two requests, one waits for its channels and one does not; else none does.
    pub(crate) half_wait: bool,
}

/// What came of one request.
#[derive(Debug)]
pub(crate) struct Told {
    /// When it was due, from the beginning.
    pub(crate) due: Duration,
    pub(crate) took: Duration,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// 200: all its channels succeeded. Its distribution's id.
    Completed(String),
    /// 200 or 202: accepted.
    Accepted(String),
    /// Status, code, and whether it says when to come back.
    Refused(u16, String, bool),
    /// No answer.
    Unanswered(String),
    /// The crowd was too great.
    Unasked,
}

/// A phase of a run.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) told: Vec<Told>,
}

/// The service's address, and what is asked there.
#[derive(Clone)]
pub(crate) struct Door {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    number: Arc<AtomicU64>,
}

impl Door {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let begun = u64::try_from(SystemClock::default().now().as_microsecond())?;
        Ok(Self {
            // The service closes what is idle for ten seconds.
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(5))
                .build(connector),
            url: url.to_owned(),
            number: Arc::new(AtomicU64::new(begun)),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        let request = Request::get(format!("{}{path}", self.url)).body(Full::default())?;
        let (_, _, body) = whole(self.client.request(request).await?).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// So many a second; returns when the last is answered.
    pub(crate) async fn offer(&self, channels: &[Channel], offer: Offer) -> anyhow::Result<Phase> {
        let clock = SystemClock::default();
        let (begun, from) = (Instant::now(), clock.now());
        let crowd = Arc::new(Semaphore::new(CROWD));
        let mut asked = JoinSet::new();
        let mut told = Vec::new();
        let count = u32::try_from(u64::from(offer.per_second) * offer.length.as_secs())?;
        for number in 0..count {
            let due = Duration::from_secs(1) * number / offer.per_second;
            tokio::time::sleep_until(begun + due).await;
            let Ok(place) = Arc::clone(&crowd).try_acquire_owned() else {
                told.push(Told {
                    due,
                    took: Duration::ZERO,
                    what: What::Unasked,
                });
                continue;
            };
            let (door, body) = (self.clone(), self.body(channels));
            let waits = offer.half_wait && number % 2 == 0;
            asked.spawn(async move {
                let what = door.ask(body, waits).await;
                drop(place);
                let what = what.unwrap_or_else(|error| What::Unanswered(format!("{error:#}")));
                Told {
                    due,
                    took: (begun + due).elapsed(),
                    what,
                }
            });
        }
        let until = clock.now();
        while let Some(one) = asked.join_next().await {
            told.push(one.context("a request ended badly")?);
        }
        Ok(Phase { from, until, told })
    }

    async fn ask(&self, body: String, waits: bool) -> anyhow::Result<What> {
        let prefer = if waits { "wait=30" } else { "respond-async" };
        let request = Request::post(format!("{}/api/distribution/distribute", self.url))
            .header("content-type", "application/json")
            .header("prefer", prefer)
            .body(Full::from(body))?;
        let (status, comes_back, body) = whole(self.client.request(request).await?).await?;
        let body: Value = serde_json::from_slice(&body)?;
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        Ok(match status {
            200 if body["status"] == "COMPLETED" => What::Completed(text("distributionId")),
            200 | 202 => What::Accepted(text("distributionId")),
            _ => What::Refused(status, text("code"), comes_back),
        })
    }

    fn body(&self, channels: &[Channel]) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let options = channels.iter().map(|channel| {
            let options = match channel {
                Channel::WooridongneTV => json!({"regions": ["1168000000"], "budget": 50_000}),
                Channel::Instagram => json!({"caption": "오늘 문을 열었습니다."}),
                Channel::NaverBlog => json!({"title": "오늘 문을 열었습니다", "content": "20% 할인합니다."}),
                _ => json!({}),
            };
            (channel.name().to_owned(), options)
        });
        json!({
            "eventId": format!("evt-{number}"),
            "channels": channels,
            "contentUrls": {"imageUrl": "https://cdn.example.com/flyer.jpg", "videoUrl": "https://cdn.example.com/film.mp4"},
            "channelOptions": options.collect::<serde_json::Map<_, _>>(),
        })
        .to_string()
    }
}

/// Status, whether it says when to come back, and the body.
async fn whole(answer: Response<Incoming>) -> anyhow::Result<(u16, bool, Bytes)> {
    let status = answer.status().as_u16();
    let comes_back = answer.headers().contains_key("retry-after");
    Ok((status, comes_back, answer.into_body().collect().await?.to_bytes()))
}
