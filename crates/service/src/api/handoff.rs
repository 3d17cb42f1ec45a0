//! `/handoff/{token}`: the page on which a person finishes what no API can do.
//!
//! It needs no key: who holds the link may see the post, and say where they put
//! it. To open it changes nothing, as whoever shows a preview of a link opens
//! it too; it stays good until the post is there or the time is over. Refusals
//! are pages as well: a shop owner on a phone reads them.

mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::{HOST, LOCATION, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use fanfare_channels::naver_blog::hand_off::HandOff;
use fanfare_channels::naver_blog::ticket::Ticket;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskAnswer, AskRefusal, Verdict};
use fanfare_core::validate::naver_post::NaverPost;
use jiff::Timestamp;
use url::Url;

use self::page::{Fault, Page, Post, Shown};
use super::body::FormBody;
use super::state::Api;

/// The field of the form.
const FIELD: &str = "postUrl";

/// So long a page waits for its picture to be looked at.
const PICTURE_WITHIN: Duration = Duration::from_secs(2);

/// How often a distribution that is being written just then is asked anew, and
/// after what time.
const ASK_ATTEMPTS: u32 = 5;
const ASK_INTERVAL: Duration = Duration::from_millis(100);

/// How a task stands.
enum Standing {
    /// It is to be done.
    Open,
    /// It is done.
    Done {
        post_url: Option<String>,
        is_verified: bool,
    },
    /// Its time is over, or it was called off.
    Over,
    /// There is a newer one.
    Replaced,
}

/// `GET /handoff/{token}`: shows the post, ready to be copied.
pub(super) async fn show(State(state): State<Arc<Api>>, Path(token): Path<String>) -> Response {
    let (hand_off, ticket, distribution) = match find(&state, &token).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let now = state.clock.now();
    match Standing::of(&ticket, &distribution, now) {
        Standing::Open => match blog(&state, &ticket).await {
            Ok(blog) => {
                let post = Post::of(&distribution, &ticket, now, &hand_off, &token).await;
                page::task(&post, ticket.until, (blog.as_deref(), None))
            }
            Err(refusal) => refusal,
        },
        other => closed(other),
    }
}

/// `GET /handoff/{token}/picture`: the post's picture, from here, so that a page may
/// share it whoever has it.
pub(super) async fn picture(State(state): State<Arc<Api>>, Path(token): Path<String>) -> Response {
    let (hand_off, ticket, distribution) = match find(&state, &token).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let now = state.clock.now();
    match Standing::of(&ticket, &distribution, now) {
        Standing::Open => {}
        other => return closed(other),
    }
    let Some(url) = page::content_of(&distribution, &ticket, now).image_url else {
        return page::of(StatusCode::NOT_FOUND, Page::Unknown);
    };
    match hand_off.picture(&url).await {
        Ok(picture) => page::picture_file(&picture),
        Err(why) => page::of(StatusCode::BAD_GATEWAY, Page::NoPicture(why)),
    }
}

/// `POST /handoff/{token}`: takes the post's address.
pub(super) async fn done(
    State(state): State<Arc<Api>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    FormBody(fields): FormBody,
) -> Response {
    let (hand_off, ticket, distribution) = match find(&state, &token).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    if !is_own_page(&headers, hand_off.public_url()) {
        return page::of(StatusCode::FORBIDDEN, Page::AnotherSite);
    }
    let now = state.clock.now();
    match Standing::of(&ticket, &distribution, now) {
        Standing::Open => {}
        other => return closed(other),
    }
    let pasted = fields
        .into_iter()
        .find_map(|(name, value)| (name == FIELD).then_some(value));
    let pasted = pasted.unwrap_or_default();
    let blog = match blog(&state, &ticket).await {
        Ok(blog) => blog,
        Err(refusal) => return refusal,
    };
    let post = match NaverPost::find(&pasted, blog.as_deref()) {
        Ok(post) => post,
        Err(wrong) => {
            let fault = Fault {
                pasted: &pasted,
                wrong: &wrong,
            };
            let post = Post::of(&distribution, &ticket, now, &hand_off, &token).await;
            return page::task(&post, ticket.until, (blog.as_deref(), Some(&fault)));
        }
    };
    let receipt = hand_off.receipt(&post).await;
    let verdict = Verdict::Live(receipt);
    let channel = ticket.channel;
    let what = Ask::Resolve {
        channel,
        verdict,
        // Who holds the link needs no key.
        by: None,
        reason: None,
    };
    resolved(&state, &ticket, &what, &token).await
}

impl Post {
    /// With its picture, as far as that can be looked at now.
    async fn of(distribution: &Distribution, ticket: &Ticket, now: Timestamp, hand_off: &HandOff, token: &str) -> Self {
        let content = page::content_of(distribution, ticket, now);
        let picture = match content.image_url.as_deref() {
            None => Shown::Nothing,
            Some(url) => match tokio::time::timeout(PICTURE_WITHIN, hand_off.picture(url)).await {
                Ok(Err(why)) => Shown::Missing(why),
                // What comes later, comes when the page asks for it.
                Ok(Ok(_)) | Err(_) => Shown::At(format!("{token}/picture")),
            },
        };
        Self { content, picture }
    }
}

