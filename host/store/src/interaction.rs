//! Interactions that came over HTTP: they have no session and no sequence, so the file remembers their ids for as long as
//! one could come again.

use crate::error::StoreError;
use crate::open::GuildStore;
use guildhall_model::{InteractionId, UnixMilliseconds};

/// How long an id is remembered: Discord's tokens live for 15 minutes (Receiving and Responding to Interactions).
const REMEMBERED: u64 = 15 * 60 * 1000;

impl GuildStore {
    /// Takes the interaction up in the open transaction; false when it was taken up before.
    pub fn take_interaction(&mut self, id: InteractionId, now: UnixMilliseconds) -> Result<bool, StoreError> {
        let forgotten = now.saturating_sub(REMEMBERED);
        let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute(parameters))
                .map_err(|source| self.failed(source))
        };
        run("DELETE FROM guildhall_interactions WHERE taken_at < ?1", &[&forgotten])?;
        let taken = run(
            "INSERT INTO guildhall_interactions (id, taken_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
            &[&id.0.cast_signed(), &now],
        )?;
        Ok(taken > 0)
    }
}
