-- Schema 6, on top of schema 5.

-- A program of an earlier schema would begin what is stopped or was called off, and
-- tell nobody of what it commits: it is refused.
UPDATE meta SET value = '6' WHERE key = 'min_compatible';

-- Whether an order of one tenant's sending is of who operates the service, and not
-- of the tenant itself: the last one of each holds.
ALTER TABLE sending_orders ADD COLUMN of_service INTEGER NOT NULL DEFAULT 0;
DROP INDEX sending_orders_of_tenant;
CREATE INDEX sending_orders_of_tenant ON sending_orders (tenant_id, of_service, number);

-- Who is told notices. How each is, is JSON; its fingerprint tells that its
-- configuration has changed.
CREATE TABLE notice_endpoints (
    name        TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    health      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What each is told, once: put there by the commit that it follows from.
CREATE TABLE notices (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint     TEXT NOT NULL,
    id           TEXT NOT NULL,
    made_at      TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    -- When it is sent next; null where nothing more is to be done.
    due_at       TEXT,
    delivered_at TEXT,
    given_up_at  TEXT,
    body         TEXT NOT NULL,
    UNIQUE (endpoint, id)
) STRICT;
CREATE INDEX notices_due ON notices (endpoint, due_at, position, made_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_by_age ON notices (made_at);

-- What is not as it should be, so that it is told once. Each who sees it says so.
CREATE TABLE alarms (
    key       TEXT NOT NULL PRIMARY KEY,
    level     INTEGER NOT NULL,
    raised_at TEXT NOT NULL,
    seen_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
