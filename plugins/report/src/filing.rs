//! **Report**, for everyone, and **Track**, for staff: both hand a message to `mod-log`. Who reports anonymously is told
//! to nobody, and forgotten after an hour.

use crate::neighbours;
use crate::settings::Settings;
use crate::tracked;
use guildhall_sdk::mod_log::{Reason, Report, ReportedMessage};
use guildhall_sdk::{Action, Context, Database, Error, Interaction, Person, Timestamp, params};

/// The context-menu command for everyone, as Discord's API takes it.
pub(crate) const REPORT: &str = r#"{ "name": "Report", "type": 3, "contexts": [0] }"#;
/// The one for staff: shown to whoever may manage messages.
pub(crate) const TRACK: &str =
    r#"{ "name": "Track", "type": 3, "contexts": [0], "default_member_permissions": "8192" }"#;

pub(crate) const MIGRATION: &str = "CREATE TABLE report_recent (
    reporter INTEGER NOT NULL, message INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (reporter, message)
) WITHOUT ROWID";

const HOUR: u64 = 3_600_000;
const NOT_HERE: &str = "Nothing can be filed in this server yet: `mod-log` is not set up.";
const DIRECTLY: &str = "Please tell a moderator directly.";

/// The message that the command was used on, and its author; or why it cannot be reported.
fn reported(interaction: &Interaction) -> Result<(ReportedMessage, Person), &'static str> {
    const UNREADABLE: &str = "This message cannot be read.";
    let target = interaction.target.ok_or(UNREADABLE)?;
    let message = interaction.resolved("messages", target).ok_or(UNREADABLE)?;
    if message["author"]["bot"].as_bool().unwrap_or(false) || message["webhook_id"].is_string() {
        return Err("Messages of bots and webhooks have no member behind them whom a report could be about.");
    }
    ReportedMessage::from_resolved(&message).ok_or(UNREADABLE)
}

pub(crate) fn report(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    let answer = |answer: &str| interaction.answer_privately(answer).submit();
    let (message, user) = match reported(interaction) {
        Ok(reported) => reported,
        Err(reason) => return answer(&format!("{reason} {DIRECTLY}")),
    };
    let database = Database::open()?;
    if !neighbours::has_log(&database) {
        context.warn("a report was not filed: there is no mod-log in this guild");
        return answer(&format!("{NOT_HERE} {DIRECTLY}"));
    }
    match admit(context, settings, &database, interaction, message.id)? {
        Admission::Admitted => {}
        Admission::Known => return answer("You have reported this message already: the moderators have it."),
        Admission::TooMany => {
            return answer(&format!(
                "You have reported many messages within an hour. If there is more: {DIRECTLY}"
            ));
        }
    }
    Report {
        reason: Reason::Anonymous,
        user,
        staff: None,
        message: Some(message),
        note: String::new(),
    }
    .emit()?;
    if has_channel(context) {
        answer("Thank you: the moderators have this message now. They are not told who reported it.")
    } else {
        answer(&format!(
            "The report is written down, but the moderators have no channel for it yet. {DIRECTLY}"
        ))
    }
}

/// Whether the log shows what is filed; it may know of a channel of its own besides.
fn has_channel(context: &Context) -> bool {
    let chosen = context.common().log_channel;
    context.info().is_none()
        || chosen.is_some_and(|channel| context.channel(channel).is_some())
        || context.text_channel_named("mod-log").is_some()
}

enum Admission {
    Admitted,
    Known,
    TooMany,
}

/// Nobody floods the log: one report of a message, and so many messages within an hour.
fn admit(
    context: &Context,
    settings: &Settings,
    database: &Database,
    interaction: &Interaction,
    message: u64,
) -> Result<Admission, Error> {
    let (reporter, now) = (interaction.member.user.id, context.now());
    let recent: Option<(u64, bool)> = database.query_first(
        "SELECT count(*), count(*) FILTER (WHERE message = ?3) > 0 FROM report_recent WHERE reporter = ?1 AND at > ?2",
        params![reporter, now.saturating_sub(HOUR), message],
    )?;
    match recent.unwrap_or((0, false)) {
        (_, true) => Ok(Admission::Known),
        (count, _) if count >= u64::from(settings.reports_per_hour) => Ok(Admission::TooMany),
        _ => {
            database.execute(
                "INSERT OR REPLACE INTO report_recent (reporter, message, at) VALUES (?1, ?2, ?3)",
                params![reporter, message, now],
            )?;
            Ok(Admission::Admitted)
        }
    }
}

/// Forgets who reported more than an hour ago.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    database.execute(
        "DELETE FROM report_recent WHERE at <= ?1",
        params![now.saturating_sub(HOUR)],
    )?;
    Ok(())
}

/// Whoever tracks is staff.
pub(crate) fn track(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    let answer = |answer: &str| interaction.answer_privately(answer).submit();
    let (message, user) = match reported(interaction) {
        Ok(reported) => reported,
        Err(reason) => return answer(reason),
    };
    let database = Database::open()?;
    if !neighbours::has_log(&database) {
        context.warn("a message was not tracked: there is no mod-log in this guild");
        return answer(NOT_HERE);
    }
    let tracked = tracked::Tracked {
        interaction: interaction.id,
        token: interaction.token.clone(),
        channel: message.channel,
        message: message.id,
        user: user.id,
        thread: neighbours::log_thread(&database, user.id),
    };
    let staff = Some(Person::from(&interaction.member.user));
    let (reason, message, note) = (Reason::Track, Some(message), String::new());
    Report {
        reason,
        user,
        staff,
        message,
        note,
    }
    .emit()?;
    tracked.keep(&database, context.now())?;
    match tracked.thread {
        Some(_) => tracked.answer(context, None).submit(),
        // The thread is about to be made.
        None => {
            interaction.defer_privately().submit()?;
            Action::schedule_timer(tracked.timer(), context.now() + tracked::PATIENCE, "").submit()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_json_and_for_messages() {
        for command in [REPORT, TRACK] {
            let command: serde_json::Value = serde_json::from_str(command).expect("JSON");
            assert_eq!(command["type"], 3);
        }
    }
}
