-- Schema 5, on top of schema 4.

-- It was called off while it was under way: no further attempt follows.
ALTER TABLE distribution_channel_logs ADD COLUMN called_off INTEGER NOT NULL DEFAULT 0;
-- Why, in the words of who asked for it.
ALTER TABLE history ADD COLUMN reason TEXT;

-- What operators have ordered of sending: all of it where there is no tenant. The
-- last one of each scope holds. Append-only.
CREATE TABLE sending_orders (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  TEXT,
    action     TEXT NOT NULL CHECK (action IN ('stop', 'resume')),
    actor      TEXT NOT NULL,
    reason     TEXT,
    ordered_at TEXT NOT NULL
) STRICT;
CREATE INDEX sending_orders_of_tenant ON sending_orders (tenant_id, number);
