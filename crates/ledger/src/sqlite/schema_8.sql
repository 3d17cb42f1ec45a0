-- Schema 8, on top of schema 7. Programs of that one may go on; what they accept is
-- not counted here.

-- What deliveries spend, in KRW, since when; it counts unless they are FAILED or CANCELLED.
CREATE TABLE spends (
    tenant_id           TEXT NOT NULL,
    distribution_log_id TEXT NOT NULL,
    channel             TEXT NOT NULL,
    event_id            TEXT NOT NULL,
    cost                INTEGER NOT NULL CHECK (cost >= 0),
    spent_at            TEXT NOT NULL,
    PRIMARY KEY (tenant_id, distribution_log_id, channel),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
        ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX spends_of_event ON spends (tenant_id, event_id, channel);
CREATE INDEX spends_of_time ON spends (tenant_id, channel, spent_at);
