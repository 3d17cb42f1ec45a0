//! What is told of one channel.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_core::advertising::FrequencyCap;
use fanfare_core::attempt::Protocol;
use fanfare_core::channel::Mode;
use fanfare_core::engine::ChannelSettings;
use fanfare_core::picture::ImageFit;
use fanfare_core::resilience::rate_limiter::RateLimit;
use fanfare_core::spend::SpendCap;
use fanfare_core::validate::instagram::HashtagsMax;
use fanfare_core::verified::VerifiedNumbers;
use serde::{Deserialize, Serialize};

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelConfig {
    /// Whether it is really called: `mock`, or `live`.
    pub mode: Mode,
    /// Which protocol is spoken in live mode: the channel's `own`, or the
    /// `gateway` contract, which any channel can be reached by.
    pub protocol: ChannelProtocol,
    /// Where its API is; for live mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// As whom it is called; for live mode. Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::as_stars")]
    pub access_token: Option<Secret>,
    /// Instagram: the professional account's id. 지니TV: the advertiser's. Naver Blog:
    /// who posts, or the id of the only blog that a person may post on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Whether a tenant other than `default` is sent for only with an account of its own.
    pub require_own_account: bool,
    /// Instagram: the version of Meta's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Instagram: how many hashtags a post may have; five where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hashtags_max: Option<usize>,
    /// 지니TV: what is booked, by the channel's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// 링고비즈: the lines that were verified for each tenant, by its name; that of
    /// a service without tenants is `default`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verified_numbers: BTreeMap<String, Vec<String>>,
    /// 우리동네TV, 지니TV: how much each tenant may spend in live mode, by its name; `*` is
    /// everybody without caps of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub spend_caps: BTreeMap<String, SpendCapConfig>,
    /// Kakao Channel: the NHN Cloud project's app key; a part of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_key: Option<String>,
    /// Kakao Channel: the sender profile's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_key: Option<String>,
    /// Kakao Channel: whose advertising it is, as people know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// Kakao Channel: the 080 number where people opt out free of charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribe_number: Option<String>,
    /// Kakao Channel: whether `(광고)` is put before the text; it is unless this says
    /// otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_label: Option<bool>,
    /// Kakao Channel: the list of requests that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_list: Option<String>,
    /// Kakao Channel: the folder of the lists; `recipients` in `data_dir` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_lists: Option<PathBuf>,
    /// Kakao Channel: how often one person is sent advertising at most, whatever list
    /// they are on and whatever a request says; as often as is asked without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_cap: Option<FrequencyCap>,
    /// Kakao Channel: the signature that was set with NHN Cloud's webhook for results;
    /// none is listened to without it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::as_stars")]
    pub webhook_signature: Option<Secret>,
    /// Naver Blog: the address of a post whose link a blog does not tell, with
    /// `{id}` in the place of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_url: Option<String>,
    /// Naver Blog: hosts (`host` or `host:port`) at which tenants' own blogs may lie although
    /// they are local or private, or are not called by `https`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blog_hosts: Vec<String>,
    /// Instagram, Kakao Channel, a blog: what is done with a picture that the channel
    /// does not take.
    pub image_fit: ImageFit,
    /// 우리동네TV, 지니TV: whether the film is looked at before it is handed on; it is unless
    /// this says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_video: Option<bool>,
    /// Whether `http://` may be used to another machine.
    pub allow_plain_http: bool,
    /// Between two looks at what is not ready: Instagram's container, a booking of
    /// 지니TV's that is young, what Kakao Channel still sends, a blog's post; in
    /// milliseconds.
    pub poll_interval_ms: u64,
    /// Instagram, Kakao Channel, a blog: from an unclear answer to the first look-up,
    /// in milliseconds.
    pub settle_ms: u64,
    /// The same: between the two looks that must find nothing, in milliseconds.
    pub second_look_ms: u64,
    /// Calls at once in live mode; a mock calls nobody.
    pub concurrency: usize,
    /// Calls in a period, by all nodes together, in live mode; as many as there are
    /// where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_for_period: Option<u32>,
    /// That period, in seconds.
    pub limit_refresh_period_s: u64,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Mock,
            protocol: ChannelProtocol::Own,
            base_url: None,
            access_token: None,
            account_id: None,
            require_own_account: false,
            api_version: None,
            hashtags_max: None,
            product_id: None,
            verified_numbers: BTreeMap::new(),
            spend_caps: BTreeMap::new(),
            app_key: None,
            sender_key: None,
            sender_name: None,
            unsubscribe_number: None,
            ad_label: None,
            recipient_list: None,
            recipient_lists: None,
            frequency_cap: None,
            webhook_signature: None,
            post_url: None,
            blog_hosts: Vec::new(),
            image_fit: ImageFit::default(),
            probe_video: None,
            allow_plain_http: false,
            poll_interval_ms: 5_000,
            settle_ms: 5_000,
            second_look_ms: 60_000,
            concurrency: 16,
            limit_for_period: None,
            limit_refresh_period_s: 60,
        }
    }
}

impl ChannelConfig {
    /// What the engine is told of it.
    pub(super) fn settings(&self, protocol: Protocol) -> ChannelSettings {
        let live = self.mode == Mode::Live;
        let limit = self.limit_for_period.filter(|_| live).and_then(NonZeroU32::new);
        ChannelSettings {
            concurrency: if live { self.concurrency } else { usize::MAX },
            rate_limit: limit.map(|limit_for_period| RateLimit {
                limit_for_period,
                limit_refresh_period: Duration::from_secs(self.limit_refresh_period_s),
            }),
            protocol,
            accounts_apart: self.accounts_apart(),
        }
    }

    /// Whether a tenant's own account lies elsewhere than the configured one: a blog does.
    pub(crate) fn own_lies_elsewhere(&self) -> bool {
        self.protocol == ChannelProtocol::MetaWeblog
    }

    /// Whether every tenant's does, since none shares the configured one.
    pub(crate) fn accounts_apart(&self) -> bool {
        self.own_lies_elsewhere() && (self.require_own_account || self.base_url.is_none())
    }

    /// How many hashtags a post may have; what is none was refused at the start.
    pub fn hashtags_max(&self) -> HashtagsMax {
        self.hashtags_max.and_then(HashtagsMax::new).unwrap_or_default()
    }

    /// The lines that were verified; what can't be read was refused at the start.
    pub fn verified_numbers(&self) -> VerifiedNumbers {
        let by_tenant = self.verified_numbers.iter();
        let pairs = by_tenant.flat_map(|(tenant, lines)| lines.iter().map(|line| (tenant.as_str(), line.as_str())));
        VerifiedNumbers::new(pairs).unwrap_or_default()
    }
}

/// How much may be spent, in KRW; as much as is asked for where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpendCapConfig {
    /// For one event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_event: Option<u64>,
    /// In a calendar month of Korea's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_month: Option<u64>,
}

impl SpendCapConfig {
    /// What the engine is told of it.
    pub const fn cap(self) -> SpendCap {
        SpendCap {
            per_event: self.per_event,
            per_month: self.per_month,
        }
    }
}

/// Which protocol a channel is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelProtocol {
    /// The channel's own. Naver has none: a person posts.
    Own,
    /// Naver Blog: a blog elsewhere that speaks `MetaWeblog`.
    MetaWeblog,
    /// The gateway contract, one path for any channel.
    Gateway,
}
