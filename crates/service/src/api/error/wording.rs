//! What each error says to people, in both languages: what is wrong, where, and
//! how to mend it. Nothing of what went wrong inside is said here.

use axum::http::StatusCode;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::spend::Overspend;
use fanfare_core::text::{Language, Text};
use fanfare_core::write::Holder;
use fanfare_ledger::StoreError;

use super::{ApiError, account};
use crate::perform::{AskRefusal, Behind};

impl ApiError {
    /// The kind of problem, the same for every occurrence.
    pub(in crate::api) fn title(&self) -> Text {
        let (en, ko) = match self {
            Self::Unauthenticated(_) => ("An API key is needed", "API 키가 필요합니다"),
            Self::WrongSignature => ("The signature is wrong", "서명이 올바르지 않습니다"),
            Self::Forbidden(_) => ("The API key is not for this", "이 API 키로는 할 수 없습니다"),
            Self::MalformedJson(_) => ("The body is not valid JSON", "본문이 올바른 JSON이 아닙니다"),
            Self::BodyIncomplete(_) => ("The body ended early", "본문이 도중에 끊겼습니다"),
            Self::BodyTooSlow { .. } => ("The body arrived too slowly", "본문 전송이 너무 느립니다"),
            Self::BodyTooLarge { .. } => ("The body is too large", "본문이 너무 큽니다"),
            Self::UnsupportedMediaType => ("The content type is not supported", "지원하지 않는 Content-Type입니다"),
            Self::UnsupportedEncoding => (
                "The content encoding is not supported",
                "지원하지 않는 Content-Encoding입니다",
            ),
            Self::HeadersTooLarge { .. } => ("The headers are too large", "요청 헤더가 너무 큽니다"),
            Self::BadIdempotencyKey => (
                "The Idempotency-Key cannot be used",
                "사용할 수 없는 Idempotency-Key입니다",
            ),
            Self::BadCursor => ("The cursor is not valid here", "여기에 쓸 수 없는 cursor입니다"),
            Self::BadLastEventId => (
                "The Last-Event-ID is not valid here",
                "여기에 쓸 수 없는 Last-Event-ID입니다",
            ),
            Self::TooManyStreams => ("Too many event streams", "열린 이벤트 스트림이 너무 많습니다"),
            Self::TooManyWaiting(_) => ("Too many requests wait", "대기 중인 요청이 너무 많습니다"),
            Self::Invalid(_) => ("The request has faults", "요청에 잘못된 내용이 있습니다"),
            Self::InvalidQuery(_) => ("The query has faults", "쿼리에 잘못된 내용이 있습니다"),
            Self::EventUnknown => ("No such event", "이벤트를 찾을 수 없습니다"),
            Self::DistributionUnknown => ("No such distribution", "배포를 찾을 수 없습니다"),
            Self::ChannelUnknown(_) => ("No such channel here", "해당 채널이 없습니다"),
            Self::NoticeEndpointUnknown => ("No such endpoint for notices", "해당 알림 수신처가 없습니다"),
            Self::NotPossible(AskRefusal::Moves) => ("It still moves", "아직 처리 중입니다"),
            Self::NotPossible(AskRefusal::NotInReview(..)) => ("It is not in review", "확인 대기 중이 아닙니다"),
            Self::NotPossible(AskRefusal::AlreadyClosed) => ("It has come to its end", "이미 끝난 배포입니다"),
            Self::NotPossible(AskRefusal::InReview) => ("It is in review", "확인 대기 중입니다"),
            Self::NotPossible(AskRefusal::NothingLive(..)) => ("It is not live", "게시되어 있지 않습니다"),
            Self::WithdrawalUnsupported(..) => ("The channel can't take it down", "채널에서 내릴 수 없습니다"),
            Self::NotPossible(_) => ("There is nothing to retry", "다시 시도할 수 있는 상태가 아닙니다"),
            Self::Account(why) => account::title(why),
            Self::OwnedElsewhere => ("Another node has it", "다른 노드가 처리 중입니다"),
            Self::PathUnknown => ("No such path", "없는 경로입니다"),
            Self::MethodNotAllowed => ("The method is not allowed here", "허용되지 않는 메서드입니다"),
            Self::KeyReused(_) => (
                "The Idempotency-Key belongs to another request",
                "다른 요청에 쓰인 Idempotency-Key입니다",
            ),
            Self::AlreadyDistributed(_) => ("The event is already distributed there", "이미 배포된 채널이 있습니다"),
            Self::OverSpent(_) => ("It costs more than may be spent", "쓸 수 있는 금액을 넘습니다"),
            Self::Behind(_) => ("Channels are behind", "밀린 채널이 있습니다"),
            Self::Overloaded { .. } => ("Too much is in flight", "처리 중인 요청이 너무 많습니다"),
            Self::NotReady(_) => ("Not ready", "아직 준비되지 않았습니다"),
            Self::Store(StoreError::Corrupt { .. }) | Self::Internal { .. } => {
                ("Something went wrong inside", "내부 오류가 발생했습니다")
            }
            Self::Unavailable { .. } | Self::Store(_) => ("Temporarily unavailable", "일시적으로 이용할 수 없습니다"),
            Self::Refused(status) if status.is_server_error() => {
                ("Something went wrong inside", "내부 오류가 발생했습니다")
            }
            Self::Refused(_) => ("The request cannot be read", "요청을 읽을 수 없습니다"),
        };
        Text::new(en, ko)
    }

