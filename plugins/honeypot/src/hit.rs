//! Somebody wrote in a honeypot: what is done to them, and the report of it.

use crate::settings::{Response, Settings};
use guildhall_sdk::measure::{Case, Measure};
use guildhall_sdk::mod_log::{Reason, Report, ReportedMessage};
use guildhall_sdk::{Action, Context, Database, Error, Message, Person, Timestamp, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE honeypot_hits (
    message INTEGER PRIMARY KEY, channel INTEGER NOT NULL, user INTEGER NOT NULL,
    at INTEGER NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID";
pub(crate) const INDEX: &str = "CREATE INDEX honeypot_hits_user ON honeypot_hits (user, at)";

const REASON: &str = "wrote in a honeypot channel";
const MINUTE: Timestamp = 60_000;
const DAY: Timestamp = 24 * 60 * MINUTE;
const KEPT: Timestamp = 90 * DAY;
const DAY_SECONDS: u32 = 86_400;

pub(crate) fn answer(context: &Context, settings: &Settings, message: &Message) -> Result<(), Error> {
    let database = Database::open()?;
    let is_known = is_known(&database, message)?;
    database.execute(
        "INSERT OR IGNORE INTO honeypot_hits (message, channel, user, at, content) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            message.id,
            message.channel,
            message.author.id,
            message.sent_at,
            &message.content
        ],
    )?;
    let case = Case {
        user: Person::from(&message.author),
        message: Some(message.id),
    };
    let delete = Action::delete_messages(message.channel, vec![message.id]);
    Measure::Delete.take(&case, delete, REASON)?;
    if is_known {
        // It was on its way already when the first one was answered.
        return Ok(());
    }
    let done = punish(context, settings, &case)?;
    Action::flag_user(case.user.id, REASON).submit()?;
    context.log(&format!("user {} {REASON}: {done}", case.user.id));
    Report {
        reason: Reason::Spam,
        user: case.user,
        staff: None,
        message: Some(ReportedMessage::from(message)),
        note: format!("Wrote in the honeypot <#{}>.\nResponse: {done}", message.channel),
    }
    .emit()
}

/// Whether the user was answered less than a minute ago.
fn is_known(database: &Database, message: &Message) -> Result<bool, Error> {
    let known: Option<(u64,)> = database.query_first(
        "SELECT at FROM honeypot_hits WHERE user = ?1 AND at >= ?2 AND message <> ?3 LIMIT 1",
        params![message.author.id, message.sent_at.saturating_sub(MINUTE), message.id],
    )?;
    Ok(known.is_some())
}

fn punish(context: &Context, settings: &Settings, case: &Case) -> Result<String, Error> {
    let user = case.user.id;
    let ban = || Measure::Ban.take(case, Action::ban(user, settings.purge_days * DAY_SECONDS), REASON);
    let purged = match settings.purge_days {
        1 => "messages of 1 day deleted".to_owned(),
        days => format!("messages of {days} days deleted"),
    };
    Ok(match settings.response {
        Response::Softban => {
            ban()?;
            let lifted = "softban: the messages are deleted, the user may come back";
            Measure::Unban.take(case, Action::unban(user), lifted)?;
            format!("softbanned, {purged}")
        }
        Response::Ban => {
            ban()?;
            format!("banned, {purged}")
        }
        Response::Timeout => {
            let until = context.now() + u64::from(settings.timeout_hours) * 60 * MINUTE;
            Measure::Timeout.take(case, Action::timeout(user, until), REASON)?;
            format!("message deleted, timed out for {} h", settings.timeout_hours)
        }
        Response::Delete => "message deleted".to_owned(),
    })
}

/// Forgets hits of long ago.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM honeypot_hits WHERE at < ?1";
    database.execute(sql, params![now.saturating_sub(KEPT)]).map(drop)
}
