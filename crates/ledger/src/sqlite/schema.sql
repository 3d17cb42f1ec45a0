-- Schema 1. Times are RFC 3339 in UTC with six digits of a second, so that the
-- order of the text is the order of time. Every key begins with the tenant.
-- What is written twice in the life of a happy distribution is kept in as few
-- b-trees as possible; the other indices hold only what needs attention. Lists
-- of words are written with OR: for IN, SQLite would build a table at every write.

-- min_compatible: the oldest program's schema that may still use this file.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('min_compatible', '1');

-- One row for each life of a node; the token fences what earlier ones write.
CREATE TABLE incarnations (
    token      INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at TEXT NOT NULL
) STRICT;

-- One row for each accepted request.
CREATE TABLE distribution_logs (
    tenant_id      TEXT NOT NULL,
    id             TEXT NOT NULL,
    event_id       TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (
        status = 'PENDING' OR status = 'IN_PROGRESS' OR status = 'COMPLETED'
        OR status = 'PARTIALLY_COMPLETED' OR status = 'FAILED' OR status = 'CANCELLED'),
    version        INTEGER NOT NULL CHECK (version >= 0),
    published      TEXT,
    history_number INTEGER NOT NULL CHECK (history_number >= 1),
    owner          INTEGER,
    due_at         TEXT,
    open           INTEGER NOT NULL CHECK (open IN (0, 1)),
    created_at     TEXT NOT NULL,
    completed_at   TEXT,
    request_hash   BLOB NOT NULL CHECK (length(request_hash) = 32),
    request        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX distribution_logs_of_event ON distribution_logs (tenant_id, event_id, id);
CREATE INDEX distribution_logs_open ON distribution_logs (due_at) WHERE open = 1;
CREATE INDEX distribution_logs_not_completed
    ON distribution_logs (tenant_id, status, id) WHERE status <> 'COMPLETED';

-- One row for each chosen channel; it is also the current attempt (I4).
CREATE TABLE distribution_channel_logs (
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    channel             TEXT NOT NULL,
    position            INTEGER NOT NULL,
    id                  TEXT NOT NULL,
    event_id            TEXT NOT NULL,
    status              TEXT NOT NULL CHECK (
        status = 'PENDING' OR status = 'IN_PROGRESS' OR status = 'RETRYING'
        OR status = 'WAITING' OR status = 'NEEDS_REVIEW' OR status = 'ACTION_REQUIRED'
        OR status = 'SUCCESS' OR status = 'FAILED' OR status = 'CANCELLED'),
    mode                TEXT NOT NULL CHECK (mode IN ('mock', 'live')),
    generation          INTEGER NOT NULL CHECK (generation >= 1),
    attempt             INTEGER NOT NULL CHECK (attempt >= 0),
    phase               TEXT NOT NULL CHECK (
        phase = 'PLANNED' OR phase = 'INTENT' OR phase = 'UNKNOWN' OR phase = 'CONFIRMED'
        OR phase = 'REJECTED' OR phase = 'ABSENT'),
    attempt_started_at  TEXT,
    checkpoint          TEXT,
    receipt             TEXT,
    failure             TEXT,
    next_attempt_at     TEXT,
    holds_claim         INTEGER NOT NULL CHECK (holds_claim IN (0, 1)),
    updated_at          TEXT NOT NULL,
    channel_state       TEXT GENERATED ALWAYS AS (receipt ->> '$.state') VIRTUAL,
    distribution_id     TEXT GENERATED ALWAYS AS (receipt ->> '$.distributionId') VIRTUAL,
    estimated_views     INTEGER GENERATED ALWAYS AS (receipt ->> '$.estimatedViews') VIRTUAL,
    update_timestamp    TEXT GENERATED ALWAYS AS (receipt ->> '$.updateTimestamp') VIRTUAL,
    ad_id               TEXT GENERATED ALWAYS AS (receipt ->> '$.adId') VIRTUAL,
    impression_schedule TEXT GENERATED ALWAYS AS (receipt ->> '$.impressionSchedule') VIRTUAL,
    post_url            TEXT GENERATED ALWAYS AS (receipt ->> '$.postUrl') VIRTUAL,
    post_id             TEXT GENERATED ALWAYS AS (receipt ->> '$.postId') VIRTUAL,
    message_id          TEXT GENERATED ALWAYS AS (receipt ->> '$.messageId') VIRTUAL,
    code                TEXT GENERATED ALWAYS AS (
        CASE WHEN status <> 'SUCCESS' THEN failure ->> '$.code' END) VIRTUAL,
    message             TEXT GENERATED ALWAYS AS (
        CASE WHEN status <> 'SUCCESS' THEN failure ->> '$.detail.en' END) VIRTUAL,
    PRIMARY KEY (tenant_id, distribution_log_id, channel),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- The claim: an event holds a channel once.
CREATE UNIQUE INDEX distribution_channel_logs_claim
    ON distribution_channel_logs (tenant_id, event_id, channel) WHERE holds_claim = 1;
CREATE INDEX distribution_channel_logs_attention
    ON distribution_channel_logs (tenant_id, status, distribution_log_id)
    WHERE status = 'WAITING' OR status = 'NEEDS_REVIEW' OR status = 'ACTION_REQUIRED'
        OR status = 'FAILED' OR status = 'CANCELLED';

-- Attempts that others have superseded.
CREATE TABLE attempts (
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    channel             TEXT NOT NULL,
    generation          INTEGER NOT NULL CHECK (generation >= 1),
    attempt             INTEGER NOT NULL CHECK (attempt >= 1),
    phase               TEXT NOT NULL CHECK (
        phase = 'PLANNED' OR phase = 'INTENT' OR phase = 'UNKNOWN' OR phase = 'CONFIRMED'
        OR phase = 'REJECTED' OR phase = 'ABSENT'),
    failure             TEXT,
    started_at          TEXT NOT NULL,
    ended_at            TEXT,
    PRIMARY KEY (tenant_id, distribution_log_id, channel, generation, attempt),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- One row for each distribution and commit. A transition is
-- [channel or null, from or null, to, generation, attempt, code].
CREATE TABLE history (
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    number              INTEGER NOT NULL CHECK (number >= 1),
    at                  TEXT NOT NULL,
    actor               TEXT NOT NULL,
    token               INTEGER NOT NULL,
    transitions         TEXT NOT NULL,
    PRIMARY KEY (tenant_id, distribution_log_id, number),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- Without gaps (I11), and never by an older life than the last entry's (I5).
CREATE TRIGGER history_follows BEFORE INSERT ON history WHEN NEW.number > 1
BEGIN
    SELECT RAISE(ABORT, 'history has a gap or was written by an older token')
    WHERE NOT EXISTS (
        SELECT 1 FROM history
        WHERE tenant_id = NEW.tenant_id AND distribution_log_id = NEW.distribution_log_id
            AND number = NEW.number - 1 AND token <= NEW.token);
END;

-- The journal of published outcomes. Without a body, an entry says what the
-- rows say: its version is the current one.
CREATE TABLE outbox (
    position            INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    version             INTEGER NOT NULL CHECK (version >= 1),
    event_uuid          TEXT NOT NULL,
    created_at          TEXT NOT NULL,
    body                TEXT,
    UNIQUE (tenant_id, distribution_log_id, version),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT;
CREATE INDEX outbox_of_tenant ON outbox (tenant_id, position);

-- What a client called a request (I12).
CREATE TABLE idempotency_keys (
    tenant_id           TEXT NOT NULL,
    key                 TEXT NOT NULL,
    request_hash        BLOB NOT NULL CHECK (length(request_hash) = 32),
    distribution_log_id TEXT NOT NULL,
    accepted_at         TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (accepted_at);
