//! Tells one endpoint: a signed webhook, a chat that takes `{"text": …}`, or a
//! mailbox; and says what came of it. Never twice by itself: when to try again is decided in
//! the core.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use fanfare_channels::http::{Answer, HttpClient};
use fanfare_channels::secret::Secret;
use fanfare_core::notice::Notice;
use fanfare_core::notice::sending::Sent;
use fanfare_core::notice::words::Words;
use fanfare_core::text::Language;
use jiff::Timestamp;

use super::mail::Mailer;
use super::payload::Payload;
use super::webhook::{self, SigningKey};

/// Where notices go.
pub(super) struct Sink {
    pub(super) form: Form,
    pub(super) language: Language,
    /// Where people reach the service.
    pub(super) base: Arc<str>,
}

/// How an endpoint is spoken to.
pub(super) enum Form {
    /// A signed message.
    Webhook(HttpClient, Secret, Vec<SigningKey>),
    /// A chat's text.
    Chat(HttpClient, Secret),
    /// A mail.
    Mail(Mailer),
}

type Written = Result<Request<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

impl Sink {
    /// Sends it once.
    pub(super) async fn send(&self, notice: &Notice, now: Timestamp) -> Sent {
        let (http, request) = match &self.form {
            Form::Webhook(http, url, keys) => {
                let payload = Payload::of(notice, self.language, &self.base);
                (http, webhook::request(keys, url.reveal(), notice, &payload, now))
            }
            Form::Chat(http, url) => (http, self.chat(url.reveal(), notice)),
            Form::Mail(mailer) => return mailer.send(notice, self.language, &self.base, now).await,
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return failed(format!("it could not be written: {error}")),
        };
        match http.send(request).await {
            Ok(answer) => judged(&answer, now),
            Err(error) => failed(error.words()),
        }
    }

    fn chat(&self, url: &str, notice: &Notice) -> Written {
        let text = escaped(&Words::of(notice).lines(self.language, &self.base));
        let body = serde_json::to_vec(&serde_json::json!({ "text": text }))?;
        let request = Request::post(url).header(CONTENT_TYPE, "application/json");
        Ok(request.body(Bytes::from(body))?)
    }
}

/// A chat reads these as its own marks: a channel's words must ping nobody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn failed(why: String) -> Sent {
    Sent::Failed { why, retry_after: None }
}

fn judged(answer: &Answer, now: Timestamp) -> Sent {
    if answer.status.is_success() {
        return Sent::Delivered;
    }
    if answer.status == StatusCode::GONE {
        return Sent::Gone;
    }
    Sent::Failed {
        why: format!("the endpoint answered {}", answer.words()),
        retry_after: answer.retry_after(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_s_words_are_no_marks_of_the_chat() {
        assert_eq!(escaped("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
    }
}
