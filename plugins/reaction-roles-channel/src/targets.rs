//! Which emoji forwards where, and from how many reactions on.

use guildhall_sdk::{Database, Error, Id, Timestamp, params};

/// `known_since`: every reaction since then has a row, but of messages that are done with.
pub(crate) const MIGRATION: &str = "CREATE TABLE reaction_roles_channel_targets (
    emoji TEXT PRIMARY KEY, shown TEXT NOT NULL, channel INTEGER NOT NULL, threshold INTEGER NOT NULL,
    known_since INTEGER NOT NULL, set_by INTEGER NOT NULL, complained_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID";

/// Where an emoji forwards to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Its key.
    pub(crate) emoji: String,
    /// As it is written in a message.
    pub(crate) shown: String,
    pub(crate) channel: Id,
    pub(crate) threshold: u64,
    pub(crate) known_since: Timestamp,
}

const COLUMNS: &str = "emoji, shown, channel, threshold, known_since";

type Row = (String, String, Id, u64, Timestamp);

impl Target {
    fn from_row((emoji, shown, channel, threshold, known_since): Row) -> Self {
        Self {
            emoji,
            shown,
            channel,
            threshold,
            known_since,
        }
    }
}

pub(crate) fn find(database: &Database, emoji: &str) -> Result<Option<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM reaction_roles_channel_targets WHERE emoji = ?1");
    Ok(database.query_first(&sql, params![emoji])?.map(Target::from_row))
}

/// All of them, those set first first.
pub(crate) fn all(database: &Database) -> Result<Vec<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM reaction_roles_channel_targets ORDER BY known_since, emoji");
    let rows: Vec<Row> = database.query(&sql, params![])?;
    Ok(rows.into_iter().map(Target::from_row).collect())
}

/// Sets it; an emoji that has a channel gets this one instead, and what is known of its reactions stays known.
pub(crate) fn set(database: &Database, target: &Target, by: Id) -> Result<(), Error> {
    database.execute(
        "INSERT INTO reaction_roles_channel_targets (emoji, shown, channel, threshold, known_since, set_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (emoji) DO UPDATE
         SET shown = ?2, channel = ?3, threshold = ?4, set_by = ?6, complained_at = 0",
        params![
            &target.emoji,
            &target.shown,
            target.channel,
            target.threshold,
            target.known_since,
            by
        ],
    )?;
    Ok(())
}

pub(crate) fn remove(database: &Database, emoji: &str) -> Result<(), Error> {
    database.execute(
        "DELETE FROM reaction_roles_channel_targets WHERE emoji = ?1",
        params![emoji],
    )?;
    Ok(())
}

/// Reactions from before then are not all known any more.
pub(crate) fn forget_before(database: &Database, moment: Timestamp) -> Result<(), Error> {
    database.execute(
        "UPDATE reaction_roles_channel_targets SET known_since = ?1 WHERE known_since < ?1",
        params![moment],
    )?;
    Ok(())
}

/// Whether moderators should hear now that the channel cannot be reached: once a day is enough.
pub(crate) fn may_complain(database: &Database, emoji: &str, now: Timestamp) -> Result<bool, Error> {
    const DAY: u64 = 24 * 3_600_000;
    let changed = database.execute(
        "UPDATE reaction_roles_channel_targets SET complained_at = ?2 WHERE emoji = ?1 AND complained_at <= ?3",
        params![emoji, now, now.saturating_sub(DAY)],
    )?;
    Ok(changed > 0)
}
