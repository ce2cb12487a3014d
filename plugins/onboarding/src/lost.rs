//! Roles and channels that are set and then deleted: the setting is taken back, so that nothing tries to use them, and staff
//! is told. The audit log says so at once; where the bot may not read it, what is gone is noticed within two hours.

use crate::setting::{ALL, Setting};
use guildhall_sdk::{
    Action, ActionResult, AuditLogEntry, Context, Database, Error, Id, Outcome, Timestamp, params, permission,
};

/// The step of the schema that remembers what was not found once.
pub(crate) const MIGRATION: &str = "CREATE TABLE onboarding_missing (
    setting TEXT PRIMARY KEY, id INTEGER NOT NULL, seen_at INTEGER NOT NULL
) WITHOUT ROWID";

/// Discord's audit log event types (Discord, Audit Log Events): a channel was deleted, a role was deleted.
const CHANNEL_DELETE: u16 = 12;
const ROLE_DELETE: u16 = 32;
/// What is missing for as long is gone. A guild that Discord describes badly for a moment loses nothing.
const PATIENCE: Timestamp = 1_800_000;
const IN_CHANNEL: &str = "lost:";
const TO_OWNER: &str = "lost-owner";

/// The audit log tells of a deletion.
pub(crate) fn deleted(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
    let of_roles = match entry.action {
        ROLE_DELETE => true,
        CHANNEL_DELETE => false,
        _ => return Ok(()),
    };
    let Some(target) = entry.target else { return Ok(()) };
    let common = context.common();
    let lost: Vec<_> = ALL
        .into_iter()
        .filter(|setting| setting.is_role() == of_roles && setting.of(&common) == Some(target))
        .collect();
    forget(context, &lost, entry.executor)
}

/// Looks whether everything that is set is still there.
pub(crate) fn look(context: &Context) -> Result<(), Error> {
    let missing = missing(context);
    let (database, now) = (Database::open()?, context.now());
    let seen: Vec<(String, Id, Timestamp)> =
        database.query("SELECT setting, id, seen_at FROM onboarding_missing", params![])?;
    let first_seen = |setting: &Setting, id: Id| {
        let row = seen
            .iter()
            .find(|(name, known, _)| *name == setting.name() && *known == id);
        row.map(|(_, _, seen_at)| *seen_at)
    };
    for (name, ..) in &seen {
        if !missing.iter().any(|(setting, _)| setting.name() == name) {
            database.execute("DELETE FROM onboarding_missing WHERE setting = ?1", params![name])?;
        }
    }
    let mut lost = Vec::new();
    for (setting, id) in &missing {
        match first_seen(setting, *id) {
            Some(seen_at) if seen_at.saturating_add(PATIENCE) <= now => lost.push(*setting),
            Some(_) => {}
            None => drop(database.execute(
                "INSERT OR REPLACE INTO onboarding_missing (setting, id, seen_at) VALUES (?1, ?2, ?3)",
                params![setting.name(), *id, now],
            )?),
        }
    }
    forget(context, &lost, None)
}

fn missing(context: &Context) -> Vec<(Setting, Id)> {
    let common = context.common();
    let set: Vec<_> = ALL
        .into_iter()
        .filter_map(|setting| Some((setting, setting.of(&common)?)))
        .collect();
    if set.is_empty() {
        return set;
    }
    let roles = context.roles();
    let is_there = |(setting, id): &(Setting, Id)| {
        if setting.is_role() {
            roles.iter().any(|role| role.id == *id)
        } else {
            context.channel(*id).is_some()
        }
    };
    let missing: Vec<_> = set.into_iter().filter(|one| !is_there(one)).collect();
    // No guild is without @everyone, and hardly one without channels: it is not described yet.
    if missing.is_empty() || roles.is_empty() || context.channels().is_empty() {
        return Vec::new();
    }
    missing
}

/// Takes the settings back and tells.
fn forget(context: &Context, lost: &[Setting], by: Option<Id>) -> Result<(), Error> {
    if lost.is_empty() {
        return Ok(());
    }
    let before = context.common();
    let mut common = before;
    lost.iter().for_each(|setting| setting.set(&mut common, None));
    Action::configure_guild(common).submit()?;
    let database = Database::open()?;
    for setting in lost {
        database.execute(
            "DELETE FROM onboarding_missing WHERE setting = ?1",
            params![setting.name()],
        )?;
    }
    let words: Vec<_> = lost.iter().map(|setting| setting.words()).collect();
    context.warn(&format!("deleted and therefore not set any more: {}", words.join(", ")));
    // The host may not have heard of the deletion yet.
    let gone: Vec<_> = lost.iter().filter_map(|setting| setting.of(&before)).collect();
    let places = [
        common.log_channel,
        context.text_channel_named("mod-log"),
        common.deletion_log_channel,
    ];
    let place = places.into_iter().flatten().find(|channel| {
        let own = context.own_permissions(*channel).unwrap_or(0);
        !gone.contains(channel)
            && permission::allows(own, permission::VIEW_CHANNEL)
            && permission::allows(own, permission::SEND_MESSAGES)
    });
    match place {
        Some(channel) => {
            let names: Vec<_> = lost.iter().map(|setting| setting.name()).collect();
            let token = format!("{IN_CHANNEL}{}:{}", names.join(","), by.unwrap_or(0));
            Action::send_message(channel, told(lost, by)).token(token).submit()
        }
        None => to_owner(context, lost, by),
    }
}

fn told(lost: &[Setting], by: Option<Id>) -> String {
    let by = by.map_or_else(String::new, |by| format!(" by <@{by}>"));
    let lines = lost.iter().map(|setting| {
        format!(
            "**Set-up**: the {} was deleted{by}. Until another one is set, {}. To mend it: `/setup {}:`",
            setting.words(),
            setting.without(),
            setting.name()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn to_owner(context: &Context, lost: &[Setting], by: Option<Id>) -> Result<(), Error> {
    let Some(info) = context.info() else { return Ok(()) };
    let name = guildhall_sdk::one_line(&info.name, 100);
    let text = format!(
        "{}\n-# About your server {name}, where I have no channel to say it in.",
        told(lost, by)
    );
    Action::send_direct_message(info.owner, text).token(TO_OWNER).submit()
}

/// What came of telling.
pub(crate) fn sent(context: &Context, result: &ActionResult) -> Result<(), Error> {
    let Outcome::Refused(refusal) = &result.outcome else {
        return Ok(());
    };
    if result.token == TO_OWNER {
        context.warn(&format!(
            "nobody could be told: {} (code {})",
            refusal.message, refusal.code
        ));
        return Ok(());
    }
    match result
        .token
        .strip_prefix(IN_CHANNEL)
        .and_then(|rest| rest.split_once(':'))
    {
        Some((names, by)) => {
            let lost: Vec<_> = names.split(',').filter_map(Setting::of_name).collect();
            to_owner(context, &lost, by.parse().ok().filter(|by| *by != 0))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lost_setting_is_a_line() {
        let text = told(&[Setting::RestrictedRole, Setting::ModeratorRole], Some(7));
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with(
            "**Set-up**: the restricted role was deleted by <@7>. Until another one is set, nobody can be"
        ));
        assert!(told(&[Setting::LogChannel], None).contains("was deleted. Until"));
    }
}
