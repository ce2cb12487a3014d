//! The table of what was done, and the entry in the user's thread.

use crate::kind::Kind;
use crate::words;
use guildhall_sdk::mod_log::Entry;
use guildhall_sdk::{Context, Database, Error, Id, Person, Timestamp, params};

/// `report` reads the first six columns.
pub(crate) const MIGRATION: &str = "CREATE TABLE mod_actions_actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, action TEXT NOT NULL, executor INTEGER,
    reason TEXT NOT NULL, created_at INTEGER NOT NULL, until INTEGER, audit_entry INTEGER UNIQUE
);
CREATE INDEX mod_actions_actions_user ON mod_actions_actions (user, created_at);
CREATE INDEX mod_actions_actions_age ON mod_actions_actions (created_at)";

/// How late the audit log may tell of what was recorded without it.
const LATE: u64 = 60_000;

/// An action with all that is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) user: Person,
    pub(crate) until: Option<Timestamp>,
    pub(crate) executor: Option<Id>,
    pub(crate) reason: Option<String>,
    /// The audit log's entry; none where the log could not be asked or is silent.
    pub(crate) entry: Option<Id>,
    pub(crate) at: Timestamp,
}

/// Writes the row and the entry, once for each entry of the audit log.
pub(crate) fn record(context: &Context, database: &Database, record: &Record) -> Result<(), Error> {
    let new = database.execute(
        "INSERT OR IGNORE INTO mod_actions_actions (user, action, executor, reason, created_at, until, audit_entry)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            record.user.id,
            record.kind.word(),
            record.executor,
            record.reason.clone().unwrap_or_default(),
            record.at,
            record.until,
            record.entry,
        ],
    )?;
    if new == 0 {
        return Ok(());
    }
    tell(context, record)
}

/// Adds what the audit log says to a row that was written without it; false where there is none from about that time.
pub(crate) fn supplement(context: &Context, database: &Database, record: &Record) -> Result<bool, Error> {
    let row: Option<(u64,)> = database.query_first(
        "SELECT id FROM mod_actions_actions
         WHERE user = ?1 AND action = ?2 AND audit_entry IS NULL AND created_at BETWEEN ?3 AND ?4
         ORDER BY created_at DESC LIMIT 1",
        params![
            record.user.id,
            record.kind.word(),
            record.at.saturating_sub(LATE),
            record.at + LATE
        ],
    )?;
    let Some((id,)) = row else { return Ok(false) };
    database.execute(
        "UPDATE mod_actions_actions SET executor = ?2, reason = ?3, audit_entry = ?4 WHERE id = ?1",
        params![
            id,
            record.executor,
            record.reason.clone().unwrap_or_default(),
            record.entry
        ],
    )?;
    tell(context, record)?;
    Ok(true)
}

fn tell(context: &Context, record: &Record) -> Result<(), Error> {
    if is_own(context, record.executor) {
        return Ok(());
    }
    // The same entry of the audit log is the same thing; a second timeout or ban within a minute is another.
    let which = record.entry.unwrap_or(record.at);
    Entry {
        key: format!("{}:{}:{which}", record.kind.word(), record.user.id),
        ..Entry::about(record.user.clone(), words::entry(record))
    }
    .emit()
}

/// Whether the bot did it: then the plugin that did has told it.
pub(crate) fn is_own(context: &Context, executor: Option<Id>) -> bool {
    executor.is_some() && executor == context.info().map(|guild| guild.own_user)
}

pub(crate) fn is_recorded(database: &Database, entry: Id) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM mod_actions_actions WHERE audit_entry = ?1";
    Ok(database.query_first::<(bool,)>(sql, params![entry])?.is_some())
}

/// Whether this was recorded since then; a timeout with another end is another one.
pub(crate) fn is_recorded_since(
    database: &Database,
    kind: Kind,
    user: Id,
    until: Option<Timestamp>,
    since: Timestamp,
) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM mod_actions_actions
               WHERE user = ?1 AND created_at >= ?2 AND action = ?3 AND until IS ?4 LIMIT 1";
    let row: Option<(bool,)> = database.query_first(sql, params![user, since, kind.word(), until])?;
    Ok(row.is_some())
}

pub(crate) fn prune(database: &Database, before: Timestamp) -> Result<(), Error> {
    database.execute("DELETE FROM mod_actions_actions WHERE created_at < ?1", params![before])?;
    Ok(())
}
