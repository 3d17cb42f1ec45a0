//! Deleting a post, by the `Blogger` API's `deletePost`, which blogs of this kind have
//! beside `MetaWeblog`. `WordPress` puts it into the trash, where nobody sees it; asked
//! once more, it deletes it for good; then there is none, which is the end.
//!
//! Deliberately absent: the picture, which stays among the blog's files.

use fanfare_core::attempt::{Retry, WithdrawOutcome};
use fanfare_core::engine::Call;
use fanfare_core::text::Text;
use http::StatusCode;
use jiff::Timestamp;

use super::error::Meaning;
use super::meta_weblog::{MetaWeblogClient, Stage};
use super::xml_rpc::{self, Param, Reply};
use crate::api::Body;
use crate::failure;
use crate::withdraw;

/// There is no post of that id (any more).
const NO_SUCH_POST: i64 = 404;

impl MetaWeblogClient {
    pub(super) async fn delete(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        let id = match Stage::of(call) {
            Ok(Some(Stage::Posted { id, .. })) => Some(id),
            // It was found by its mark.
            Ok(_) => match self.id_by_link(call, now).await {
                Ok(id) => id,
                Err(meaning) => return outcome(meaning),
            },
            Err(_) => None,
        };
        match id {
            Some(id) => self.delete_post(call, &id, now).await,
            None => not_listed(),
        }
    }

    async fn id_by_link(&self, call: &Call, now: Timestamp) -> Result<Option<String>, Meaning> {
        let receipt = call.delivery.receipt.as_ref();
        let Some(link) = receipt.and_then(|receipt| receipt.fields.post_url.as_deref()) else {
            return Ok(None);
        };
        Ok(self.recent(call, now).await?.id_of(call, link))
    }

    async fn delete_post(&self, call: &Call, id: &str, now: Timestamp) -> WithdrawOutcome {
        let (user, password) = (&self.settings.user, self.api.token());
        let params = [
            Param::Text("fanfare"),
            Param::Text(id),
            Param::Text(user),
            Param::Text(password.reveal()),
            Param::Flag(true),
        ];
        let body = Body::Xml(xml_rpc::call("blogger.deletePost", &params));
        let answer = match self.api.post(call, &[], body).await {
            Ok(answer) => answer,
            Err(error) => return withdraw::without_answer(&error),
        };
        if answer.status != StatusCode::OK {
            return outcome(Meaning::of_status(&answer, now));
        }
        match Reply::read(&answer.body, answer.cut) {
            Ok(Reply::Value(value)) if matches!(value.text().map(str::trim), Some("1" | "true")) => {
                WithdrawOutcome::Gone
            }
            Ok(Reply::Fault { code: NO_SUCH_POST, .. }) => WithdrawOutcome::Gone,
            Ok(Reply::Fault { code, words }) => outcome(Meaning::of_fault(code, &words)),
            Ok(Reply::Value(_) | Reply::Beginning(_)) | Err(_) => {
                WithdrawOutcome::Unknown(failure::outcome_unknown().said(&answer.words()))
            }
        }
    }
}

/// It may be older than what the blog lists, gone by an earlier call whose answer was
/// lost, or none of ours: a person gave its address.
fn not_listed() -> WithdrawOutcome {
    withdraw::refused(Text::new(
        "The post is not among those of the blog's newest that were made from here, so it is not deleted. Open its link, and delete it on \
         the blog if it is still there.",
        "이 서비스가 올린 최근 글 목록에 없어 삭제하지 않았습니다. 링크를 열어 아직 남아 있으면 블로그에서 직접 삭제해 주세요.",
    ))
}

fn outcome(meaning: Meaning) -> WithdrawOutcome {
    let refused = |failure, retry| WithdrawOutcome::Refused { failure, retry };
    match meaning {
        Meaning::NotSent(why) => refused(why, Retry::Backoff),
        Meaning::Refused(why) => refused(why, Retry::Never),
        Meaning::Throttled(why, wait) => refused(why, Retry::After(wait)),
        Meaning::Unclear(why) => WithdrawOutcome::Unknown(failure::in_doubt(why)),
    }
}
