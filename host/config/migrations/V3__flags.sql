-- Users whom guilds have flagged, and those whom enough of them have.
CREATE TABLE flags (
    guild bigint NOT NULL,
    user_id bigint NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (guild, user_id)
);
CREATE INDEX flags_user ON flags (user_id);
CREATE SEQUENCE flagged_revision;
CREATE TABLE flagged (
    user_id bigint PRIMARY KEY,
    guilds integer NOT NULL,
    revision bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
