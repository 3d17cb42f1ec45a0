//! Who is not let in, and why: in words and in the header that RFC 6750 gives
//! for it. What was brought is never repeated.

use axum::http::HeaderValue;
use fanfare_core::api_key::Scope;
use fanfare_core::ids::TenantId;
use fanfare_core::text::Text;

/// Why it is not known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Unauthenticated {
    /// There is no key.
    Missing,
    /// What there is is no key.
    Malformed,
    /// Nobody has that key.
    Unknown,
    /// It was revoked.
    Revoked,
}

/// Why who asks may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Forbidden {
    /// The key lacks the scope.
    Scope {
        /// Which.
        needed: Scope,
        /// What it has.
        held: Vec<Scope>,
    },
    /// The key is not the operator's.
    OfService,
}

impl Unauthenticated {
    pub(super) fn detail(self) -> Text {
        let (en, ko) = match self {
            Self::Missing => (
                "Send an API key with the request: `Authorization: Bearer ff_…`. Who runs the service makes one with \
                 `fanfare keys create`.",
                "요청에 API 키를 함께 보내 주세요: `Authorization: Bearer ff_…`. 키는 서비스 운영자가 \
                 `fanfare keys create`로 만듭니다.",
            ),
            Self::Malformed => (
                "What `Authorization` holds is no key of this service. Send it once, as `Bearer ff_…` with all 46 \
                 characters of the key.",
                "`Authorization`에 있는 값은 이 서비스의 키가 아닙니다. `Bearer ff_…` 형식으로 키 46자 전체를 한 번만 \
                 보내 주세요.",
            ),
            Self::Unknown => (
                "There is no such API key here. Check that it is whole and belongs to this service.",
                "등록되지 않은 API 키입니다. 키 전체를 보냈는지, 이 서비스의 키인지 확인해 주세요.",
            ),
            Self::Revoked => (
                "This API key was revoked and opens nothing any more. Ask who runs the service for another.",
                "폐기된 API 키라 더 이상 쓸 수 없습니다. 서비스 운영자에게 새 키를 요청해 주세요.",
            ),
        };
        Text::new(en, ko)
    }

    /// `WWW-Authenticate`.
    pub(super) fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Missing => r#"Bearer realm="fanfare""#,
            Self::Malformed | Self::Unknown | Self::Revoked => r#"Bearer realm="fanfare", error="invalid_token""#,
        })
    }
}

impl Forbidden {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Scope { .. } => "insufficient_scope",
            Self::OfService => "operator_only",
        }
    }

    pub(super) fn detail(&self) -> Text {
        match self {
            Self::Scope { needed, held } => {
                let held: Vec<_> = held.iter().map(|scope| format!("`{scope}`")).collect();
                let held = held.join(", ");
                Text::new(
                    format!("This needs a key with the scope `{needed}`; this key has {held}. Nothing was done."),
                    format!(
                        "`{needed}` 권한이 있는 키가 필요합니다. 이 키의 권한은 {held}입니다. 처리된 것은 없습니다."
                    ),
                )
            }
            Self::OfService => {
                let tenant = TenantId::default();
                Text::new(
                    format!(
                        "This is the whole service's, not one tenant's: it needs a key of the tenant `{tenant}`, the \
                         operator's."
                    ),
                    format!("서비스 전체에 대한 기능이라 운영자(테넌트 `{tenant}`)의 키가 필요합니다."),
                )
            }
        }
    }

    /// `WWW-Authenticate`.
    pub(super) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Scope { needed, .. } => match needed {
                Scope::Distribute => r#"Bearer realm="fanfare", error="insufficient_scope", scope="distribute""#,
                Scope::Read => r#"Bearer realm="fanfare", error="insufficient_scope", scope="read""#,
                Scope::Operate => r#"Bearer realm="fanfare", error="insufficient_scope", scope="operate""#,
                Scope::Admin => r#"Bearer realm="fanfare", error="insufficient_scope", scope="admin""#,
            },
            Self::OfService => r#"Bearer realm="fanfare", error="insufficient_scope""#,
        })
    }
}
