//! What a channel gave as proof of a success.

use serde::{Deserialize, Serialize};

use crate::channel::ChannelState;

/// A channel's proof. Once known it is never lost (I6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// How far the proof goes.
    pub state: ChannelState,
    /// What the channel gave.
    #[serde(flatten)]
    pub fields: ResultFields,
}

/// The result fields of the contract; each channel fills its own. The names
/// are those of the wire and, in snake case, of the columns of
/// `distribution_channel_logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultFields {
    /// 우리동네TV's own name for its distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution_id: Option<String>,
    /// 우리동네TV: how many people it expects to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_views: Option<u64>,
    /// 링고비즈: when the tone was replaced, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_timestamp: Option<String>,
    /// 지니TV: the advertisement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_id: Option<String>,
    /// 지니TV: when and how often it is shown, as `compose::genie_tv` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impression_schedule: Option<String>,
    /// Instagram, Naver Blog: where the post can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_url: Option<String>,
    /// Instagram: the post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_id: Option<String>,
    /// Kakao Channel: the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}
