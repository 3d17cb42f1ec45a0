-- Schema 4, on top of schema 3.

-- A program of an earlier schema would begin what is stopped or was called off, and
-- tell nobody of what it commits: it is refused.
UPDATE meta SET value = '4' WHERE key = 'min_compatible';

-- Whether an order of one tenant's sending is of who operates the service, and not
-- of the tenant itself: the last one of each holds.
ALTER TABLE sending_orders ADD COLUMN of_service boolean NOT NULL DEFAULT false;
DROP INDEX sending_orders_of_tenant;
CREATE INDEX sending_orders_of_tenant ON sending_orders (tenant_id, of_service, number);

-- Who is told notices, and which life sends to it until when. How each is, is
-- JSON; its fingerprint tells that its configuration has changed.
CREATE TABLE notice_endpoints (
    name        text PRIMARY KEY,
    fingerprint text NOT NULL,
    health      text NOT NULL,
    held_by     bigint,
    held_until  timestamptz
) WITH (fillfactor = 50);

-- What each is told, once: put there by the commit that it follows from.
CREATE TABLE notices (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint     text NOT NULL,
    id           uuid NOT NULL,
    made_at      timestamptz NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    -- When it is sent next; null where nothing more is to be done.
    due_at       timestamptz,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    body         text NOT NULL,
    UNIQUE (endpoint, id)
);
CREATE INDEX notices_due ON notices (endpoint, due_at, position, made_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_by_age ON notices (made_at);

-- What is not as it should be, so that it is told once. Each who sees it says so.
CREATE TABLE alarms (
    key       text PRIMARY KEY,
    level     bigint NOT NULL,
    raised_at timestamptz NOT NULL,
    seen_at   timestamptz NOT NULL
) WITH (fillfactor = 50);
