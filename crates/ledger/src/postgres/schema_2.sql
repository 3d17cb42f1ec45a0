-- Schema 2, on top of schema 1.

-- What operators have ordered of the channels' breakers; the last one of each
-- channel holds. Append-only.
CREATE TABLE breaker_orders (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    text NOT NULL,
    action     text NOT NULL CHECK (action IN ('force_open', 'close', 'disable', 'reset')),
    actor      text NOT NULL,
    reason     text,
    ordered_at timestamptz NOT NULL
);
CREATE INDEX breaker_orders_of_channel ON breaker_orders (channel, number);
