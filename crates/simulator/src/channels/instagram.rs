//! Instagram's content publishing, as Meta documents it: container → status →
//! publish → permalink, with its limits and its errors.
//!
//! Publishing a container twice is refused here; what the real one does is
//! documented nowhere.

mod tokens;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::{Served, is_good};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::picture::{Found, jpeg_size};
use crate::world::{Effect, Known, World};

/// An unpublished container lives so long, and posts and containers are counted
/// over it.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A picture is fetched in this time.
const FETCH: SignedDuration = SignedDuration::from_secs(1);

const CAPTION_MOST: usize = 2_200;
const MENTIONS_MOST: usize = 20;
const HASHTAGS_MOST: usize = 30;
const CONTAINERS_MOST: usize = 400;
const POSTS_MOST: usize = 100;
const BYTES_MOST: usize = 8_000_000;
const WIDTHS: RangeInclusive<u32> = 320..=1_440;

pub(crate) use self::tokens::Tokens;

pub(crate) const SERVED: Served = Served {
    name: "instagram",
    steps: &[
        "create",
        "status",
        "publish",
        "permalink",
        "quota",
        "list",
        "token",
        "account",
        "debug",
        "page",
    ],
    step,
    handle,
    throttled,
};

/// By account.
pub(crate) type Accounts = BTreeMap<String, Account>;

#[derive(Default)]
pub(crate) struct Account {
    containers: BTreeMap<String, Container>,
    /// Newest last.
    media: Vec<Media>,
}

struct Container {
    image: String,
    caption: String,
    made: Timestamp,
    ready: Timestamp,
    failed: Option<u64>,
    expired: bool,
    published: bool,
}

struct Media {
    id: String,
    caption: String,
    at: Timestamp,
}

/// Ids of containers begin like this, so that a read can tell them from posts.
const CONTAINER: &str = "1789";
const MEDIA: &str = "1801";

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, [_, _, "media"]) => Some("create"),
        (&Method::POST, [_, _, "media_publish"]) => Some("publish"),
        (&Method::GET, [_, _, "media"]) => Some("list"),
        (&Method::GET, [_, _, "content_publishing_limit"]) => Some("quota"),
        (&Method::GET, ["p", _]) => Some("page"),
        (&Method::GET, ["access_token" | "refresh_access_token"]) => Some("token"),
        (&Method::GET, [_, "debug_token"]) => Some("debug"),
        (&Method::GET, [_, id]) if id.starts_with(CONTAINER) => Some("status"),
        (&Method::GET, [_, _]) if asks_for(incoming, "username") => Some("account"),
        (&Method::GET, [_, _]) => Some("permalink"),
        _ => None,
    }
}

fn asks_for(incoming: &Incoming, field: &str) -> bool {
    let fields = incoming.query.get("fields").map(String::as_str).unwrap_or_default();
    fields.split(',').any(|asked| asked == field)
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let now = world.now;
    let parts = incoming.parts();
    if let ["p", code] = parts[..] {
        return crate::page::post(&world.known.effects, "instagram", code);
    }
    let token = incoming
        .bearer()
        .map(str::to_owned)
        .or_else(|| incoming.parameter("access_token"));
    if !world.known.instagram_tokens.is_good(token.as_deref(), now) {
        return error(190, Some(463), "Error validating access token: Session has expired");
    }
    let answer = match (step(incoming), &parts[..]) {
        (Some("create"), [_, account, _]) => create(&mut world.known, account, incoming, fault, now),
        (Some("publish"), [_, account, _]) => {
            let taken_on = matches!(fault, Some(Fault::PerformLate { .. }));
            publish(&mut world.known, account, incoming, taken_on, now)
        }
        (Some("status"), [_, id]) => status(&world.known.instagram, id, now),
        (Some("permalink"), [_, id]) => read(&world.known.instagram, id, &incoming.base_url),
        (Some("quota"), [_, account, _]) => quota(&world.known.instagram, account, now),
        (Some("list"), [_, account, _]) => list(&world.known.instagram, account, &incoming.base_url),
        (Some("token"), _) => tokens::answer(&mut world.known, incoming, now),
        (Some("account"), [_, id]) => whose(id),
        (Some("debug"), _) => tokens::debug(&mut world.known, incoming, now),
        _ => error(100, Some(33), "Unsupported request"),
    };
    answer.with("x-app-usage", r#"{"call_count":1,"total_cputime":1,"total_time":1}"#)
}

/// Ids of accounts begin like this; the token sees all of them.
const ACCOUNT: &str = "1784";

fn whose(id: &str) -> Outgoing {
    if !id.starts_with(ACCOUNT) {
        return unknown_object(id);
    }
    Outgoing::json(200, &json!({"id": id, "username": "spring_bakery"}))
}

fn create(known: &mut Known, account: &str, incoming: &Incoming, fault: Option<&Fault>, now: Timestamp) -> Outgoing {
    let image = incoming.parameter("image_url").unwrap_or_default();
    let caption = incoming.parameter("caption").unwrap_or_default();
    if let Some(refusal) = refusal(&image, &caption).or_else(|| not_taken(&image, &incoming.picture)) {
        return refusal;
    }
    let number = known.number();
    let account = known.instagram.entry(account.to_owned()).or_default();
    let recent = account
        .containers
        .values()
        .filter(|container| now.duration_since(container.made) < DAY);
    if recent.count() >= CONTAINERS_MOST {
        return error(9, Some(2_207_042), "too many containers in 24 hours");
    }
    let slow = match fault {
        Some(Fault::SlowContainer { seconds }) => {
            SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX))
        }
        _ => FETCH,
    };
    let id = format!("{CONTAINER}{number:013}");
    let container = Container {
        image,
        caption,
        made: now,
        ready: now.saturating_add(slow).unwrap_or(Timestamp::MAX),
        failed: match fault {
            Some(Fault::ContainerError { subcode }) => Some(*subcode),
            _ => None,
        },
        expired: matches!(fault, Some(Fault::ContainerExpired)),
        published: false,
    };
    account.containers.insert(id.clone(), container);
    Outgoing::json(200, &json!({ "id": id }))
}

