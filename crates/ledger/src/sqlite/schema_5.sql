-- Schema 5, on top of schema 4.

-- It was called off while it was under way: no further attempt follows.
ALTER TABLE distribution_channel_logs ADD COLUMN called_off INTEGER NOT NULL DEFAULT 0;
-- Why, in the words of who asked for it.
ALTER TABLE history ADD COLUMN reason TEXT;
