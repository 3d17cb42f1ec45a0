//! Who asks, and for what: the key that a request brings, its tenant, and the
//! ids in the path.
//!
//! This is the one place that reads keys: [`guard`] stands before every route,
//! lets through who brings what the route asks for (`routes.rs`), and tells the
//! handler whose data may be seen. An id that is malformed, or another tenant's,
//! is answered like one that is absent: a caller learns nothing from the
//! difference.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fanfare_core::api_key::{ApiKey, KeyHash, Scope};
use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, EventId, TenantId};

use super::error::ApiError;
use super::error::access::{Forbidden, Unauthenticated};
use super::routes::Needs;
use super::state::Api;
use crate::keys;

/// Characters of an event's id; longer ones are never accepted.
const EVENT_ID_MAX: usize = 256;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Whose data may be seen.
    pub(super) tenant: TenantId,
    /// By which key, where one was brought.
    key: Option<KeyHash>,
}

impl Caller {
    /// What others may call them: the key's name and its beginning.
    pub(super) async fn name(&self, state: &Api) -> Result<String, ApiError> {
        let name = self.key_name(state).await?;
        Ok(name.unwrap_or_else(|| "somebody without a key".to_owned()))
    }

    /// The same, where a key was brought.
    pub(super) async fn key_name(&self, state: &Api) -> Result<Option<String>, ApiError> {
        let key = match &self.key {
            Some(hash) => state.keys.find(hash).await?,
            None => None,
        };
        Ok(key.map(|key| format!("{} ({}…)", key.name, key.prefix)))
    }

    /// What is not one tenant's own needs a key of the operator's tenant with this
    /// scope, as `Needs::OfService` says of whole routes.
    pub(super) async fn needs_of_service(&self, state: &Api, scope: Scope) -> Result<(), ApiError> {
        let key = match &self.key {
            Some(hash) => state.keys.find(hash).await?,
            None => None,
        };
        if let Some(key) = key.filter(|key| !key.allows(scope)) {
            let held = key.scopes.clone();
            return Err(ApiError::Forbidden(Forbidden::Scope { needed: scope, held }));
        }
        of_service(self.clone()).map(|_| ())
    }

    /// Whether an answer that takes its time may go on. While the database does
    /// not answer it may: nothing new comes without the database.
    pub(super) async fn may_go_on(&self, state: &Api, scope: Scope) -> bool {
        match &self.key {
            Some(hash) => {
                let found = state.keys.find(hash).await;
                found.map_or(true, |key| key.is_some_and(|key| key.allows(scope)))
            }
            None => !state.keys.asks().await,
        }
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &Arc<Api>) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        // An open route whose handler asks who asks; the first request shows it.
        caller.ok_or_else(|| ApiError::internal("seeing who asks", "nobody was let through"))
    }
}

