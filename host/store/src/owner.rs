//! The epoch in which a file was last taken up: of two copies of a guild, the one with the higher epoch is the guild.

use crate::error::{OpenError, StoreError};
use crate::open::GuildStore;
use guildhall_model::GuildId;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::Path;

/// The epoch in which this copy of the guild was last taken up; it is only read.
pub fn epoch_of(path: &Path, guild: GuildId) -> Result<i64, OpenError> {
    let read = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // A file of an earlier schema.
        if !connection.table_exists(None, "guildhall_owner")? {
            return Ok(None);
        }
        connection
            .query_row("SELECT epoch FROM guildhall_owner", [], |row| row.get(0))
            .optional()
    };
    read()
        .map(Option::unwrap_or_default)
        .map_err(|source| OpenError::Sqlite {
            guild,
            path: path.to_owned(),
            source,
        })
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
