//! The bounds of a guild's file and of a plugin's statement.

use rusqlite::Connection;
use rusqlite::limits::Limit;

/// Bounds and durability of guild files.
#[derive(Clone, Debug)]
pub struct StoreLimits {
    /// Bytes of one guild's file.
    pub quota_bytes: u64,
    /// Rows of one query.
    pub rows: usize,
    /// Bytes of one query's result.
    pub result_bytes: usize,
    /// Pages of WAL after which SQLite checkpoints; 0 leaves it to the replicator.
    pub checkpoint_pages: u32,
    /// Whether every commit is synced to the disk, not only every checkpoint.
    pub synchronous_full: bool,
    /// KiB of page cache of one open file.
    pub cache_kib: u32,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            quota_bytes: 64 << 20,
            rows: 10_000,
            result_bytes: 4 << 20,
            checkpoint_pages: 1000,
            synchronous_full: false,
            cache_kib: 32,
        }
    }
}

/// Bytes of a page: SQLite's default, which every quota is counted in.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// SQLite's own limits for statements that strangers wrote.
pub(crate) fn apply_to(connection: &Connection) -> rusqlite::Result<()> {
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, 4 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}