    /// This occurrence, and what to do.
    pub(in crate::api) fn detail(&self) -> Text {
        match self {
            Self::Unauthenticated(why) => why.detail(),
            Self::Forbidden(why) => why.detail(),
            Self::MalformedJson(detail) => detail.clone(),
            Self::BodyTooSlow { limit } => {
                let seconds = limit.as_secs_f32();
                Text::new(
                    format!("The body was not complete after {seconds} s. Send it again, in one go."),
                    format!("{seconds}초 안에 본문을 모두 받지 못했습니다. 한 번에 다시 보내 주세요."),
                )
            }
            Self::BodyTooLarge { limit } => Text::new(
                format!("A body may have {limit} bytes. Name media by URL instead of sending it."),
                format!("본문은 최대 {limit}바이트입니다. 미디어는 직접 보내지 말고 URL로 지정해 주세요."),
            ),
            Self::HeadersTooLarge { limit } => Text::new(
                format!("The headers may have {limit} bytes together. Send fewer or shorter ones."),
                format!("헤더는 모두 합쳐 최대 {limit}바이트입니다. 헤더를 줄여 주세요."),
            ),
            Self::Invalid(faults) => faults_found(faults.len()),
            Self::InvalidQuery(faults) => parameters_found(faults.len()),
            Self::KeyReused(id) => Text::new(
                format!(
                    "This key was used for distribution {id}, which has another body. \
                     Use a new key for a new request, or send the same body again."
                ),
                format!(
                    "이 키는 본문이 다른 배포 {id}에 이미 사용되었습니다. \
                     새 요청에는 새 키를 쓰거나 같은 본문을 다시 보내 주세요."
                ),
            ),
            Self::AlreadyDistributed(holders) => already_distributed(holders),
            Self::OverSpent(over) => over_spent(over),
            Self::ChannelUnknown(name) => channel_unknown(name),
            Self::NotPossible(refusal) => not_possible(*refusal),
            Self::WithdrawalUnsupported(channel, how) => withdrawal_unsupported(*channel, how),
            Self::Account(why) => account::detail(why),
            Self::Behind(behind) => channels_behind(behind),
            fixed => fixed.fixed_detail(),
        }
    }

    /// Details that say the same each time.
    fn fixed_detail(&self) -> Text {
        let (en, ko) = match self {
            Self::BodyIncomplete(_) => (
                "The connection broke before the body was complete. Send the request again.",
                "본문을 모두 받기 전에 연결이 끊겼습니다. 요청을 다시 보내 주세요.",
            ),
            Self::UnsupportedMediaType => (
                "Send JSON with `Content-Type: application/json`; the only charset is utf-8.",
                "`Content-Type: application/json`으로 JSON을 보내 주세요. charset은 utf-8만 됩니다.",
            ),
            Self::UnsupportedEncoding => (
                "Send the body as it is, uncompressed, without `Content-Encoding`.",
                "본문을 압축하지 말고 `Content-Encoding` 없이 그대로 보내 주세요.",
            ),
            Self::BadIdempotencyKey => (
                "Send `Idempotency-Key` once, with 1 to 255 visible ASCII characters and no spaces; a UUID will do.",
                "`Idempotency-Key`는 한 번만, 공백 없는 ASCII 1~255자로 보내 주세요. UUID를 권장합니다.",
            ),
            Self::BadCursor => (
                "Pass `next` of the last page unchanged and with the same filter, or leave `cursor` out to begin anew.",
                "이전 페이지의 `next` 값을 그대로, 같은 조건으로 보내거나 `cursor` 없이 처음부터 조회해 주세요.",
            ),
            Self::BadLastEventId => (
                "Send the `id` of the last event that you received, a whole number, or leave `Last-Event-ID` out.",
                "마지막으로 받은 이벤트의 `id`(정수)를 보내거나 `Last-Event-ID`를 빼 주세요.",
            ),
            _ => return self.detail_beyond_the_request(),
        };
        Text::new(en, ko)
    }

