//! Credentials: one for each tenant and channel, and of two who change it one is
//! refused.

use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding, Tried};
use fanfare_core::ids::TenantId;

use super::at;
use crate::store::Store;

fn credential(tenant: &str, channel: Channel, version: u64) -> Credential {
    Credential {
        tenant: TenantId::new(tenant),
        channel,
        version,
        sealed: Sealed {
            key_id: format!("key {version}"),
            data_key: "AAEC".to_owned(),
            value: format!("sealed {version}"),
        },
        standing: TokenStanding {
            expires_at: (version % 2 == 1).then(|| at(60)),
            tried_at: Some(at(5)),
            tried: Tried::Failed {
                code: "auth_expired".to_owned(),
                said: Some("만료 🔧 'x'".to_owned()),
            },
            ..TokenStanding::new(at(1), None)
        },
    }
}

/// Each change follows the one before it.
pub async fn of_two_who_change_a_credential_one_is_refused(store: &dyn Store) {
    assert_eq!(store.credentials().await.unwrap(), []);
    let of = |version| credential("default", Channel::Instagram, version);
    assert!(!store.keep_credential(&of(2)).await.unwrap(), "there is none to follow");
    assert!(store.keep_credential(&of(1)).await.unwrap());
    for version in [1, 3, 7] {
        assert!(!store.keep_credential(&of(version)).await.unwrap(), "{version}");
    }
    assert_eq!(store.credentials().await.unwrap(), [of(1)]);
    assert!(store.keep_credential(&of(2)).await.unwrap());
    assert!(!store.keep_credential(&of(2)).await.unwrap(), "once");
    assert_eq!(store.credentials().await.unwrap(), [of(2)]);
}

/// A tenant's is its own, and so is a channel's.
pub async fn a_credential_is_its_tenant_s_and_channel_s(store: &dyn Store) {
    let all = [
        credential("cafe", Channel::GenieTV, 1),
        credential("cafe", Channel::Instagram, 1),
        credential("default", Channel::Instagram, 1),
    ];
    for credential in &all {
        assert!(store.keep_credential(credential).await.unwrap());
    }
    assert_eq!(store.credentials().await.unwrap(), all);
    let cafe = TenantId::new("cafe");
    for (tenant, channel, own) in [
        (&cafe, Channel::GenieTV, Some(&all[0])),
        (&cafe, Channel::Instagram, Some(&all[1])),
        (&TenantId::default(), Channel::Instagram, Some(&all[2])),
        (&TenantId::default(), Channel::GenieTV, None),
        (&TenantId::new("caf"), Channel::GenieTV, None),
    ] {
        assert_eq!(store.credential(tenant, channel).await.unwrap().as_ref(), own);
    }
    assert!(store.forget_credential(&cafe, Channel::Instagram).await.unwrap());
    assert!(!store.forget_credential(&cafe, Channel::Instagram).await.unwrap());
    assert_eq!(store.credential(&cafe, Channel::Instagram).await.unwrap(), None);
    assert_eq!(store.credentials().await.unwrap(), [all[0].clone(), all[2].clone()]);
    assert!(store.keep_credential(&all[1]).await.unwrap(), "it begins anew");
}
