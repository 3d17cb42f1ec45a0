//! `GET /api/distributions/{id}/events`: how a distribution comes along, as
//! Server-Sent Events. An event's id is the number of the history entry that it
//! shows, so that who reconnects with `Last-Event-ID` misses nothing and gets
//! nothing twice.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fanfare_core::api_key::Scope;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::DistributionId;
use fanfare_core::text::Language;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::caller::{Caller, DistributionInPath};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::query::{self, Query};
use super::state::Api;
use super::view::DistributionView;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells proxies not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Events that wait for a client that reads slowly; beyond it only the newest
/// state counts.
const BUFFERED: usize = 4;

/// Follows a distribution.
///
/// Each event `progress` has the distribution as `GET /api/distributions/{id}`
/// shows it, in `data`, and the number of its history entry as `id`. The state as
/// it is now comes at once; one that was overtaken before it could be sent is left
/// out. When nothing more can happen by itself or by a person's decision, `end`
/// follows and the stream is closed; who reconnects then is answered 204, which
/// tells an `EventSource` to stop. A comment line every 15 seconds keeps the
/// connection open.
#[utoipa::path(
    get,
    path = "/api/distributions/{id}/events",
    operation_id = "followDistribution",
    tag = "distributions",
    params(
        ("id" = Uuid, Path, description = "The `distributionId`"),
        ("Last-Event-ID" = Option<u32>, Header, description = "The last event that was received; only newer ones are sent."),
        ("lastEventId" = Option<u32>, Query, description = "The same, for clients that can't set the header, which wins."),
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "The events.",
            example = "id: 2\nevent: progress\ndata: {\"distributionId\": \"…\", \"status\": \"COMPLETED\", …}\n\nevent: end\ndata:\n\n"),
        (status = 204, description = "Nothing newer will come."),
        (status = 400, response = problems::BadRequest),
        (status = 404, response = problems::NotFound),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn follow_distribution(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
    request: Request,
) -> Result<Response, ApiError> {
    let seen = last_event_id(&request)?;
    let latest = state.engine.latest(&caller.tenant, id).await?;
    let latest = latest.ok_or(ApiError::DistributionUnknown)?;
    if !latest.unfinished() && seen.is_some_and(|seen| seen >= latest.history_number) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Ok(place) = Arc::clone(&state.streams).try_acquire_owned() else {
        return Err(ApiError::TooManyStreams);
    };
    let (sender, receiver) = mpsc::channel(BUFFERED);
    let stream = Stream {
        state,
        caller,
        id,
        language,
        sender,
        _place: place,
    };
    tokio::spawn(stream.run(latest, seen.unwrap_or(0)));
    let mut response = Body::new(Frames(receiver)).into_response();
    set_headers(response.headers_mut());
    Ok(response)
}

fn set_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
}

fn last_event_id(request: &Request) -> Result<Option<u32>, ApiError> {
    let mut query = Query::of(request.uri(), &["lastEventId"]);
    let in_query = query.read("lastEventId", query::whole_number);
    query.finish()?;
    match request.headers().get(LAST_EVENT_ID) {
        // A client that has seen nothing may send it empty.
        Some(value) if value.is_empty() => Ok(in_query),
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            number.map(Some).ok_or(ApiError::BadLastEventId)
        }
        None => Ok(in_query),
    }
}

/// One open stream.
struct Stream {
    state: Arc<Api>,
    caller: Caller,
    id: DistributionId,
    language: Language,
    sender: mpsc::Sender<Bytes>,
    /// Given back when the stream ends.
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Until nothing more can come, the client is gone or its key revoked, or the
    /// service stops.
    async fn run(self, mut latest: Arc<Distribution>, mut seen: u32) {
        let mut ready = self.state.ready.clone();
        loop {
            if latest.history_number > seen {
                seen = latest.history_number;
                if !self.may_go_on().await || self.sender.send(self.event(&latest)).await.is_err() {
                    return;
                }
            }
            if !latest.unfinished() {
                // That the client is gone by now is as good.
                _ = self.sender.send(Bytes::from_static(b"event: end\ndata:\n\n")).await;
                return;
            }
            tokio::select! {
                newer = self.newer(seen) => match newer {
                    Some(newer) => latest = newer,
                    None => return,
                },
                () = self.sender.closed() => return,
                _ = ready.wait_for(|ready| !*ready) => return,
            }
        }
    }

    /// The next state, with a sign of life now and then; nothing where it can't
    /// be read any more, so that the client asks anew and is told why.
    async fn newer(&self, than: u32) -> Option<Arc<Distribution>> {
        let mut newer = std::pin::pin!(self.state.engine.newer(&self.caller.tenant, self.id, than));
        loop {
            tokio::select! {
                newer = &mut newer => return newer.ok().flatten(),
                () = tokio::time::sleep(self.state.limits.heartbeat) => {
                    if !self.may_go_on().await {
                        return None;
                    }
                    self.sender.send(Bytes::from_static(b": still here\n\n")).await.ok()?;
                }
            }
        }
    }

    async fn may_go_on(&self) -> bool {
        self.caller.may_go_on(&self.state, Scope::Read).await
    }

    fn event(&self, distribution: &Distribution) -> Bytes {
        let view = DistributionView::of(distribution, self.language);
        // Every field has a JSON form, on one line.
        let data = serde_json::to_string(&view).unwrap_or_default();
        format!("id: {}\nevent: progress\ndata: {data}\n\n", distribution.history_number).into()
    }
}

/// A body that is what is sent to it.
struct Frames(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
