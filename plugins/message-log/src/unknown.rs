//! Deleted messages of which nothing is kept: counted for each channel, and told in one line when it has become quiet.

use crate::deletion::Deletion;
use crate::entries::By;
use crate::settings::Settings;
use guildhall_sdk::{Action, Context, Database, Error, Id, Timestamp, cut_characters, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE message_log_unknown (
    channel INTEGER PRIMARY KEY, count INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    told TEXT NOT NULL
)";

/// What the names of the timers begin with; the channel follows.
const TIMER: &str = "unknown:";
/// Where it never becomes quiet the line comes after so long.
const LONGEST: Timestamp = 5 * 60 * 1000;

/// Counts what was deleted.
pub(crate) fn count(
    context: &Context,
    database: &Database,
    settings: &Settings,
    deletion: &Deletion,
    by: &By,
) -> Result<(), Error> {
    let told = match by {
        By::Somebody(deleter) => match deleter.author {
            Some(author) => format!("; <@{}> deleted one of <@{author}>", deleter.executor),
            None => format!("; <@{}> deleted {} at once", deleter.executor, deletion.unknown),
        },
        _ => String::new(),
    };
    database.execute(
        "INSERT INTO message_log_unknown (channel, count, first_at, last_at, told) VALUES (?1, ?2, ?3, ?3, ?4)
         ON CONFLICT (channel) DO UPDATE SET count = count + ?2, last_at = max(last_at, ?3), told = told || ?4",
        params![deletion.channel, deletion.unknown, deletion.deleted_at, told],
    )?;
    let moments: Option<(Timestamp, Timestamp)> = database.query_first(
        "SELECT first_at, last_at FROM message_log_unknown WHERE channel = ?1",
        params![deletion.channel],
    )?;
    let (first_at, last_at) = moments.unwrap_or((context.now(), context.now()));
    let due_at = (last_at + settings.quiet()).min(first_at + LONGEST);
    Action::schedule_timer(format!("{TIMER}{}", deletion.channel), due_at, "").submit()
}

/// It has become quiet in a channel. False where the timer is another one.
pub(crate) fn quiet(context: &Context, settings: &Settings, timer: &str) -> Result<bool, Error> {
    let Some(channel) = timer.strip_prefix(TIMER).and_then(|channel| channel.parse::<Id>().ok()) else {
        return Ok(false);
    };
    let database = Database::open()?;
    let row: Option<(u64, String)> = database.query_first(
        "SELECT count, told FROM message_log_unknown WHERE channel = ?1",
        params![channel],
    )?;
    database.execute("DELETE FROM message_log_unknown WHERE channel = ?1", params![channel])?;
    if let (Some((count, told)), Some(log)) = (row, settings.log_channel(context)) {
        Action::send_message(log, line(channel, count, &told)).submit()?;
    }
    Ok(true)
}

fn line(channel: Id, count: u64, told: &str) -> String {
    let what = match count {
        1 => "1 message of an unknown author was deleted".into(),
        count => format!("{count} messages of unknown authors were deleted"),
    };
    let told = match told.trim_start_matches("; ") {
        "" => String::new(),
        told => format!("\n-# by the audit log: {}", cut_characters(told, 500)),
    };
    format!("{what} in <#{channel}>.{told}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_and_says_what_the_audit_log_tells() {
        assert_eq!(line(5, 1, ""), "1 message of an unknown author was deleted in <#5>.");
        assert_eq!(
            line(5, 3, "; <@9> deleted one of <@7>"),
            "3 messages of unknown authors were deleted in <#5>.\n-# by the audit log: <@9> deleted one of <@7>"
        );
    }
}
