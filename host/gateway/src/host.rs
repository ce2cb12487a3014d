//! What a plugin's call may reach, for one guild: its file, its snapshot, its settings, and the time of the batch.

use crate::active::ActivePlugin;
use crate::observed::{Observed, ObservedStatement};
use crate::settings::{GivenSettings, OperatorSettings, PluginSettings};
use guildhall_discord::GuildSnapshot;
use guildhall_engine::CallHost;
use guildhall_model::{COMMON_SETTINGS, CommonSettings, GuildView, Rows, SqlError, UnixMilliseconds, Value};
use guildhall_store::GuildStore;
use std::cell::OnceCell;
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
    /// Read when a call of the batch first asks.
    pub(crate) common: OnceCell<CommonSettings>,
    /// What plugins are given as their settings.
    pub(crate) given: GivenSettings,
    /// The plugin that is called.
    calling: Option<Arc<PluginSettings>>,
    /// Where somebody looks at what plugins do.
    pub(crate) observed: Option<Box<Observed>>,
}

impl GuildHost {
    pub(crate) fn new(
        store: Box<GuildStore>,
        snapshot: Box<GuildSnapshot>,
        settings: Arc<OperatorSettings>,
        now: UnixMilliseconds,
    ) -> Self {
        Self {
            store,
            snapshot,
            settings,
            now,
            common: OnceCell::new(),
            given: GivenSettings::default(),
            calling: None,
            observed: None,
        }
    }

    fn observe(&mut self, plugin: &str, sql: &str, failure: Option<&SqlError>) {
        if let Some(observed) = &mut self.observed {
            observed.statements.push(ObservedStatement {
                plugin: plugin.to_owned(),
                sql: sql.to_owned(),
                failure: failure.cloned(),
            });
        }
    }

    /// From here on this plugin is called.
    pub(crate) fn begin_call(&mut self, active: &ActivePlugin) {
        self.store.begin_call(&active.access);
        self.calling = Some(active.settings.clone());
    }
}

/// Settings that somebody wrote by hand may be wrong; the guild goes on without them.
fn common_settings(json: &str) -> CommonSettings {
    serde_json::from_str(json).unwrap_or_else(|error| {
        tracing::warn!(%error, "the settings that all plugins of a guild share cannot be read");
        CommonSettings::default()
    })
}

impl CallHost for GuildHost {
    fn query(&mut self, plugin: &str, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        let outcome = self.store.query(sql, parameters);
        self.observe(plugin, sql, outcome.as_ref().err());
        outcome
    }

    fn execute(&mut self, plugin: &str, sql: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let outcome = self.store.execute(sql, parameters);
        self.observe(plugin, sql, outcome.as_ref().err());
        outcome
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.store.set_deadline(Some(deadline));
    }

    fn view(&self) -> &dyn GuildView {
        &*self.snapshot
    }

    fn settings(&self, plugin: &str) -> String {
        let own = self.store.settings(plugin);
        match (&self.calling, own) {
            (Some(calling), own) if calling.id() == plugin => {
                self.given.of(calling, self.store.guild(), own).to_string()
            }
            (_, Some(own)) => own.json.clone(),
            (_, None) => self.settings.for_every_guild(plugin).to_owned(),
        }
    }

    fn common(&self) -> CommonSettings {
        *self
            .common
            .get_or_init(|| common_settings(&self.settings(COMMON_SETTINGS)))
    }

    fn settings_generation(&self, plugin: &str) -> u64 {
        match self.store.settings(plugin) {
            Some(settings) => settings.generation,
            None => self.settings.generation(plugin),
        }
    }

    fn now(&self) -> UnixMilliseconds {
        self.now
    }
}
