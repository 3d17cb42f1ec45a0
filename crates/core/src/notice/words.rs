//! What a notice says: what happened, who must act, the next step, and where to
//! look, in both languages.
//!
//! Why something did not succeed is said by the table of causes (`cause.rs`), with
//! what to do about it; here stands only what is the same for all causes.

use jiff::Timestamp;

use crate::cause::{self, Actor, Cause};
use crate::channel::{Channel, Mode};
use crate::credential::Tried;
use crate::delivery::DeliveryStatus;
use crate::distribution::DistributionStatus;
use crate::ids::TenantId;
use crate::korea;
use crate::text::{Language, Text};

use super::{DeliveryNotice, Notice, SettledNotice, Subject, TokenNotice};

/// A notice as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: Text,
    /// What happened.
    pub what_happened: Text,
    /// Who must act.
    pub actor: Actor,
    /// What they do next.
    pub next_step: Text,
    /// Where to look, below the service's own address.
    pub path: String,
    /// Where a person finishes it. Who holds this link needs no key.
    pub action_url: Option<String>,
}

impl Words {
    /// What the notice says.
    pub fn of(notice: &Notice) -> Self {
        match &notice.subject {
            Subject::Delivery(delivery) => of_delivery(delivery),
            Subject::Settled(settled) => of_settled(settled),
            Subject::Breaker {
                channel,
                tenant: None,
                open,
            } => of_breaker(*channel, *open),
            Subject::Breaker {
                channel,
                tenant: Some(tenant),
                open,
            } => of_account_breaker(*channel, tenant, *open),
            Subject::DeadLetters { count } => of_dead_letters(*count),
            Subject::Relay { since, unpublished } => of_relay(&since.to_string(), *unpublished),
            Subject::Endpoint { name, failure } => of_endpoint(name, failure),
            Subject::Token(token) => of_token(token, notice.at),
            Subject::Overdue { channel, since } => of_overdue(*channel, &since.to_string()),
        }
    }

    /// All of it as lines of text, with the links whole; `base` is where people
    /// reach the service.
    pub fn lines(&self, language: Language, base: &str) -> String {
        let get = |text: &Text| text.get(language).to_owned();
        let (who, next, link) = match language {
            Language::En => ("Who must act", "Next step", "Link"),
            Language::Ko => ("조치할 사람", "다음 단계", "링크"),
        };
        let url = self.link(base);
        let (title, happened, step) = (get(&self.title), get(&self.what_happened), get(&self.next_step));
        let actor = get(&actor_text(self.actor));
        format!("{title}\n{happened}\n{who}: {actor}\n{next}: {step}\n{link}: {url}")
    }

    /// Where to act, or else to look.
    pub fn link(&self, base: &str) -> String {
        let look = || format!("{}{}", base.trim_end_matches('/'), self.path);
        self.action_url.clone().unwrap_or_else(look)
    }
}

/// Who that is, for people.
pub fn actor_text(actor: Actor) -> Text {
    match actor {
        Actor::Nobody => Text::new("nobody", "없음"),
        Actor::Caller => Text::new("who sent the request", "배포를 요청한 담당자"),
        Actor::Owner => Text::new("the owner of the channel's account", "채널 계정 소유자"),
        Actor::Operator => Text::new("the operator of this service", "서비스 운영자"),
    }
}

