-- What a pod's events took lately, and how many wait.
ALTER TABLE pods
    ADD COLUMN p99_ms integer NOT NULL DEFAULT 0,
    ADD COLUMN lag bigint NOT NULL DEFAULT 0;
