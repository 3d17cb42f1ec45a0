//! What 지니TV is sent, in `OpenDirect`'s words, and what is read of a line. What
//! stands under `ext` is our own addition to the standard.

use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::genie_tv::{GenieTvContent, views};
use fanfare_core::compose::{ChannelContent, compose};
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::State;

/// Longest campaign name (`OpenDirect`: 255).
const CAMPAIGN_NAME_MAX: usize = 255;

/// Longest text of the channel's that is kept.
const TEXT_MAX: usize = 500;

/// A line, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    id: String,
    bookingstatus: String,
    #[serde(default)]
    ext: Option<Ext>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ext {
    impression_schedule: Option<String>,
    decline_reason: Option<String>,
}

impl Line {
    /// Only the line that was asked for is believed.
    pub(super) fn is(&self, line: &str) -> bool {
        self.id == line
    }

    pub(super) fn state(&self) -> State {
        State::of(&self.bookingstatus)
    }

    /// The channel's own schedule, or the one that was ordered.
    pub(super) fn receipt(self, state: ChannelState, ordered: Option<String>) -> Receipt {
        let own = self.ext.and_then(|ext| ext.impression_schedule);
        let own = own.filter(|text| !text.trim().is_empty() && text.len() <= TEXT_MAX && is_plain(text));
        Receipt {
            state,
            fields: ResultFields {
                ad_id: Some(self.id),
                impression_schedule: own.or(ordered),
                ..ResultFields::default()
            },
        }
    }

    /// The channel's reason, for the person who must change something.
    pub(super) fn reason(&self) -> String {
        let reason = self.ext.as_ref().and_then(|ext| ext.decline_reason.as_deref());
        match reason {
            Some(reason) => format!("{}: {reason}", self.bookingstatus),
            None => self.bookingstatus.clone(),
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// The same at every call: the request does not change, and nothing is invented
/// in live mode.
pub(super) fn content(call: &Call, now: Timestamp) -> Option<GenieTvContent> {
    match compose(&call.request.request, Channel::GenieTV, Mode::Live, now).content {
        ChannelContent::GenieTV(content) => Some(content),
        ChannelContent::WooridongneTV(_)
        | ChannelContent::RingoBiz(_)
        | ChannelContent::Instagram(_)
        | ChannelContent::NaverBlog(_)
        | ChannelContent::KakaoChannel(_) => None,
    }
}

/// An order; its name is unique in the account, and ours.
pub(super) fn order(call: &Call, content: &GenieTvContent) -> Value {
    let request = &call.request.request;
    let name = request.content.title.as_deref().unwrap_or(request.event_id.as_str());
    let name: String = name.chars().take(CAMPAIGN_NAME_MAX).collect();
    json!({
        "name": call.delivery.idempotency_key(),
        "currency": "KRW",
        "budget": content.budget,
        "startdate": content.schedule.as_ref().map(|schedule| schedule.start_date),
        "enddate": content.schedule.as_ref().map(|schedule| schedule.end_date),
        "providerdata": {"campaignid": call.distribution, "campaignname": name},
    })
}

/// A line: where and when, and how many complete views.
pub(super) fn line(call: &Call, product_id: &str, content: &GenieTvContent) -> Value {
    let schedule = content.schedule.as_ref();
    json!({
        "name": call.delivery.idempotency_key(),
        "productid": product_id,
        "startdate": schedule.map(|schedule| schedule.start_date),
        "enddate": schedule.map(|schedule| schedule.end_date),
        "ratetype": "CPMV",
        "quantity": content.budget.map(views),
        "targeting": {
            "regions": content.region.iter().collect::<Vec<_>>(),
            "dayparts": schedule.map(|schedule| &schedule.dayparts),
        },
    })
}

/// What is shown.
pub(super) fn creative(call: &Call, content: &GenieTvContent) -> Value {
    json!({
        "name": call.delivery.idempotency_key(),
        "language": "ko",
        "url": content.creative_url,
    })
}
