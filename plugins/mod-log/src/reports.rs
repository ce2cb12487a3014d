//! Reports: a row for each, an entry in the user's thread, and a line under it for whoever reports the same again.

use crate::settings::Settings;
use crate::{THREADS, texts};
use guildhall_sdk::mod_log::{Filed, Reason, Report};
use guildhall_sdk::{Context, Database, Error, Id, Post, Timestamp, params};

/// Other plugins read `mod_log_reports` for their statistics: its columns keep their names and meanings.
pub(crate) const MIGRATION: &str = "CREATE TABLE mod_log_reports (
    id INTEGER PRIMARY KEY, user INTEGER NOT NULL, message INTEGER, channel INTEGER, reason TEXT NOT NULL,
    staff INTEGER, staff_name TEXT, created_at INTEGER NOT NULL, deleted_at INTEGER,
    number INTEGER NOT NULL, repeats INTEGER NOT NULL DEFAULT 0, summary TEXT, thread INTEGER, entry INTEGER,
    UNIQUE (message, reason)
);
CREATE INDEX mod_log_reports_user ON mod_log_reports (user, created_at);
CREATE TABLE mod_log_controls (user INTEGER NOT NULL, thread INTEGER NOT NULL, PRIMARY KEY (user, thread)) WITHOUT ROWID";

/// The key of a report's post.
pub(crate) fn key(report: u64) -> String {
    format!("report:{report}")
}

/// Files a report, or tells under the first one that it came again.
pub(crate) fn file(context: &Context, settings: &Settings, report: &Report) -> Result<(), Error> {
    let database = Database::open()?;
    let number = count(&database, report.user.id)? + 1;
    let message = report.message.as_ref();
    // Whoever reports anonymously is not kept either.
    let staff = report.staff.as_ref().filter(|_| report.reason != Reason::Anonymous);
    let new = database.execute(
        "INSERT INTO mod_log_reports (user, message, channel, reason, staff, staff_name, created_at, number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        params![
            report.user.id,
            message.map(|message| message.id),
            message.map(|message| message.channel),
            report.reason.word(),
            staff.map(|staff| staff.id),
            staff.map(|staff| staff.name.as_str()),
            context.now(),
            number
        ],
    )?;
    if new == 0 {
        return file_again(context, &database, settings, report);
    }
    let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
    match id {
        Some((id,)) => enter(context, &database, settings, report, id, number),
        None => Ok(()),
    }
}

fn enter(
    context: &Context,
    database: &Database,
    settings: &Settings,
    report: &Report,
    id: u64,
    number: u64,
) -> Result<(), Error> {
    let Some(channel) = settings.log_channel(context) else {
        context.warn("a report was filed, and is shown nowhere: the server has no mod-log channel");
        return Ok(());
    };
    let summary = texts::summary(report, number, settings.summary_characters);
    database.execute(
        "UPDATE mod_log_reports SET summary = ?2 WHERE id = ?1",
        params![id, summary],
    )?;
    let post = Post {
        content: texts::report(context.guild, report, number),
        key: key(id),
        ..Post::default()
    };
    THREADS.post(context, database, channel, &report.user, &post)
}

fn file_again(context: &Context, database: &Database, settings: &Settings, report: &Report) -> Result<(), Error> {
    /// Its id, number and repeats; thread and entry where it stands.
    type First = (u64, u64, u64, Option<Id>, Option<Id>);
    let (message, reason) = (report.message.as_ref().map(|message| message.id), report.reason.word());
    database.execute(
        "UPDATE mod_log_reports SET repeats = repeats + 1 WHERE message = ?1 AND reason = ?2",
        params![message, reason],
    )?;
    let first: Option<First> = database.query_first(
        "SELECT id, number, repeats, thread, entry FROM mod_log_reports WHERE message = ?1 AND reason = ?2",
        params![message, reason],
    )?;
    let Some((id, number, repeats, thread, entry)) = first else {
        return Ok(());
    };
    let user = report.user.id;
    if entry.is_none() && !THREADS.is_under_way(database, user, &key(id))? {
        // Nobody could see the first one: there was no channel for it.
        return enter(context, database, settings, report, id, number);
    }
    if let Some(channel) = settings.log_channel(context)
        && is_told(report.reason, repeats)
    {
        let is_here = THREADS.thread_of(database, user)? == thread;
        let post = Post {
            content: texts::again(report, repeats + 1),
            reply_to: entry.filter(|_| is_here),
            follows: key(id),
            ..Post::default()
        };
        THREADS.post(context, database, channel, &report.user, &post)?;
    }
    match (thread, entry) {
        (Some(thread), Some(entry)) => filed(database, report.reason, user, message, (thread, entry)),
        // It is told when the first one stands there.
        _ => Ok(()),
    }
}

/// Anybody can report again and again; members of staff are always named.
fn is_told(reason: Reason, repeats: u64) -> bool {
    reason == Reason::Track || repeats <= 5 || (repeats + 1).is_multiple_of(10)
}

/// Tells other plugins where a report stands.
pub(crate) fn filed(
    database: &Database,
    reason: Reason,
    user: Id,
    message: Option<Id>,
    (thread, entry): (Id, Id),
) -> Result<(), Error> {
    let reports = count(database, user)?;
    let filed = Filed {
        reason,
        user,
        message,
        thread,
        entry,
        reports,
    };
    filed.emit()
}

fn count(database: &Database, user: Id) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM mod_log_reports WHERE user = ?1";
    let row: Option<(u64,)> = database.query_first(sql, params![user])?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Notes that messages are gone, where they were reported.
pub(crate) fn mark_deleted(database: &Database, messages: &[Id], at: Timestamp) -> Result<(), Error> {
    for message in messages {
        database.execute(
            "UPDATE mod_log_reports SET deleted_at = ?2 WHERE message = ?1 AND deleted_at IS NULL",
            params![*message, at],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_reports_the_same_does_not_flood_the_thread() {
        let told = (1..=100).filter(|repeats| is_told(Reason::Anonymous, *repeats)).count();
        assert_eq!(told, 15);
        assert!((1..=100).all(|repeats| is_told(Reason::Track, repeats)));
    }
}
