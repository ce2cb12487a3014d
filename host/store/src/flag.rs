//! Up to where the guild knows whom other guilds have flagged.

use crate::error::StoreError;
use crate::open::GuildStore;

impl GuildStore {
    /// Takes a flagged user up in the open transaction; false where the guild knows of it.
    pub fn take_flag(&mut self, revision: i64) -> Result<bool, StoreError> {
        self.connection
            .prepare_cached("UPDATE guildhall_flags SET revision = ?1 WHERE revision < ?1")
            .and_then(|mut statement| statement.execute([revision]))
            .map(|changed| changed > 0)
            .map_err(|source| self.failed(source))
    }
}
