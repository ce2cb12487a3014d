//! What a plugin's call may reach, for one guild: its file, its snapshot, its settings, and the time of the batch.

use crate::settings::OperatorSettings;
use guildhall_discord::GuildSnapshot;
use guildhall_engine::CallHost;
use guildhall_model::{GuildView, Rows, SqlError, UnixMilliseconds, Value};
use guildhall_store::GuildStore;
use std::sync::Arc;
use std::time::Instant;

/// A guild's file and snapshot, moved into the instance that is called and back.
pub struct GuildHost {
    /// The guild's open file.
    pub(crate) store: Box<GuildStore>,
    /// The guild as Discord last described it.
    pub(crate) snapshot: Box<GuildSnapshot>,
    /// What the operator set for every guild.
    pub(crate) settings: Arc<OperatorSettings>,
    /// The host's time, read once a batch.
    pub(crate) now: UnixMilliseconds,
}

impl CallHost for GuildHost {
    fn query(&mut self, _plugin: &str, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        self.store.query(sql, parameters)
    }

    fn execute(&mut self, _plugin: &str, sql: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        self.store.execute(sql, parameters)
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.store.set_deadline(Some(deadline));
    }

    fn view(&self) -> &dyn GuildView {
        &*self.snapshot
    }

    fn settings(&self, plugin: &str) -> String {
        match self.store.settings(plugin) {
            Some(settings) => settings.json.clone(),
            None => self.settings.for_every_guild(plugin).to_owned(),
        }
    }

    fn settings_generation(&self, plugin: &str) -> u64 {
        self.store.settings(plugin).map_or(0, |settings| settings.generation)
    }

    fn now(&self) -> UnixMilliseconds {
        self.now
    }
}
