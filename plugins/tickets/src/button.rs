//! The buttons that open tickets. A guild may have several, each with a role and a channel of its own.

use guildhall_sdk::{Context, Database, Error, Id, Timestamp, params};

/// `place` and `message` are where the button stands; `channel` is where its tickets open. `interaction` and `token` answer
/// whoever set it up.
pub(crate) const MIGRATION: &str = "CREATE TABLE tickets_buttons (
    id INTEGER PRIMARY KEY AUTOINCREMENT, place INTEGER NOT NULL, message INTEGER, channel INTEGER NOT NULL, role INTEGER,
    text TEXT NOT NULL, made_by INTEGER NOT NULL, made_at INTEGER NOT NULL, complained_at INTEGER NOT NULL DEFAULT 0,
    interaction INTEGER NOT NULL, token TEXT NOT NULL
)";

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Button {
    pub(crate) id: u64,
    pub(crate) place: Id,
    pub(crate) channel: Id,
    pub(crate) role: Option<Id>,
    pub(crate) text: String,
    pub(crate) interaction: Id,
    pub(crate) token: String,
}

pub(crate) fn find(database: &Database, id: u64) -> Result<Option<Button>, Error> {
    let row: Option<(Id, Id, Option<Id>, String, Id, String)> = database.query_first(
        "SELECT place, channel, role, text, interaction, token FROM tickets_buttons WHERE id = ?1",
        params![id],
    )?;
    Ok(row.map(|(place, channel, role, text, interaction, token)| Button {
        id,
        place,
        channel,
        role,
        text,
        interaction,
        token,
    }))
}

/// Keeps a button that is about to be posted, and answers its id.
pub(crate) fn insert(context: &Context, database: &Database, button: &Button, made_by: Id) -> Result<u64, Error> {
    database.execute(
        "INSERT INTO tickets_buttons (place, channel, role, text, made_by, made_at, interaction, token)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            button.place,
            button.channel,
            button.role,
            &button.text,
            made_by,
            context.now(),
            button.interaction,
            &button.token
        ],
    )?;
    let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
    Ok(id.map_or(0, |(id,)| id))
}

pub(crate) fn set_message(database: &Database, id: u64, message: Id) -> Result<(), Error> {
    database.execute(
        "UPDATE tickets_buttons SET message = ?2, token = '' WHERE id = ?1",
        params![id, message],
    )?;
    Ok(())
}

pub(crate) fn remove(database: &Database, id: u64) -> Result<(), Error> {
    database.execute("DELETE FROM tickets_buttons WHERE id = ?1", params![id])?;
    Ok(())
}

/// Whether moderators should hear now that something is wrong with the button: once an hour is enough.
pub(crate) fn may_complain(database: &Database, id: u64, now: Timestamp) -> Result<bool, Error> {
    const HOUR: u64 = 3_600_000;
    let changed = database.execute(
        "UPDATE tickets_buttons SET complained_at = ?2 WHERE id = ?1 AND complained_at <= ?3",
        params![id, now, now.saturating_sub(HOUR)],
    )?;
    Ok(changed > 0)
}
