//! A plugin's settings in one guild.

use crate::error::StoreError;
use crate::open::GuildStore;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Settings as JSON, and a number that changes whenever they do.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A JSON object.
    pub json: String,
    /// Grows with every change; 0 for none made.
    pub generation: u64,
}

pub(crate) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Settings>> {
    connection
        .prepare("SELECT plugin, json, generation FROM guildhall_settings")?
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                Settings {
                    json: row.get(1)?,
                    generation: row.get(2)?,
                },
            ))
        })?
        .collect()
}

impl GuildStore {
    /// The plugin's settings in this guild; none when none were made.
    pub fn settings(&self, plugin: &str) -> Option<&Settings> {
        self.settings.get(plugin)
    }

    /// Replaces the plugin's settings by this JSON object; nothing happens when they are the same. Inside a batch they
    /// hold from its commit on.
    pub fn set_settings(&mut self, plugin: &str, json: &str) -> Result<(), StoreError> {
        let changed = self
            .changed_settings
            .iter()
            .rev()
            .find(|(changed, _)| changed == plugin);
        let known = changed
            .map(|(_, settings)| settings)
            .or_else(|| self.settings.get(plugin));
        if known.is_some_and(|settings| settings.json == json) {
            return Ok(());
        }
        let generation = known.map_or(1, |settings| settings.generation + 1);
        self.connection
            .execute(
                "INSERT INTO guildhall_settings (plugin, json, generation) VALUES (?1, ?2, ?3)
                 ON CONFLICT (plugin) DO UPDATE SET json = ?2, generation = ?3",
                (plugin, json, generation),
            )
            .map_err(|source| self.failed(source))?;
        let (plugin, json) = (plugin.to_owned(), json.to_owned());
        self.changed_settings.push((plugin, Settings { json, generation }));
        if self.connection.is_autocommit() {
            self.take_up_settings();
        }
        Ok(())
    }

    /// What was changed is on disk.
    pub(crate) fn take_up_settings(&mut self) {
        self.settings.extend(self.changed_settings.drain(..));
    }
}
