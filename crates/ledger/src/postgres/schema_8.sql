-- Schema 8, on top of schema 7. Programs of that one may go on; what they write says
-- neither.

-- When a redrive asked for the generation, and since when it is not known what the
-- attempt came to; ages are counted from these.
ALTER TABLE distribution_channel_logs
    ADD COLUMN redriven_at timestamptz,
    ADD COLUMN unknown_since timestamptz;
