//! What is done until everything is sent.

use fanfare_core::advertising::advertisement;
use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::compose::kakao_channel::KakaoChannelContent;
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use fanfare_core::validate::kakao_channel::PICTURE;
use jiff::Timestamp;

use super::checkpoint::{Doubt, Progress, Request, Sending, Stage, count};
use super::error::Meaning;
use super::hold::night;
use super::recipients::{Allowed, Person};
use super::webhook;
use super::wire::{self, Heard, Uploaded};
use super::{KakaoChannelClient, key_of};
use crate::api::Body;
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::given;
use crate::secret::Secret;

impl KakaoChannelClient {
    /// Uploads the picture: only what was uploaded can be sent. Nobody sees it.
    pub(super) async fn upload(&self, call: &Call, now: Timestamp) -> StepOutcome {
        if let Some(held) = night(None, now) {
            return held;
        }
        match self.allowed(call, now).await {
            Ok(allowed) if allowed.is_empty() => {
                return rejected(None, failure::no_consented_recipients(allowed.blocked), Retry::Never);
            }
            Ok(_) => {}
            Err((why, retry)) => return rejected(None, why, retry),
        }
        let Some(url) = wire::content(&call.request.request, now).and_then(|content| content.image_url) else {
            return rejected(None, failure::content_rejected(), Retry::Never);
        };
        let picture = match self.media.picture(&url, &PICTURE, self.settings.image_fit).await {
            Ok(picture) => picture,
            Err(error) => {
                let (why, retry) = error.refusal();
                return rejected(None, why, retry);
            }
        };
        if let Err(error) = self.media.compare(call, &url, &picture.source).await {
            let (why, retry) = error.refusal();
            return rejected(None, why, retry);
        }
        let boundary = call.delivery.id.0.simple().to_string();
        let body = Body::Multipart {
            boundary: &boundary,
            parts: wire::form(&boundary, &picture),
        };
        match self.api.post(call, &self.path("images"), body).await {
            Ok(answer) => given(uploaded(&answer, picture.sha256, now), &url, &picture.source),
            Err(error) => rejected(None, failure::unavailable().said(&error.words()), Retry::Backoff),
        }
    }

    /// Sees who is in the next request, and keeps where it ends before it is sent.
    pub(super) async fn cut(&self, call: &Call, mut progress: Progress, now: Timestamp) -> StepOutcome {
        if call.delivery.called_off {
            return prepared(self.give_up(call, progress, now).await, false);
        }
        if let Some(held) = night(Some(&progress), now) {
            return held;
        }
        let allowed = match self.allowed(call, now).await {
            Ok(allowed) => allowed,
            Err((why, retry)) if progress.requests.is_empty() => {
                return rejected(Some(Stage::Cutting(progress)), why, retry);
            }
            // How many are left is not known.
            Err(why) => return self.again(progress, None, why, now),
        };
        if progress.chunk == 1 {
            progress.counts.blocked = allowed.blocked.total();
            progress.counts.blocked_by = allowed.blocked;
        }
        match allowed.next_until(progress.after, self.settings.per_request) {
            Some(until) => prepared(Stage::Sending(Sending::clean(progress, until)), true),
            None => prepared(Stage::Results(progress), false),
        }
    }

    /// The one step that people see.
    pub(super) async fn send(&self, call: &Call, sending: Sending, now: Timestamp) -> StepOutcome {
        if sending.doubt != Doubt::None {
            return StepOutcome::Unknown(failure::outcome_unknown());
        }
        if call.delivery.called_off {
            return prepared(self.give_up(call, sending.progress, now).await, false);
        }
        if let Some(held) = night(Some(&sending.progress), now) {
            return held;
        }
        let allowed = match self.allowed(call, now).await {
            Ok(allowed) => allowed,
            Err((why, retry)) => return self.not_sent(sending, None, why, retry, now),
        };
        let Some((mut progress, people)) = self.people(&sending, &allowed) else {
            return prepared(Stage::Cutting(sending.progress), false);
        };
        let Some(content) = wire::content(&call.request.request, now) else {
            return rejected(None, failure::content_rejected(), Retry::Never);
        };
        let people = match self.admitted(call, &mut progress, people, now).await {
            Ok(people) => people,
            Err(why) => return self.not_sent(sending, None, why, Retry::Backoff, now),
        };
        if people.is_empty() {
            return prepared(Stage::Cutting(progress.sent(sending.until, None, 0, now)), false);
        }
        let answer = self.post_message(call, &content, &progress, &people).await;
        if has_reached_nobody(&answer, now) {
            let key = key_of(call, progress.chunk);
            self.recipients.release(&call.tenant, &key).await;
        }
        match answer {
            Ok(answer) => self.heard(sending, (progress, people.len()), &answer, &allowed, now),
            Err(error @ ExchangeError::NotSent(..)) => {
                let why = failure::unavailable().said(&error.words());
                self.not_sent(sending, Some(&allowed), why, Retry::Backoff, now)
            }
            Err(error @ ExchangeError::Lost { .. }) => {
                StepOutcome::Unknown(failure::outcome_unknown().said(&error.words()))
            }
        }
    }

