-- Schema 2, on top of schema 1.

-- What was heard of an attempt when it was no longer the hearer's to write:
-- append-only, for look-ups and for the person who decides.
CREATE TABLE evidence (
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    channel             TEXT NOT NULL,
    generation          INTEGER NOT NULL CHECK (generation >= 1),
    attempt             INTEGER NOT NULL CHECK (attempt >= 1),
    token               INTEGER NOT NULL,
    at                  TEXT NOT NULL,
    proof               TEXT NOT NULL,
    PRIMARY KEY (tenant_id, distribution_log_id, channel, generation, attempt, token),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
) STRICT, WITHOUT ROWID;
