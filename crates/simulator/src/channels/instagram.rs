//! Instagram's content publishing, as Meta documents it: container → status →
//! publish → permalink, with its limits and its errors. What a container may be is in
//! `create.rs`.
//!
//! Publishing a container twice is refused here, and so is one that is a part of a
//! carousel; what the real one does is documented nowhere.

mod create;
mod tokens;

use std::collections::BTreeMap;

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Served, is_good};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, Known, World};

/// An unpublished container lives so long, and posts and containers are counted
/// over it.
const DAY: SignedDuration = SignedDuration::from_hours(24);

const POSTS_MOST: usize = 100;

pub(crate) use self::tokens::Tokens;

pub(crate) const SERVED: Served = Served {
    name: "instagram",
    steps: &[
        "create",
        "child",
        "carousel",
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
    shows: Shows,
    caption: String,
    made: Timestamp,
    ready: Timestamp,
    failed: Option<u64>,
    expired: bool,
    published: bool,
}

/// What a container is for.
enum Shows {
    /// A picture, where it lies.
    Picture(String),
    /// One of a carousel's.
    Child(String),
    /// Pictures, by their containers.
    Carousel(Vec<String>),
    /// A film, where it lies.
    Reel(String),
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
    match (&incoming.method, &parts(incoming)[..]) {
        (&Method::POST, [_, _, "media"]) => Some(create::step(incoming)),
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

/// Meta's own client writes a slash behind an object's id.
fn parts(incoming: &Incoming) -> Vec<&str> {
    let mut parts = incoming.parts();
    parts.pop_if(|last| last.is_empty());
    parts
}

fn asks_for(incoming: &Incoming, field: &str) -> bool {
    let fields = incoming.query.get("fields").map(String::as_str).unwrap_or_default();
    fields.split(',').any(|asked| asked == field)
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let now = world.now;
    let parts = parts(incoming);
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
        (Some("create" | "child" | "carousel"), [_, account, _]) => {
            create::answer(&mut world.known, account, incoming, fault, now)
        }
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
    with_usage(answer, fault)
}

/// Ids of accounts begin like this; the token sees all of them.
const ACCOUNT: &str = "1784";

fn whose(id: &str) -> Outgoing {
    if !id.starts_with(ACCOUNT) {
        return unknown_object(id);
    }
    Outgoing::json(200, &json!({"id": id, "username": "spring_bakery"}))
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
    if let Shows::Child(_) = container.shows {
        return error(100, None, "An item of a carousel can't be published by itself");
    }
    container.published = true;
    let media = Media {
        id: format!("{MEDIA}{number:013}"),
        caption: container.caption.clone(),
        at: now,
    };
    let answer = json!({ "id": media.id });
    let content = account.publish(&id);
    known.effects.push(Effect {
        withdrawn_at: None,
        channel: "instagram",
        account: name,
        our_id: id,
        remote_id: media.id.clone(),
        at: now,
        content,
    });
    account.media.push(media);
    Outgoing::json(200, &answer)
}

impl Account {
    /// What people see of it; a carousel takes its children along.
    fn publish(&mut self, id: &str) -> Value {
        let Some(container) = self.containers.get(id) else {
            return Value::Null;
        };
        let caption = &container.caption;
        let children = match &container.shows {
            Shows::Picture(image) | Shows::Child(image) => return json!({"imageUrl": image, "caption": caption}),
            Shows::Reel(film) => return json!({"videoUrl": film, "caption": caption}),
            Shows::Carousel(children) => children.clone(),
        };
        let mut content = json!({"imageUrls": [], "children": children, "caption": caption});
        let mut images = Vec::new();
        for child in &children {
            if let Some(child) = self.containers.get_mut(child) {
                child.published = true;
                if let Shows::Child(image) = &child.shows {
                    images.push(image.clone());
                }
            }
        }
        content["imageUrls"] = images.into();
        content
    }

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
    with_minutes(error(4, None, "Application request limit reached"), 100, minutes)
}

/// Hardly anything is used, where nothing else is wanted.
fn with_usage(answer: Outgoing, fault: Option<&Fault>) -> Outgoing {
    let (percent, minutes) = match fault {
        Some(Fault::Usage { percent, minutes }) => (*percent, *minutes),
        _ => (1, 0),
    };
    let usage = json!({"call_count": percent, "total_cputime": 1, "total_time": 1});
    with_minutes(answer.with("x-app-usage", usage.to_string()), percent, minutes)
}

/// What the account has used, and in how many minutes it is let in again.
fn with_minutes(answer: Outgoing, percent: u64, minutes: u64) -> Outgoing {
    let usage = json!({"1": [{
        "type": "instagram", "call_count": percent, "total_cputime": 1, "total_time": 1,
        "estimated_time_to_regain_access": minutes,
    }]});
    answer.with("x-business-use-case-usage", usage.to_string())
}
