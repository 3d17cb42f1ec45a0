-- Schema 1. Ids are unique by themselves; the tenant is a condition of every
-- question. For each kind of question one index will do, and no other looks as
-- if it did: while the tables are new, nothing tells the planner that most rows
-- are of one tenant.
--
-- Columns that change in the life of a happy distribution are in no index of
-- distribution_channel_logs, so that its updates stay in their page (HOT); the
-- free part of each page (fillfactor) is for them. What never changes comes
-- first: then an update's log holds little but what has changed. JSON is kept
-- as text: nobody searches it here, and text takes whatever a channel said.

-- schema_version: which schema the tables have; min_compatible: the oldest
-- program's schema that may still use them.
CREATE TABLE meta (
    key   text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO meta (key, value) VALUES ('min_compatible', '1');

-- One row for each life of a node. Several live at once; a life that was not
-- renewed for the lease is over, and its token owns nothing any more.
CREATE TABLE incarnations (
    token      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz
) WITH (fillfactor = 50);
CREATE INDEX incarnations_living ON incarnations (token) WHERE ended_at IS NULL;

-- One row for each accepted request. written_by: the life that wrote it last.
CREATE TABLE distribution_logs (
    tenant_id      text NOT NULL,
    id             uuid NOT NULL,
    event_id       text NOT NULL,
    created_at     timestamptz NOT NULL,
    request_hash   bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    request        text NOT NULL,
    history_number int NOT NULL CHECK (history_number >= 1),
    version        int NOT NULL CHECK (version >= 0),
    written_by     bigint NOT NULL,
    owner          bigint,
    open           boolean NOT NULL,
    due_at         timestamptz,
    completed_at   timestamptz,
    status         text NOT NULL CHECK (status IN (
        'PENDING', 'IN_PROGRESS', 'COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'CANCELLED')),
    published      text,
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 60);
CREATE INDEX distribution_logs_of_event ON distribution_logs (event_id, tenant_id, id);
CREATE INDEX distribution_logs_open ON distribution_logs (due_at) WHERE open;
-- Those that have not come to their end are found as open ones.
CREATE INDEX distribution_logs_not_completed ON distribution_logs (tenant_id, status, id)
    WHERE status IN ('PARTIALLY_COMPLETED', 'FAILED', 'CANCELLED');

-- Who may change it (I5): its owner, and one number further each time. Whoever
-- only becomes its owner may do so where it has none, or one that is over. A
-- trigger that looked before the update would write a lock of each row.
CREATE FUNCTION only_the_owner_writes() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (NEW.history_number, NEW.version, NEW.written_by, NEW.open, NEW.status, NEW.tenant_id, NEW.id)
        = (OLD.history_number, OLD.version, OLD.written_by, OLD.open, OLD.status, OLD.tenant_id, OLD.id)
        AND NOT EXISTS (
            SELECT FROM incarnations
            WHERE token = OLD.owner AND ended_at IS NULL AND token IS DISTINCT FROM NEW.owner)
    THEN
        RETURN NULL;
    END IF;
    RAISE check_violation USING MESSAGE = format(
        'history %s of distribution %s is not for life %s to write after history %s of life %s',
        NEW.history_number, OLD.id, NEW.written_by, OLD.history_number, OLD.owner);
END $$;
CREATE TRIGGER only_the_owner_writes AFTER UPDATE ON distribution_logs FOR EACH ROW
    WHEN ((NEW.history_number = OLD.history_number + 1 AND NEW.written_by = OLD.owner) IS NOT TRUE)
    EXECUTE FUNCTION only_the_owner_writes();

-- One row for each chosen channel; it is also the current attempt (I4). The
-- columns from channel_state to message_id are the receipt.
CREATE TABLE distribution_channel_logs (
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    channel             text NOT NULL,
    position            smallint NOT NULL,
    id                  uuid NOT NULL,
    event_id            text NOT NULL,
    mode                text NOT NULL CHECK (mode IN ('mock', 'live')),
    holds_claim         boolean NOT NULL,
    generation          int NOT NULL CHECK (generation >= 1),
    attempt             int NOT NULL CHECK (attempt >= 0),
    attempt_started_at  timestamptz,
    updated_at          timestamptz NOT NULL,
    status              text NOT NULL CHECK (status IN (
        'PENDING', 'IN_PROGRESS', 'RETRYING', 'WAITING', 'NEEDS_REVIEW', 'ACTION_REQUIRED',
        'SUCCESS', 'FAILED', 'CANCELLED')),
    phase               text NOT NULL CHECK (phase IN (
        'PLANNED', 'INTENT', 'UNKNOWN', 'CONFIRMED', 'REJECTED', 'ABSENT')),
    channel_state       text,
    distribution_id     text,
    estimated_views     bigint,
    update_timestamp    text,
    ad_id               text,
    impression_schedule text,
    post_url            text,
    post_id             text,
    message_id          text,
    code                text,
    message             text,
    next_attempt_at     timestamptz,
    checkpoint          text,
    failure             text,
    -- The status, where somebody must look at it: only then it is in an index.
    attention           text GENERATED ALWAYS AS (CASE
        WHEN status IN ('WAITING', 'NEEDS_REVIEW', 'ACTION_REQUIRED', 'FAILED', 'CANCELLED')
        THEN status END) STORED,
    PRIMARY KEY (distribution_log_id, channel),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) WITH (fillfactor = 40);
-- The claim: an event holds a channel once.
CREATE UNIQUE INDEX distribution_channel_logs_claim
    ON distribution_channel_logs (event_id, tenant_id, channel) WHERE holds_claim;
CREATE INDEX distribution_channel_logs_attention
    ON distribution_channel_logs (tenant_id, attention, distribution_log_id) WHERE attention IS NOT NULL;

-- A generation is never gone back on, and a receipt never lost within one (I6).
CREATE FUNCTION receipts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = format(
        'the %s delivery of distribution %s would lose its generation or its receipt',
        OLD.channel, OLD.distribution_log_id);
END $$;
CREATE TRIGGER receipts_stay AFTER UPDATE ON distribution_channel_logs FOR EACH ROW
    WHEN (NEW.generation < OLD.generation
        OR (NEW.generation = OLD.generation AND NEW.channel_state IS NULL AND OLD.channel_state IS NOT NULL))
    EXECUTE FUNCTION receipts_stay();

-- Attempts that others have superseded.
CREATE TABLE attempts (
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    channel             text NOT NULL,
    generation          int NOT NULL CHECK (generation >= 1),
    attempt             int NOT NULL CHECK (attempt >= 1),
    phase               text NOT NULL CHECK (phase IN (
        'PLANNED', 'INTENT', 'UNKNOWN', 'CONFIRMED', 'REJECTED', 'ABSENT')),
    failure             text,
    started_at          timestamptz NOT NULL,
    ended_at            timestamptz,
    PRIMARY KEY (distribution_log_id, channel, generation, attempt),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
);

-- What was heard of an attempt when it was no longer the hearer's to write:
-- append-only, for look-ups and for the person who decides.
CREATE TABLE evidence (
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    channel             text NOT NULL,
    generation          int NOT NULL CHECK (generation >= 1),
    attempt             int NOT NULL CHECK (attempt >= 1),
    token               bigint NOT NULL,
    at                  timestamptz NOT NULL,
    proof               text NOT NULL,
    PRIMARY KEY (distribution_log_id, channel, generation, attempt, token),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
);

-- One row for each distribution and commit. A transition is
-- [channel or null, from or null, to, generation, attempt, code] without nulls
-- at its end; after one of the same channel that led to its from, only
-- [[to, generation, attempt, code]]; after the same of another channel, only
-- the channel.
CREATE TABLE history (
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    number              int NOT NULL CHECK (number >= 1),
    token               bigint NOT NULL,
    at                  timestamptz NOT NULL,
    actor               text NOT NULL,
    transitions         text NOT NULL,
    PRIMARY KEY (distribution_log_id, number)
);
-- Without gaps (I11), in step with its distribution and written by whoever
-- wrote that (I5): checked once a statement, which costs less than once a row.
CREATE FUNCTION history_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added AS n
        LEFT JOIN distribution_logs AS d ON d.tenant_id = n.tenant_id AND d.id = n.distribution_log_id
        LEFT JOIN history AS before
            ON before.distribution_log_id = n.distribution_log_id AND before.number = n.number - 1
        WHERE d.history_number IS DISTINCT FROM n.number OR d.written_by IS DISTINCT FROM n.token
            OR (n.number > 1 AND before.number IS NULL))
    THEN
        RAISE check_violation USING MESSAGE = 'history has a gap or was not written by the owner';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER history_follows AFTER INSERT ON history REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION history_follows();

-- The journal of published outcomes. Without a body, an entry says what the
-- rows say: its version is the current one. Positions are not given in the
-- order of commits: readers wait for whoever may still hold an earlier one.
CREATE TABLE outbox (
    position            bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    event_uuid          uuid NOT NULL,
    created_at          timestamptz NOT NULL,
    version             int NOT NULL CHECK (version >= 1),
    partition           smallint NOT NULL CHECK (partition BETWEEN 0 AND 15),
    refusals            int NOT NULL DEFAULT 0,
    published_at        timestamptz,
    cached_at           timestamptz,
    dead_at             timestamptz,
    refusal             text,
    body                text,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (distribution_log_id, version)
);
-- The indices of what is still to be relayed are made by the first relay: a
-- service without one does not pay for them.
CREATE INDEX outbox_dead ON outbox (tenant_id, position) WHERE dead_at IS NOT NULL;

-- An outcome and its outbox row commit together (I8): the row is there first.
CREATE FUNCTION outcomes_are_published() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM changed AS d
        LEFT JOIN outbox AS o ON o.distribution_log_id = d.id AND o.version = d.version
        WHERE d.version > 0 AND o.version IS NULL)
    THEN
        RAISE check_violation USING MESSAGE = 'an outcome is not in the outbox';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER outcomes_are_published AFTER UPDATE ON distribution_logs REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION outcomes_are_published();

-- Which life relays which share of the events.
CREATE TABLE relay_partitions (
    partition smallint PRIMARY KEY,
    owner     bigint
) WITH (fillfactor = 50);
INSERT INTO relay_partitions (partition) SELECT generate_series(0, 15);

-- What a client called a request (I12).
CREATE TABLE idempotency_keys (
    tenant_id           text NOT NULL,
    key                 text NOT NULL,
    request_hash        bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    distribution_log_id uuid NOT NULL,
    accepted_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (accepted_at);
CREATE INDEX idempotency_keys_of_distribution ON idempotency_keys (distribution_log_id);

-- Keys of the API; only their hashes. Scopes are words with commas between.
CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  text NOT NULL,
    name       text NOT NULL,
    prefix     text NOT NULL,
    hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    scopes     text NOT NULL CHECK (scopes <> ''),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, created_at);
