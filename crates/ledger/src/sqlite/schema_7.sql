-- Schema 7, on top of schema 6. Programs of that one may go on: they use the token
-- that they have configured.

-- What channels let us in by, sealed; how old it is and when it lapses is JSON. Its
-- version grows with each change, so that of two who change it one is refused.
CREATE TABLE credentials (
    tenant_id TEXT NOT NULL,
    channel   TEXT NOT NULL,
    version   INTEGER NOT NULL,
    key_id    TEXT NOT NULL,
    data_key  TEXT NOT NULL,
    sealed    TEXT NOT NULL,
    standing  TEXT NOT NULL,
    PRIMARY KEY (tenant_id, channel)
) STRICT, WITHOUT ROWID;
