//! Distributions as the engine would write them, for the suite and for bare
//! measurements. Nothing here takes a time or a random number by itself.

use std::sync::Arc;

use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::delivery::{Delivery, DeliveryStatus, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::event::publication;
use fanfare_core::history::{HistoryEntry, Transition};
use fanfare_core::ids::{DeliveryId, DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::{CanonicalRequest, ChannelOptions, Content, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::write::{Acceptance, Record};
use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// An id of that time; the same number gives the same id.
pub(crate) fn uuid(now: Timestamp, number: u64) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&number.to_be_bytes());
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// What is asked for.
pub(crate) fn request(event: &str, channels: &[Channel]) -> DistributeRequest {
    let url = |name: &str| Some(format!("https://cdn.example.com/events/{name}"));
    DistributeRequest {
        event_id: EventId::new(event),
        channels: channels.to_vec(),
        content_urls: ContentUrls {
            image_url: url("opening.jpg"),
            audio_url: url("opening.mp3"),
            video_url: url("opening.mp4"),
        },
        content: Content {
            title: Some("우리 동네 빵집이 문을 엽니다 🎉".to_owned()),
            body: Some("오늘 오전 10시, 첫 손님 백 분께 소금빵을 드립니다 🥐".to_owned()),
            hashtags: vec!["개업".to_owned(), "빵집".to_owned()],
            link: url(""),
        },
        channel_options: ChannelOptions::default(),
        scheduled_at: None,
        on_invalid: OnInvalid::Reject,
        allow_repeat: false,
    }
}

/// A request that has just been accepted: all its deliveries are under way.
pub(crate) fn acceptance(number: u64, request: DistributeRequest, now: Timestamp, token: Incarnation) -> Acceptance {
    let (mut deliveries, mut transitions) = (Vec::new(), Vec::new());
    for (place, channel) in (0_u64..).zip(request.channels.iter().copied()) {
        let id = DeliveryId(uuid(now, number * 8 + place));
        let (delivery, begun) = begun(id, channel, now);
        deliveries.push(delivery);
        transitions.extend(begun);
    }
    let status = DistributionStatus::of(&deliveries);
    transitions.push(Transition::of_distribution(None, status));
    Acceptance {
        distribution: Distribution {
            tenant: TenantId::default(),
            id: DistributionId(uuid(now, number)),
            event_id: request.event_id.clone(),
            request: Arc::new(CanonicalRequest::new(request)),
            deliveries,
            status,
            history_number: 1,
            version: 0,
            published: None,
            accepted_at: now,
            completed_at: None,
        },
        history: HistoryEntry {
            number: 1,
            at: now,
            actor: "engine".into(),
            reason: None,
            token,
            transitions,
        },
        idempotency_key: None,
        only_if_known: false,
        owner: Some(token),
        due_at: Some(now),
        spends: Vec::new(),
    }
}

/// A delivery whose first attempt has begun, and how it came there.
fn begun(id: DeliveryId, channel: Channel, now: Timestamp) -> (Delivery, Vec<Transition>) {
    let mut delivery = Delivery::new(id, channel, Mode::Mock, now);
    delivery.attempt = 1;
    delivery.attempt_started_at = Some(now);
    delivery.phase = Phase::Intent;
    let mut transitions = vec![Transition::of_delivery(&delivery, None)];
    transitions.extend(delivery.transition(DeliveryStatus::InProgress, now));
    (delivery, transitions)
}

/// Takes the delivery to that status, as its channel's word would.
pub(crate) fn conclude(delivery: &mut Delivery, to: DeliveryStatus, now: Timestamp) -> Transition {
    let from = delivery.status;
    delivery.status = to;
    delivery.updated_at = now;
    if to == DeliveryStatus::Success {
        delivery.phase = Phase::Confirmed;
        delivery.receipt = Some(receipt(delivery.channel, now));
    }
    if to.came_to_nothing() {
        delivery.phase = Phase::Rejected;
        delivery.holds_claim = false;
    }
    Transition::of_delivery(delivery, Some(from))
}

/// The record of what `change` does to the distribution, published where the
/// core says so; the distribution becomes what the store must then hold.
pub(crate) fn record(
    distribution: &mut Distribution,
    now: Timestamp,
    token: Incarnation,
    change: impl FnOnce(&mut Distribution) -> Vec<Transition>,
) -> Record {
    let before = distribution.clone();
    let transitions = change(distribution);
    distribution.history_number += 1;
    let publish = settle(distribution, now);
    let changed = |delivery: &&Delivery| before.delivery(delivery.channel) != Some(*delivery);
    Record {
        tenant: distribution.tenant.clone(),
        id: distribution.id,
        status: distribution.status,
        completed_at: distribution.completed_at,
        version: distribution.version,
        published: distribution.published.clone(),
        deliveries: distribution.deliveries.iter().filter(changed).cloned().collect(),
        superseded: Vec::new(),
        history: HistoryEntry {
            number: distribution.history_number,
            at: now,
            actor: "engine".into(),
            reason: None,
            token,
            transitions,
        },
        publish,
        freeze: before.completed_at.is_some().then_some(before.version),
        owner: Some(token),
        due_at: distribution.due_at(now),
        open: distribution.open(),
        spends: Vec::new(),
    }
}

/// Brings status and outcome up to the deliveries; says whether to publish.
fn settle(distribution: &mut Distribution, now: Timestamp) -> bool {
    distribution.status = DistributionStatus::of(&distribution.deliveries);
    let published = publication(distribution);
    let publish = published.is_some();
    if publish {
        distribution.version += 1;
        distribution.published = published;
        distribution.completed_at = Some(now);
    } else if distribution.moves() {
        distribution.completed_at = None;
    }
    publish
}

/// The record that concludes every delivery with a success.
pub(crate) fn completion(distribution: &mut Distribution, now: Timestamp, token: Incarnation) -> Record {
    record(distribution, now, token, |distribution| {
        let deliveries = distribution.deliveries.iter_mut();
        deliveries
            .map(|delivery| conclude(delivery, DeliveryStatus::Success, now))
            .collect()
    })
}

fn receipt(channel: Channel, now: Timestamp) -> Receipt {
    let id = |kind: &str| Some(format!("{kind}-{}", uuid(now, channel as u64)));
    let url = |host: &str| Some(format!("https://{host}/p/{}", uuid(now, channel as u64)));
    let fields = match channel {
        Channel::WooridongneTV => ResultFields {
            distribution_id: id("wdtv"),
            estimated_views: Some(1000),
            ..ResultFields::default()
        },
        Channel::RingoBiz => ResultFields {
            update_timestamp: Some(now.to_string()),
            ..ResultFields::default()
        },
        Channel::GenieTV => ResultFields {
            ad_id: id("genie"),
            impression_schedule: Some("2026-11-22/2026-11-28 18:00-22:00".to_owned()),
            ..ResultFields::default()
        },
        Channel::Instagram => ResultFields {
            post_url: url("www.instagram.com"),
            post_id: id("ig"),
            ..ResultFields::default()
        },
        Channel::NaverBlog => ResultFields {
            post_url: url("blog.naver.com"),
            ..ResultFields::default()
        },
        Channel::KakaoChannel => ResultFields {
            message_id: id("kakao"),
            ..ResultFields::default()
        },
    };
    Receipt {
        state: ChannelState::Live,
        fields,
    }
}
