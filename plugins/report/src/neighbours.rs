//! What other plugins have written down. Each of them may be missing in a guild: then its answers are none, and nothing
//! here fails.

use guildhall_sdk::{Database, Error, FromRow, Id, Timestamp, Value, params};

/// Rows of another plugin's table; none where there is no such table.
fn read<T: FromRow>(database: &Database, sql: &str, parameters: &[Value]) -> Option<Vec<T>> {
    database.query(sql, parameters).ok()
}

/// Whether reports can be filed at all: `mod-log` has been here.
pub(crate) fn has_log(database: &Database) -> bool {
    read::<(i64,)>(database, "SELECT 1 FROM mod_log_reports LIMIT 1", params![]).is_some()
}

/// The user's thread of moderation.
pub(crate) fn log_thread(database: &Database, user: Id) -> Option<Id> {
    thread(database, "SELECT thread FROM mod_log_threads WHERE user = ?1", user)
}

/// The user's thread of deletions and edits.
pub(crate) fn deletion_thread(database: &Database, user: Id) -> Option<Id> {
    thread(database, "SELECT thread FROM message_log_threads WHERE user = ?1", user)
}

fn thread(database: &Database, sql: &str, user: Id) -> Option<Id> {
    let rows: Vec<(Option<Id>,)> = read(database, sql, params![user])?;
    rows.into_iter().find_map(|(thread,)| thread)
}

/// The user's name as the log knows it; empty where it does not.
pub(crate) fn known_name(database: &Database, user: Id) -> String {
    let sql = "SELECT name FROM mod_log_threads WHERE user = ?1";
    let rows: Option<Vec<(String,)>> = read(database, sql, params![user]);
    rows.into_iter()
        .flatten()
        .next()
        .map(|(name,)| name)
        .unwrap_or_default()
}

/// Whether a reported message is known to be deleted.
pub(crate) fn is_deleted(database: &Database, message: Id) -> bool {
    let sql = "SELECT 1 FROM mod_log_reports WHERE message = ?1 AND deleted_at IS NOT NULL LIMIT 1";
    read::<(i64,)>(database, sql, params![message]).is_some_and(|rows| !rows.is_empty())
}

/// Something that was reported often, and how often.
pub(crate) type Counted<T> = (T, u64);

/// The reports of one user, counted.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reports {
    pub(crate) total: u64,
    pub(crate) recent: u64,
    pub(crate) deleted: u64,
    pub(crate) last_at: Timestamp,
    pub(crate) by_reason: Vec<Counted<String>>,
    pub(crate) channels: Vec<Counted<Id>>,
    pub(crate) staff: Vec<Counted<Id>>,
    /// By month, `2026-03`; months without reports are left out.
    pub(crate) months: Vec<Counted<String>>,
}

impl Reports {
    /// Of this user; none where there is no `mod-log`.
    pub(crate) fn of(database: &Database, user: Id, recent_since: Timestamp) -> Option<Self> {
        let (total, recent, deleted, last_at) = read(
            database,
            "SELECT count(*), count(*) FILTER (WHERE created_at >= ?2), count(deleted_at), coalesce(max(created_at), 0)
             FROM mod_log_reports WHERE user = ?1",
            params![user, recent_since],
        )?
        .into_iter()
        .next()?;
        let mut reports = Self {
            total,
            recent,
            deleted,
            last_at,
            ..Self::default()
        };
        if total == 0 {
            return Some(reports);
        }
        reports.by_reason = read(
            database,
            "SELECT reason, count(*) FROM mod_log_reports WHERE user = ?1 GROUP BY reason ORDER BY 2 DESC, 1 LIMIT 10",
            params![user],
        )?;
        reports.channels = read(
            database,
            "SELECT channel, count(*) FROM mod_log_reports WHERE user = ?1 AND channel IS NOT NULL
             GROUP BY channel ORDER BY 2 DESC, 1 LIMIT 5",
            params![user],
        )?;
        reports.staff = read(
            database,
            "SELECT staff, count(*) FROM mod_log_reports WHERE user = ?1 AND staff IS NOT NULL
             GROUP BY staff ORDER BY 2 DESC, 1 LIMIT 10",
            params![user],
        )?;
        reports.months = read(
            database,
            "SELECT strftime('%Y-%m', created_at / 1000, 'unixepoch'), count(*) FROM mod_log_reports
             WHERE user = ?1 GROUP BY 1 ORDER BY 1 DESC LIMIT 6",
            params![user],
        )?;
        Some(reports)
    }
}

/// Something that a moderator did to a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModAction {
    pub(crate) action: String,
    pub(crate) executor: Option<Id>,
    pub(crate) reason: Option<String>,
    pub(crate) at: Timestamp,
}

impl FromRow for ModAction {
    const COLUMNS: usize = 4;

    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
        let (action, executor, reason, at) = FromRow::from_row(values)?;
        Ok(Self {
            action,
            executor,
            reason,
            at,
        })
    }
}

/// The newest first; none where there is no `mod-actions`.
pub(crate) fn mod_actions(database: &Database, user: Id, limit: u32) -> Option<Vec<ModAction>> {
    read(
        database,
        "SELECT action, executor, reason, created_at FROM mod_actions_actions WHERE user = ?1
         ORDER BY created_at DESC, id DESC LIMIT ?2",
        params![user, limit],
    )
}
