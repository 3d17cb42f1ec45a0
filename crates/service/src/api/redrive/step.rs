//! One step of a redrive: asks the engine for each distribution of a page, one after
//! the other, and waits for what comes of them.
//!
//! Each is committed by itself, or not at all; whoever asks for the same step again
//! finds only what is still FAILED.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::redrive::{FailedDelivery, Obstacle};
use fanfare_core::text::Language;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::cursor::{self, Place};
use super::{Run, Skipped, failed_by, obstacle};
use crate::api::error::ApiError;
use crate::perform::{Ask, AskAnswer, AskRefusal};

/// A step that takes longer asks for no further distribution: what is left is the
/// next one's. A database or another node may be slow.
const WITHIN: Duration = Duration::from_secs(10);

/// What came of one step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RedriveStep {
    /// `false`.
    dry_run: bool,
    /// So many deliveries were redriven.
    redriven: u64,
    /// How these stand now.
    outcomes: Vec<OutcomeCount>,
    /// What was not redriven, and why.
    skipped: Vec<Skipped>,
    /// One entry for each delivery, the oldest distribution first.
    results: Vec<RedriveResult>,
    /// Pass it as `cursor`, with the same filter, for the next step; absent after the
    /// last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Redriven deliveries that stand alike.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct OutcomeCount {
    status: DeliveryStatus,
    /// How many.
    count: u64,
}

/// What came of one delivery.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RedriveResult {
    #[schema(value_type = uuid::Uuid)]
    distribution_id: DistributionId,
    #[schema(value_type = String)]
    event_id: EventId,
    channel: Channel,
    /// How it stands now.
    status: DeliveryStatus,
    /// Why, where it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why it was not redriven, as in `skipped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    skipped: Option<&'static str>,
}

/// A delivery, and what stood in its way.
type Asked = (FailedDelivery, Option<Obstacle>);

/// One step; `wait` is how long to wait for the channels.
pub(super) async fn step(run: &Run<'_>, wait: Duration, language: Language) -> Result<RedriveStep, ApiError> {
    let place = cursor::read(&run.order.cursor, &run.caller.tenant, run.filter)?;
    let found = failed_after(run, place, run.order.limit).await?;
    let deadline = Instant::now() + WITHIN;
    let (mut asked, mut after) = (Vec::new(), place.after);
    for one in found.chunk_by(|a, b| a.distribution == b.distribution) {
        if !asked.is_empty() && Instant::now() >= deadline {
            break;
        }
        asked.extend(ask(run, one).await?);
        after = one.last().map(|delivery| delivery.distribution);
    }
    let place = Place { after, ..place };
    let results = results(run, &asked, wait).await?;
    let more = !failed_after(run, place, 1).await?.is_empty();
    let next = more.then(|| cursor::write(place, &run.caller.tenant, run.filter));
    Ok(RedriveStep::of(&asked, results, next, language))
}

async fn failed_after(run: &Run<'_>, place: Place, limit: usize) -> Result<Vec<FailedDelivery>, ApiError> {
    let filter = failed_by(run.filter, place);
    let (tenant, failed) = (&run.caller.tenant, DeliveryStatus::Failed);
    let found = run.state.store.failed(tenant, &filter, failed, place.after, limit);
    Ok(found.await?)
}

/// Asks for those deliveries of one distribution that nothing stands in the way of.
async fn ask(run: &Run<'_>, deliveries: &[FailedDelivery]) -> Result<Vec<Asked>, ApiError> {
    let mut asked: Vec<Asked> = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let obstacle = obstacle(run.state, run.caller, delivery).await?;
        asked.push((delivery.clone(), obstacle));
    }
    loop {
        let free = asked.iter().filter(|(_, obstacle)| obstacle.is_none());
        let channels: Vec<_> = free.map(|(delivery, _)| delivery.channel).collect();
        let (Some(first), false) = (deliveries.first(), channels.is_empty()) else {
            return Ok(asked);
        };
        let what = Ask::Retry {
            channels: channels.clone(),
            by: run.by.clone(),
            reason: Some(run.order.reason.clone()),
        };
        let answer = run
            .state
            .engine
            .ask(&run.caller.tenant, first.distribution, &what)
            .await?;
        let Some((refused, why)) = refused(answer, channels) else {
            return Ok(asked);
        };
        // The others may still be asked for.
        for (delivery, obstacle) in &mut asked {
            if refused.contains(&delivery.channel) {
                obstacle.get_or_insert(why);
            }
        }
    }
}

