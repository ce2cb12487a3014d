//! Which channels are honeypots: those of the settings and of the command; where there are none, those that are named so.

use crate::settings::Settings;
use guildhall_sdk::{Context, Database, Error, Id, params};
use std::cell::RefCell;

pub(crate) const MIGRATION: &str = "CREATE TABLE honeypot_channels (channel INTEGER PRIMARY KEY) WITHOUT ROWID";

/// The name of a channel that is one without being set up.
pub(crate) const NAME: &str = "honeypot";

thread_local! {
    /// The rows as this instance read them. It lives for one batch of one guild, and nobody else writes them meanwhile.
    static READ: RefCell<Option<Rows>> = const { RefCell::new(None) };
}

struct Rows {
    guild: Id,
    channels: Vec<Id>,
}

/// Whether a message there is to be answered.
pub(crate) fn is_honeypot(context: &Context, settings: &Settings, channel: Id) -> Result<bool, Error> {
    if settings.channels.iter().any(|known| known.0 == channel) {
        return Ok(true);
    }
    let (is_set_up, are_any) = READ.with_borrow_mut(|read| -> Result<_, Error> {
        let rows = match read {
            Some(rows) if rows.guild == context.guild => rows,
            _ => read.insert(Rows {
                guild: context.guild,
                channels: all(&Database::open()?)?,
            }),
        };
        Ok((rows.channels.contains(&channel), !rows.channels.is_empty()))
    })?;
    if is_set_up || are_any || !settings.channels.is_empty() {
        return Ok(is_set_up);
    }
    let named = |channel: guildhall_sdk::Channel| channel.kind == 0 && channel.name == NAME;
    Ok(context.channel(channel).is_some_and(named))
}

/// Adds a channel; answers whether it was none before.
pub(crate) fn add(database: &Database, channel: Id) -> Result<bool, Error> {
    READ.set(None);
    let added = database.execute(
        "INSERT OR IGNORE INTO honeypot_channels (channel) VALUES (?1)",
        params![channel],
    )?;
    Ok(added == 1)
}

/// Takes a channel away; answers whether it was one.
pub(crate) fn remove(database: &Database, channel: Id) -> Result<bool, Error> {
    READ.set(None);
    let removed = database.execute("DELETE FROM honeypot_channels WHERE channel = ?1", params![channel])?;
    Ok(removed == 1)
}

/// Forgets channels that were deleted. Where Discord has not described the guild yet, nothing is known to be gone.
pub(crate) fn forget_deleted(context: &Context, database: &Database) -> Result<(), Error> {
    if context.info().is_none() {
        return Ok(());
    }
    for channel in all(database)? {
        if context.channel(channel).is_none() {
            remove(database, channel)?;
            context.log(&format!("channel {channel} is gone, and so is the honeypot"));
        }
    }
    Ok(())
}

fn all(database: &Database) -> Result<Vec<Id>, Error> {
    let rows: Vec<(Id,)> = database.query("SELECT channel FROM honeypot_channels", params![])?;
    Ok(rows.into_iter().map(|(channel,)| channel).collect())
}
