-- Schema 3, on top of schema 2.

-- It was called off while it was under way: no further attempt follows.
ALTER TABLE distribution_channel_logs ADD COLUMN called_off boolean NOT NULL DEFAULT false;
-- Why, in the words of who asked for it.
ALTER TABLE history ADD COLUMN reason text;
