//! `/honeypot-setup`: creates a honeypot or takes a channel as one, posts the warning in it, or lets it be a channel again.
//! A channel without its warning is no honeypot: it would catch people.

use crate::channels;
use crate::settings::Settings;
use guildhall_sdk::{
    Action, ActionResult, CommandData, Context, Database, Error, Id, Interaction, Outcome, Timestamp, cut_characters,
    params, permission,
};

/// The command as Discord's API takes it: for administrators (permission bit 3), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "honeypot-setup",
    "description": "Make a channel a honeypot: whoever writes in it is removed",
    "default_member_permissions": "8",
    "contexts": [0],
    "options": [
        { "type": 7, "name": "channel", "description": "The channel to take; when left out, a new one is made", "channel_types": [0] },
        { "type": 3, "name": "message-text", "description": "The warning to post in it", "max_length": 2000 },
        { "type": 5, "name": "remove", "description": "Let the channel be no honeypot any more" }
    ]
}"#;

/// Commands that wait for their channel.
pub(crate) const MIGRATION: &str = "CREATE TABLE honeypot_setups (
    interaction INTEGER PRIMARY KEY, token TEXT NOT NULL, warning TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID";

const NAME: &str = "honeypot-setup";
const WARNING: &str = "**Do not write here.** This channel catches spam bots: whoever writes in it is removed at once.";
/// Discord's limit of a message, in characters.
const LONGEST: usize = 2000;
const DAY: Timestamp = 24 * 3_600_000;

pub(crate) fn run(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    if !interaction.is_command(NAME) {
        return Ok(());
    }
    // Discord hides the command from others; a guild can change that.
    if !permission::allows(interaction.permissions, permission::ADMINISTRATOR) {
        return interaction
            .answer_privately("Only administrators can set up a honeypot.")
            .submit();
    }
    let data = interaction.command_data()?;
    match (data.boolean("remove"), data.id("channel")) {
        (Some(true), chosen) => remove(context, settings, interaction, chosen.or(interaction.channel)),
        (_, Some(channel)) => take(context, interaction, channel, &warning(&data)),
        (_, None) => create(context, interaction, &warning(&data)),
    }
}

fn warning(data: &CommandData) -> String {
    let text = data.text("message-text").map(str::trim).filter(|text| !text.is_empty());
    cut_characters(text.unwrap_or(WARNING), LONGEST)
}

fn take(context: &Context, interaction: &Interaction, channel: Id, warning: &str) -> Result<(), Error> {
    let common = context.common();
    let answer = match context.channel(channel) {
        None => "I cannot see that channel: it is gone, or I lack the permission View Channel there.".to_owned(),
        Some(known) if known.kind != 0 => "Only a text channel can be a honeypot.".to_owned(),
        Some(_) if [common.log_channel, common.deletion_log_channel].contains(&Some(channel)) => {
            "That is a log of the moderators. Choose another channel.".to_owned()
        }
        Some(_) => match missing(context, channel) {
            Some(missing) => format!("I cannot post the warning there: I lack the permission {missing}."),
            None => {
                let is_new = channels::add(&Database::open()?, channel)?;
                post_warning(channel, warning)?;
                let now = if is_new {
                    "is a honeypot now"
                } else {
                    "was a honeypot already, and has the warning once more"
                };
                format!(
                    "<#{channel}> {now}. Staff can write there; nobody else should.{}",
                    advice(context)
                )
            }
        },
    };
    interaction.answer_privately(&answer).submit()
}

fn create(context: &Context, interaction: &Interaction, warning: &str) -> Result<(), Error> {
    Database::open()?.execute(
        "INSERT OR REPLACE INTO honeypot_setups (interaction, token, warning, at) VALUES (?1, ?2, ?3, ?4)",
        params![interaction.id, &interaction.token, warning, context.now()],
    )?;
    interaction.defer_privately().submit()?;
    // Without a category: one could hide it from those whom it is to catch.
    Action::create_channel(channels::NAME, None, None)
        .reason("a honeypot, by /honeypot-setup")
        .token(format!("create:{}", interaction.id))
        .submit()
}

