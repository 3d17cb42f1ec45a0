-- Schema 4, on top of schema 3.

-- What operators have ordered of the channels' breakers; the last one of each
-- channel holds. Append-only.
CREATE TABLE breaker_orders (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    channel    TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('force_open', 'close', 'disable', 'reset')),
    actor      TEXT NOT NULL,
    reason     TEXT,
    ordered_at TEXT NOT NULL
) STRICT;
CREATE INDEX breaker_orders_of_channel ON breaker_orders (channel, number);
