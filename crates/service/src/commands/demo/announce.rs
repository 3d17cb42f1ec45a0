//! One example, sent like any client would send it, and what can be seen of it
//! afterwards.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::Example;
use crate::commands::answer::{Answer, text};
use crate::commands::bars::Bars;
use crate::commands::client::{Client, Reply, segment};
use crate::commands::failure::Failure;
use crate::commands::screen::Screen;
use crate::commands::{events, progress};

/// Where the examples' media are said to be; in the demo the simulator has them.
const MEDIA: &str = "https://media.fanfare.example";

/// The service waits 30 s for the channels.
const WITHIN: Duration = Duration::from_secs(40);

/// Between two looks for the event.
const LOOK: Duration = Duration::from_millis(50);

/// Longer than this no channel is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came of an example.
pub(super) struct Announced {
    pub(super) file: &'static str,
    /// Of the answer to `distribute`.
    pub(super) http_status: u16,
    /// It was accepted before: the data are from an earlier demo.
    pub(super) replayed: bool,
    /// From the request to the answer.
    pub(super) elapsed: Duration,
    pub(super) answer: Answer,
    pub(super) json: Value,
    /// Its entry in the journal.
    pub(super) event: Option<Value>,
    /// What the status of the event says, and whether from the cache.
    pub(super) cached: (String, String),
}

/// Sends it, and with a screen shows how it comes along.
pub(super) async fn announce(
    client: &Client,
    example: &Example,
    media: &str,
    screen: Option<Screen>,
) -> Result<Announced, Failure> {
    let body = example.body.replace(MEDIA, media);
    let request: Value = serde_json::from_str(&body).with_context(|| format!("{} is not JSON", example.file))?;
    let channels: Vec<String> = request["channels"].as_array().into_iter().flatten().map(text).collect();
    let mut bars = screen.map(|screen| Bars::new(screen, &channels));
    let begun = Instant::now();
    let reply = sent(client, body.into(), &text(&request["eventId"]), bars.as_mut()).await?;
    let elapsed = begun.elapsed();
    let json = reply.json()?;
    let mut answer = Answer::read(&json)?;
    show(bars.as_mut(), &answer)?;
    if answer.moves() {
        let distribution = text(&json["distributionId"]);
        let until_it_rests = progress::follow(client, &distribution, |state| {
            answer = Answer::read(&state)?;
            show(bars.as_mut(), &answer)?;
            Ok(answer.moves())
        });
        // Longer than this no channel is waited for.
        if let Ok(followed) = tokio::time::timeout(PATIENCE, until_it_rests).await {
            followed?;
        }
    }
    if let Some(bars) = bars {
        bars.end()?;
    }
    let status = client
        .get(&format!("/api/distribution/{}/status", segment(&answer.event_id)))
        .await?;
    Ok(Announced {
        file: example.file,
        http_status: reply.status.as_u16(),
        replayed: reply.header("idempotent-replayed") == "true",
        elapsed,
        event: published(client, &answer.distribution_id).await?,
        cached: (text(&status.json()?["status"]), status.header("x-cache").to_owned()),
        json,
        answer,
    })
}

/// The synchronous answer; until it comes, the bars follow the events.
async fn sent(client: &Client, body: Bytes, event: &str, bars: Option<&mut Bars>) -> Result<Reply, Failure> {
    let mut post = std::pin::pin!(client.post("/api/distribution/distribute", body, &[], WITHIN));
    tokio::select! {
        reply = &mut post => return reply,
        followed = follow(client, event, bars) => followed?,
    }
    post.await
}

/// From when the event is known until nothing of it moves.
async fn follow(client: &Client, event: &str, mut bars: Option<&mut Bars>) -> Result<(), Failure> {
    let path = format!("/api/distribution/{}/status", segment(event));
    let distribution = loop {
        // Not there yet, or gone: the answer itself will say.
        if let Ok(reply) = client.get(&path).await {
            break text(&reply.json()?["distributionId"]);
        }
        tokio::time::sleep(LOOK).await;
    };
    progress::follow(client, &distribution, |state| {
        let answer = Answer::read(&state)?;
        show(bars.as_deref_mut(), &answer)?;
        Ok(answer.moves())
    })
    .await
}

fn show(bars: Option<&mut Bars>, answer: &Answer) -> Result<(), Failure> {
    bars.map_or(Ok(()), |bars| bars.show(&answer.rows))
}

/// The last event of the distribution in the journal.
async fn published(client: &Client, distribution: &str) -> Result<Option<Value>, Failure> {
    let mut found = None;
    let mut after = 0;
    loop {
        let page = events::page(client, after).await?;
        let ours = |event: &Value| event["data"]["distributionId"] == *distribution;
        found = page.events.iter().rfind(|event| ours(event)).cloned().or(found);
        if page.events.is_empty() || page.next <= after {
            return Ok(found);
        }
        after = page.next;
    }
}