fn of_delivery(delivery: &DeliveryNotice) -> Words {
    let failure = delivery.failure.as_ref();
    let cause = failure.and_then(|failure| Cause::of(&failure.code));
    let actor = match (cause, delivery.status) {
        (Some(cause), status) => cause.actor_at(status),
        (None, DeliveryStatus::ActionRequired) => Actor::Owner,
        (None, _) => Actor::Operator,
    };
    let (channel, korean) = (delivery.channel.name(), delivery.channel.korean_name());
    let (en, ko) = match delivery.status {
        DeliveryStatus::NeedsReview => ("it is not known whether it was published", "게시 여부를 알 수 없습니다"),
        DeliveryStatus::ActionRequired if delivery.reminder => (
            "a day is left to finish it",
            "마감까지 하루 남았습니다. 직접 마무리해야 합니다",
        ),
        DeliveryStatus::ActionRequired => ("somebody must finish it", "직접 마무리해야 합니다"),
        DeliveryStatus::Success => ("it could not be taken down", "게시된 내용을 내리지 못했습니다"),
        _ => ("it was not published", "게시하지 못했습니다"),
    };
    let event = &delivery.event_id;
    // A mock can't pass for the real thing.
    let mock = match delivery.mode {
        Mode::Mock => " [mock]",
        Mode::Live => "",
    };
    Words {
        title: Text::new(
            format!("{channel}{mock}: {en} (event {event})"),
            format!("{korean}{mock}: {ko} (이벤트 {event})"),
        ),
        what_happened: what_happened(delivery),
        actor,
        next_step: next_step(delivery, cause, actor),
        path: format!("/api/distributions/{}", delivery.distribution_id),
        action_url: failure.and_then(|failure| Some(failure.action_url.as_ref()?.0.clone())),
    }
}

/// In the words of this case, and in the channel's own beside them.
fn what_happened(delivery: &DeliveryNotice) -> Text {
    let Some(failure) = &delivery.failure else {
        return Text::new("The channel gave no reason.", "채널이 사유를 알리지 않았습니다.");
    };
    let detail = &failure.detail;
    let Some(said) = &failure.channel_said else {
        return detail.clone();
    };
    Text::new(
        format!("{} The channel said: {said}", detail.en),
        format!("{} 채널의 응답: {said}", detail.ko),
    )
}

fn next_step(delivery: &DeliveryNotice, cause: Option<&Cause>, actor: Actor) -> Text {
    let id = delivery.distribution_id;
    let channel = delivery.channel.name();
    match delivery.status {
        DeliveryStatus::NeedsReview => Text::new(
            format!(
                "Do not post it yourself. Look at the channel whether it is there, then say what you found: \
                 POST /api/distributions/{id}/channels/{channel}/resolve."
            ),
            format!(
                "직접 게시하지 마세요. 채널에 게시되어 있는지 확인한 뒤 결과를 알려 주세요: \
                 POST /api/distributions/{id}/channels/{channel}/resolve"
            ),
        ),
        DeliveryStatus::ActionRequired => finish(delivery.until),
        DeliveryStatus::Success => Text::new(
            format!(
                "Take it down on the channel itself; or mend what it names and ask again: \
                 POST /api/distributions/{id}/channels/{channel}/withdraw."
            ),
            format!(
                "채널에서 직접 삭제하거나, 안내된 문제를 해결한 뒤 다시 요청해 주세요: \
                 POST /api/distributions/{id}/channels/{channel}/withdraw"
            ),
        ),
        _ if actor == Actor::Nobody => Text::new("Nothing has to be done.", "필요한 조치가 없습니다."),
        _ if cause.is_none_or(|cause| cause.retryable) => Text::new(
            format!("When that is done, send it again: POST /api/distributions/{id}/retry."),
            format!("조치한 뒤 다시 보내 주세요: POST /api/distributions/{id}/retry"),
        ),
        _ => Text::new(
            "The same again would be refused, too: correct it, then distribute it anew.",
            "그대로 다시 보내면 또 거부됩니다. 고친 뒤 새로 배포해 주세요.",
        ),
    }
}

fn finish(until: Option<Timestamp>) -> Text {
    let (en, ko) = until.map_or_else(Default::default, |until| {
        let seoul = korea::minute(until);
        (format!(" by {seoul} in Seoul"), format!("{seoul}까지 "))
    });
    Text::new(
        format!("Open the link, publish what is prepared there{en}, and enter the address of the post."),
        format!("{ko}링크를 열어 준비된 내용을 게시한 뒤 게시물 주소를 입력해 주세요."),
    )
}

