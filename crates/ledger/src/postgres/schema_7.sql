-- Schema 7, on top of schema 6. Programs of that one may go on; what they accept is
-- not counted here.

-- What deliveries spend, in KRW, since when; it counts unless they are FAILED or CANCELLED.
CREATE TABLE spends (
    tenant_id           text NOT NULL,
    distribution_log_id uuid NOT NULL,
    channel             text NOT NULL,
    event_id            text NOT NULL,
    cost                bigint NOT NULL CHECK (cost >= 0),
    spent_at            timestamptz NOT NULL,
    PRIMARY KEY (distribution_log_id, channel),
    FOREIGN KEY (tenant_id, distribution_log_id) REFERENCES distribution_logs (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX spends_of_event ON spends (event_id, tenant_id, channel);
CREATE INDEX spends_of_time ON spends (tenant_id, channel, spent_at);