/// What Meta refuses before it makes a container.
fn refusal(image: &str, caption: &str) -> Option<Outgoing> {
    let url = Url::parse(image)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        return Some(error(100, None, "The parameter image_url is required"));
    };
    if url.host_str().is_none_or(|host| host.ends_with(".invalid")) {
        return Some(not_fetched());
    }
    if caption.chars().count() > CAPTION_MOST {
        return Some(error(36_004, Some(2_207_010), "The caption is too long"));
    }
    let begins = |sign: char| caption.split_whitespace().filter(|word| word.starts_with(sign)).count();
    if begins('@') > MENTIONS_MOST || begins('#') > HASHTAGS_MOST {
        return Some(error(100, Some(2_207_040), "Too many tags"));
    }
    None
}

/// What Meta refuses when it has fetched the picture. One that is not on this machine
/// is judged by its name.
fn not_taken(image: &str, picture: &Found) -> Option<Outgoing> {
    let wrong_kind = || Some(error(36_001, Some(2_207_005), "The image format is not supported"));
    let bytes = match picture {
        Found::Elsewhere => {
            let path = image.split(['?', '#']).next().unwrap_or_default();
            let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
            return match ending.as_deref() {
                Some("jpg" | "jpeg") => None,
                _ => wrong_kind(),
            };
        }
        Found::Nothing => return Some(not_fetched()),
        Found::File(bytes) => bytes,
    };
    let Some((width, height)) = jpeg_size(bytes) else {
        return wrong_kind();
    };
    if bytes.len() > BYTES_MOST {
        return Some(error(36_000, Some(2_207_004), "The image is too large to download"));
    }
    // 4:5 to 1.91:1.
    let shape = width * 5 >= height * 4 && width * 100 <= height * 191;
    if !shape || !WIDTHS.contains(&width) {
        let words = format!("The aspect ratio or the size is not supported: {width} × {height}");
        return Some(error(36_003, Some(2_207_009), &words));
    }
    None
}

fn not_fetched() -> Outgoing {
    let words = "Only photo or video can be accepted: the URI can't be fetched";
    error(9_004, Some(2_207_052), words)
}

