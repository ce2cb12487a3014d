//! The epoch in which a file was last taken up: of two copies of a guild, the one with the higher epoch is the guild.

use crate::error::StoreError;
use crate::inspect::open_unchanging;
use crate::open::GuildStore;
use rusqlite::OptionalExtension;
use std::path::Path;

/// The epoch in which a file was last taken up that nobody uses now and that has no WAL; 0 for one that no fleet has
/// taken up.
pub fn epoch_of(path: &Path) -> rusqlite::Result<i64> {
    let connection = open_unchanging(path)?;
    connection
        .query_row("SELECT max(epoch) FROM guildhall_owner", [], |row| {
            row.get::<_, Option<i64>>(0)
        })
        .map(Option::unwrap_or_default)
}

impl GuildStore {
    /// The epoch of its owner; 0 for a file that no fleet has taken up.
    pub fn epoch(&self) -> Result<i64, StoreError> {
        self.connection
            .query_row("SELECT epoch FROM guildhall_owner", [], |row| row.get(0))
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(|source| self.failed(source))
    }

    /// Takes the file up in this epoch. Not for inside a batch.
    pub fn set_epoch(&mut self, epoch: i64) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO guildhall_owner (id, epoch) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET epoch = ?1",
                [epoch],
            )
            .map(drop)
            .map_err(|source| self.failed(source))
    }
}
