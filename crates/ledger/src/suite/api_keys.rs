//! Keys of the API: found by their hash, revoked for ever, each a tenant's own.

use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::ids::TenantId;
use uuid::Uuid;

use super::at;
use crate::store::Store;

fn key(number: u128, tenant: &str, second: i64) -> (ApiKey, KeyHash) {
    let key = ApiKey {
        id: KeyId(Uuid::from_u128(number)),
        tenant: TenantId::new(tenant),
        name: format!("계산대 {number}, 'left'"),
        prefix: format!("ff_{number:07}"),
        scopes: vec![Scope::Distribute, Scope::Read],
        created_at: at(second),
        revoked_at: None,
    };
    (key, KeyHash::of(&format!("ff_{number}")))
}

async fn kept(store: &dyn Store, number: u128, tenant: &str, second: i64) -> (ApiKey, KeyHash) {
    let (key, hash) = key(number, tenant, second);
    store.insert_api_key(&key, &hash).await.unwrap();
    (key, hash)
}

/// It reads back whole, and no other hash finds it.
pub async fn a_key_is_found_by_its_hash_alone(store: &dyn Store) {
    assert_eq!(store.api_key_of_hash(&KeyHash::of("ff_1")).await.unwrap(), None);
    let (first, hash) = kept(store, 1, "a", 0).await;
    let (mut second, other) = key(2, "b", 0);
    second.scopes = Scope::ALL.to_vec();
    store.insert_api_key(&second, &other).await.unwrap();
    assert_eq!(store.api_key_of_hash(&hash).await.unwrap(), Some(first));
    assert_eq!(store.api_key_of_hash(&other).await.unwrap(), Some(second));
    let mut near = hash;
    near.0[31] ^= 1;
    assert_eq!(store.api_key_of_hash(&near).await.unwrap(), None);
}

/// Of one tenant or of all; those of one moment by their ids.
pub async fn keys_are_listed_oldest_first(store: &dyn Store) {
    for (number, tenant, second) in [(3, "a", 9), (2, "b", 5), (4, "a", 5), (1, "a", 5)] {
        kept(store, number, tenant, second).await;
    }
    let ids = |keys: Vec<ApiKey>| keys.iter().map(|key| key.id.0.as_u128()).collect::<Vec<_>>();
    assert_eq!(ids(store.api_keys(None).await.unwrap()), [1, 2, 4, 3]);
    let of = |tenant: &str| TenantId::new(tenant);
    assert_eq!(ids(store.api_keys(Some(&of("a"))).await.unwrap()), [1, 4, 3]);
    assert_eq!(store.api_keys(Some(&of("c"))).await.unwrap(), []);
}

/// It keeps its first time, and is still found and listed.
pub async fn a_key_is_revoked_once_and_for_ever(store: &dyn Store) {
    let (mut key, hash) = kept(store, 1, "a", 0).await;
    let (other, other_hash) = kept(store, 2, "a", 0).await;
    key.revoked_at = Some(at(7));
    for second in [7, 8] {
        let revoked = store.revoke_api_key(&key.tenant, key.id, at(second)).await.unwrap();
        assert_eq!(revoked.as_ref(), Some(&key));
    }
    assert_eq!(store.api_key_of_hash(&hash).await.unwrap(), Some(key.clone()));
    assert_eq!(store.api_key_of_hash(&other_hash).await.unwrap(), Some(other.clone()));
    assert_eq!(store.api_keys(None).await.unwrap(), [key, other]);
}

/// Another tenant's key is none.
pub async fn a_tenant_revokes_only_its_own(store: &dyn Store) {
    let (key, hash) = kept(store, 1, "a", 0).await;
    let stranger = TenantId::new("b");
    assert_eq!(store.revoke_api_key(&stranger, key.id, at(1)).await.unwrap(), None);
    let nobody = KeyId(Uuid::from_u128(9));
    assert_eq!(store.revoke_api_key(&key.tenant, nobody, at(1)).await.unwrap(), None);
    assert_eq!(store.api_key_of_hash(&hash).await.unwrap(), Some(key));
}

/// Two keys never share a hash, whoever's they are.
pub async fn a_hash_is_kept_once(store: &dyn Store) {
    let (first, hash) = kept(store, 1, "a", 0).await;
    let (second, _) = key(2, "b", 0);
    assert!(store.insert_api_key(&second, &hash).await.is_err());
    assert_eq!(store.api_keys(None).await.unwrap(), [first]);
}
