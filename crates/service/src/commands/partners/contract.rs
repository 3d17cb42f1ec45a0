//! What the contract asks of every partner: who is let in, what is refused, and
//! that one key makes one thing, which can be found again.

use bytes::Bytes;
use fanfare_channels::http::Answer;
use serde_json::Value;

use super::partner::{As, Ask, Partner};
use super::{Report, fresh};

/// What a partner makes for us.
pub(super) struct Resource {
    pub(super) method: &'static str,
    pub(super) path: Vec<String>,
    /// The field with our name for it.
    pub(super) name: &'static str,
    /// The field with the partner's.
    pub(super) identity: &'static str,
    /// Where a search lists it; nothing where it is read at its own address.
    pub(super) list: Option<&'static str>,
    /// All but our name.
    pub(super) body: Value,
    /// A field that makes it another request.
    pub(super) other: (&'static str, Value),
    /// A field that is refused.
    pub(super) wrong: (&'static str, Value),
    /// Where the contract knows it: the field of a hash that no file has, and why it can't
    /// be tried.
    pub(super) hash: Option<(&'static str, Result<Value, &'static str>)>,
    /// How what was made is taken down again, where that is tried here.
    pub(super) withdrawal: Option<Withdrawal>,
}

/// How a thing is taken down again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Withdrawal {
    /// By the partner's own id, below the place where it was made.
    ById,
    /// By the name that the place bears now.
    ByName,
}

impl Resource {
    fn named(&self, name: &str, change: Option<&(&'static str, Value)>) -> Bytes {
        let mut body = self.body.clone();
        body[self.name] = name.into();
        if let Some((field, value)) = change {
            body[*field] = value.clone();
        }
        body.to_string().into()
    }
}

/// Asks for one thing in several ways; the partner's id of it, if it was made.
pub(super) async fn check(partner: &Partner, resource: &Resource, report: &mut Report) -> Option<String> {
    let checker = Checker { partner, resource };
    checker.doors(report).await;
    checker.once(report).await
}

struct Checker<'c> {
    partner: &'c Partner,
    resource: &'c Resource,
}

impl Checker<'_> {
    async fn make(&self, by: As<'_>, key: Option<&str>, body: Bytes) -> Result<Answer, String> {
        let ask = Ask {
            method: self.resource.method,
            path: &self.resource.path,
            query: None,
            by,
            key,
            body: Some(body),
        };
        self.partner.ask(ask).await
    }

    /// Who is let in, and what is refused.
    async fn doors(&self, report: &mut Report) {
        let body = |name: &str| self.resource.named(name, None);
        let Ok(name) = fresh() else { return };
        let answer = self.make(As::Nobody, Some(&name), body(&name)).await;
        report.add("token-missing", "without a token: 401", is(answer, 401));
        let answer = self.make(As::Another("wrong-token"), Some(&name), body(&name)).await;
        report.add("token-wrong", "with a wrong token: 401", is(answer, 401));
        let answer = self.make(As::Us, None, body(&name)).await;
        report.add(
            "key-missing",
            "without an Idempotency-Key: 422 (or 400)",
            is_one_of(answer, &[422, 400]),
        );
        let answer = self
            .make(As::Us, Some(&format!("{name}-m")), Bytes::from_static(b"{"))
            .await;
        report.add("malformed", "a body that is no JSON: 400", is(answer, 400));
        let wrong = self.resource.named(&name, Some(&self.resource.wrong));
        let answer = self.make(As::Us, Some(&format!("{name}-w")), wrong).await;
        report.add("invalid", "a field that makes no sense: 422", is(answer, 422));
        self.hash(&name, report).await;
    }

    /// What lies at an address may have changed since it was looked at.
    async fn hash(&self, name: &str, report: &mut Report) {
        let promise = "a sha256 that the sound does not have: 422 (or 415)";
        match &self.resource.hash {
            None => {}
            Some((_, Err(why))) => report.skip("sound-hash", promise, why),
            Some((field, Ok(hash))) => {
                let body = self.resource.named(name, Some(&(*field, hash.clone())));
                let answer = self.make(As::Us, Some(&format!("{name}-h")), body).await;
                report.add("sound-hash", promise, is_one_of(answer, &[422, 415]));
            }
        }
    }

