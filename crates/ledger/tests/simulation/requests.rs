//! What simulated clients ask for.

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::Failure;
use fanfare_core::engine::NewDistribution;
use fanfare_core::ids::{EventId, IdempotencyKey, TenantId};
use fanfare_core::request::{CanonicalRequest, Content, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::text::Text;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;

use crate::caps::costing;

/// The configured accounts' tenant, and one with accounts of its own.
pub(crate) fn tenants() -> [TenantId; 2] {
    [TenantId::default(), TenantId::new("cafe")]
}

/// A request: few events and few keys, so that they meet.
pub(crate) fn request(now: Timestamp, rng: &mut StdRng) -> NewDistribution {
    let event = rng.random_range(0..8);
    let [configured, own] = tenants();
    let mut channels: Vec<_> = Channel::ALL
        .into_iter()
        .filter(|_| rng.random_range(0..3) > 0)
        .collect();
    if channels.is_empty() {
        channels.push(Channel::Instagram);
    }
    let scheduled_at = (rng.random_range(0..10) == 0).then(|| now + Duration::from_secs(rng.random_range(1..600)));
    let skipped = (channels.len() > 1 && rng.random_range(0..10) == 0).then(|| {
        (
            channels[0],
            Failure::new("validation_failed", Text::new("Too long.", "너무 깁니다.")),
        )
    });
    let title: u64 = rng.random_range(0..2);
    NewDistribution {
        tenant: if event % 2 == 0 { configured } else { own },
        request: CanonicalRequest::new(DistributeRequest {
            event_id: EventId::new(format!("event-{event}")),
            channels,
            content_urls: ContentUrls::default(),
            content: Content {
                title: Some(title.to_string()),
                ..Content::default()
            },
            channel_options: costing(100 * (1 + title)),
            scheduled_at,
            on_invalid: OnInvalid::Skip,
            allow_repeat: rng.random_range(0..15) == 0,
        }),
        skipped: skipped.into_iter().collect(),
        modes: [Mode::Live; Channel::ALL.len()],
        idempotency_key: (rng.random_range(0..3) == 0)
            .then(|| IdempotencyKey::new(format!("key-{}", rng.random_range(0..6)))),
    }
}
