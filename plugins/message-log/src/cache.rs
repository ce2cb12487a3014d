//! What people wrote lately, for as long as it takes until it may be deleted: the content for an hour, who wrote it for a
//! day, and never more messages than a bound. Bots, webhooks and system messages are not in it.

use crate::settings::Settings;
use guildhall_sdk::mod_log::ReportedMessage;
use guildhall_sdk::{Database, Error, Id, Message, Person, Timestamp, params, snowflake_unix_ms};
use serde::{Deserialize, Serialize};

/// Message ids grow with time, so the table needs no other index: one insertion at its end for each message.
pub(crate) const MIGRATION: &str = "CREATE TABLE message_log_messages (
    message INTEGER PRIMARY KEY, channel INTEGER NOT NULL, author INTEGER NOT NULL, name TEXT NOT NULL,
    text TEXT, small_print TEXT
);
CREATE TABLE message_log_edited (message INTEGER PRIMARY KEY, touched_at INTEGER NOT NULL);
CREATE TABLE message_log_forgotten (one INTEGER PRIMARY KEY CHECK (one = 0), upto INTEGER NOT NULL)";

/// Rows that one pruning takes: a call is bounded in time, and after a pause of the host there may be many.
const PRUNED_AT_ONCE: u32 = 10_000;

/// What is kept of a message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Kept {
    pub(crate) message: Id,
    pub(crate) author: Person,
    /// None where it is not kept any more.
    pub(crate) text: Option<String>,
    /// Attachments and the like, as lines of an entry.
    pub(crate) small_print: Option<String>,
}

/// Keeps a message.
pub(crate) fn keep(database: &Database, settings: &Settings, message: &Message, now: Timestamp) -> Result<(), Error> {
    let age = now.saturating_sub(message.sent_at);
    if age >= settings.row_kept() {
        return Ok(());
    }
    // One that was missed and comes late may be too old for its content.
    let is_young = age < settings.content_kept();
    let text = message
        .forwards
        .first()
        .map_or(&message.content, |forward| &forward.content);
    let small_print = if is_young { small_print(message) } else { None };
    database.execute(
        "INSERT OR IGNORE INTO message_log_messages (message, channel, author, name, text, small_print)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            message.id,
            message.channel,
            message.author.id,
            &message.author.username,
            is_young.then_some(text.as_str()),
            small_print
        ],
    )?;
    Ok(())
}

fn small_print(message: &Message) -> Option<String> {
    if message.attachments.is_empty()
        && message.embeds.is_empty()
        && message.forwards.is_empty()
        && message.stickers.is_empty()
        && message.poll.is_none()
    {
        return None;
    }
    let message = ReportedMessage::from(message);
    let lines = message.small_print();
    Some(match (message.forwarded, lines.is_empty()) {
        (true, true) => "-# forwarded".into(),
        (true, false) => format!("-# forwarded\n{lines}"),
        (false, _) => lines,
    })
}

/// What is kept of a message; none where nothing is.
pub(crate) fn find(database: &Database, message: Id) -> Result<Option<Kept>, Error> {
    let row: Option<(Id, String, Option<String>, Option<String>)> = database.query_first(
        "SELECT author, name, text, small_print FROM message_log_messages WHERE message = ?1",
        params![message],
    )?;
    Ok(row.map(|(author, name, text, small_print)| Kept {
        message,
        author: Person { id: author, name },
        text,
        small_print,
    }))
}

/// Takes a message out, because it is deleted.
pub(crate) fn take(database: &Database, message: Id) -> Result<Option<Kept>, Error> {
    let kept = find(database, message)?;
    if kept.is_some() {
        for table in ["message_log_messages", "message_log_edited"] {
            database.execute(&format!("DELETE FROM {table} WHERE message = ?1"), params![message])?;
        }
    }
    Ok(kept)
}

