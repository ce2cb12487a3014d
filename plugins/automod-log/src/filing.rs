//! From executions to the user's thread: the first one of a rule is reported, and what the same rule does about the same user
//! within the next minutes is summed up in one entry, so that a spammer does not flood the moderators.

use crate::execution::{self, Execution};
use crate::rules;
use crate::settings::Settings;
use crate::words;
use guildhall_sdk::mod_log::{Entry, Reason, Report, ReportedMessage};
use guildhall_sdk::{
    Action, ActionResult, AutomodExecution, Context, Database, Error, Id, Outcome, Person, params, snowflake_unix_ms,
};

/// Rules that have acted on a user lately. `first` is the reported execution, or the one that will be.
pub(crate) const MIGRATION: &str = "CREATE TABLE automod_log_open (
    user INTEGER NOT NULL, rule INTEGER NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL,
    PRIMARY KEY (user, rule)
) WITHOUT ROWID";

/// The events of one trigger, the user's name and the audit log's entry come within this time.
const GATHER: u64 = 2_000;

/// Takes up an event.
pub(crate) fn take(context: &Context, database: &Database, execution: &AutomodExecution) -> Result<(), Error> {
    let Some(row) = execution::keep(context, database, execution)? else {
        return Ok(());
    };
    let (user, rule) = (execution.user, execution.rule);
    let settings: Settings = context.settings()?;
    if settings.ignores(rule) {
        return Ok(());
    }
    let opened = database.execute(
        "INSERT OR IGNORE INTO automod_log_open (user, rule, name, first) VALUES (?1, ?2, '', ?3)",
        params![user, rule, row],
    )?;
    if opened == 0 {
        return Ok(());
    }
    Action::fetch_member(user, format!("member:{user}")).submit()?;
    Action::schedule_timer(format!("report:{user}:{rule}"), context.now() + GATHER, "").submit()
}

/// The user's name has come; one who has left has none.
pub(crate) fn named(database: &Database, result: &ActionResult) -> Result<(), Error> {
    let Some(user) = result
        .token
        .strip_prefix("member:")
        .and_then(|user| user.parse::<Id>().ok())
    else {
        return Ok(());
    };
    if let Outcome::Member(member) = &result.outcome {
        database.execute(
            "UPDATE automod_log_open SET name = ?2 WHERE user = ?1",
            params![user, &member.user.username],
        )?;
    }
    Ok(())
}

/// A timer of a rule and a user.
pub(crate) fn due(context: &Context, database: &Database, timer: &str) -> Result<(), Error> {
    let Some((verb, user, rule)) = read_name(timer) else {
        return Ok(());
    };
    let sql = "SELECT name, first FROM automod_log_open WHERE user = ?1 AND rule = ?2";
    let Some((name, first)) = database.query_first::<(String, u64)>(sql, params![user, rule])? else {
        return Ok(());
    };
    let Some(first) = execution::find(database, first)? else {
        return close(database, user, rule);
    };
    let rule_name = rules::name_of(database, rule, user, first.trigger, first.at)?;
    let person = Person { id: user, name };
    if verb == "report" {
        report(&person, rule, rule_name.as_deref(), &first)?;
        let settings: Settings = context.settings()?;
        let closes_at = context.now() + settings.repeat();
        return Action::schedule_timer(format!("sum:{user}:{rule}"), closes_at, "").submit();
    }
    let times = execution::count(database, user, rule, first.id)?;
    if times > 0 {
        let latest = execution::latest(database, user, rule, first.id)?;
        let text = words::repeats(
            rule,
            rule_name.as_deref(),
            times,
            context.now().saturating_sub(first.at),
            &latest,
        );
        Entry {
            key: format!("automod:{user}:{rule}"),
            ..Entry::about(person, text)
        }
        .emit()?;
    }
    close(database, user, rule)
}

fn report(user: &Person, rule: Id, rule_name: Option<&str>, execution: &Execution) -> Result<(), Error> {
    let message = execution
        .message
        .zip(execution.channel)
        .map(|(message, channel)| ReportedMessage {
            id: message,
            channel,
            text: execution.content.clone(),
            sent_at: snowflake_unix_ms(message),
            ..ReportedMessage::default()
        });
    Report {
        reason: Reason::Automod,
        user: user.clone(),
        staff: None,
        message,
        note: words::note(rule, rule_name, execution),
    }
    .emit()
}

fn close(database: &Database, user: Id, rule: Id) -> Result<(), Error> {
    database.execute(
        "DELETE FROM automod_log_open WHERE user = ?1 AND rule = ?2",
        params![user, rule],
    )?;
    Ok(())
}

fn read_name(timer: &str) -> Option<(&str, Id, Id)> {
    let mut parts = timer.split(':');
    let verb = parts.next().filter(|verb| ["report", "sum"].contains(verb))?;
    let (user, rule) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((verb, user, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_timers_are_read() {
        assert_eq!(read_name("report:1:2"), Some(("report", 1, 2)));
        assert_eq!(read_name("sum:1:2"), Some(("sum", 1, 2)));
        for other in ["prune", "report:1", "sum:1:2:3", "sum:a:2", ""] {
            assert_eq!(read_name(other), None, "{other}");
        }
    }
}
