//! The host's tables. Their names start with `guildhall_`, which no plugin may name.

use rusqlite::Connection;

/// What only the host's tables start with.
pub(crate) const HOST_PREFIX: &str = "guildhall_";

/// The newest schema; the number of steps below.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

const STEPS: &[&str] = &[
    "
    CREATE TABLE guildhall_outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plugin TEXT NOT NULL,
        committed_at INTEGER NOT NULL,
        submitted TEXT NOT NULL
    ) STRICT;
    CREATE TABLE guildhall_cursor (
        session TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        advanced_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE guildhall_plugin_migrations (
        plugin TEXT NOT NULL,
        version INTEGER NOT NULL,
        applied_at INTEGER NOT NULL,
        PRIMARY KEY (plugin, version)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE guildhall_settings (
        plugin TEXT PRIMARY KEY,
        json TEXT NOT NULL,
        generation INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE guildhall_snapshot (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        json TEXT NOT NULL
    ) STRICT;
    CREATE TABLE guildhall_timers (
        plugin TEXT NOT NULL,
        name TEXT NOT NULL,
        due_at INTEGER NOT NULL,
        payload TEXT NOT NULL,
        every_seconds INTEGER,
        PRIMARY KEY (plugin, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX guildhall_timers_due ON guildhall_timers (due_at);
",
    "
    CREATE TABLE guildhall_owner (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE guildhall_days (
        day INTEGER PRIMARY KEY,
        messages INTEGER NOT NULL,
        actions INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE guildhall_interactions (
        id INTEGER PRIMARY KEY,
        taken_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX guildhall_interactions_taken ON guildhall_interactions (taken_at);
",
    "
    ALTER TABLE guildhall_outbox ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
    UPDATE guildhall_outbox SET nonce = lower(hex(randomblob(12)));
    ALTER TABLE guildhall_cursor ADD COLUMN messages BLOB;
    ALTER TABLE guildhall_cursor ADD COLUMN audit_log BLOB;
    ALTER TABLE guildhall_cursor ADD COLUMN bans BLOB;
    CREATE TABLE guildhall_gaps (
        channel INTEGER NOT NULL,
        until INTEGER NOT NULL,
        after INTEGER NOT NULL,
        applied BLOB NOT NULL,
        PRIMARY KEY (channel, until)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE guildhall_flags (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL
    ) STRICT;
    INSERT INTO guildhall_flags (id, revision) VALUES (1, 0);
",
    "
    ALTER TABLE guildhall_settings ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE guildhall_settings ADD COLUMN older_json TEXT;
    ALTER TABLE guildhall_settings ADD COLUMN older_version INTEGER;
",
];

/// The newest schema of guild files that this version knows.
pub fn schema_version() -> u32 {
    VERSION
}

/// The schema of this file; 0 for a new one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the file from its schema to [`VERSION`], in one transaction.
pub(crate) fn upgrade(connection: &Connection, from: u32) -> rusqlite::Result<()> {
    let pending = STEPS.iter().skip(from as usize);
    if from == VERSION {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for step in pending {
        connection.execute_batch(step)?;
    }
    connection.execute_batch(&format!("PRAGMA user_version = {VERSION}; COMMIT"))
}
