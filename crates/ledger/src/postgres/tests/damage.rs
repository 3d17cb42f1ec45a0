//! Rows that cannot be read.

use fanfare_core::ids::TenantId;
use jiff::Timestamp;

use super::{batch, client, commit, drop_schema, settings};
use crate::postgres::PostgresStore;
use crate::store::Store;

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_going_on() {
    let settings = settings();
    let client = client(&settings).await;
    let store = PostgresStore::connect(&settings).await.unwrap();
    let earlier = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let batch = batch(0, 3, earlier);
    commit(&store, &batch).await;
    store.end_incarnation(earlier).await.unwrap();
    let ids: Vec<_> = batch.iter().map(|one| one.distribution.id).collect();
    let damage = "UPDATE distribution_channel_logs SET failure = 'not JSON' WHERE distribution_log_id = $1";
    client.execute(damage, &[&ids[1].0]).await.unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let adopted = store.adopt(token, Timestamp::UNIX_EPOCH, 9).await.unwrap();
    let adopted: Vec<_> = adopted.iter().map(|one| one.distribution.id).collect();
    assert_eq!(adopted, [ids[0], ids[2]]);
    // It is found again, and said again, until it is mended.
    let owned = store.owned(token, Timestamp::UNIX_EPOCH, 9).await.unwrap();
    assert!(owned.iter().any(|(_, id)| *id == ids[1]), "{owned:?}");
    let tenant = TenantId::default();
    assert!(store.adopt_one(token, &tenant, ids[1]).await.unwrap().is_none());
    let mend = "UPDATE distribution_channel_logs SET failure = NULL WHERE distribution_log_id = $1";
    client.execute(mend, &[&ids[1].0]).await.unwrap();
    assert!(store.adopt_one(token, &tenant, ids[1]).await.unwrap().is_some());
    drop_schema(&client, &settings).await;
}
