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
        let guild = self.guild;
        let failed = |source| self.failed(source);
        let mut statement = self
            .connection
            .prepare("SELECT id, plugin, committed_at, submitted, nonce FROM guildhall_outbox ORDER BY id")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let (id, plugin): (i64, String) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            let json: String = row.get(3).map_err(failed)?;
            match serde_json::from_str(&json) {
                Ok(submitted) => entries.push(OutboxEntry {
                    id,
                    plugin,
                    committed_at: row.get(2).map_err(failed)?,
                    submitted,
                    nonce: row.get(4).map_err(failed)?,
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