fn of_settled(settled: &SettledNotice) -> Words {
    let event = &settled.event_id;
    let (en, ko) = match settled.status {
        DistributionStatus::Completed => ("all channels have it", "모든 채널에 게시되었습니다"),
        DistributionStatus::PartiallyCompleted => ("some channels have it", "일부 채널에 게시되었습니다"),
        DistributionStatus::Cancelled => ("it was called off", "취소되었습니다"),
        DistributionStatus::Failed => ("no channel has it", "어느 채널에도 게시되지 않았습니다"),
        DistributionStatus::Pending | DistributionStatus::InProgress => ("it waits", "대기 중입니다"),
    };
    Words {
        title: Text::new(format!("Event {event}: {en}"), format!("이벤트 {event}: {ko}")),
        what_happened: Text::new(
            format!("The distribution has come to rest as {}.", settled.status.name()),
            format!("배포가 {} 상태로 정리되었습니다.", settled.status.name()),
        ),
        actor: Actor::Nobody,
        next_step: Text::new(
            "Nothing has to be done for this; what a channel needs is told by itself.",
            "이 알림으로 할 일은 없습니다. 채널별로 필요한 조치는 따로 알려 드립니다.",
        ),
        path: format!("/api/distributions/{}", settled.distribution_id),
        action_url: None,
    }
}

fn of_account_breaker(channel: Channel, tenant: &TenantId, open: bool) -> Words {
    let (name, korean) = (channel.name(), channel.korean_name());
    let (title, what_happened, next_step) = if open {
        (
            Text::new(
                format!("{name} is not called with the account of `{tenant}` at the moment"),
                format!("`{tenant}`의 {korean} 계정 호출을 잠시 멈췄습니다"),
            ),
            Text::new(
                "The last calls with this account failed, and others' are not affected. It is tried again by itself.",
                "이 계정으로 한 최근 호출이 계속 실패했으며 다른 계정에는 영향이 없습니다. 자동으로 다시 시도합니다.",
            ),
            Text::new(
                "Nothing has to be done at once; what waits goes on in order when calls with it succeed again. If it \
                 stays so, see whether the account is in order at the channel.",
                "바로 필요한 조치는 없습니다. 호출이 다시 성공하면 대기 중인 배포가 순서대로 이어집니다. 오래 계속되면 \
                 채널에서 계정 상태를 확인해 주세요.",
            ),
        )
    } else {
        (
            Text::new(
                format!("{name}: calls with the account of `{tenant}` are let through again"),
                format!("`{tenant}`의 {korean} 계정 호출을 다시 허용합니다"),
            ),
            Text::new(
                "Calls with this account are no longer held back; what waits for it goes on within minutes.",
                "이 계정의 호출을 더 이상 막지 않으며, 대기하던 배포가 몇 분 안에 이어집니다.",
            ),
            Text::new("Nothing has to be done.", "필요한 조치가 없습니다."),
        )
    };
    Words {
        title,
        what_happened,
        actor: Actor::Nobody,
        next_step,
        path: "/api/channels".to_owned(),
        action_url: None,
    }
}

fn of_breaker(channel: Channel, open: bool) -> Words {
    let (name, korean) = (channel.name(), channel.korean_name());
    let path = "/api/channels".to_owned();
    if open {
        return Words {
            title: Text::new(
                format!("{name} is not called at the moment"),
                format!("{korean} 호출을 잠시 멈췄습니다"),
            ),
            what_happened: cause::BREAKER_OPEN.text(),
            actor: Actor::Nobody,
            next_step: Text::new(
                "Nothing has to be done; what waits goes on in order when the channel is back. If it stays away, \
                 ask whoever runs the channel.",
                "필요한 조치는 없습니다. 채널이 복구되면 대기 중인 배포가 순서대로 이어집니다. 오래 계속되면 채널 측에 \
                 문의해 주세요.",
            ),
            path,
            action_url: None,
        };
    }
    Words {
        title: Text::new(
            format!("{name} is called again"),
            format!("{korean} 호출을 다시 시작했습니다"),
        ),
        what_happened: Text::new(
            "The channel is called again; what waited for it goes on in order.",
            "채널 호출을 다시 시작했으며, 대기하던 배포가 순서대로 이어집니다.",
        ),
        actor: Actor::Nobody,
        next_step: Text::new("Nothing has to be done.", "필요한 조치가 없습니다."),
        path,
        action_url: None,
    }
}

