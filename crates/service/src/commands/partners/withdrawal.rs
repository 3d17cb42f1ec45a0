//! What the contract asks where something is taken down again: it is gone, and to ask
//! for it again is safe. Tried last, so that the check leaves less behind.

use super::contract::{Resource, Withdrawal};
use super::partner::{As, Ask, Partner};
use super::{Report, fresh};

const GONE: &str = "what was made is taken down: 204";
const AGAIN: &str = "taken down again: 404 not_found (or 204, or 410)";

pub(super) async fn check(partner: &Partner, resource: &Resource, made: Option<&str>, report: &mut Report) {
    let Some(withdrawal) = made.and_then(|made| (resource.withdrawal)(resource, made)) else {
        return;
    };
    report.add("withdraw", GONE, ask(partner, &withdrawal, &[(204, None)]).await);
    let gone = [(204, None), (410, None), (404, Some("not_found"))];
    report.add("withdraw-again", AGAIN, ask(partner, &withdrawal, &gone).await);
}

/// Asks, and is content with one of these statuses, and codes where one is named.
async fn ask(partner: &Partner, withdrawal: &Withdrawal, good: &[(u16, Option<&str>)]) -> Result<(), String> {
    let key = fresh()?;
    let answer = partner
        .ask(Ask {
            method: withdrawal.method,
            path: &withdrawal.path,
            query: withdrawal.query.clone(),
            by: As::Us,
            key: Some(&key),
            body: None,
        })
        .await?;
    let code = answer.json::<serde_json::Value>().unwrap_or_default();
    let fits = |(status, named): &(u16, Option<&str>)| {
        answer.status == *status && named.is_none_or(|named| code["code"] == named)
    };
    if good.iter().any(fits) {
        Ok(())
    } else {
        Err(answer.words())
    }
}
