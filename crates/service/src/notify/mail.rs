//! A notice as a mail, by SMTP: plain text, in the endpoint's language.
//!
//! Its `Message-ID` is the notice's id, so that who gets it twice sees one. Where
//! the server's name leads is looked at before each mail, as the guarded HTTP client
//! does it where it connects. No connection is kept: mails are rare.

use std::fmt;
use std::time::{Duration, SystemTime};

use fanfare_core::notice::Notice;
use fanfare_core::notice::sending::Sent;
use fanfare_core::notice::words::Words;
use fanfare_core::text::Language;
use fanfare_core::validate::url::is_public;
use jiff::Timestamp;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::sink::failed;
use crate::config::NoticeEndpoint;

/// For one answer of the server.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// For all of a mail.
const DEADLINE: Duration = Duration::from_secs(20);

/// Why mail can't be sent to an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The address of the server.
    #[error("it must be such as \"smtps://user:password@smtp.example:465\"")]
    Address(#[from] smtp::Error),
    /// Who sends it, or gets it.
    #[error("from and to must be addresses")]
    Mailbox(#[from] lettre::address::AddressError),
}

/// Sends mails to one endpoint.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Mailboxes,
    /// Where the server's name must lead to the public internet.
    guarded: Option<String>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

impl Mailer {
    /// # Errors
    /// [`MailError`] where the configuration can't be used.
    pub fn new(endpoint: &NoticeEndpoint) -> Result<Self, MailError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(endpoint.url.reveal())?;
        let host = endpoint.address().and_then(|url| Some(url.host_str()?.to_owned()));
        let mut to = Mailboxes::new();
        for address in &endpoint.to {
            to.push(address.parse()?);
        }
        Ok(Self {
            transport: builder.timeout(Some(COMMAND_TIMEOUT)).build(),
            from: endpoint.from.as_deref().unwrap_or_default().parse()?,
            to,
            guarded: host.filter(|_| !endpoint.allow_inside),
        })
    }

    /// Sends it once.
    pub(super) async fn send(&self, notice: &Notice, language: Language, base: &str, now: Timestamp) -> Sent {
        let message = match self.message(notice, language, base, now) {
            Ok(message) => message,
            Err(error) => return failed(format!("it could not be written: {error}")),
        };
        let sending = async {
            self.look_outside().await?;
            let sent = self.transport.send(message).await;
            sent.map_err(|error| words(&error))
        };
        match tokio::time::timeout(DEADLINE, sending).await {
            Ok(Ok(_)) => Sent::Delivered,
            Ok(Err(why)) => failed(why),
            Err(_elapsed) => failed("the mail server did not take it in time".to_owned()),
        }
    }

    async fn look_outside(&self) -> Result<(), String> {
        let Some(host) = &self.guarded else { return Ok(()) };
        let found = tokio::net::lookup_host((host.as_str(), 0)).await;
        let mut found = found.map_err(|error| format!("the mail server's name could not be resolved: {error}"))?;
        if found.all(|address| is_public(address.ip())) {
            return Ok(());
        }
        Err("the mail server's name leads to an address that is not on the public internet".to_owned())
    }

    fn message(
        &self,
        notice: &Notice,
        language: Language,
        base: &str,
        now: Timestamp,
    ) -> Result<Message, lettre::error::Error> {
        let words = Words::of(notice);
        let to = self.to.iter().cloned();
        let message = to.fold(
            Message::builder().from(self.from.clone()),
            lettre::message::MessageBuilder::to,
        );
        message
            .message_id(Some(format!("<{}@{}>", notice.id, self.from.email.domain())))
            .date(SystemTime::from(now))
            .subject(words.title.get(language).replace(['\r', '\n'], " "))
            .header(ContentType::TEXT_PLAIN)
            .body(words.lines(language, base))
    }
}

/// Down to the cause, each once: some errors' words hold their causes' already. A
/// log-in is not in there.
fn words(error: &smtp::Error) -> String {
    let mut words = format!("the mail server did not take it: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_cause_is_said_once() {
        // Nobody is at that port.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(9);
        let transport: AsyncSmtpTransport<Tokio1Executor> = builder.build();
        let error = transport.test_connection().await.unwrap_err();
        let (words, cause) = (words(&error), std::error::Error::source(&error).unwrap().to_string());
        assert!(words.starts_with("the mail server did not take it: "), "{words}");
        assert_eq!(words.matches(&cause).count(), 1, "{words}");
    }
}
