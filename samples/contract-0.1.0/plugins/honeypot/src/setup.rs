//! `/honeypot-setup`: takes a text channel as a honeypot and posts the warning in it.

use guildhall_sdk::{Action, Context, Database, Error, Interaction, params};
use serde::Deserialize;

/// The command as Discord's API takes it: for administrators (permission bit 3), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "honeypot-setup",
    "description": "Make a channel a honeypot: whoever writes in it is removed",
    "default_member_permissions": "8",
    "contexts": [0],
    "options": [
        { "type": 7, "name": "channel", "description": "The channel; this one when left out", "channel_types": [0] },
        { "type": 3, "name": "message-text", "description": "The warning to post in it", "max_length": 2000 }
    ]
}"#;

const WARNING: &str = "**Do not write here.** This channel catches spam bots: whoever writes in it is removed at once.";
const ADMINISTRATOR: u64 = 1 << 3;
/// Discord's interaction type of a command.
const COMMAND_KIND: u8 = 2;

#[derive(Debug, Default, Deserialize, PartialEq)]
struct CommandData {
    #[serde(default)]
    options: Vec<CommandOption>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct CommandOption {
    name: String,
    #[serde(default)]
    value: serde_json::Value,
}

impl CommandData {
    fn text(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|option| option.name == name)?.value.as_str()
    }
}

pub(crate) fn run(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    if interaction.kind != COMMAND_KIND || interaction.command != "honeypot-setup" {
        return Ok(());
    }
    let answer = match set_up(context, interaction)? {
        Ok(channel) => format!("<#{channel}> is a honeypot now. Staff can write there; nobody else should."),
        Err(refusal) => refusal.to_owned(),
    };
    Action::respond_privately(interaction.id, &interaction.token, &answer).submit()
}

fn set_up(context: &Context, interaction: &Interaction) -> Result<Result<u64, &'static str>, Error> {
    // Discord hides the command from others; a guild can change that.
    if interaction.permissions & ADMINISTRATOR == 0 {
        return Ok(Err("Only administrators can set up a honeypot."));
    }
    let data: CommandData =
        serde_json::from_str(&interaction.data).map_err(|error| Error::Invalid(format!("command data: {error}")))?;
    let chosen = data.text("channel").and_then(|id| id.parse().ok());
    let Some(channel) = chosen.or(interaction.channel) else {
        return Ok(Err("Choose a text channel."));
    };
    if context.channel(channel).is_some_and(|channel| channel.kind != 0) {
        return Ok(Err("Only a text channel can be a honeypot."));
    }
    Database::open()?.execute(
        "INSERT OR IGNORE INTO honeypot_channels (channel) VALUES (?1)",
        params![channel],
    )?;
    Action::send_message(channel, data.text("message-text").unwrap_or(WARNING)).submit()?;
    Ok(Ok(channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_json_and_its_options_are_found() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(command["default_member_permissions"], ADMINISTRATOR.to_string());
        let data: CommandData = serde_json::from_str(
            r#"{"id":"1","name":"honeypot-setup","options":[{"type":7,"name":"channel","value":"42"}]}"#,
        )
        .expect("data");
        assert_eq!((data.text("channel"), data.text("message-text")), (Some("42"), None));
    }
}