/// The message says something else now.
pub(crate) fn edit(
    database: &Database,
    (message, channel): (Id, Id),
    author: &Person,
    text: &str,
    now: Timestamp,
) -> Result<(), Error> {
    database.execute(
        "INSERT INTO message_log_messages (message, channel, author, name, text) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (message) DO UPDATE SET text = ?5",
        params![message, channel, author.id, &author.name, text],
    )?;
    database.execute(
        "INSERT INTO message_log_edited (message, touched_at) VALUES (?1, ?2)
         ON CONFLICT (message) DO UPDATE SET touched_at = ?2",
        params![message, now],
    )?;
    Ok(())
}

/// Forgets what is too old; true where more is left. Each message is looked at once for its content and once for its row.
pub(crate) fn prune(database: &Database, settings: &Settings, now: Timestamp) -> Result<bool, Error> {
    let untouched_since = now.saturating_sub(settings.content_kept());
    let upto: Option<(Id,)> = database.query_first("SELECT upto FROM message_log_forgotten", params![])?;
    let upto = upto.map_or(0, |(upto,)| upto);
    let (from, too_old) = (upto, id_at(untouched_since));
    let to = bounded(database, from, too_old)?;
    if to > from {
        database.execute(
            "UPDATE message_log_messages SET text = NULL, small_print = NULL WHERE message > ?1 AND message <= ?2
                 AND message NOT IN (SELECT message FROM message_log_edited WHERE touched_at > ?3)",
            params![from, to, untouched_since],
        )?;
        database.execute(
            "INSERT INTO message_log_forgotten (one, upto) VALUES (0, ?1) ON CONFLICT (one) DO UPDATE SET upto = ?1",
            params![to],
        )?;
    }
    // Edited ones that were passed over.
    database.execute(
        "UPDATE message_log_messages SET text = NULL, small_print = NULL WHERE message <= ?1
             AND message IN (SELECT message FROM message_log_edited WHERE touched_at <= ?2)",
        params![to.max(from), untouched_since],
    )?;
    database.execute(
        "DELETE FROM message_log_edited WHERE message <= ?1 AND touched_at <= ?2",
        params![to.max(from), untouched_since],
    )?;
    let over = id_at(now.saturating_sub(settings.row_kept()));
    let gone = bounded(database, 0, over)?;
    database.execute(
        "DELETE FROM message_log_messages
         WHERE message <= ?1 AND message NOT IN (SELECT message FROM message_log_edited)",
        params![gone],
    )?;
    Ok(to < too_old || gone < over)
}

/// Lets the oldest go where there are too many.
pub(crate) fn bound(database: &Database, settings: &Settings) -> Result<(), Error> {
    let surplus: Option<(Id,)> = database.query_first(
        "SELECT message FROM message_log_messages ORDER BY message DESC LIMIT 1 OFFSET ?1",
        params![settings.max_messages],
    )?;
    if let Some((newest,)) = surplus {
        let upto = bounded(database, 0, newest)?;
        for table in ["message_log_messages", "message_log_edited"] {
            database.execute(&format!("DELETE FROM {table} WHERE message <= ?1"), params![upto])?;
        }
    }
    Ok(())
}

/// The end of a range of messages, or an earlier one that leaves it few enough.
fn bounded(database: &Database, from: Id, to: Id) -> Result<Id, Error> {
    let row: Option<(Id,)> = database.query_first(
        "SELECT message FROM message_log_messages WHERE message > ?1 AND message <= ?2 ORDER BY message LIMIT 1 OFFSET ?3",
        params![from, to, PRUNED_AT_ONCE],
    )?;
    Ok(row.map_or(to, |(message,)| message))
}

/// The last id that a message could have had at that time.
fn id_at(unix_ms: Timestamp) -> Id {
    let since_epoch = unix_ms.saturating_sub(snowflake_unix_ms(0));
    (since_epoch << 22) | 0x3F_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_moment_is_the_last_one_of_it() {
        let moment = 1_772_442_000_000;
        assert_eq!(snowflake_unix_ms(id_at(moment)), moment);
        assert_eq!(snowflake_unix_ms(id_at(moment) + 1), moment + 1);
        assert_eq!(id_at(0), 0x3F_FFFF, "before Discord's epoch there is no message");
    }
}