/// Which of the channels the engine refused, and why; `None` where it granted all.
fn refused(answer: AskAnswer, channels: Vec<Channel>) -> Option<(Vec<Channel>, Obstacle)> {
    match answer {
        AskAnswer::Done => None,
        AskAnswer::Held(holders) => {
            let held = holders.iter().map(|holder| holder.channel);
            Some((named_or_all(held, channels), Obstacle::ClaimHeld))
        }
        AskAnswer::OverSpent(over) => {
            let over = over.iter().map(|over| over.channel);
            Some((named_or_all(over, channels), Obstacle::SpendCap))
        }
        AskAnswer::Behind(behind) => {
            let behind = behind.channels.iter().map(|lag| lag.channel);
            Some((named_or_all(behind, channels), Obstacle::ChannelBehind))
        }
        AskAnswer::Refused(AskRefusal::Moves) => Some((channels, Obstacle::StillMoving)),
        AskAnswer::Refused(AskRefusal::NotRetryable(channel, _)) if channels.contains(&channel) => {
            Some((vec![channel], Obstacle::Changed))
        }
        AskAnswer::Refused(_) => Some((channels, Obstacle::Changed)),
        AskAnswer::Elsewhere | AskAnswer::NotHere => Some((channels, Obstacle::OwnedElsewhere)),
    }
}

/// Of the channels, those that are named; all where none is, so that none is asked for
/// again and again.
fn named_or_all(named: impl Iterator<Item = Channel>, channels: Vec<Channel>) -> Vec<Channel> {
    let named: Vec<_> = named.filter(|channel| channels.contains(channel)).collect();
    if named.is_empty() { channels } else { named }
}

/// How each stands once nothing of those that were redriven moves, or the time is over.
async fn results(run: &Run<'_>, asked: &[Asked], wait: Duration) -> Result<Vec<RedriveResult>, ApiError> {
    let deadline = Instant::now() + wait;
    let mut results = Vec::new();
    for one in asked.chunk_by(|(a, _), (b, _)| a.distribution == b.distribution) {
        let any = one.iter().any(|(_, obstacle)| obstacle.is_none());
        let id = one[0].0.distribution;
        let stands = if any {
            let left = deadline.saturating_duration_since(Instant::now());
            run.state.engine.rest(&run.caller.tenant, id, left).await?
        } else {
            None
        };
        for (delivery, obstacle) in one {
            let now = stands.as_ref().and_then(|stands| stands.delivery(delivery.channel));
            let found = || (delivery.status, Some(delivery.code.clone()));
            let (status, code) = now.map_or_else(found, |now| {
                let failed = now.failure.as_ref().filter(|_| now.status != DeliveryStatus::Success);
                (now.status, failed.map(|failure| failure.code.to_string()))
            });
            results.push(RedriveResult {
                distribution_id: id,
                event_id: delivery.event_id.clone(),
                channel: delivery.channel,
                status,
                code,
                skipped: obstacle.map(Obstacle::name),
            });
        }
    }
    Ok(results)
}

impl RedriveStep {
    fn of(asked: &[Asked], results: Vec<RedriveResult>, next: Option<String>, language: Language) -> Self {
        let mut skipped: BTreeMap<Obstacle, u64> = BTreeMap::new();
        for obstacle in asked.iter().filter_map(|(_, obstacle)| *obstacle) {
            *skipped.entry(obstacle).or_default() += 1;
        }
        let mut outcomes: BTreeMap<DeliveryStatus, u64> = BTreeMap::new();
        for result in results.iter().filter(|result| result.skipped.is_none()) {
            *outcomes.entry(result.status).or_default() += 1;
        }
        let outcomes = outcomes.into_iter();
        let outcomes: Vec<_> = outcomes.map(|(status, count)| OutcomeCount { status, count }).collect();
        Self {
            dry_run: false,
            redriven: outcomes.iter().map(|outcome| outcome.count).sum(),
            outcomes,
            skipped: Skipped::all(&skipped, language),
            results,
            next,
        }
    }
}
