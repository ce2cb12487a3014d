//! What follows from a score: nothing, a log line, or a punishment that is explained in the log.

use crate::history::History;
use crate::settings::Settings;
use crate::signal::{Score, Tier};
use guildhall_sdk::{Action, Context, Database, Error, Message, defused, params, quoted};

pub(crate) const MIGRATION: &str = "CREATE TABLE spam_guard_reports (
    message INTEGER PRIMARY KEY, author INTEGER NOT NULL, at INTEGER NOT NULL, tier TEXT NOT NULL,
    points INTEGER NOT NULL, signals TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX spam_guard_reports_author ON spam_guard_reports (author, tier)";

/// Deleted with a softban.
const SEVEN_DAYS_SECONDS: u32 = 7 * 24 * 3600;
const HOUR: u64 = 3_600_000;

pub(crate) fn respond(
    context: &Context,
    database: &Database,
    settings: &Settings,
    message: &Message,
    history: &History,
    score: &Score,
) -> Result<(), Error> {
    let tier = score.tier(settings);
    if tier == Tier::None {
        return Ok(());
    }
    let user = message.author.id;
    let signals = score.to_string();
    database.execute(
        "INSERT OR IGNORE INTO spam_guard_reports (message, author, at, tier, points, signals)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![message.id, user, message.sent_at, tier.name(), score.points, &signals],
    )?;
    let reason = format!("spam, {} points: {signals}", score.points);
    let done = match tier {
        Tier::None | Tier::Low => "logged only".to_owned(),
        Tier::Medium => {
            Action::delete_messages(message.channel, vec![message.id])
                .reason(&reason)
                .submit()?;
            match settings.restricted_role() {
                Some(role) => {
                    Action::add_role(user, role).reason(&reason).submit()?;
                    "deleted, restricted".to_owned()
                }
                None => "deleted".to_owned(),
            }
        }
        Tier::High => high(context, database, settings, message, history, &reason)?,
        Tier::Honeypot => {
            Action::ban(user, SEVEN_DAYS_SECONDS).reason(&reason).submit()?;
            Action::unban(user)
                .reason("softban: the messages are deleted, the user may come back")
                .submit()?;
            "softbanned, messages of 7 days deleted".to_owned()
        }
    };
    log(
        context,
        settings,
        message,
        &format!("{} points ({}): {signals}: {done}", score.points, tier.name()),
    )
}

/// Every copy goes, and the author is timed out; from the third time on, kicked.
fn high(
    context: &Context,
    database: &Database,
    settings: &Settings,
    message: &Message,
    history: &History,
    reason: &str,
) -> Result<String, Error> {
    let user = message.author.id;
    for (channel, messages) in history.burst() {
        Action::delete_messages(channel, messages).reason(reason).submit()?;
    }
    let reports: Option<(u64,)> = database.query_first(
        "SELECT count(*) FROM spam_guard_reports WHERE author = ?1 AND tier = 'high'",
        params![user],
    )?;
    let reports = reports.map_or(1, |(reports,)| reports);
    if reports >= u64::from(settings.kick_at_report) {
        Action::kick(user).reason(reason).submit()?;
        return Ok(format!("deleted, kicked at high report {reports}"));
    }
    let hours = u64::from(settings.timeout_hours);
    Action::timeout(user, context.now() + hours * HOUR)
        .reason(reason)
        .submit()?;
    Ok(format!("deleted, timed out for {hours} h"))
}

fn log(context: &Context, settings: &Settings, message: &Message, decision: &str) -> Result<(), Error> {
    let (user, name) = (message.author.id, defused(&message.author.username));
    context.log(&format!("{name} ({user}): {decision}"));
    let Some(channel) = settings.log_channel().or_else(|| context.text_channel_named("mod-log")) else {
        return Ok(());
    };
    let quote = quoted(&message.content, 1000);
    Action::send_message(
        channel,
        format!(
            "**Spam**: {name} (<@{user}>) in <#{}>: {decision}\n{quote}",
            message.channel
        ),
    )
    .submit()
}
