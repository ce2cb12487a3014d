//! A guild's quota: plugins may fill it, and the host can still write what it must.

use crate::error::StoreError;
use crate::limits::PAGE_BYTES;
use crate::open::GuildStore;

/// What the host may use beyond the quota, for its outbox, cursor and snapshot.
const HOST_BYTES: u64 = 4 << 20;

/// Less room than this on the file system is none: SQLite fails in the middle of a transaction.
const DISK_BYTES: u64 = 1 << 20;

impl GuildStore {
    /// The size of the file.
    pub fn file_bytes(&self) -> Result<u64, StoreError> {
        let pages: u64 = self
            .connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .map_err(|source| self.failed(source))?;
        Ok(pages * PAGE_BYTES)
    }

    /// Whether plugins have used the quota up, and not the disk is full.
    pub fn is_at_quota(&self) -> Result<bool, StoreError> {
        // SQLite needs a few pages at once to split a tree.
        Ok(self.file_bytes()? + 4 * PAGE_BYTES >= self.limits.quota_bytes)
    }

    /// Whether the file system has no room for a batch: then not even a small one can be committed.
    pub fn is_disk_full(&self) -> bool {
        let room = self.connection.path().and_then(|path| rustix::fs::statvfs(path).ok());
        room.is_some_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < DISK_BYTES)
    }

    /// Lets the host write beyond the quota, or takes that back. Not for inside a batch.
    pub fn set_host_reserve(&mut self, open: bool) -> Result<(), StoreError> {
        let bytes = self.limits.quota_bytes + if open { HOST_BYTES } else { 0 };
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {}", bytes / PAGE_BYTES), [], |_| {
                Ok(())
            })
            .map_err(|source| self.failed(source))
    }
}