/// The only blog that the post may be on, where one is named.
async fn blog(state: &Api, ticket: &Ticket) -> Result<Option<String>, Response> {
    state.accounts.blog(&ticket.tenant).await.map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the blog of a hand-off page could not be read"
        );
        busy()
    })
}

/// The task that the link names, and what it belongs to.
async fn find(state: &Api, token: &str) -> Result<(Arc<HandOff>, Ticket, Arc<Distribution>), Response> {
    let unknown = || page::of(StatusCode::NOT_FOUND, Page::Unknown);
    let hand_off = state.hand_off.clone().ok_or_else(unknown)?;
    let ticket = hand_off.open(token).ok_or_else(unknown)?;
    match state.engine.latest(&ticket.tenant, ticket.distribution).await {
        Ok(Some(distribution)) if distribution.delivery(ticket.channel).is_some() => {
            Ok((hand_off, ticket, distribution))
        }
        Ok(_) => Err(unknown()),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a hand-off page could not be shown"
            );
            Err(busy())
        }
    }
}

impl Standing {
    fn of(ticket: &Ticket, distribution: &Distribution, now: Timestamp) -> Self {
        let Some(delivery) = distribution.delivery(ticket.channel) else {
            return Self::Over;
        };
        let receipt = delivery.receipt.as_ref();
        match delivery.status {
            DeliveryStatus::Success => Self::Done {
                post_url: receipt.and_then(|receipt| receipt.fields.post_url.clone()),
                is_verified: receipt.is_some_and(|receipt| receipt.state == ChannelState::Verified),
            },
            DeliveryStatus::ActionRequired if delivery.generation != ticket.generation => Self::Replaced,
            DeliveryStatus::ActionRequired if now < ticket.until => Self::Open,
            _ => Self::Over,
        }
    }
}

fn closed(standing: Standing) -> Response {
    match standing {
        Standing::Done { post_url, is_verified } => page::of(StatusCode::OK, Page::Done { post_url, is_verified }),
        Standing::Replaced => page::of(StatusCode::GONE, Page::Replaced),
        Standing::Over | Standing::Open => page::of(StatusCode::GONE, Page::Over),
    }
}

/// Tells the engine; what else of the distribution is being written just then is
/// waited for a moment.
async fn resolved(state: &Api, ticket: &Ticket, what: &Ask, token: &str) -> Response {
    for _ in 0..ASK_ATTEMPTS {
        match state.engine.ask(&ticket.tenant, ticket.distribution, what).await {
            // Where somebody was faster, the page says what came of it.
            Ok(AskAnswer::Done | AskAnswer::Refused(AskRefusal::NotInReview(..))) => return see_page(token),
            Ok(AskAnswer::Refused(AskRefusal::Moves)) => tokio::time::sleep(ASK_INTERVAL).await,
            Ok(_) => break,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a finished hand-off could not be kept"
                );
                break;
            }
        }
    }
    busy()
}

fn busy() -> Response {
    page::of(StatusCode::SERVICE_UNAVAILABLE, Page::Busy)
}

/// To the page, by its name beside this one: what stands before it may be a
/// proxy's.
fn see_page(token: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(place) = HeaderValue::from_str(token) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// Whether the form was on a page of ours. Browsers say where a form was; who
/// says nothing is no browser that another site could have misled.
fn is_own_page(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    let Some(from) = origin.as_ref().and_then(authority) else {
        return false;
    };
    let asked = text(HOST.as_str()).unwrap_or_default();
    from.eq_ignore_ascii_case(asked) || authority(public_url).is_some_and(|own| own == from)
}

/// Host and port, where it is not the usual one.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

#[cfg(test)]
mod tests {
    use fanfare_core::text::Text;

    use super::*;

    #[test]
    fn a_form_of_another_site_is_told_by_its_origin() {
        let public = Url::parse("https://fanfare.example/base/").unwrap();
        for (origin, host, site, own) in [
            (None, "a", None, true),
            (None, "a", Some("same-origin"), true),
            (None, "a", Some("cross-site"), false),
            (None, "a", Some("same-site"), false),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", None, true),
            (
                Some("https://fanfare.example"),
                "10.0.0.7:8080",
                Some("same-origin"),
                true,
            ),
            (Some("https://fanfare.example:444"), "10.0.0.7:8080", None, false),
            (Some("https://evil.example"), "fanfare.example", None, false),
            (
                Some("https://fanfare.example"),
                "fanfare.example",
                Some("cross-site"),
                false,
            ),
            (Some("null"), "fanfare.example", None, false),
            (Some(""), "", None, false),
        ] {
            let mut headers = HeaderMap::new();
            let mut set = |name: &'static str, value: Option<&str>| {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            };
            set("origin", origin);
            set("host", Some(host));
            set("sec-fetch-site", site);
            assert_eq!(is_own_page(&headers, &public), own, "{origin:?} {host} {site:?}");
        }
    }

    #[test]
    fn the_words_of_a_refusal_are_in_both_languages() {
        let wrong = Text::new("No.", "아니요.");
        assert!(page::sentence(&wrong).contains("아니요.") && page::sentence(&wrong).contains("No."));
    }
}
