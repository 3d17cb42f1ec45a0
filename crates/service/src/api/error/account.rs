//! Why a tenant's own account on a channel is not kept, or not removed: its code, and its
//! words. What was handed over is never repeated.

use axum::http::StatusCode;
use fanfare_core::channel::Channel;
use fanfare_core::ids::DistributionId;
use fanfare_core::text::Text;

use super::ApiError;
use crate::accounts::AccountError;

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(faults) => Self::Invalid(faults),
            AccountError::Store(error) => Self::Store(error),
            error => Self::Account(error),
        }
    }
}

pub(super) fn status(error: &AccountError) -> StatusCode {
    match error {
        AccountError::OfService | AccountError::InUse(..) => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

pub(super) fn code(error: &AccountError) -> &'static str {
    match error {
        AccountError::OfService => "account_of_service",
        AccountError::InUse(..) => "account_in_use",
        AccountError::Keys(_) | AccountError::Sealed(_) => "credentials_unavailable",
        _ => "unavailable",
    }
}

/// Nobody's fault but ours, or the operator's.
pub(super) fn is_ours(error: &AccountError) -> bool {
    status(error) == StatusCode::SERVICE_UNAVAILABLE
}

pub(super) fn title(error: &AccountError) -> (&'static str, &'static str) {
    match error {
        AccountError::OfService => (
            "The account is the service's own",
            "서비스 설정으로 관리되는 계정입니다",
        ),
        AccountError::InUse(..) => ("The account is in use", "사용 중인 계정입니다"),
        AccountError::Keys(_) | AccountError::Sealed(_) => {
            ("Accounts can't be sealed here", "계정을 안전하게 보관할 수 없습니다")
        }
        _ => ("Temporarily unavailable", "일시적으로 이용할 수 없습니다"),
    }
}

pub(super) fn detail(error: &AccountError) -> Text {
    match error {
        AccountError::OfService => Text::new(
            "The account of the tenant `default` is the one that the service is configured with; its operator changes it \
             there. Name a tenant, or use a key of its own. Nothing was changed.",
            "`default` 테넌트의 계정은 서비스 설정에 있는 계정이며 운영자가 설정에서 바꿉니다. 테넌트를 지정하거나 해당 테넌트의 키를 사용해 \
             주세요. 바뀐 것은 없습니다.",
        ),
        AccountError::InUse(channel, unfinished) => in_use(*channel, unfinished),
        AccountError::Keys(_) | AccountError::Sealed(_) => Text::new(
            "The service has no key to seal accounts with, or another than what is kept was sealed with. Its operator sets \
             credentials_key (FANFARE_CREDENTIALS_KEY); the log says more. Nothing was kept.",
            "계정을 암호화할 키가 없거나, 보관된 계정을 암호화한 키와 다릅니다. 운영자가 credentials_key(FANFARE_CREDENTIALS_KEY)를 설정해야 \
             합니다. 저장된 것은 없습니다.",
        ),
        _ => Text::new(
            "The account was changed by others at the same moment. Look how it stands, and send it again.",
            "같은 순간에 다른 요청이 계정을 바꾸었습니다. 현재 상태를 확인한 뒤 다시 보내 주세요.",
        ),
    }
}

fn in_use(channel: Channel, unfinished: &[DistributionId]) -> Text {
    let named: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
    let (named, korean) = (named.join(", "), channel.korean_name());
    Text::new(
        format!(
            "{channel}: what was begun with the present account is unfinished ({named}), and another account could not tell \
             what becomes of it. Wait until it has ended, cancel it, or resolve what is in review; then hand the account \
             over again. Nothing was changed; a new token of the same account is taken at any time."
        ),
        format!(
            "{korean}: 현재 계정으로 시작된 배포가 아직 끝나지 않았습니다({named}). 다른 계정으로는 그 결과를 확인할 수 없으니, 끝날 때까지 \
             기다리거나 취소(cancel) 또는 결과 확정(resolve)을 한 뒤 다시 보내 주세요. 바뀐 것은 없으며, 같은 계정의 새 토큰은 언제든 등록할 \
             수 있습니다."
        ),
    )
}