    /// Who is in the request now, with the counts that go with them; nothing where so
    /// many have joined since it was cut that it must be cut anew.
    fn people<'a>(&self, sending: &Sending, allowed: &'a Allowed) -> Option<(Progress, &'a [Person])> {
        let most = self.settings.per_request;
        let people = allowed.between(sending.progress.after, sending.until);
        let mut progress = sending.progress.clone();
        if people.len() <= most {
            return Some((progress, people));
        }
        if allowed.next_until(progress.after, most) != Some(sending.until) {
            return None;
        }
        // One bucket that is too large alone: it is not parted.
        progress.counts.not_sent = progress.counts.not_sent.saturating_add(count(people.len() - most));
        Some((progress, &people[..most]))
    }

    /// Those whom the frequency cap lets be sent one more; the others are counted.
    async fn admitted(
        &self,
        call: &Call,
        progress: &mut Progress,
        people: &[Person],
        now: Timestamp,
    ) -> Result<Vec<Secret>, Failure> {
        let numbers: Vec<_> = people.iter().map(|(_, number)| number.clone()).collect();
        if numbers.is_empty() {
            return Ok(numbers);
        }
        let key = key_of(call, progress.chunk);
        let admitted = self.recipients.admit(&call.tenant, &key, numbers, now).await;
        let admitted = admitted.map_err(|_told| failure::recipient_list_unreadable())?;
        let capped = count(people.len().saturating_sub(admitted.len()));
        progress.counts.capped = progress.counts.capped.saturating_add(capped);
        Ok(admitted)
    }

    async fn post_message(
        &self,
        call: &Call,
        content: &KakaoChannelContent,
        progress: &Progress,
        people: &[Secret],
    ) -> Result<Answer, ExchangeError> {
        let settings = &self.settings;
        let message = content.message.as_deref().unwrap_or_default();
        let (sender, opt_out) = (&settings.sender_name, &settings.unsubscribe_number);
        let text = advertisement(message, settings.label, sender, opt_out);
        let key = key_of(call, progress.chunk);
        let reference = webhook::reference(&call.tenant, call.distribution).unwrap_or_else(|| key.clone());
        let value = wire::message(settings, content, &text, (&key, &progress.image), (&reference, people));
        let body = Body::Json {
            value: &value,
            key: &key,
        };
        self.api.post(call, &self.path("freestyle-messages"), body).await
    }

    fn heard(
        &self,
        sending: Sending,
        (progress, people): (Progress, usize),
        answer: &Answer,
        allowed: &Allowed,
        now: Timestamp,
    ) -> StepOutcome {
        let said = |why: Failure| why.said(&answer.words_without_numbers());
        let unclear = || StepOutcome::Unknown(said(failure::outcome_unknown()));
        let outcome = wire::outcome(answer);
        let all_refused = outcome.as_ref().is_some_and(|outcome| outcome.all_refused);
        let until = sending.until;
        let next = |request, refused| advanced(Stage::Cutting(progress.sent(until, request, refused, now)), false);
        let doubt = |sending: Sending, doubt| advanced(Stage::Sending(Sending { doubt, ..sending }), false);
        match wire::heard(answer, now) {
            Heard::Taken => match outcome.and_then(|outcome| Some((outcome.request_id?, outcome.refused))) {
                Some((id, refused)) => next(Some(Request::new(id, people, refused)), refused),
                None => unclear(),
            },
            // All of them are refused for good, and the others have their turn.
            Heard::Refused(Meaning::Recipient) => next(None, people),
            Heard::Refused(Meaning::Unclear) if all_refused => next(None, people),
            Heard::Refused(Meaning::Refused(why, retry)) => {
                self.not_sent(sending, Some(allowed), said(why), retry, now)
            }
            Heard::Refused(Meaning::Night) => {
                let why = said(failure::night_hours());
                self.night_by_the_channel(sending.progress, allowed, why, now)
            }
            Heard::Refused(Meaning::KeyKnown) => doubt(sending, Doubt::KeyKnown),
            Heard::Refused(Meaning::Sent) => doubt(sending, Doubt::Sent),
            Heard::Refused(Meaning::Unclear) => unclear(),
        }
    }
}

/// Nothing was sent, or the channel refused all of it.
fn has_reached_nobody(answer: &Result<Answer, ExchangeError>, now: Timestamp) -> bool {
    match answer {
        Err(ExchangeError::NotSent(..)) => true,
        Err(ExchangeError::Lost { .. }) => false,
        Ok(answer) => match wire::heard(answer, now) {
            Heard::Refused(Meaning::Recipient | Meaning::Refused(..) | Meaning::Night) => true,
            Heard::Refused(Meaning::Unclear) => wire::outcome(answer).is_some_and(|outcome| outcome.all_refused),
            Heard::Taken | Heard::Refused(Meaning::KeyKnown | Meaning::Sent) => false,
        },
    }
}

fn uploaded(answer: &Answer, sha256: String, now: Timestamp) -> StepOutcome {
    let refused = |why: Failure, retry| rejected(None, why.said(&answer.words_without_numbers()), retry);
    match wire::heard_of_picture(answer, now) {
        Heard::Taken => match wire::read::<Uploaded>(answer).and_then(Uploaded::url) {
            Some(image) => advanced(Stage::Cutting(Progress::new(image, sha256, now)), false),
            None => refused(failure::unavailable(), Retry::Backoff),
        },
        Heard::Refused(Meaning::Refused(why, retry)) => refused(why, retry),
        Heard::Refused(Meaning::Night | Meaning::Recipient | Meaning::KeyKnown | Meaning::Sent | Meaning::Unclear) => {
            refused(failure::unavailable(), Retry::Backoff)
        }
    }
}

pub(super) fn advanced(stage: Stage, next_has_effect: bool) -> StepOutcome {
    StepOutcome::Advanced {
        checkpoint: stage.into(),
        next_has_effect,
    }
}

/// Where NHN Cloud was not called: only lists of people were read.
fn prepared(stage: Stage, next_has_effect: bool) -> StepOutcome {
    StepOutcome::Prepared {
        checkpoint: stage.into(),
        next_has_effect,
    }
}

pub(super) fn rejected(stage: Option<Stage>, failure: Failure, retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint: stage.map(Checkpoint::from),
    }
}
