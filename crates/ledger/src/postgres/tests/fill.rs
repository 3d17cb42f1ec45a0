//! Tables with a long past: closed distributions of six, copied in the database
//! from two that the store itself has written, one completed, one failed.

use std::ops::Range;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::Incarnation;
use fanfare_core::write::{Record, Write};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::postgres::PostgresStore;
use crate::sample;
use crate::store::Store;

/// So many are made in one transaction.
const AT_ONCE: u64 = 50_000;

/// When the past begins; its distributions are 20 ms apart.
pub(super) fn beginning() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// The two that are copied; every tenth copy is of the second.
pub(super) async fn templates(store: &PostgresStore, token: Incarnation) {
    for (number, to) in [(1, DeliveryStatus::Success), (2, DeliveryStatus::Failed)] {
        let request = sample::request(&format!("evt-template-{number}"), &Channel::ALL);
        let acceptance = sample::acceptance(number, request, beginning(), token);
        let mut distribution = acceptance.distribution.clone();
        let record: Record = sample::record(&mut distribution, beginning(), token, |distribution| {
            let deliveries = distribution.deliveries.iter_mut();
            deliveries
                .map(|delivery| sample::conclude(delivery, to, beginning()))
                .collect()
        });
        let writes = [Write::Accept(Box::new(acceptance)), Write::Record(Box::new(record))];
        for write in writes {
            store.commit(vec![write]).await.unwrap();
        }
    }
}

/// Adds those of these numbers, from 1000; published, cached, each with a key.
/// Triggers rest meanwhile: they check what happens one after the other.
pub(super) async fn fill(client: &Client, numbers: Range<u64>) {
    let switch = |how: &str| {
        ["distribution_logs", "distribution_channel_logs", "history"]
            .map(|table| format!("ALTER TABLE {table} {how} TRIGGER USER"))
            .join("; ")
    };
    client.batch_execute(&switch("DISABLE")).await.unwrap();
    let mut first = numbers.start;
    while first < numbers.end {
        let last = (first + AT_ONCE).min(numbers.end);
        let chunk = CHUNK
            .replace("$first", &first.to_string())
            .replace("$last", &(last - 1).to_string());
        client.batch_execute(&format!("BEGIN; {chunk} COMMIT")).await.unwrap();
        first = last;
    }
    client.batch_execute(&switch("ENABLE")).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// The event of a number, as the database makes it.
pub(super) const EVENT: &str = "'evt-' || substr(md5(n::text), 1, 16)";

const CHUNK: &str = "
    CREATE TEMP TABLE chunk ON COMMIT DROP AS
    SELECT n, at, 'evt-' || substr(md5(n::text), 1, 16) AS event,
        (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid
            AS id,
        (SELECT id FROM distribution_logs
         WHERE event_id = 'evt-template-' || CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END) AS template
    FROM generate_series($first::bigint, $last::bigint) AS n,
        LATERAL (SELECT '2026-11-01T00:00:00Z'::timestamptz + n * interval '20 ms') AS w (at);
    ANALYZE chunk;
    INSERT INTO distribution_logs (tenant_id, id, event_id, created_at, request_hash, request, history_number,
        version, written_by, owner, open, due_at, completed_at, status, published)
    SELECT t.tenant_id, c.id, c.event, c.at, sha256(c.event::bytea), t.request, t.history_number,
        t.version, t.written_by, t.owner, t.open, t.due_at, c.at, t.status, t.published
    FROM chunk AS c JOIN distribution_logs AS t ON t.id = c.template ORDER BY c.n;
    INSERT INTO distribution_channel_logs (tenant_id, distribution_log_id, channel, position, id, event_id, mode,
        holds_claim, generation, attempt, attempt_started_at, updated_at, status, phase, channel_state,
        distribution_id, estimated_views, update_timestamp, ad_id, impression_schedule, post_url, post_id,
        message_id, code, message, next_attempt_at, checkpoint, failure)
    SELECT t.tenant_id, c.id, t.channel, t.position, md5(c.id::text || t.channel)::uuid, c.event, t.mode,
        t.holds_claim, t.generation, t.attempt, c.at, c.at, t.status, t.phase, t.channel_state,
        t.distribution_id, t.estimated_views, t.update_timestamp, t.ad_id, t.impression_schedule, t.post_url, t.post_id,
        t.message_id, t.code, t.message, t.next_attempt_at, t.checkpoint, t.failure
    FROM chunk AS c JOIN distribution_channel_logs AS t ON t.distribution_log_id = c.template ORDER BY c.n, t.position;
    INSERT INTO history (tenant_id, distribution_log_id, number, token, at, actor, transitions)
    SELECT t.tenant_id, c.id, t.number, t.token, c.at, t.actor, t.transitions
    FROM chunk AS c JOIN history AS t ON t.distribution_log_id = c.template ORDER BY c.n, t.number;
    INSERT INTO outbox (tenant_id, distribution_log_id, event_uuid, created_at, version, partition, published_at,
        cached_at)
    SELECT t.tenant_id, c.id, md5(c.id::text)::uuid, c.at, 1, c.n % 16, c.at, c.at
    FROM chunk AS c JOIN distribution_logs AS t ON t.id = c.template AND t.version = 1 ORDER BY c.n;
    INSERT INTO idempotency_keys (tenant_id, key, request_hash, distribution_log_id, accepted_at)
    SELECT t.tenant_id, 'key-' || md5('key' || c.n), sha256(c.event::bytea), c.id, c.at
    FROM chunk AS c JOIN distribution_logs AS t ON t.id = c.template ORDER BY c.n;
    ";
