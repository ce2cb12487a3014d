//! Committed actions that Discord has not confirmed.

use crate::error::StoreError;
use crate::open::GuildStore;
use guildhall_model::{OutboxEntry, SubmittedAction, UnixMilliseconds};

impl GuildStore {
    /// Adds an action to the open transaction; answers its entry, which must leave only after the commit. The nonce is
    /// one that no other action of the bot has.
    pub fn add_action(
        &mut self,
        plugin: &str,
        submitted: SubmittedAction,
        nonce: String,
        now: UnixMilliseconds,
    ) -> Result<OutboxEntry, StoreError> {
        let guild = self.guild;
        let json = serde_json::to_string(&submitted).map_err(|source| StoreError::Action { guild, id: 0, source })?;
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO guildhall_outbox (plugin, committed_at, submitted, nonce) VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut statement| statement.insert((plugin, now, json, &nonce)))
            .map_err(|source| self.failed(source))?;
        Ok(OutboxEntry {
            id,
            plugin: plugin.to_owned(),
            committed_at: now,
            submitted,
            nonce,
            trace: Default::default(),
        })
    }

    /// Takes a finished action out; false when it was not there any more.
    pub fn remove_action(&mut self, id: i64) -> Result<bool, StoreError> {
        self.connection
            .prepare_cached("DELETE FROM guildhall_outbox WHERE id = ?1")
            .and_then(|mut statement| statement.execute([id]))
            .map(|removed| removed > 0)
            .map_err(|source| self.failed(source))
    }

    /// How many actions wait.
    pub fn count_actions(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM guildhall_outbox", [], |row| row.get(0))
            .map_err(|source| self.failed(source))
    }

    /// Every action that waits, oldest first: read when a guild is taken over, to go on where the last owner stopped.
    /// One that this version cannot read is left in the file and reported.
    pub fn waiting_actions(&self) -> Result<Vec<OutboxEntry>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(i64, String, u64, String, String)>> {
            self.connection
                .prepare("SELECT id, plugin, committed_at, submitted, nonce FROM guildhall_outbox ORDER BY id")?
                .query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?
                .collect()
        };
        let guild = self.guild;
        let mut entries = Vec::new();
        for (id, plugin, committed_at, json, nonce) in read().map_err(|source| self.failed(source))? {
            match serde_json::from_str(&json) {
                Ok(submitted) => entries.push(OutboxEntry {
                    id,
                    plugin,
                    committed_at,
                    submitted,
                    nonce,
                    trace: Default::default(),
                }),
                Err(source) => {
                    let error = StoreError::Action { guild, id, source };
                    tracing::error!(plugin, %error, "an action in the outbox stays there unsent");
                }
            }
        }
        Ok(entries)
    }
}