/// What was taken on before is done, whatever became of the container since.
fn publish(known: &mut Known, account: &str, incoming: &Incoming, taken_on: bool, now: Timestamp) -> Outgoing {
    let id = incoming.parameter("creation_id").unwrap_or_default();
    let number = known.number();
    let name = account.to_owned();
    let account = known.instagram.entry(name.clone()).or_default();
    let used = account.posts_since(now);
    let Some(container) = account.containers.get_mut(&id) else {
        return error(24, Some(2_207_008), "The requested resource does not exist");
    };
    match container.status_code(now) {
        _ if taken_on => {}
        "FINISHED" if used >= POSTS_MOST => {
            return error(
                9,
                Some(2_207_042),
                "The user has reached the number of posts that is allowed in a day",
            );
        }
        "FINISHED" => {}
        "IN_PROGRESS" => return error(9_007, Some(2_207_027), "The media is not ready for publishing"),
        _ => {
            return error(
                24,
                Some(2_207_006),
                "The media can't be published, or was published before",
            );
        }
    }
    container.published = true;
    let media = Media {
        id: format!("{MEDIA}{number:013}"),
        caption: container.caption.clone(),
        at: now,
    };
    let answer = json!({ "id": media.id });
    known.effects.push(Effect {
        withdrawn_at: None,
        channel: "instagram",
        account: name,
        our_id: id,
        remote_id: media.id.clone(),
        at: now,
        content: json!({"imageUrl": container.image, "caption": container.caption}),
    });
    account.media.push(media);
    Outgoing::json(200, &answer)
}

impl Account {
    fn posts_since(&self, now: Timestamp) -> usize {
        self.media
            .iter()
            .filter(|media| now.duration_since(media.at) < DAY)
            .count()
    }
}

impl Container {
    fn status_code(&self, now: Timestamp) -> &'static str {
        if self.published {
            "PUBLISHED"
        } else if self.expired || now.duration_since(self.made) >= DAY {
            "EXPIRED"
        } else if now < self.ready {
            "IN_PROGRESS"
        } else if self.failed.is_some() {
            "ERROR"
        } else {
            "FINISHED"
        }
    }
}

fn status(accounts: &Accounts, id: &str, now: Timestamp) -> Outgoing {
    let Some(container) = accounts.values().find_map(|account| account.containers.get(id)) else {
        return unknown_object(id);
    };
    let code = container.status_code(now);
    let words = match (code, container.failed) {
        ("ERROR", Some(subcode)) => format!("Error: Media upload has failed with error code {subcode}"),
        _ => format!("{code}: see status_code"),
    };
    Outgoing::json(200, &json!({"id": id, "status_code": code, "status": words}))
}

fn read(accounts: &Accounts, id: &str, base_url: &str) -> Outgoing {
    let media = accounts
        .values()
        .flat_map(|account| &account.media)
        .find(|media| media.id == id);
    media.map_or_else(
        || unknown_object(id),
        |media| Outgoing::json(200, &media.json(base_url)),
    )
}

fn list(accounts: &Accounts, account: &str, base_url: &str) -> Outgoing {
    let media = accounts
        .get(account)
        .map(|account| &account.media[..])
        .unwrap_or_default();
    let newest: Vec<_> = media.iter().rev().take(25).map(|media| media.json(base_url)).collect();
    Outgoing::json(200, &json!({ "data": newest }))
}

impl Media {
    fn json(&self, base_url: &str) -> Value {
        json!({
            "id": self.id,
            "permalink": format!("{base_url}/instagram/p/{}", self.id),
            "caption": self.caption,
            "timestamp": self.at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
        })
    }
}

fn quota(accounts: &Accounts, account: &str, now: Timestamp) -> Outgoing {
    let used = accounts.get(account).map_or(0, |account| account.posts_since(now));
    let config = json!({"quota_total": POSTS_MOST, "quota_duration": DAY.as_secs()});
    Outgoing::json(200, &json!({"data": [{"quota_usage": used, "config": config}]}))
}

fn unknown_object(id: &str) -> Outgoing {
    let words = format!("Unsupported get request. Object with ID '{id}' does not exist");
    error(100, Some(33), &words)
}

/// As Meta says that something is wrong: with status 400, whatever it is.
pub(crate) fn error(code: i64, subcode: Option<i64>, message: &str) -> Outgoing {
    let mut error = json!({
        "message": message, "type": "OAuthException", "code": code, "is_transient": matches!(code, -2..=2),
        "error_user_title": "Instagram", "error_user_msg": message, "fbtrace_id": "AsimulatedTrace",
    });
    if let Some(subcode) = subcode {
        error["error_subcode"] = subcode.into();
    }
    Outgoing::json(400, &json!({ "error": error }))
}

fn throttled(minutes: u64) -> Outgoing {
    let usage = json!({"1": [{
        "type": "instagram", "call_count": 100, "total_cputime": 25, "total_time": 25,
        "estimated_time_to_regain_access": minutes,
    }]});
    error(4, None, "Application request limit reached").with("x-business-use-case-usage", usage.to_string())
}
