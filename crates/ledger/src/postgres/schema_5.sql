-- Schema 5, on top of schema 4. Programs of that one may go on; one that starts
-- forgets at once what it does not have configured.

-- When a node last said that it has the endpoint configured so: what nobody has said
-- of for long is forgotten, or taken over by who has it configured otherwise.
ALTER TABLE notice_endpoints ADD COLUMN named_at timestamptz NOT NULL DEFAULT now();
