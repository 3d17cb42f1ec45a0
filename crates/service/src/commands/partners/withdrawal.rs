//! What the contract asks where something is taken down again: it is gone, and to ask
//! for it again is safe. Tried last, so that the check leaves less behind.

use fanfare_channels::http::Answer;
use serde_json::Value;

use super::contract::{Resource, Withdrawal, field, is};
use super::partner::{As, Ask, Partner};
use super::{Report, fresh};

const GONE: &str = "what was made is taken down: 204";
const AGAIN: &str = "taken down again: a 404 that says so (or 204, or 410)";
const OTHER: &str = "a tone of another name is not taken away: 409";

pub(super) async fn check(partner: &Partner, resource: &Resource, made: Option<&str>, report: &mut Report) {
    let (Some(withdrawal), Some(made)) = (resource.withdrawal, made) else {
        return;
    };
    let checker = Checker { partner, resource };
    match withdrawal {
        Withdrawal::ById => {
            let path = [&resource.path[..], &[made.to_owned()]].concat();
            report.add("withdraw", GONE, is(checker.delete(&path, None).await, 204));
            let again = checker.delete(&path, None).await;
            report.add("withdraw-again", AGAIN, is_gone(again, "not_found"));
        }
        Withdrawal::ByName => checker.by_name(report).await,
    }
}

struct Checker<'c> {
    partner: &'c Partner,
    resource: &'c Resource,
}

impl Checker<'_> {
    /// The place is the line's, and another's tone may be there by then.
    async fn by_name(&self, report: &mut Report) {
        let path = &self.resource.path;
        let query = |name: &str| Some(format!("{}={name}", self.resource.name));
        let other = fresh().unwrap_or_default();
        report.add("withdraw-other", OTHER, is(self.delete(path, query(&other)).await, 409));
        let name = match self.ask("GET", path, None).await {
            Ok(answer) => answer.json::<Value>().map_err(|error| error.to_string()),
            Err(words) => Err(words),
        };
        let name = name.and_then(|tone| field(&tone, self.resource.name));
        let Ok(name) = name else {
            return report.add("withdraw", GONE, name.map(drop));
        };
        report.add("withdraw", GONE, is(self.delete(path, query(&name)).await, 204));
        let again = self.delete(path, query(&name)).await;
        report.add("withdraw-again", AGAIN, is_gone(again, "tone_not_found"));
    }

    async fn delete(&self, path: &[String], query: Option<String>) -> Result<Answer, String> {
        self.ask("DELETE", path, query).await
    }

    async fn ask(&self, method: &str, path: &[String], query: Option<String>) -> Result<Answer, String> {
        let ask = Ask {
            method,
            path,
            query,
            by: As::Us,
            key: None,
            body: None,
        };
        self.partner.ask(ask).await
    }
}

/// A 404 counts only where it names this very thing.
fn is_gone(answer: Result<Answer, String>, code: &str) -> Result<(), String> {
    let answer = answer?;
    let problem = answer.json::<Value>().unwrap_or_default();
    match answer.status.as_u16() {
        204 | 410 => Ok(()),
        404 if problem["code"] == code => Ok(()),
        _ => Err(answer.words()),
    }
}
