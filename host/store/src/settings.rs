//! A plugin's settings in one guild, with the version of the plugin's schema that they were made under.

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
    /// The plugin's last settings migration that they know of; 0 for none.
    pub version: u32,
}

pub(crate) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Settings>> {
    connection
        .prepare("SELECT plugin, json, generation, version FROM guildhall_settings")?
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                Settings {
                    json: row.get(1)?,
                    generation: row.get(2)?,
                    version: row.get(3)?,
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

    /// Replaces the plugin's settings by this JSON object of its first schema; nothing happens when they are the same.
    /// Inside a batch they hold from its commit on.
    pub fn set_settings(&mut self, plugin: &str, json: &str) -> Result<(), StoreError> {
        self.set_settings_of_version(plugin, json, 0)
    }

    /// The same for settings of a newer schema.
    pub fn set_settings_of_version(&mut self, plugin: &str, json: &str, version: u32) -> Result<(), StoreError> {
        let changed = self
            .changed_settings
            .iter()
            .rev()
            .find(|(changed, _)| changed == plugin);
        let known = changed
            .map(|(_, settings)| settings)
            .or_else(|| self.settings.get(plugin));
        if known.is_some_and(|settings| settings.json == json && settings.version == version) {
            return Ok(());
        }
        let settings = Settings {
            json: json.to_owned(),
            generation: known.map_or(1, |settings| settings.generation + 1),
            version,
        };
        self.connection
            .execute(
                "INSERT INTO guildhall_settings (plugin, json, generation, version) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (plugin) DO UPDATE SET json = ?2, generation = ?3, version = ?4",
                (plugin, json, settings.generation, version),
            )
            .map_err(|source| self.failed(source))?;
        self.changed_settings.push((plugin.to_owned(), settings));
        if self.connection.is_autocommit() {
            self.take_up_settings();
        }
        Ok(())
    }

    /// Brings the plugin's settings to this version of its schema, once and in a transaction of its own. What they were
    /// before is kept, and comes back when an older version of the plugin does.
    pub fn migrate_settings(
        &mut self,
        plugin: &str,
        to: u32,
        migrated: impl FnOnce(&str, u32) -> String,
    ) -> Result<(), StoreError> {
        let Some(known) = self.settings.get(plugin).filter(|known| known.version != to) else {
            return Ok(());
        };
        let (generation, keep) = (known.generation + 1, known.version < to);
        let (json, kept) = if keep {
            (
                migrated(&known.json, known.version),
                Some((known.json.clone(), known.version)),
            )
        } else {
            match self.older_settings(plugin)? {
                Some((older, version)) if version <= to => (migrated(&older, version), None),
                // Nothing is known that this version could take: whether it fits is for whoever reads it.
                _ => return Ok(()),
            }
        };
        let (older_json, older_version) = kept.unzip();
        self.connection
            .execute(
                "UPDATE guildhall_settings
                 SET json = ?2, generation = ?3, version = ?4, older_json = ?5, older_version = ?6 WHERE plugin = ?1",
                (plugin, &json, generation, to, older_json, older_version),
            )
            .map_err(|source| self.failed(source))?;
        let version = to;
        let settings = Settings {
            json,
            generation,
            version,
        };
        self.settings.insert(plugin.to_owned(), settings);
        Ok(())
    }

    /// What the settings were before they were migrated, and of which version.
    fn older_settings(&self, plugin: &str) -> Result<Option<(String, u32)>, StoreError> {
        self.connection
            .query_row(
                "SELECT older_json, older_version FROM guildhall_settings WHERE plugin = ?1",
                [plugin],
                |row| Ok(row.get::<_, Option<_>>(0)?.zip(row.get(1)?)),
            )
            .map_err(|source| self.failed(source))
    }

    /// What was changed is on disk.
    pub(crate) fn take_up_settings(&mut self) {
        self.settings.extend(self.changed_settings.drain(..));
    }
}
