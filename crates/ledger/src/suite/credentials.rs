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
    let (none, first) = (of(9).sealed, of(1).sealed);
    let keep = async |version, before| store.keep_credential(&of(version), before).await.unwrap();
    assert!(!keep(2, Some(&first)).await, "there is none to follow");
    assert!(keep(1, None).await);
    assert!(!keep(1, None).await, "there is one");
    for version in [1, 3, 7] {
        assert!(!keep(version, Some(&first)).await, "{version}");
    }
    assert!(!keep(2, Some(&none)).await, "it is another value");
    assert_eq!(store.credentials().await.unwrap(), [of(1)]);
    assert!(keep(2, Some(&first)).await);
    assert!(!keep(2, Some(&first)).await, "once");
    assert_eq!(store.credentials().await.unwrap(), [of(2)]);
}

/// What was forgotten and handed over anew has the version that it had before.
pub async fn who_renews_a_credential_does_not_replace_one_that_came_anew(store: &dyn Store) {
    let (tenant, channel) = (TenantId::new("cafe"), Channel::Instagram);
    let before = credential("cafe", channel, 1);
    assert!(store.keep_credential(&before, None).await.unwrap());
    assert!(store.forget_credential(&tenant, channel).await.unwrap());
    let mut anew = credential("cafe", channel, 1);
    "another".clone_into(&mut anew.sealed.value);
    assert!(store.keep_credential(&anew, None).await.unwrap());
    let renewed = credential("cafe", channel, 2);
    assert!(!store.keep_credential(&renewed, Some(&before.sealed)).await.unwrap());
    assert_eq!(store.credentials().await.unwrap(), [anew]);
}

/// A tenant's is its own, and so is a channel's.
pub async fn a_credential_is_its_tenant_s_and_channel_s(store: &dyn Store) {
    let all = [
        credential("cafe", Channel::GenieTV, 1),
        credential("cafe", Channel::Instagram, 1),
        credential("default", Channel::Instagram, 1),
    ];
    for credential in &all {
        assert!(store.keep_credential(credential, None).await.unwrap());
    }
    assert_eq!(store.credentials().await.unwrap(), all);
    let standings = [&all[1], &all[2]].map(|one| (one.tenant.clone(), one.standing.clone()));
    assert_eq!(store.credential_standings(Channel::Instagram).await.unwrap(), standings);
    assert_eq!(store.credential_standings(Channel::NaverBlog).await.unwrap(), []);
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
    assert!(store.keep_credential(&all[1], None).await.unwrap(), "it begins anew");
}