fn remove(context: &Context, settings: &Settings, interaction: &Interaction, channel: Option<Id>) -> Result<(), Error> {
    let Some(channel) = channel else {
        return interaction.answer_privately("Choose a channel.").submit();
    };
    let was_one = channels::remove(&Database::open()?, channel)?;
    let answer = if channels::is_honeypot(context, settings, channel)? {
        format!(
            "<#{channel}> is still a honeypot: by my settings, or because it is named {} and there is no other. Take it \
             out of the settings, or give it another name.",
            channels::NAME
        )
    } else if was_one {
        format!("<#{channel}> is no honeypot any more. Its warning still stands there.")
    } else {
        format!("<#{channel}> is no honeypot.")
    };
    interaction.answer_privately(&answer).submit()
}

fn post_warning(channel: Id, warning: &str) -> Result<(), Error> {
    Action::send_message(channel, warning)
        .token(format!("warn:{channel}"))
        .submit()
}

/// What Discord answered a command's actions.
pub(crate) fn result(context: &Context, result: &ActionResult) -> Result<(), Error> {
    let Some((verb, id)) = result.token.split_once(':') else {
        return Ok(());
    };
    match (verb, id.parse()) {
        ("create", Ok(interaction)) => created(context, interaction, &result.outcome),
        ("warn", Ok(channel)) => warned(context, channel, &result.outcome),
        _ => Ok(()),
    }
}

fn created(context: &Context, interaction: Id, outcome: &Outcome) -> Result<(), Error> {
    let database = Database::open()?;
    let row: Option<(String, String)> = database.query_first(
        "SELECT token, warning FROM honeypot_setups WHERE interaction = ?1",
        params![interaction],
    )?;
    let Some((token, warning)) = row else {
        return Ok(());
    };
    database.execute(
        "DELETE FROM honeypot_setups WHERE interaction = ?1",
        params![interaction],
    )?;
    let answer = match outcome {
        Outcome::Channel(channel) => {
            channels::add(&database, channel.id)?;
            post_warning(channel.id, &warning)?;
            format!(
                "<#{}> is a honeypot now. Staff can write there; nobody else should.{}",
                channel.id,
                advice(context)
            )
        }
        Outcome::Refused(refusal) => {
            let cause = refusal.cause(context, 0, permission::MANAGE_CHANNELS);
            format!(
                "I could not create a channel: {cause}. You can also create one yourself and choose it in the command."
            )
        }
        _ => "Discord's answer was strange; try again.".to_owned(),
    };
    Action::respond_privately(interaction, &token, &answer).submit()
}

/// Where the warning cannot be posted, there is no honeypot.
fn warned(context: &Context, channel: Id, outcome: &Outcome) -> Result<(), Error> {
    let Outcome::Refused(refusal) = outcome else {
        return Ok(());
    };
    channels::remove(&Database::open()?, channel)?;
    let cause = refusal.cause(context, 0, permission::SEND_MESSAGES);
    let text = format!("<#{channel}> is no honeypot: the warning could not be posted there, as {cause}.");
    context.warn(&text);
    match context.log_channel() {
        Some(log) if log != channel => Action::send_message(log, text).submit(),
        _ => Ok(()),
    }
}

/// What the bot lacks to post in the channel.
fn missing(context: &Context, channel: Id) -> Option<&'static str> {
    let own = context.own_permissions(channel)?;
    let needed = [
        (permission::VIEW_CHANNEL, "View Channel"),
        (permission::SEND_MESSAGES, "Send Messages"),
    ];
    needed
        .into_iter()
        .find(|(needed, _)| !permission::allows(own, *needed))
        .map(|(_, name)| name)
}

/// What the bot lacks to remove whom the honeypot catches.
fn advice(context: &Context) -> &'static str {
    let own = context
        .own_member()
        .map(|own| context.permissions(own.user.id, &own.roles, None));
    match own {
        Some(own) if !permission::allows(own, permission::BAN_MEMBERS) => {
            " **I lack the permission Ban Members:** without it nobody is removed."
        }
        _ => "",
    }
}

/// Forgets commands that were never answered.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM honeypot_setups WHERE at < ?1";
    database.execute(sql, params![now.saturating_sub(DAY)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_json_for_administrators() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(
            command["default_member_permissions"],
            permission::ADMINISTRATOR.to_string()
        );
        assert_eq!(command["name"], NAME);
    }

    #[test]
    fn an_empty_warning_is_the_usual_one() {
        let data = |text: &str| -> CommandData {
            let data = serde_json::json!({ "options": [{ "type": 3, "name": "message-text", "value": text }] });
            serde_json::from_value(data).expect("data")
        };
        assert_eq!(warning(&data(" ")), WARNING);
        assert_eq!(warning(&data("Hands off")), "Hands off");
    }
}
