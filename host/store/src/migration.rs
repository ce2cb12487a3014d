//! A plugin's schema in one guild: each step applied once, in order, all pending ones together or none. None is ever taken
//! back: a version that knows fewer runs on what a newer one has left.

use crate::authorizer::PluginAccess;
use crate::error::StoreError;
use crate::open::GuildStore;
use crate::transaction::Undo;
use guildhall_model::{Migration, RecurringTimer, UnixMilliseconds};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u32>> {
    connection
        .prepare("SELECT plugin, max(version) FROM guildhall_plugin_migrations GROUP BY plugin")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

impl GuildStore {
    /// Brings the plugin's tables and recurring timers up to date, in a transaction of its own; cheap when they are.
    /// After an error the file is as it was.
    pub fn prepare_plugin(
        &mut self,
        access: &Arc<PluginAccess>,
        migrations: &[Migration],
        timers: &[RecurringTimer],
        now: UnixMilliseconds,
    ) -> Result<(), StoreError> {
        let plugin = &access.plugin;
        let applied = self.migrated.get(plugin).copied().unwrap_or(0);
        let newest = migrations.last().map_or(0, |migration| migration.version);
        self.begin(Undo::Call)?;
        let outcome = self.apply(access, migrations, applied, now).and_then(|()| {
            self.set_recurring_timers(plugin, timers, now)
                .map_err(|source| self.failed(source))
        });
        if let Err(error) = outcome.and_then(|()| self.commit(now)) {
            self.roll_back();
            return Err(error);
        }
        if newest > applied {
            self.migrated.insert(plugin.clone(), newest);
        }
        Ok(())
    }

    /// A number that grows with every row that is written.
    pub fn changes(&self) -> u64 {
        self.connection.total_changes()
    }

    fn apply(
        &mut self,
        access: &Arc<PluginAccess>,
        migrations: &[Migration],
        applied: u32,
        now: UnixMilliseconds,
    ) -> Result<(), StoreError> {
        let plugin = &access.plugin;
        for migration in migrations.iter().filter(|migration| migration.version > applied) {
            self.begin_call(access);
            let outcome = self.run_script(&migration.sql);
            self.end_call(outcome.is_ok())?;
            outcome.map_err(|reason| self.migration_error(plugin, migration.version, reason))?;
            self.connection
                .execute(
                    "INSERT INTO guildhall_plugin_migrations (plugin, version, applied_at) VALUES (?1, ?2, ?3)",
                    (plugin, migration.version, now),
                )
                .map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    fn run_script(&mut self, script: &str) -> Result<(), String> {
        let mut rest = script;
        loop {
            let length = self.first_statement(rest)?;
            let (statement, after) = rest.split_at(length);
            if !is_blank(statement) {
                self.execute(statement, &[]).map_err(|error| error.to_string())?;
            }
            if after.is_empty() {
                return Ok(());
            }
            rest = after;
        }
    }

    /// The length of the script's first statement, its semicolon included.
    fn first_statement(&self, script: &str) -> Result<usize, String> {
        let mut end = 0;
        while let Some(semicolon) = script[end..].find(';') {
            end += semicolon + 1;
            if is_complete(&script[..end])? {
                return Ok(end);
            }
        }
        Ok(script.len())
    }

    fn migration_error(&self, plugin: &str, version: u32, reason: String) -> StoreError {
        StoreError::Migration {
            guild: self.guild,
            plugin: plugin.to_owned(),
            version,
            reason,
        }
    }
}

/// Whether SQLite's own tokeniser takes the text for whole statements: a semicolon inside a string, a comment or a
/// trigger's body does not end one.
fn is_complete(sql: &str) -> Result<bool, String> {
    let sql = std::ffi::CString::new(sql).map_err(|_| "the script contains a NUL byte".to_owned())?;
    // SAFETY: the pointer is a NUL-terminated string that outlives the call, which only reads it.
    match unsafe { rusqlite::ffi::sqlite3_complete(sql.as_ptr()) } {
        0 => Ok(false),
        1 => Ok(true),
        code => Err(format!("SQLite cannot read the script (code {code})")),
    }
}

fn is_blank(statement: &str) -> bool {
    statement.trim().trim_end_matches(';').trim().is_empty()
}