    /// Where the request itself is well formed.
    fn detail_beyond_the_request(&self) -> Text {
        let (en, ko) = match self {
            Self::EventUnknown => (
                "No distribution of this event was ever accepted. Check the eventId.",
                "이 이벤트로 접수된 배포가 없습니다. eventId를 확인해 주세요.",
            ),
            Self::DistributionUnknown => (
                "There is no distribution of this id. `GET /api/distributions` lists those that are there.",
                "해당 ID의 배포가 없습니다. `GET /api/distributions`에서 목록을 확인해 주세요.",
            ),
            Self::NoticeEndpointUnknown => (
                "No endpoint of that name is configured. `GET /api/notices` lists those that are.",
                "그런 이름의 알림 수신처가 설정되어 있지 않습니다. `GET /api/notices`에서 목록을 확인해 주세요.",
            ),
            Self::WrongSignature => (
                "The header X-Toast-Webhook-Signature is not the signature of this service. Set the same words in NHN \
                 Cloud's webhook and in `channels.kakao_channel.webhook_signature`.",
                "X-Toast-Webhook-Signature 헤더가 이 서비스의 서명과 다릅니다. NHN Cloud 웹훅 설정의 서명과 \
                 `channels.kakao_channel.webhook_signature`를 같게 맞춰 주세요.",
            ),
            Self::PathUnknown => (
                "There is nothing at this path. `/docs` shows what there is.",
                "이 경로에는 아무것도 없습니다. `/docs`에서 API를 확인해 주세요.",
            ),
            Self::MethodNotAllowed => (
                "Use one of the methods that the `Allow` header names.",
                "`Allow` 헤더에 있는 메서드를 사용해 주세요.",
            ),
            Self::TooManyWaiting(_) => (
                "Too many requests wait for their channels. Nothing of this one was stored or sent. Send it \
                 again after the time in `Retry-After`; with `Prefer: respond-async` it waits for no channel.",
                "채널 응답을 기다리는 요청이 너무 많아 이번 요청은 저장되거나 전송되지 않았습니다. \
                 `Retry-After` 시간이 지난 뒤 다시 보내 주세요. `Prefer: respond-async`를 쓰면 채널을 기다리지 않습니다.",
            ),
            Self::TooManyStreams => (
                "All places for event streams are taken. Try again after the time in `Retry-After`, or poll \
                 `GET /api/distributions/{id}`.",
                "이벤트 스트림 자리가 모두 찼습니다. `Retry-After` 시간이 지난 뒤 다시 연결하거나 \
                 `GET /api/distributions/{id}`를 조회해 주세요.",
            ),
            Self::OwnedElsewhere => (
                "Another node works on this distribution. Ask again after the time in `Retry-After`.",
                "다른 노드가 이 배포를 처리하고 있습니다. `Retry-After` 시간이 지난 뒤 다시 요청해 주세요.",
            ),
            Self::Overloaded { .. } => (
                "Nothing was accepted. Send the same request again after the time in `Retry-After`.",
                "접수되지 않았습니다. `Retry-After` 시간이 지난 뒤 같은 요청을 다시 보내 주세요.",
            ),
            Self::NotReady(_) => (
                "The service does not take requests now; `reasons` says why.",
                "현재 요청을 받을 수 없습니다. 이유는 `reasons`를 확인해 주세요.",
            ),
            Self::Store(StoreError::Corrupt { .. }) | Self::Internal { .. } => INTERNAL,
            Self::Unavailable { .. } | Self::Store(_) => (
                "The request could not be carried out now. Send the same request again after the time in \
                 `Retry-After`; with the same `Idempotency-Key` it is not carried out twice.",
                "지금은 처리할 수 없습니다. `Retry-After` 시간이 지난 뒤 같은 요청을 다시 보내 주세요. \
                 같은 `Idempotency-Key`를 쓰면 중복 처리되지 않습니다.",
            ),
            Self::Refused(StatusCode::URI_TOO_LONG) => (
                "The address is too long. Shorten it.",
                "주소가 너무 깁니다. 줄여 주세요.",
            ),
            Self::Refused(status) if status.is_server_error() => INTERNAL,
            _ => (
                "The request cannot be read. `/docs` shows how it should look.",
                "요청을 읽을 수 없습니다. `/docs`에서 형식을 확인해 주세요.",
            ),
        };
        Text::new(en, ko)
    }
}

