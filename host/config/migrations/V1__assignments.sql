-- One row: the number of the last change. Every transaction that changes an assignment locks it first, so changes are
-- numbered in the order of their commits and never decided from what another is changing.
CREATE TABLE revision (value bigint NOT NULL);
INSERT INTO revision VALUES (0);

CREATE TABLE pods (
    name text PRIMARY KEY,
    identity text NOT NULL,
    url text NOT NULL,
    build text NOT NULL,
    capacity integer NOT NULL CHECK (capacity >= 0),
    state text NOT NULL CHECK (state IN ('active', 'draining', 'offline')),
    incarnation bigint NOT NULL,
    -- Counts heartbeats. A lease ends when somebody has seen the same number for as long as leases last, by their own
    -- clock: no two clocks are ever compared.
    beat bigint NOT NULL DEFAULT 0,
    events_per_second double precision NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    outbox bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL
);

CREATE TABLE guilds (
    guild bigint PRIMARY KEY,
    pod text REFERENCES pods (name),
    epoch bigint NOT NULL,
    target text REFERENCES pods (name),
    -- Where a rebalance wants it; it becomes a move when there is room among those under way.
    wanted text REFERENCES pods (name),
    pinned boolean NOT NULL DEFAULT false,
    previous text,
    events_per_second double precision NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL
);
CREATE INDEX guilds_pod ON guilds (pod);
CREATE INDEX guilds_target ON guilds (target) WHERE target IS NOT NULL;
CREATE INDEX guilds_wanted ON guilds (wanted) WHERE wanted IS NOT NULL;

CREATE TABLE shards (
    shard integer PRIMARY KEY,
    shard_count integer NOT NULL,
    pod text REFERENCES pods (name),
    epoch bigint NOT NULL,
    target text REFERENCES pods (name),
    position jsonb,
    revision bigint NOT NULL
);

CREATE TABLE changes (
    revision bigint PRIMARY KEY,
    now jsonb NOT NULL
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);

-- When each key of `shard % max_concurrency` may start its next session, and what is left of the day's budget.
CREATE TABLE identify_turns (key integer PRIMARY KEY, next_at timestamptz NOT NULL);
CREATE TABLE identify_budget (one boolean PRIMARY KEY DEFAULT true CHECK (one), remaining integer NOT NULL, resets_at timestamptz NOT NULL);
