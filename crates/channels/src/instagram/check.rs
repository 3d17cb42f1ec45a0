//! Whether the token is good: the account is read, then what may still be posted,
//! then, where Meta tells it, when the token lapses. Nothing of it posts.

use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;
use jiff::Timestamp;

use super::error::Meaning;
use super::wire::{Page, Quota, User};
use super::{InstagramClient, heard, token};
use crate::check::{Account, Checked, PostQuota, shown};

/// With Instagram Login. There no call tells when a token lapses.
const INSTAGRAM_LOGIN: &str = "graph.instagram.com";

impl InstagramClient {
    pub(super) async fn try_token(&self, now: Timestamp) -> Checked {
        let path = self.path(&[&self.settings.account_id]);
        let answer = match self.api.look(&path, &[("fields", "id,username")]).await {
            Ok(answer) => answer,
            Err(error) => return Checked::unanswered(&self.api, &error),
        };
        let user = match heard::<User>(Ok(answer), now) {
            Ok((user, _)) => user,
            Err(meaning) => return Checked::answered(&self.api, Err(of_account(meaning))),
        };
        let quota = self.quota(now).await;
        let account = Account {
            id: user.id,
            name: user.username.as_deref().and_then(shown),
        };
        Checked {
            account: Some(account),
            quota: quota.as_ref().ok().copied().flatten(),
            token_expires_at: self.lapses_at(now).await,
            ..Checked::answered(&self.api, quota.map(|_| ()))
        }
    }

    /// What may still be posted. Reading it needs the permission to post, so that a
    /// refusal here is one of posting.
    pub(super) async fn quota(&self, now: Timestamp) -> Result<Option<PostQuota>, Failure> {
        let path = self.path(&[&self.settings.account_id, "content_publishing_limit"]);
        let answer = self.api.look(&path, &[("fields", "quota_usage,config")]).await;
        match heard::<Page<Quota>>(answer, now) {
            Ok((page, _)) => Ok(page.data.first().map(Quota::shown)),
            Err(meaning) => Err(meaning.into_failure()),
        }
    }

    async fn lapses_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.api.is_at(INSTAGRAM_LOGIN) {
            return None;
        }
        token::end_of(&self.api, &self.settings.api_version, now).await.ok()?
    }
}

/// An account that this token does not see is a matter of the configuration.
fn of_account(meaning: Meaning) -> Failure {
    let Meaning::ContainerMissing(why) = meaning else {
        return meaning.into_failure();
    };
    let detail = Text::new(
        "The token is good, and sees no account of this account_id: set the professional account's id, or use a token \
         of that account.",
        "토큰은 유효하지만 이 account_id의 계정을 볼 수 없습니다. 프로페셔널 계정의 ID를 설정하거나 그 계정의 토큰을 사용해 주세요.",
    );
    Failure {
        channel_said: why.channel_said,
        ..cause::CHANNEL_MISCONFIGURED.because(detail)
    }
}
