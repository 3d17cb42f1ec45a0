//! A redrive's dry run: looks at all that it would be about, and changes nothing.

use std::collections::BTreeMap;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::DistributionId;
use fanfare_core::redrive::{FailedDelivery, Obstacle, RedriveFilter};
use fanfare_core::text::Language;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::{self, Place};
use super::{Skipped, failed_by, obstacle};
use crate::api::caller::Caller;
use crate::api::error::ApiError;
use crate::api::state::Api;

/// Deliveries that are looked at together.
const AT_ONCE: usize = 1_000;

/// Distributions that are named.
const SAMPLE: usize = 10;

/// What a redrive would be about. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RedrivePlan {
    /// `true`.
    dry_run: bool,
    /// When this was looked at; a real run takes what had failed by then.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// Deliveries that the filter names: FAILED ones, and those in review.
    matched: u64,
    /// Of these, so many would be redriven.
    redrivable: u64,
    /// Of these, so many are known to be live by now: they become SUCCESS, and nothing
    /// is sent.
    already_live: u64,
    /// The same by channel and code.
    by_cause: Vec<RedriveCount>,
    /// What would not be redriven, and why.
    skipped: Vec<Skipped>,
    /// Some distributions that would be, the oldest ones.
    #[schema(max_items = 10, value_type = Vec<uuid::Uuid>)]
    sample: Vec<DistributionId>,
    /// Pass it as `cursor`, with the same filter, `"dryRun": false` and a reason, to
    /// redrive them; absent where there is nothing to.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Deliveries of one channel that failed for one cause.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RedriveCount {
    /// To this channel.
    channel: Channel,
    /// Why they failed.
    #[schema(example = "channel_unavailable")]
    code: String,
    /// How many.
    matched: u64,
    /// Of these, so many would be redriven.
    redrivable: u64,
}

/// Counts while it looks.
#[derive(Default)]
struct Tally {
    /// By channel and code: those that match, and those of them to redrive.
    by_cause: BTreeMap<(usize, String), (u64, u64)>,
    skipped: BTreeMap<Obstacle, u64>,
    already_live: u64,
    sample: Vec<DistributionId>,
}

impl Tally {
    fn count(&mut self, delivery: FailedDelivery, obstacle: Option<Obstacle>) {
        let alike = self.by_cause.entry((delivery.channel.index(), delivery.code));
        let (matched, redrivable) = alike.or_default();
        *matched += 1;
        if let Some(obstacle) = obstacle {
            *self.skipped.entry(obstacle).or_default() += 1;
            return;
        }
        *redrivable += 1;
        self.already_live += u64::from(delivery.is_known_live);
        if self.sample.len() < SAMPLE && self.sample.last() != Some(&delivery.distribution) {
            self.sample.push(delivery.distribution);
        }
    }
}

/// Looks at all of it, page by page.
pub(super) async fn plan(
    state: &Api,
    caller: &Caller,
    filter: &RedriveFilter,
    language: Language,
) -> Result<RedrivePlan, ApiError> {
    let as_of = state.clock.now();
    let place = Place {
        as_of: as_of.as_microsecond(),
        after: None,
    };
    let looked_at = failed_by(filter, place);
    let mut tally = Tally::default();
    for status in [DeliveryStatus::Failed, DeliveryStatus::NeedsReview] {
        let mut after = None;
        loop {
            let found = state
                .store
                .failed(&caller.tenant, &looked_at, status, after, AT_ONCE)
                .await?;
            let Some(last) = found.last() else { break };
            after = Some(last.distribution);
            for delivery in found {
                let obstacle = obstacle(state, caller, &delivery).await?;
                tally.count(delivery, obstacle);
            }
        }
    }
    let next = cursor::write(place, &caller.tenant, filter);
    Ok(RedrivePlan::of(tally, as_of, next, language))
}

impl RedrivePlan {
    fn of(tally: Tally, as_of: Timestamp, next: String, language: Language) -> Self {
        let counts = tally.by_cause.into_iter();
        let by_cause: Vec<_> = counts
            .map(|((channel, code), (matched, redrivable))| RedriveCount {
                channel: Channel::ALL[channel],
                code,
                matched,
                redrivable,
            })
            .collect();
        let redrivable = by_cause.iter().map(|count| count.redrivable).sum();
        Self {
            dry_run: true,
            as_of,
            matched: by_cause.iter().map(|count| count.matched).sum(),
            redrivable,
            already_live: tally.already_live,
            by_cause,
            skipped: Skipped::all(&tally.skipped, language),
            sample: tally.sample,
            next: Some(next).filter(|_| redrivable > 0),
        }
    }
}
