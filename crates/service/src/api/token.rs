//! How the token of a channel stands, in `GET /api/channels` and of a tenant's account:
//! when it lapses, and what came of renewing it. The token itself is shown nowhere.

use fanfare_core::cause::Cause;
use fanfare_core::channel::Channel;
use fanfare_core::credential::TokenStanding;
use fanfare_core::text::Language;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::Api;
use crate::accounts::Standing;

/// How a token stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    /// `good`; `expiring`, within two weeks and not renewed; `expired`; or `refused`.
    /// More words may be added.
    #[schema(example = "good")]
    state: &'static str,
    /// When it lapses; absent where that is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When the service got it, by its configuration, a person or a renewal.
    #[schema(value_type = String, format = DateTime)]
    set_at: Timestamp,
    /// When it was last tried to renew it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    tried_at: Option<Timestamp>,
    /// Why that came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<TokenProblem>,
}

/// Why a token could not be renewed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenProblem {
    /// A stable word, as for deliveries.
    #[schema(example = "auth_expired")]
    code: String,
    /// What it means, and what to do.
    message: String,
    /// The channel's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_said: Option<String>,
}

impl Token {
    /// Of a tenant's account on a channel: its own, or the configured one.
    pub(super) fn of(state: &Api, channel: Channel, account: &Standing, language: Language) -> Option<Self> {
        if account.whose != "shared" {
            return Self::own(state, account, language);
        }
        let token = state.token.as_ref().filter(|_| channel == Channel::Instagram)?;
        let standing = token.borrow().clone()?;
        Some(Self::shown(&standing, state, language))
    }

    /// Of a tenant's own account, where it has one there whose token lapses.
    pub(super) fn own(state: &Api, account: &Standing, language: Language) -> Option<Self> {
        let standing = account.token.as_ref().filter(|_| account.lapses)?;
        Some(Self::shown(standing, state, language))
    }

    fn shown(standing: &TokenStanding, state: &Api, language: Language) -> Self {
        let tried = &standing.tried;
        Self {
            state: standing.state(state.clock.now()).name(),
            expires_at: standing.expires_at,
            set_at: standing.set_at,
            tried_at: standing.tried_at,
            problem: tried.code().map(|code| TokenProblem {
                code: code.to_owned(),
                message: Cause::of(code).map_or_else(String::new, |cause| cause.text().get(language).to_owned()),
                channel_said: tried.said().map(str::to_owned),
            }),
        }
    }
}
