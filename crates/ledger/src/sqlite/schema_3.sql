-- Schema 3, on top of schema 2.

-- What became of an outcome on its way to Kafka and to a shared cache; all
-- empty where nothing relays. The indices of what is still to be relayed are
-- made by the first relay: a service without one does not pay for them.
ALTER TABLE outbox ADD COLUMN published_at TEXT;
ALTER TABLE outbox ADD COLUMN cached_at TEXT;
ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN refusal TEXT;
ALTER TABLE outbox ADD COLUMN dead_at TEXT;

-- Keys of the API; only their hashes. Scopes are words with commas between.
CREATE TABLE api_keys (
    id         TEXT NOT NULL PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    prefix     TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes     TEXT NOT NULL CHECK (scopes <> ''),
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT, WITHOUT ROWID;

-- For deleting a distribution with its key.
CREATE INDEX idempotency_keys_of_distribution ON idempotency_keys (tenant_id, distribution_log_id);
