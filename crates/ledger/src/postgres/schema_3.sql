-- Schema 3, on top of schema 2.

-- It was called off while it was under way: no further attempt follows.
ALTER TABLE distribution_channel_logs ADD COLUMN called_off boolean NOT NULL DEFAULT false;
-- Why, in the words of who asked for it.
ALTER TABLE history ADD COLUMN reason text;

-- What operators have ordered of sending: all of it where there is no tenant. The
-- last one of each scope holds. Append-only.
CREATE TABLE sending_orders (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  text,
    action     text NOT NULL CHECK (action IN ('stop', 'resume')),
    actor      text NOT NULL,
    reason     text,
    ordered_at timestamptz NOT NULL
);
CREATE INDEX sending_orders_of_tenant ON sending_orders (tenant_id, number);
