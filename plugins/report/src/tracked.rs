//! Answers to **Track**: where the message stands in the log, and the button that deletes it. Where the user has no thread
//! yet, the answer waits until `mod-log` says where the report stands.

use guildhall_sdk::component::{EPHEMERAL, Style, button, disabled, row};
use guildhall_sdk::mod_log::{Filed, Reason};
use guildhall_sdk::{Action, Context, Database, Error, Id, Timestamp, channel_link, message_link, params};
use serde_json::{Value, json};

pub(crate) const MIGRATION: &str = "CREATE TABLE report_tracked (
    interaction INTEGER PRIMARY KEY, token TEXT NOT NULL, channel INTEGER NOT NULL, message INTEGER NOT NULL,
    user INTEGER NOT NULL, thread INTEGER, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX report_tracked_message ON report_tracked (message)";

/// How long the log may take until the answer does without it.
pub(crate) const PATIENCE: u64 = 20_000;
/// Discord's tokens live for 15 minutes.
const TOKEN_LIFE: u64 = 15 * 60 * 1000;
const TIMER: &str = "tracked";

/// A message that was tracked, and the interaction whose answer tells so.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) interaction: Id,
    pub(crate) token: String,
    pub(crate) channel: Id,
    pub(crate) message: Id,
    pub(crate) user: Id,
    /// The thread that the answer names; none while it waits for one.
    pub(crate) thread: Option<Id>,
}

impl Tracked {
    pub(crate) fn keep(&self, database: &Database, now: Timestamp) -> Result<(), Error> {
        database.execute(
            "INSERT OR REPLACE INTO report_tracked (interaction, token, channel, message, user, thread, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                self.interaction,
                &self.token,
                self.channel,
                self.message,
                self.user,
                self.thread,
                now
            ],
        )?;
        Ok(())
    }

    fn load(database: &Database, condition: &str, id: Id) -> Result<Vec<Self>, Error> {
        let sql = format!(
            "SELECT interaction, token, channel, message, user, thread FROM report_tracked WHERE {condition} = ?1
             ORDER BY interaction"
        );
        let rows: Vec<(Id, String, Id, Id, Id, Option<Id>)> = database.query(&sql, params![id])?;
        let tracked = |(interaction, token, channel, message, user, thread)| Self {
            interaction,
            token,
            channel,
            message,
            user,
            thread,
        };
        Ok(rows.into_iter().map(tracked).collect())
    }

    pub(crate) fn timer(&self) -> String {
        format!("{TIMER}:{}", self.interaction)
    }

    /// The answer; it takes the place of an earlier one. `entry` is the report's message in the thread.
    pub(crate) fn answer(&self, context: &Context, entry: Option<Id>) -> Action {
        let place = match (self.thread, entry) {
            (Some(thread), Some(entry)) => Some(message_link(context.guild, thread, entry)),
            (Some(thread), None) => Some(channel_link(context.guild, thread)),
            (None, _) => None,
        };
        let delete = delete_button(self.channel, self.message, self.user);
        respond(
            4,
            self.interaction,
            &self.token,
            &text(place.as_deref()),
            &[row(vec![delete])],
        )
    }
}

/// What stands above the button.
pub(crate) fn text(place: Option<&str>) -> String {
    match place {
        Some(link) => format!("Tracked: {link}"),
        None => "Tracked, but the log has not said where: has it a channel that the bot may make threads in?".into(),
    }
}

/// [Delete message], which works for as long as its message stands there.
pub(crate) fn delete_button(channel: Id, message: Id, user: Id) -> Value {
    button(
        Style::Danger,
        "Delete message",
        &format!("report:delete:{channel}:{message}:{user}"),
    )
}

/// The same, not to be clicked any more.
pub(crate) fn spent_button(channel: Id, message: Id, user: Id) -> Value {
    disabled(delete_button(channel, message, user))
}

/// An answer that only its user sees, for an interaction that may have been answered before.
pub(crate) fn respond(kind: u8, interaction: Id, token: &str, content: &str, rows: &[Value]) -> Action {
    let data = json!({
        "content": content, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] }, "components": rows,
    });
    Action::respond(interaction, token, kind, data.to_string())
}

/// The report stands in the thread: answers that wait, or that name another thread, say where.
pub(crate) fn filed(context: &Context, filed: &Filed) -> Result<(), Error> {
    let (Reason::Track, Some(message)) = (filed.reason, filed.message) else {
        return Ok(());
    };
    let database = Database::open()?;
    for mut tracked in Tracked::load(&database, "message", message)? {
        if tracked.thread != Some(filed.thread) {
            if tracked.thread.is_none() {
                Action::cancel_timer(tracked.timer()).submit()?;
            }
            tracked.thread = Some(filed.thread);
            tracked.answer(context, Some(filed.entry)).submit()?;
        }
    }
    forget(&database, message)
}

/// The log has not said anything for too long.
pub(crate) fn lost_patience(context: &Context, timer: &str) -> Result<(), Error> {
    let id = timer.strip_prefix(TIMER).and_then(|rest| rest.strip_prefix(':'));
    let Some(interaction) = id.and_then(|id| id.parse().ok()) else {
        return Ok(());
    };
    for tracked in Tracked::load(&Database::open()?, "interaction", interaction)? {
        context.warn("a tracked message has not come up in the log");
        tracked.answer(context, None).submit()?;
    }
    Ok(())
}

/// Answers about this message stay as they are.
pub(crate) fn forget(database: &Database, message: Id) -> Result<(), Error> {
    database.execute("DELETE FROM report_tracked WHERE message = ?1", params![message])?;
    Ok(())
}

/// Forgets interactions whose tokens are dead.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let dead = now.saturating_sub(TOKEN_LIFE);
    database.execute("DELETE FROM report_tracked WHERE at < ?1", params![dead])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_of_the_largest_ids_fits() {
        let button = delete_button(u64::MAX, u64::MAX, u64::MAX);
        let id = button["custom_id"].as_str().expect("a custom id");
        assert!(id.len() <= 100, "{} characters", id.len());
        assert_eq!(spent_button(1, 2, 3)["disabled"], true);
    }
}
