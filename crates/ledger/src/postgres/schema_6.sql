-- Schema 6, on top of schema 5. Programs of that one may go on: they use the token
-- that they have configured.

-- What channels let us in by, sealed; how old it is and when it lapses is JSON. Its
-- version grows with each change, so that of two who change it one is refused.
CREATE TABLE credentials (
    tenant_id text NOT NULL,
    channel   text NOT NULL,
    version   bigint NOT NULL,
    key_id    text NOT NULL,
    data_key  text NOT NULL,
    sealed    text NOT NULL,
    standing  text NOT NULL,
    PRIMARY KEY (tenant_id, channel)
);
