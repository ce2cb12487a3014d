//! The greeting: once, when the bot has joined a guild, with the next step, to whoever can read it.

use guildhall_sdk::{
    Action, ActionResult, CommonSettings, Context, Database, Error, Id, Outcome, Timestamp, params, permission,
};

/// The step of the schema that remembers it.
pub(crate) const MIGRATION: &str =
    "CREATE TABLE onboarding_greeting (id INTEGER PRIMARY KEY CHECK (id = 1), joined_at INTEGER NOT NULL)";

/// A guild that the bot joined longer ago than this is none that it has just joined.
const JUST: Timestamp = 86_400_000;
/// Names of channels where those who run a guild read, the best first.
const STAFFS: [&str; 8] = [
    "mod-log",
    "moderators",
    "mods",
    "mod",
    "staff",
    "admins",
    "admin",
    "bot-commands",
];
/// Discord's type of an ordinary text channel.
const TEXT: u8 = 0;
const IN_CHANNEL: &str = "greeting:channel";
const TO_OWNER: &str = "greeting:owner";

const HELLO: &str = "**Hello! I moderate this server from now on.**\n\
    Next step, for whoever has the permission Manage Server: `/setup` takes the role of your moderators, a private channel for the \
    mod-log, one for deleted messages, and, if you want, a role that restricts.\n\
    Then `/check-requirements` lists what I still need and how to mend it. Until then only administrators are staff to me.";

/// The guild became available: Discord says so when the bot joins, and each time it connects.
pub(crate) fn greet(context: &Context) -> Result<(), Error> {
    let Some(joined_at) = context.own_member().and_then(|own| own.joined_at) else {
        return Ok(());
    };
    if !has_just_joined(joined_at, context.now()) {
        return Ok(());
    }
    let database = Database::open()?;
    // Whoever takes the bot out and in again is greeted again.
    let sql = "INSERT INTO onboarding_greeting (id, joined_at) VALUES (1, ?1)
               ON CONFLICT (id) DO UPDATE SET joined_at = excluded.joined_at WHERE joined_at < excluded.joined_at";
    if database.execute(sql, params![joined_at])? == 0 || is_set_up(&context.common()) {
        return Ok(());
    }
    match place(context) {
        Some(channel) => Action::send_message(channel, HELLO).token(IN_CHANNEL).submit(),
        None => to_owner(context),
    }
}

fn has_just_joined(joined_at: Timestamp, now: Timestamp) -> bool {
    joined_at.saturating_add(JUST) > now
}

fn is_set_up(common: &CommonSettings) -> bool {
    common.moderator_role.is_some() && common.log_channel.is_some()
}

/// A text channel that the bot can write in: where staff reads, or else the guild's oldest.
fn place(context: &Context) -> Option<Id> {
    let channels = context.channels().into_iter().filter(|channel| {
        let own = context.own_permissions(channel.id).unwrap_or(0);
        channel.kind == TEXT
            && permission::allows(own, permission::VIEW_CHANNEL)
            && permission::allows(own, permission::SEND_MESSAGES)
    });
    channels
        .min_by_key(|channel| {
            let rank = STAFFS.iter().position(|name| channel.name == *name);
            (rank.unwrap_or(STAFFS.len()), channel.id)
        })
        .map(|channel| channel.id)
}

fn to_owner(context: &Context) -> Result<(), Error> {
    let Some(info) = context.info() else { return Ok(()) };
    let name = guildhall_sdk::one_line(&info.name, 100);
    let text = format!("{HELLO}\n-# About your server {name}, where I can write in no channel.");
    Action::send_direct_message(info.owner, text).token(TO_OWNER).submit()
}

/// What came of it.
pub(crate) fn sent(context: &Context, result: &ActionResult) -> Result<(), Error> {
    let Outcome::Refused(refusal) = &result.outcome else {
        return Ok(());
    };
    match result.token.as_str() {
        IN_CHANNEL => to_owner(context),
        TO_OWNER => {
            context.warn(&format!(
                "nobody could be greeted: {} (code {})",
                refusal.message, refusal.code
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_joined_lately_greets() {
        assert!(has_just_joined(1000, 2000));
        assert!(!has_just_joined(1000, 1000 + JUST));
    }

    #[test]
    fn a_guild_with_staff_and_log_needs_no_greeting() {
        let mut common = CommonSettings {
            moderator_role: Some(1),
            restricted_role: None,
            log_channel: None,
            deletion_log_channel: None,
            quorum: None,
            shares_flags: false,
        };
        assert!(!is_set_up(&common));
        common.log_channel = Some(2);
        assert!(is_set_up(&common));
    }
}