const INTERNAL: (&str, &str) = (
    "It has been logged under the trace id of this answer. Tell the operator that id.",
    "이 응답의 traceId로 기록되었습니다. 운영자에게 traceId를 알려 주세요.",
);

fn faults_found(count: usize) -> Text {
    let faults = if count == 1 { "fault" } else { "faults" };
    Text::new(
        format!("{count} {faults} found; nothing was accepted or sent. `errors` names each with its place."),
        format!(
            "잘못된 항목이 {count}개 있어 접수하거나 보내지 않았습니다. `errors`에서 위치와 해결 방법을 확인해 주세요."
        ),
    )
}

fn parameters_found(count: usize) -> Text {
    let parameters = if count == 1 { "parameter is" } else { "parameters are" };
    Text::new(
        format!("{count} query {parameters} wrong. `errors` names each and says what would be right."),
        format!("쿼리 파라미터 {count}개가 잘못되었습니다. `errors`에서 해결 방법을 확인해 주세요."),
    )
}

fn already_distributed(holders: &[Holder]) -> Text {
    let held = holders
        .iter()
        .map(|holder| format!("{} ({})", holder.channel, holder.distribution));
    let held: Vec<_> = held.collect();
    let held = held.join(", ");
    Text::new(
        format!(
            "This event is already distributed, or being distributed, on: {held}. Leave these channels out, \
             or send `\"allowRepeat\": true` to announce it there again."
        ),
        format!(
            "이 이벤트는 다음 채널에 이미 배포되었거나 배포 중입니다: {held}. 해당 채널을 빼거나, \
             다시 알리려면 `\"allowRepeat\": true`를 함께 보내 주세요."
        ),
    )
}

fn channels_behind(behind: &Behind) -> Text {
    let each = behind.channels.iter();
    let (en, ko): (Vec<_>, Vec<_>) = each
        .map(|lag| {
            let (seconds, korean) = (lag.wait.as_secs(), lag.channel.korean_name());
            (
                format!("{} ({seconds} s)", lag.channel),
                format!("{korean}({seconds}초)"),
            )
        })
        .unzip();
    let (en, ko) = (en.join(", "), ko.join(", "));
    let (whose, whose_ko) = if behind.own_share {
        ("Requests of yours", "보내신 요청이")
    } else {
        ("Requests", "요청이")
    };
    Text::new(
        format!(
            "{whose} that were accepted before wait for their turn on: {en}. Nothing of this one was stored or sent. Send it \
             again after the time in `Retry-After`, or leave these channels out."
        ),
        format!(
            "앞서 접수된 {whose_ko} 다음 채널에서 밀려 있습니다: {ko}. 이번 요청은 저장되거나 전송되지 않았습니다. \
             `Retry-After` 시간이 지난 뒤 같은 요청을 다시 보내거나, 해당 채널을 빼고 보내 주세요."
        ),
    )
}

fn over_spent(over: &[Overspend]) -> Text {
    let words = |language| {
        let each = over.iter().map(|over| over.text().get(language).to_owned());
        each.collect::<Vec<_>>().join(" ")
    };
    Text::new(words(Language::En), words(Language::Ko))
}

/// A channel that there is not, or that the request did not choose.
fn channel_unknown(name: &str) -> Text {
    let shown: String = name.chars().take(100).collect();
    match Channel::suggest(name).filter(|near| near.name() != name) {
        Some(near) => Text::new(
            format!("This distribution has no channel `{shown}`; did you mean `{near}`?"),
            format!("이 배포에는 `{shown}` 채널이 없습니다. 혹시 `{near}`인가요?"),
        ),
        None => Text::new(
            format!(
                "This distribution has no channel `{shown}`. `GET /api/distributions/{{id}}` shows those that it has."
            ),
            format!("이 배포에는 `{shown}` 채널이 없습니다. `GET /api/distributions/{{id}}`에서 채널을 확인해 주세요."),
        ),
    }
}

