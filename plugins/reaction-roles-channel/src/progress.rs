//! What is known of each message and emoji: whether Discord is being asked, whether it is being forwarded, or done with.

use guildhall_sdk::{Context, Database, Error, FromRow, Id, Timestamp, Value, params};

/// `state` is one of those below; `again` says that somebody reacted while Discord was asked; `unsure` is how often Discord's
/// count did not tell; `people` is how many had reacted when it was decided.
pub(crate) const MIGRATION: &str = "CREATE TABLE reaction_roles_channel_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER NOT NULL, emoji TEXT NOT NULL, channel INTEGER NOT NULL,
    state TEXT NOT NULL, again INTEGER NOT NULL DEFAULT 0, unsure INTEGER NOT NULL DEFAULT 0,
    people INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL,
    UNIQUE (message, emoji)
)";

pub(crate) const ASKING: &str = "asking";
pub(crate) const UNSURE: &str = "unsure";
pub(crate) const FORWARDING: &str = "forwarding";
pub(crate) const DONE: &str = "done";

/// Messages that are done with are known for this long. Older ones that were forwarded are far past the threshold.
const DONE_KEPT: u64 = 400 * 24 * 3_600_000;

/// A message and an emoji that something is known of.
pub(crate) struct Progress {
    pub(crate) id: u64,
    pub(crate) message: Id,
    pub(crate) emoji: String,
    pub(crate) channel: Id,
    pub(crate) state: String,
    pub(crate) again: bool,
    pub(crate) unsure: u64,
    pub(crate) people: u64,
    pub(crate) at: Timestamp,
}

pub(crate) fn set_state(
    context: &Context,
    database: &Database,
    emoji: &str,
    channel: Id,
    message: Id,
    state: &str,
    people: u64,
) -> Result<u64, Error> {
    database.execute(
        "INSERT INTO reaction_roles_channel_messages (message, emoji, channel, state, people, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (message, emoji) DO UPDATE SET state = ?4, again = 0, people = ?5, at = ?6",
        params![message, emoji, channel, state, people, context.now()],
    )?;
    let row: Option<(u64,)> = database.query_first(
        "SELECT id FROM reaction_roles_channel_messages WHERE message = ?1 AND emoji = ?2",
        params![message, emoji],
    )?;
    Ok(row.map_or(0, |(id,)| id))
}

pub(crate) fn set_again(database: &Database, id: u64) -> Result<(), Error> {
    database.execute(
        "UPDATE reaction_roles_channel_messages SET again = 1 WHERE id = ?1",
        params![id],
    )?;
    Ok(())
}

pub(crate) fn set_unsure(database: &Database, id: u64) -> Result<(), Error> {
    database.execute(
        "UPDATE reaction_roles_channel_messages SET state = ?2, unsure = unsure + 1 WHERE id = ?1",
        params![id, UNSURE],
    )?;
    Ok(())
}

pub(crate) fn drop_progress(database: &Database, id: u64) -> Result<(), Error> {
    database.execute("DELETE FROM reaction_roles_channel_messages WHERE id = ?1", params![id])?;
    Ok(())
}

const COLUMNS: &str = "id, message, emoji, channel, state, again, unsure, people, at";

impl FromRow for Progress {
    const COLUMNS: usize = 9;

    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
        let (id, message, emoji, channel, state, again, unsure, people) = FromRow::from_row(values)?;
        let (at,) = FromRow::from_row(values)?;
        Ok(Self {
            id,
            message,
            emoji,
            channel,
            state,
            again,
            unsure,
            people,
            at,
        })
    }
}

pub(crate) fn find(database: &Database, message: Id, emoji: &str) -> Result<Option<Progress>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM reaction_roles_channel_messages WHERE message = ?1 AND emoji = ?2");
    database.query_first(&sql, params![message, emoji])
}

pub(crate) fn find_by_id(database: &Database, id: u64) -> Result<Option<Progress>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM reaction_roles_channel_messages WHERE id = ?1");
    database.query_first(&sql, params![id])
}

pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    database.execute(
        "DELETE FROM reaction_roles_channel_messages WHERE at < ?1",
        params![now.saturating_sub(DONE_KEPT)],
    )?;
    Ok(())
}
