//! Timers of plugins: they fire as events, and the event's own transaction takes them away or winds them up again.

use crate::error::StoreError;
use crate::open::GuildStore;
use guildhall_model::{RecurringTimer, UnixMilliseconds};
use rusqlite::Connection;

/// A timer that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTimer {
    /// Whose it is.
    pub plugin: String,
    /// Its name, once per plugin.
    pub name: String,
    /// When it was due.
    pub due_at: UnixMilliseconds,
    /// What was given when it was set.
    pub payload: String,
}

pub(crate) fn next_due(connection: &Connection) -> rusqlite::Result<Option<UnixMilliseconds>> {
    connection
        .prepare_cached("SELECT min(due_at) FROM guildhall_timers")?
        .query_row([], |row| row.get(0))
}

impl GuildStore {
    /// When the earliest timer is due, as of the last commit.
    pub fn next_timer(&self) -> Option<UnixMilliseconds> {
        self.next_timer
    }

    /// At most `limit` timers that are due, earliest first.
    pub fn due_timers(&self, now: UnixMilliseconds, limit: u32) -> Result<Vec<StoredTimer>, StoreError> {
        let read = || -> rusqlite::Result<Vec<StoredTimer>> {
            self.connection
                .prepare_cached(
                    "SELECT plugin, name, due_at, payload FROM guildhall_timers WHERE due_at <= ?1
                     ORDER BY due_at LIMIT ?2",
                )?
                .query_map((now, limit), |row| {
                    Ok(StoredTimer {
                        plugin: row.get(0)?,
                        name: row.get(1)?,
                        due_at: row.get(2)?,
                        payload: row.get(3)?,
                    })
                })?
                .collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// Sets a timer that fires once, in the open transaction; one of the same name is replaced.
    pub fn set_timer(&mut self, timer: &StoredTimer) -> Result<(), StoreError> {
        self.timers_changed = true;
        self.connection
            .prepare_cached(
                "INSERT INTO guildhall_timers (plugin, name, due_at, payload) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (plugin, name) DO UPDATE SET due_at = ?3, payload = ?4, every_seconds = NULL",
            )
            .and_then(|mut statement| statement.execute((&timer.plugin, &timer.name, timer.due_at, &timer.payload)))
            .map(drop)
            .map_err(|source| self.failed(source))
    }

    /// Takes a timer away, in the open transaction.
    pub fn cancel_timer(&mut self, plugin: &str, name: &str) -> Result<(), StoreError> {
        self.timers_changed = true;
        self.connection
            .prepare_cached("DELETE FROM guildhall_timers WHERE plugin = ?1 AND name = ?2")
            .and_then(|mut statement| statement.execute((plugin, name)))
            .map(drop)
            .map_err(|source| self.failed(source))
    }

    /// Marks a timer as fired, in the open transaction: it goes, or waits for its next turn. False when it was
    /// cancelled or set anew since it was found due: then it must not fire.
    pub fn fire_timer(&mut self, timer: &StoredTimer, now: UnixMilliseconds) -> Result<bool, StoreError> {
        self.timers_changed = true;
        let key = (&timer.plugin, &timer.name, timer.due_at);
        let rearm = || -> rusqlite::Result<usize> {
            let rearmed = self
                .connection
                .prepare_cached(
                    "UPDATE guildhall_timers SET due_at = ?4 + every_seconds * 1000
                     WHERE plugin = ?1 AND name = ?2 AND due_at = ?3 AND every_seconds IS NOT NULL",
                )?
                .execute((key.0, key.1, key.2, now))?;
            if rearmed > 0 {
                return Ok(rearmed);
            }
            self.connection
                .prepare_cached("DELETE FROM guildhall_timers WHERE plugin = ?1 AND name = ?2 AND due_at = ?3")?
                .execute(key)
        };
        rearm().map(|changed| changed > 0).map_err(|source| self.failed(source))
    }

    /// Makes the plugin's recurring timers the given ones, in the open transaction; a running one keeps its turn.
    pub(crate) fn set_recurring_timers(
        &mut self,
        plugin: &str,
        timers: &[RecurringTimer],
        now: UnixMilliseconds,
    ) -> rusqlite::Result<()> {
        self.timers_changed = true;
        let kept: Vec<String> = self
            .connection
            .prepare("SELECT name FROM guildhall_timers WHERE plugin = ?1 AND every_seconds IS NOT NULL")?
            .query_map([plugin], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for gone in kept
            .iter()
            .filter(|name| !timers.iter().any(|timer| timer.name == **name))
        {
            self.connection.execute(
                "DELETE FROM guildhall_timers WHERE plugin = ?1 AND name = ?2",
                (plugin, gone),
            )?;
        }
        for timer in timers {
            self.connection.execute(
                "INSERT INTO guildhall_timers (plugin, name, due_at, payload, every_seconds) VALUES (?1, ?2, ?3, '', ?4)
                 ON CONFLICT (plugin, name) DO UPDATE SET every_seconds = ?4 WHERE every_seconds IS NOT ?4",
                (plugin, &timer.name, now + u64::from(timer.every_seconds) * 1000, timer.every_seconds),
            )?;
        }
        Ok(())
    }
}