fn not_possible(refusal: AskRefusal) -> Text {
    match refusal {
        AskRefusal::Moves => Text::new(
            "Something of it still moves, and its outcome may change by itself. Ask again when it has come to rest.",
            "아직 처리 중인 채널이 있어 결과가 바뀔 수 있습니다. 처리가 끝난 뒤 다시 요청해 주세요.",
        ),
        AskRefusal::NothingToRetry => Text::new(
            "None of its channels has failed or was called off, so there is nothing to try again.",
            "실패하거나 취소된 채널이 없어 다시 시도할 것이 없습니다.",
        ),
        AskRefusal::NotChosen(channel) => channel_unknown(channel.name()),
        AskRefusal::AlreadyClosed => Text::new(
            "Every channel has come to its end, so there is nothing to call off. What is live stays live. Nothing was \
             changed.",
            "모든 채널의 처리가 끝나 취소할 것이 없습니다. 게시된 것은 그대로 유지되며, 바뀐 것은 없습니다.",
        ),
        AskRefusal::InReview => Text::new(
            "What is still open was sent, and its outcome is unknown: look at the channel and `resolve` it. Nothing \
             was changed.",
            "남은 채널은 이미 전송되었고 반영 여부를 알 수 없습니다. 채널을 확인하고 `resolve`해 주세요. 바뀐 것은 없습니다.",
        ),
        AskRefusal::NotRetryable(channel, status) => not_retryable(channel, status),
        AskRefusal::NothingLive(channel, status) => nothing_live(channel, status),
        AskRefusal::NotInReview(channel, status) => {
            let (status, korean) = (status.name(), channel.korean_name());
            Text::new(
                format!(
                    "{channel} is {status}; only what is NEEDS_REVIEW or ACTION_REQUIRED is resolved. Nothing was changed."
                ),
                format!(
                    "{korean} 채널은 {status} 상태입니다. NEEDS_REVIEW 또는 ACTION_REQUIRED 상태만 결과를 정할 수 있으며, 바뀐 것은 없습니다."
                ),
            )
        }
    }
}

fn nothing_live(channel: Channel, status: DeliveryStatus) -> Text {
    let (name, korean) = (status.name(), channel.korean_name());
    let (next, next_ko) = match status {
        DeliveryStatus::NeedsReview => (
            "whether it is live is not known; look at the channel and `resolve` it first",
            "게시 여부를 알 수 없으니, 채널을 확인하고 먼저 `resolve`해 주세요",
        ),
        status if status.waits() => (
            "it has not been published yet; `cancel` keeps it from being sent",
            "아직 게시되지 않았습니다. 보내지 않으려면 `cancel`해 주세요",
        ),
        _ => (
            "nothing of it is live, so there is nothing to take down",
            "게시된 것이 없어 내릴 것이 없습니다",
        ),
    };
    Text::new(
        format!("{channel} is {name}: {next}. Nothing was changed."),
        format!("{korean} 채널은 {name} 상태입니다. {next_ko}. 바뀐 것은 없습니다."),
    )
}

fn withdrawal_unsupported(channel: Channel, how: &Text) -> Text {
    Text::new(
        format!("{channel}: {} It is live as before; nothing was changed.", how.en),
        format!(
            "{}: {} 게시 상태는 그대로이며, 바뀐 것은 없습니다.",
            channel.korean_name(),
            how.ko
        ),
    )
}

fn not_retryable(channel: Channel, status: DeliveryStatus) -> Text {
    let (name, korean) = (status.name(), channel.korean_name());
    let (next, next_ko) = match status {
        DeliveryStatus::Success => (
            "it is live; to announce it there again, distribute it with `\"allowRepeat\": true`",
            "이미 게시되었으니, 다시 알리려면 `\"allowRepeat\": true`로 배포해 주세요",
        ),
        DeliveryStatus::NeedsReview => (
            "its outcome is unknown; look at the channel and `resolve` it first",
            "반영 여부를 알 수 없으니, 채널을 확인하고 먼저 `resolve`해 주세요",
        ),
        _ => ("it goes on by itself", "자동으로 이어서 처리됩니다"),
    };
    Text::new(
        format!("{channel} is {name}: {next}. Nothing was changed."),
        format!("{korean} 채널은 {name} 상태입니다. {next_ko}. 바뀐 것은 없습니다."),
    )
}