/// The layer around every route.
pub(super) async fn guard(State(state): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let needs = path.and_then(|path| state.needs.of(request.method(), path));
    let caller = match needs {
        Some(Needs::Scope(scope)) => identify(&state, request.headers(), scope).await,
        Some(Needs::OfService(scope)) => identify(&state, request.headers(), scope).await.and_then(of_service),
        // Without an entry there is no handler either, and 405 is the answer.
        Some(Needs::Nothing) | None => return next.run(request).await,
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn of_service(caller: Caller) -> Result<Caller, ApiError> {
    if caller.tenant == TenantId::default() {
        return Ok(caller);
    }
    Err(ApiError::Forbidden(Forbidden::OfService))
}

/// Who asks, if a key of theirs has the scope. A key that is brought counts even
/// where none is asked for: its bearer expects their own tenant's data.
async fn identify(state: &Api, headers: &HeaderMap, scope: Scope) -> Result<Caller, ApiError> {
    let refused = |why| Err(ApiError::Unauthenticated(why));
    match brought(headers) {
        Brought::Key(hash) => match state.keys.find(&hash).await? {
            Some(key) => opened(&key, hash, scope),
            None => refused(Unauthenticated::Unknown),
        },
        Brought::Nothing | Brought::Other if !state.keys.asks().await => Ok(Caller {
            tenant: TenantId::default(),
            key: None,
        }),
        Brought::Nothing => refused(Unauthenticated::Missing),
        Brought::Other => refused(Unauthenticated::Malformed),
    }
}

fn opened(key: &ApiKey, hash: KeyHash, scope: Scope) -> Result<Caller, ApiError> {
    if key.revoked_at.is_some() {
        return Err(ApiError::Unauthenticated(Unauthenticated::Revoked));
    }
    if !key.allows(scope) {
        let held = key.scopes.clone();
        return Err(ApiError::Forbidden(Forbidden::Scope { needed: scope, held }));
    }
    Ok(Caller {
        tenant: key.tenant.clone(),
        key: Some(hash),
    })
}

/// What a request brings to be let in.
#[derive(Debug, PartialEq, Eq)]
enum Brought {
    Nothing,
    Key(KeyHash),
    /// Something that is no key of ours, such as a proxy's password.
    Other,
}

fn brought(headers: &HeaderMap) -> Brought {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Brought::Nothing;
    };
    let only = values.next().is_none();
    let token = value.to_str().ok().filter(|_| only).and_then(bearer);
    token.and_then(keys::hash_of).map_or(Brought::Other, Brought::Key)
}

/// The token of `Bearer <token>` (RFC 6750).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The distribution that the path names.
pub(super) struct DistributionInPath(pub(super) DistributionId);

impl FromRequestParts<Arc<Api>> for DistributionInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let text = text_in_path(parts, state).await;
        let id = text.and_then(|text| text.parse().ok());
        id.map(Self).ok_or(ApiError::DistributionUnknown)
    }
}

/// A distribution's channel that the path names. Whether it was chosen, it does not say.
pub(super) struct DeliveryInPath(pub(super) DistributionId, pub(super) Channel);

impl FromRequestParts<Arc<Api>> for DeliveryInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        // Bytes that are not UTF-8 are no id either.
        let Path((id, name)) = path.map_err(|_rejection| ApiError::DistributionUnknown)?;
        let id = id.parse().map_err(|_malformed| ApiError::DistributionUnknown)?;
        match Channel::from_name(&name) {
            Some(channel) => Ok(Self(id, channel)),
            None => Err(ApiError::ChannelUnknown(name)),
        }
    }
}

/// The event that the path names.
pub(super) struct EventInPath(pub(super) EventId);

impl FromRequestParts<Arc<Api>> for EventInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let text = text_in_path(parts, state).await;
        let event = text.and_then(|text| event_of(&text));
        event.map(Self).ok_or(ApiError::EventUnknown)
    }
}

/// Bytes that are not UTF-8 are no id either.
async fn text_in_path(parts: &mut Parts, state: &Arc<Api>) -> Option<String> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.ok().map(|Path(text)| text)
}

/// An event's id as acceptance takes it; `None` for what it never took, so that
/// a database is not asked for it.
pub(super) fn event_of(text: &str) -> Option<EventId> {
    let possible =
        !text.trim().is_empty() && text.chars().count() <= EVENT_ID_MAX && !text.chars().any(char::is_control);
    possible.then(|| EventId::new(text))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_brought_as_a_bearer_token_and_no_other_way() {
        let key = "ff_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            brought(&headers)
        };
        let good = Brought::Key(keys::hash_of(key).unwrap());
        assert_eq!(of(&[]), Brought::Nothing);
        for scheme in ["Bearer", "bearer", "BEARER "] {
            assert_eq!(of(&[&format!("{scheme} {key}")]), good, "{scheme}");
        }
        let (whole, basic) = (format!("Bearer {key}"), format!("Basic {key}"));
        for values in [
            &[""][..],
            &["Bearer"],
            &["Bearer "],
            &[key],
            &[&basic],
            &[&whole, &whole],
            &["Bearer 키"],
        ] {
            assert_eq!(of(values), Brought::Other, "{values:?}");
        }
    }
}