fn of_dead_letters(count: u64) -> Words {
    Words {
        title: Text::new(
            format!("Kafka refuses events for good: {count} so far"),
            format!("Kafka가 이벤트를 거부했습니다: 현재 {count}건"),
        ),
        what_happened: Text::new(
            "Kafka has refused outcomes so often that they are not tried again by themselves. Later outcomes go on.",
            "Kafka가 배포 결과를 여러 번 거부하여 더 이상 자동으로 보내지 않습니다. 이후 결과는 계속 발행됩니다.",
        ),
        actor: Actor::Operator,
        next_step: Text::new(
            "Read Kafka's reason at the link, mend it, then publish them again: POST /api/events/replay.",
            "링크에서 Kafka의 거부 사유를 확인해 해결한 뒤 다시 발행해 주세요: POST /api/events/replay",
        ),
        path: "/api/events/dead".to_owned(),
        action_url: None,
    }
}

fn of_relay(since: &str, unpublished: u64) -> Words {
    Words {
        title: Text::new(
            format!("Events wait for Kafka: {unpublished}"),
            format!("Kafka로 보낼 이벤트가 밀려 있습니다: {unpublished}건"),
        ),
        what_happened: Text::new(
            format!("The oldest has waited since {since}. None is lost; channels are not concerned."),
            format!("가장 오래된 이벤트가 {since}부터 대기하고 있습니다. 유실은 없으며 채널 배포에는 영향이 없습니다."),
        ),
        actor: Actor::Operator,
        next_step: Text::new(
            "See at the link what keeps them, and look at Kafka. They go on by themselves.",
            "링크에서 원인을 확인하고 Kafka를 점검해 주세요. 복구되면 자동으로 이어집니다.",
        ),
        path: "/readyz".to_owned(),
        action_url: None,
    }
}

fn of_overdue(channel: Channel, since: &str) -> Words {
    let (name, korean) = (channel.name(), channel.korean_name());
    Words {
        title: Text::new(
            format!("{name}: deliveries do not go on"),
            format!("{korean}: 배포가 진행되지 않고 있습니다"),
        ),
        what_happened: Text::new(
            format!("They wait for no time and no person; the first should have gone on at {since}. None is lost."),
            format!(
                "예정 시각이나 담당자를 기다리는 것이 아닌데도 멈춰 있습니다. 가장 오래된 배포는 {since}에 진행되어야 했습니다. 유실은 없습니다."
            ),
        ),
        actor: Actor::Operator,
        next_step: Text::new(
            "See at the link whether the channel's lane is full: raise its concurrency, or add nodes. If it is not, \
             look at the nodes' logs.",
            "링크에서 채널의 대기열이 가득 찼는지 확인하고 동시 호출 수를 늘리거나 노드를 추가해 주세요. 그렇지 않다면 노드 로그를 확인해 주세요.",
        ),
        path: "/api/channels".to_owned(),
        action_url: None,
    }
}

