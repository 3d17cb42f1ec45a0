//! A claim that is taken over between the look at it and the write.

use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::write::{Write, Written};
use jiff::Timestamp;

use super::{batch, client, drop_schema, settings};
use crate::postgres::PostgresStore;
use crate::sample;
use crate::store::Store;

#[tokio::test]
async fn what_loses_its_claim_while_it_is_written_does_not_begin() {
    let now = Timestamp::UNIX_EPOCH;
    let settings = settings();
    let (client, watcher) = (client(&settings).await, client(&settings).await);
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(now).await.unwrap();
    let mut waits = batch(0, 1, token).remove(0);
    for delivery in &mut waits.distribution.deliveries {
        *delivery = Delivery::new(delivery.id, delivery.channel, delivery.mode, now);
    }
    let mut distribution = waits.distribution.clone();
    store.commit(vec![Write::Accept(Box::new(waits))]).await.unwrap();
    let begins = sample::record(&mut distribution, now, token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        (delivery.attempt, delivery.attempt_started_at) = (1, Some(now));
        vec![delivery.transition(DeliveryStatus::InProgress, now).unwrap()]
    });
    // Another node's repeat has written, and not committed yet.
    let take_over = format!(
        "BEGIN; UPDATE distribution_channel_logs SET holds_claim = false WHERE distribution_log_id = '{}'",
        distribution.id.0
    );
    client.batch_execute(&take_over).await.unwrap();
    let write = store.commit(vec![Write::Record(Box::new(begins))]);
    let lets_go = async {
        let own = "SELECT pg_backend_pid()";
        let pid: i32 = client.query_one(own, &[]).await.unwrap().get(0);
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
        // Within a transaction it would see no news.
        while watcher.query_one(waiting, &[&pid]).await.unwrap().get::<_, i64>(0) == 0 {}
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (answers, ()) = tokio::join!(write, lets_go);
    assert_eq!(answers.unwrap(), [Written::TakenOver]);
    drop_schema(&client, &settings).await;
}
