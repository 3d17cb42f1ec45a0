//! `GET`, `PUT` and `DELETE /api/channels/{channel}/account`: a tenant's own account on a
//! channel. Its token is shown nowhere; what is said of the others tells which account
//! it is.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use fanfare_core::api_key::Scope;
use fanfare_core::channel::Channel;
use fanfare_core::ids::TenantId;
use fanfare_core::text::Language;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::query::{self, Query};
use super::state::Api;
use super::token::Token;
use super::view;
use crate::accounts::Standing;

/// An account. Which of its keys a channel's has, its page says: Instagram `accountId`;
/// 지니TV `accountId`, `productId`; Kakao Channel `appKey`, `senderKey`, `senderName`,
/// `unsubscribeNumber` and, if you like, `recipientList`; each and every other channel
/// `accessToken`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::account` reads")]
pub(super) struct AccountBody {
    /// A secret: kept sealed, and shown nowhere.
    #[schema(format = Password, min_length = 1, max_length = 4096, pattern = "^[!-~]+$")]
    access_token: String,
    /// The professional account's id, the advertiser's, the author's name on a blog of the tenant's own, or the blog's
    /// id where a person posts.
    #[schema(min_length = 1, max_length = 200)]
    account_id: Option<String>,
    /// What is booked, by the channel's own name.
    #[schema(min_length = 1, max_length = 200)]
    product_id: Option<String>,
    /// The NHN Cloud project's.
    #[schema(min_length = 1, max_length = 200)]
    app_key: Option<String>,
    /// The sender profile's.
    #[schema(min_length = 1, max_length = 200)]
    sender_key: Option<String>,
    /// Whose advertising it is, as people know them.
    #[schema(min_length = 1, max_length = 200)]
    sender_name: Option<String>,
    /// The 080 number where people opt out free of charge.
    #[schema(min_length = 1, max_length = 200, example = "080-555-0100")]
    unsubscribe_number: Option<String>,
    /// The list of requests that name none.
    #[schema(min_length = 1, max_length = 200)]
    recipient_list: Option<String>,
    /// Where a blog of the tenant's own takes posts by XML-RPC.
    #[schema(min_length = 1, max_length = 200, example = "https://shop.example.com/xmlrpc.php")]
    endpoint: Option<String>,
}

/// A tenant's account on a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountView {
    /// Where.
    channel: Channel,
    /// Whose.
    #[schema(example = "cafe-1")]
    tenant: String,
    /// `own`: the tenant's; `shared`: the one that the service is configured with; `none`:
    /// there is none, so the tenant's requests fail there while the channel is live. More
    /// words may be added.
    #[schema(value_type = String, example = "own")]
    account: &'static str,
    /// When the service got its token: handed over, or renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<Timestamp>,
    /// How it stands, where it lapses: on Instagram. It is renewed in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
    /// Of one's own account only, as all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    /// What is booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    /// The NHN Cloud project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_key: Option<String>,
    /// The sender profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_key: Option<String>,
    /// As people know the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_name: Option<String>,
    /// Where people opt out.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_number: Option<String>,
    /// The list of requests that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_list: Option<String>,
    /// Where the blog is.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
}

impl AccountView {
    fn of(state: &Api, place: &Place, mut standing: Standing, language: Language) -> Self {
        let token = Token::own(state, &standing, language);
        let mut id = |name: &str| {
            let at = standing.ids.iter().position(|(known, _)| *known == name)?;
            Some(standing.ids.swap_remove(at).1)
        };
        Self {
            channel: place.channel,
            tenant: place.tenant.to_string(),
            account_id: id("accountId"),
            product_id: id("productId"),
            app_key: id("appKey"),
            sender_key: id("senderKey"),
            sender_name: id("senderName"),
            unsubscribe_number: id("unsubscribeNumber"),
            recipient_list: id("recipientList"),
            endpoint: id("endpoint"),
            account: standing.whose,
            set_at: standing.token.map(|token| token.set_at),
            token,
        }
    }
}