fn of_endpoint(name: &str, failure: &str) -> Words {
    Words {
        title: Text::new(
            format!("Notices no longer reach the endpoint {name:?}"),
            format!("알림 수신처 {name:?}(으)로 더 이상 알림을 보내지 않습니다"),
        ),
        what_happened: Text::new(
            format!("It has failed for too long, or said that it is gone; the last time: {failure}"),
            format!("오랫동안 전송에 실패했거나 수신처가 없어졌습니다. 마지막 오류: {failure}"),
        ),
        actor: Actor::Operator,
        next_step: Text::new(
            format!("Mend it, then switch it on again: POST /api/notices/{name}/enable, or change its configuration."),
            format!("문제를 해결한 뒤 다시 켜 주세요: POST /api/notices/{name}/enable, 또는 설정 변경"),
        ),
        path: "/api/notices".to_owned(),
        action_url: None,
    }
}

fn of_token(token: &TokenNotice, at: Timestamp) -> Words {
    let (name, korean) = (token.channel.name(), token.channel.korean_name());
    let (whose, whose_korean) = match &token.tenant {
        Some(tenant) => (format!("{tenant}'s access token"), format!("{tenant}의 액세스 토큰")),
        None => ("the access token".to_owned(), "액세스 토큰".to_owned()),
    };
    let title =
        |en: &str, ko: &str| Text::new(format!("{name}: {whose} {en}"), format!("{korean}: {whose_korean}{ko}"));
    let (title, happened) = match token.expires_at {
        Some(end) if end <= at => (
            title("has lapsed", "이 만료되었습니다"),
            Text::new(
                format!("It lapsed at {end}. Nothing is published there until there is another."),
                format!("{end}에 만료되었습니다. 새 토큰을 넣을 때까지 이 채널에는 게시되지 않습니다."),
            ),
        ),
        Some(end) if !token.tried.is_refusal() => (
            title("lapses soon", "이 곧 만료됩니다"),
            if token.tried.code().is_some() {
                Text::new(
                    format!("It lapses at {end}, and could not be renewed."),
                    format!("{end}에 만료되며, 자동으로 갱신하지 못했습니다."),
                )
            } else {
                Text::new(format!("It lapses at {end}."), format!("{end}에 만료됩니다."))
            },
        ),
        _ => (
            title("is refused", "이 거부되었습니다"),
            Text::new(
                "The channel refused to renew it: it has lapsed or was withdrawn.",
                "채널이 토큰 갱신을 거부했습니다. 토큰이 만료되었거나 철회되었습니다.",
            ),
        ),
    };
    Words {
        title,
        what_happened: with_reason(happened, &token.tried),
        actor: Actor::Owner,
        next_step: another_token(token),
        path: match &token.tenant {
            Some(tenant) => format!("/api/channels/{name}/account?tenant={}", in_query(tenant.as_str())),
            None => "/api/channels".to_owned(),
        },
        action_url: None,
    }
}

/// A tenant's name may be anything.
fn in_query(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |written, byte| match byte {
        byte if is_plain(byte) => written + &char::from(byte).to_string(),
        byte => written + &format!("%{byte:02X}"),
    })
}

/// How somebody hands another one over.
fn another_token(token: &TokenNotice) -> Text {
    let name = token.channel.name();
    if token.tenant.is_none() {
        return Text::new(
            format!(
                "Log in to the channel's account again, and hand the new token over: fanfare channels token {name}."
            ),
            format!("채널 계정에 다시 로그인해 새 토큰을 받아 입력해 주세요: fanfare channels token {name}"),
        );
    }
    // No command with the tenant's name in it: that may be anything.
    Text::new(
        format!(
            "Log in to this shop's own account at the channel again, and hand the new token over: PUT \
             /api/channels/{name}/account, or fanfare channels account set {name}."
        ),
        format!(
            "가게의 채널 계정에 다시 로그인해 새 토큰을 받아 등록해 주세요: PUT /api/channels/{name}/account 또는 fanfare \
             channels account set {name}"
        ),
    )
}

/// In the channel's own words, where it said any.
fn with_reason(happened: Text, tried: &Tried) -> Text {
    let Some(said) = tried.said() else {
        return happened;
    };
    Text::new(
        format!("{} The channel said: {said}", happened.en),
        format!("{} 채널의 응답: {said}", happened.ko),
    )
}
