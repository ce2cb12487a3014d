//! Force ban: a context-menu command that bans a user, also one who has left, and says what is in the way when Discord
//! refuses. It never bans for somebody who may not ban that user.

mod settings;
mod standing;

use guildhall_sdk::mod_log::{self, Entry};
use guildhall_sdk::{
    Action, ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Id, Interaction, Outcome,
    Person, Plugin, Timer, Timestamp, defused, params, permission,
};
use settings::Settings;

/// Users (type 2), in guilds, for those who may ban (permission bit 2).
const COMMAND: &str = r#"{ "type": 2, "name": "Force ban", "default_member_permissions": "4", "contexts": [0] }"#;
const NAME: &str = "Force ban";

/// Bans that Discord has not answered yet, with the interaction that asked for each.
const MIGRATION: &str = "CREATE TABLE force_ban_asked (
    interaction INTEGER PRIMARY KEY, token TEXT NOT NULL, user INTEGER NOT NULL, name TEXT NOT NULL,
    moderator INTEGER NOT NULL, moderator_name TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID";

const FORGET: &str = "forget";
const DAY: Timestamp = 86_400_000;
/// An answer may be slow while Discord is not well; then it is given up.
const KEPT: Timestamp = 7 * DAY;
/// How long an interaction can be answered.
const ANSWERABLE: Timestamp = 15 * 60_000;
const HOUR_SECONDS: u32 = 3600;

/// The plugin.
pub struct ForceBan;

impl Plugin for ForceBan {
    fn describe() -> Description {
        Description::new("force-ban", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::INTERACTION_CREATE | EventKinds::ACTION_RESULT | EventKinds::TIMER)
            .capabilities(Capabilities::BAN_MEMBERS | Capabilities::RESPOND_TO_INTERACTIONS | Capabilities::SIGNALS)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .command(COMMAND)
            .migration(MIGRATION)
            .timer(FORGET, 86_400)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if !interaction.is_command(NAME) {
            return Ok(());
        }
        let Some(user) = interaction.target else {
            return interaction.answer_privately("Use it on a user.").submit();
        };
        if let Some(objection) = standing::objection(context, interaction, user) {
            return interaction.answer_privately(&objection).submit();
        }
        ask(context, interaction, user)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        let asked = result.token.strip_prefix("ban:").and_then(|id| id.parse().ok());
        asked.map_or(Ok(()), |interaction| answered(context, interaction, &result.outcome))
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name != FORGET {
            return Ok(());
        }
        let sql = "DELETE FROM force_ban_asked WHERE at < ?1";
        Database::open()?
            .execute(sql, params![context.now().saturating_sub(KEPT)])
            .map(drop)
    }
}

/// The ban is on its way; its result answers.
fn ask(context: &Context, interaction: &Interaction, user: Id) -> Result<(), Error> {
    let settings: Settings = context.settings()?;
    let name = interaction.resolved("users", user);
    let name = name
        .and_then(|user| user["username"].as_str().map(str::to_owned))
        .unwrap_or_default();
    let moderator = &interaction.member.user;
    Database::open()?.execute(
        "INSERT OR REPLACE INTO force_ban_asked (interaction, token, user, name, moderator, moderator_name, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            interaction.id,
            &interaction.token,
            user,
            &name,
            moderator.id,
            &moderator.username,
            context.now(),
        ],
    )?;
    interaction.defer_privately().submit()?;
    Action::ban(user, settings.delete_message_hours * HOUR_SECONDS)
        .reason(&format!("force ban by {} ({})", moderator.username, moderator.id))
        .token(format!("ban:{}", interaction.id))
        .submit()
}

fn answered(context: &Context, interaction: Id, outcome: &Outcome) -> Result<(), Error> {
    let database = Database::open()?;
    let row: Option<(String, Id, String, Id, String, Timestamp)> = database.query_first(
        "SELECT token, user, name, moderator, moderator_name, at FROM force_ban_asked WHERE interaction = ?1",
        params![interaction],
    )?;
    let Some((token, user, name, moderator, moderator_name, at)) = row else {
        return Ok(());
    };
    database.execute(
        "DELETE FROM force_ban_asked WHERE interaction = ?1",
        params![interaction],
    )?;
    let who = format!("{} (<@{user}>)", defused(&name)).trim_start().to_owned();
    let by = defused(&moderator_name);
    let answer = match outcome {
        Outcome::Refused(refusal) => {
            let cause = refusal.cause(context, user, permission::BAN_MEMBERS);
            context.warn(&format!("user {user} could not be banned: {cause}"));
            format!("{who} could not be banned: {cause}.")
        }
        _ => {
            let entry = Entry::about(
                Person { id: user, name },
                format!("Force banned by {by} (<@{moderator}>)."),
            );
            let key = format!("force-ban:{user}");
            Entry { key, ..entry }.emit()?;
            format!("{who} is banned.")
        }
    };
    if at + ANSWERABLE <= context.now() {
        context.log(&format!("user {user}: the answer came too late to be given: {answer}"));
        return Ok(());
    }
    Action::respond_privately(interaction, &token, &answer).submit()
}

guildhall_sdk::export!(ForceBan);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_a_context_menu_on_users_for_those_who_may_ban() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!((&command["type"], &command["name"]), (&2.into(), &NAME.into()));
        assert_eq!(
            command["default_member_permissions"],
            permission::BAN_MEMBERS.to_string()
        );
    }
}
