//! The guild's snapshot as the host last knew it, so that a pod that resumes a session after a restart has it: Discord
//! describes a guild only to a new session.

use crate::error::StoreError;
use crate::open::GuildStore;
use rusqlite::OptionalExtension;

impl GuildStore {
    /// Keeps the snapshot, in the open transaction.
    pub fn keep_snapshot(&mut self, json: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO guildhall_snapshot (id, json) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET json = ?1",
            )
            .and_then(|mut statement| statement.execute([json]))
            .map(drop)
            .map_err(|source| self.failed(source))
    }

    /// The snapshot that was kept last.
    pub fn snapshot(&self) -> Result<Option<String>, StoreError> {
        self.connection
            .query_row("SELECT json FROM guildhall_snapshot", [], |row| row.get(0))
            .optional()
            .map_err(|source| self.failed(source))
    }
}