    /// One key makes one thing.
    async fn once(&self, report: &mut Report) -> Option<String> {
        let (resource, name) = (self.resource, fresh().ok()?);
        let body = resource.named(&name, None);
        let first = self.make(As::Us, Some(&name), body.clone()).await;
        let first = first.and_then(|answer| identity(&answer, resource.identity));
        report.add(
            "made",
            "a good request: 2xx with the partner's id",
            first.clone().map(drop),
        );
        let first = first.ok()?;
        self.found(&name, Some(&first), report).await;
        let again = self.make(As::Us, Some(&name), body.clone()).await;
        report.add(
            "replay",
            "the same key and request: the first answer again",
            again.and_then(|answer| same(&identity(&answer, resource.identity)?, &first)),
        );
        let other = resource.named(&name, Some(&resource.other));
        let answer = self.make(As::Us, Some(&name), other.clone()).await;
        report.add(
            "key-conflict",
            "the same key with another request: 409",
            is(answer, 409),
        );
        let answer = self.make(As::Us, Some(&format!("{name}-u")), other).await;
        report.add("unique-name", "a known name under another key: 409", is(answer, 409));
        if resource.list.is_some() {
            self.found(&format!("{name}-nobody"), None, report).await;
        } else {
            self.old_key(&name, body, report).await;
        }
        Some(first)
    }

    /// A key that comes again when something else has come between is not acted on.
    async fn old_key(&self, name: &str, body: Bytes, report: &mut Report) {
        let newer = format!("{name}-2");
        let between = self.resource.named(&newer, Some(&self.resource.other));
        let promise = "an old key, after another request: nothing is undone";
        let seen = async {
            let made = self.make(As::Us, Some(&newer), between).await?;
            identity(&made, self.resource.identity)?;
            self.make(As::Us, Some(name), body).await?;
            same(&field(&self.look_up(&newer).await?, self.resource.name)?, &newer)
        };
        report.add("old-key", promise, seen.await);
    }

    async fn look_up(&self, name: &str) -> Result<Value, String> {
        let query = self.resource.list.map(|_| format!("{}={name}", self.resource.name));
        let ask = Ask {
            method: "GET",
            path: &self.resource.path,
            query,
            by: As::Us,
            key: None,
            body: None,
        };
        let answer = self.partner.ask(ask).await?;
        if answer.status != 200 {
            return Err(answer.words());
        }
        answer.json().map_err(|error| format!("{error}: {}", answer.words()))
    }

    /// What was made is found by our name, once; what was not, is not.
    async fn found(&self, name: &str, identity: Option<&str>, report: &mut Report) {
        let (resource, found) = (self.resource, self.look_up(name).await);
        let seen = found.and_then(|answer| {
            let Some(list) = resource.list else {
                return same(&field(&answer, resource.name)?, name);
            };
            let items = answer[list]
                .as_array()
                .ok_or_else(|| format!("no list `{list}` in {answer}"))?;
            match (items.as_slice(), identity) {
                ([], None) => Ok(()),
                ([one], Some(identity)) => {
                    same(&field(one, resource.name)?, name)?;
                    same(&field(one, resource.identity)?, identity)
                }
                (items, _) => Err(format!("{} are listed", items.len())),
            }
        });
        match identity {
            Some(_) => report.add("found", "a look-up by our name finds it", seen),
            None => report.add("absent", "a look-up of what was never made: an empty list", seen),
        }
    }
}

pub(super) fn is(answer: Result<Answer, String>, status: u16) -> Result<(), String> {
    is_one_of(answer, &[status])
}

fn is_one_of(answer: Result<Answer, String>, statuses: &[u16]) -> Result<(), String> {
    let answer = answer?;
    let fits = statuses.contains(&answer.status.as_u16());
    if fits { Ok(()) } else { Err(answer.words()) }
}

/// The partner's name for what it made.
pub(super) fn identity(answer: &Answer, name: &str) -> Result<String, String> {
    if !answer.status.is_success() {
        return Err(answer.words());
    }
    let body: Value = answer.json().map_err(|error| format!("{error}: {}", answer.words()))?;
    field(&body, name)
}

pub(super) fn field(value: &Value, name: &str) -> Result<String, String> {
    let text = value[name].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("no `{name}` in {value}"))
}

fn same(seen: &str, wanted: &str) -> Result<(), String> {
    if seen == wanted {
        Ok(())
    } else {
        Err(format!("{seen} in the place of {wanted}"))
    }
}
