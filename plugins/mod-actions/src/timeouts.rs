//! Which timeouts are known, so that an update of a member that is about something else is not taken for one.

use guildhall_sdk::{Database, Error, Id, Timestamp, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE mod_actions_timeouts (
    user INTEGER PRIMARY KEY, until INTEGER NOT NULL
) WITHOUT ROWID";

/// What an update of a member changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// A timeout that ends then.
    Set(Timestamp),
    /// Over before its time.
    Lifted,
}

/// Takes the member's state over; none where nothing has changed, or a timeout has simply run out.
pub(crate) fn change(
    database: &Database,
    user: Id,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Change>, Error> {
    if let Some(until) = until.filter(|until| *until > now) {
        let changed = database.execute(
            "INSERT INTO mod_actions_timeouts (user, until) VALUES (?1, ?2)
             ON CONFLICT (user) DO UPDATE SET until = ?2 WHERE until <> ?2",
            params![user, until],
        )?;
        return Ok((changed > 0).then_some(Change::Set(until)));
    }
    let sql = "SELECT until FROM mod_actions_timeouts WHERE user = ?1";
    let Some((known,)) = database.query_first::<(Timestamp,)>(sql, params![user])? else {
        return Ok(None);
    };
    database.execute("DELETE FROM mod_actions_timeouts WHERE user = ?1", params![user])?;
    Ok((known > now).then_some(Change::Lifted))
}

pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    database.execute("DELETE FROM mod_actions_timeouts WHERE until < ?1", params![now])?;
    Ok(())
}