/// Shows which account a tenant's requests are sent with, without its token.
#[utoipa::path(
    get,
    path = "/api/channels/{channel}/account",
    operation_id = "getAccount",
    tag = "channels",
    params(
        ("channel" = String, Path, description = "The channel's name, such as `Instagram`"),
        ("tenant" = Option<String>, Query, min_length = 1, max_length = 64,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$",
            description = "Whose; the key's own where it is absent. Another's is for the operator"),
    ),
    responses(
        (status = 200, body = AccountView, description = "The account."),
        (status = 404, response = problems::NotFound),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn get_account(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let place = Place::of(&state, &caller, name, &uri).await?;
    let standing = state.accounts.standing(&place.tenant, place.channel).await?;
    view::json(StatusCode::OK, &AccountView::of(&state, &place, standing, language))
}

/// Hands an account over, with which the tenant's requests are sent from then on.
///
/// It is kept sealed; every replica uses it within five seconds. A new token of the same
/// account is taken at any time; the token that the kept one was renewed from is not, as
/// long as the kept one is good. *Another* account (another account id, app key or sender
/// key, or the first of one's own) is refused with 409 while something of the tenant's is
/// unfinished that was begun with the one before: only that one can tell what became of it.
/// Where the channel is, its address, is the operator's.
#[utoipa::path(
    put,
    path = "/api/channels/{channel}/account",
    operation_id = "putAccount",
    tag = "channels",
    params(
        ("channel" = String, Path, description = "The channel's name, such as `Instagram`"),
        ("tenant" = Option<String>, Query, min_length = 1, max_length = 64,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$",
            description = "Whose; the key's own where it is absent. Another's is for the operator"),
    ),
    request_body(content = AccountBody, example = json!({"accountId": "17841400000000000", "accessToken": "IGAA…"})),
    responses(
        (status = 200, body = AccountView, description = "It is kept."),
        (status = 400, response = problems::BadRequest),
        (status = 404, response = problems::NotFound),
        (status = 408, response = problems::BodyTooSlow),
        (status = 409, response = problems::AccountKept),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn put_account(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let place = Place::of(&state, &caller, name, &uri).await?;
    let by = caller.name(&state).await?;
    let kept = state.accounts.keep(&*state.store, place.names(), &body).await?;
    tracing::info!(
        tenant = place.tenant.as_str(),
        channel = %place.channel,
        by,
        "a tenant's own account was handed over"
    );
    view::json(StatusCode::OK, &AccountView::of(&state, &place, kept, language))
}

/// Forgets a tenant's own account; the service's takes its place, where that may be. What
/// is not there is forgotten already.
#[utoipa::path(
    delete,
    path = "/api/channels/{channel}/account",
    operation_id = "deleteAccount",
    tag = "channels",
    params(
        ("channel" = String, Path, description = "The channel's name, such as `Instagram`"),
        ("tenant" = Option<String>, Query, min_length = 1, max_length = 64,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$",
            description = "Whose; the key's own where it is absent. Another's is for the operator"),
    ),
    responses(
        (status = 200, body = AccountView, description = "It is forgotten; with what is sent from now on."),
        (status = 404, response = problems::NotFound),
        (status = 409, response = problems::AccountKept),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn delete_account(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let place = Place::of(&state, &caller, name, &uri).await?;
    let by = caller.name(&state).await?;
    let standing = state.accounts.remove(&*state.store, place.names()).await?;
    tracing::info!(
        tenant = place.tenant.as_str(),
        channel = %place.channel,
        by,
        "a tenant's own account was removed"
    );
    view::json(StatusCode::OK, &AccountView::of(&state, &place, standing, language))
}

/// Whose account, and where.
struct Place {
    tenant: TenantId,
    channel: Channel,
}

impl Place {
    /// Another tenant than one's own is the operator's to name.
    async fn of(state: &Api, caller: &Caller, name: String, uri: &Uri) -> Result<Self, ApiError> {
        let mut query = Query::of(uri, &["tenant"]);
        let tenant = query.read("tenant", query::tenant);
        query.finish()?;
        let Some(channel) = Channel::from_name(&name) else {
            return Err(ApiError::ChannelUnknown(name));
        };
        let tenant = tenant.unwrap_or_else(|| caller.tenant.clone());
        if tenant != caller.tenant {
            caller.needs_of_service(state, Scope::Admin).await?;
        }
        Ok(Self { tenant, channel })
    }

    fn names(&self) -> (&TenantId, Channel) {
        (&self.tenant, self.channel)
    }
}
